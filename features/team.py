"""In-scope care of the patients of each structure: given by its team, outside it, or outside but not counted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

import ibis
import pandas as pd
from ibis.backends import BaseBackend

from features.codes import listed
from features.errors import InputError
from features.present import present_spells, while_present
from features.roster import read_roster
from features.store import read_dataset
from features.tables import CARE_LINES

PERIMETERS = {"MG": ("mg",), "MG_IDE": ("mg", "ide")}
IN_TEAM, OUTSIDE, NEUTRALISED = "in_team", "outside", "neutralised"
REGULATED = "regulated"
PLACED = (
    "patient_id", "structure_id", "care_date", "perimeter", "number", "performer_specialty", "pathway_code",
    "quantity", "base_cents", "place", "reason",
)  # fmt: skip


@dataclass(frozen=True)
class TeamRules:
    """What the dated rules say of care by the team and of care outside it that does not count.

    Pathway codes are those of the coordinated pathway on a line (declared doctor, replacement, emergency...).
    """

    in_team_pathways: tuple[int, ...]
    neutralised_pathways: tuple[int, ...]
    neutralise_regulated: bool


@dataclass(frozen=True)
class TeamCount:
    """A count to make: roster, year of care, rules, and the day before which lines were loaded (None: all)."""

    roster: Path
    year: int
    rules: TeamRules
    known_before: date | None = None

    @property
    def parameters(self) -> dict[str, object]:
        """The rules and the day of knowledge, for the provenance record."""
        return {
            "in_team_pathways": self.rules.in_team_pathways,
            "neutralised_pathways": self.rules.neutralised_pathways,
            "neutralise_regulated": self.rules.neutralise_regulated,
            "known_before": self.known_before,
        }


@cache
def regulated_codes() -> tuple[int, ...]:
    """Natures of act that show out-of-hours care on call (PDSA): supplements and pay, outside every perimeter."""
    return tuple(
        int(row["code"])
        for row in listed("prs_nat_ref")
        if row["peps_scope"] == "excluded" and not row["care_subcategory"].startswith("flat payment")
    )


def placed_lines(con: BaseBackend, data: Path, count: TeamCount) -> ibis.Table:
    """In-scope lines of present patients: `PLACED`, where `place` is in_team, outside or neutralised.

    In the team: the performer, or the establishment, is on the structure's roster on the day of care (a
    professional on two rosters is of both teams), or the line's pathway code is one of the team's. Neutralised:
    outside, with a neutralised pathway code (the `reason`), or given in the same visit as a regulated
    out-of-hours act. A visit is a patient, a day and a performer; a supplement (no act of its own) follows the
    pathway code of its visit, for it is billed with an act.
    Rule: specs of PEPS, fidelisation and its neutralisations.
    Errors: InputError for a structure of patientele that the roster does not list.
    """
    spells = present_spells(con, data, count.year, roster=count.roster)
    roster = read_roster(count.roster)
    _refuse_unlisted(spells, roster, count)
    visits = _with_visits(while_present(_of_interest(con, data, count), spells))
    lines = visits.filter(visits.is_in_scope)
    members = _members(roster)
    for column in ("performer_id", "establishment_id"):
        lines = _with_membership(lines, members, column)
    return _placed(lines, count.rules)


def by_perimeter(lines: ibis.Table) -> ibis.Table:
    """Placed lines once for each perimeter of the schemes that holds them."""
    parts = [
        lines.filter(lines.perimeter.isin(narrow)).mutate(perimeter=ibis.literal(name))
        for name, narrow in PERIMETERS.items()
    ]
    return ibis.union(*parts, distinct=False)


def _refuse_unlisted(spells: pd.DataFrame, roster: pd.DataFrame, count: TeamCount) -> None:
    unlisted = sorted(set(spells["structure_id"]) - set(roster["structure_id"]))
    if unlisted:
        raise InputError(
            f"patientele {count.year}: {', '.join(unlisted)} is not in {count.roster.name}; add its rows, or run "
            f"forfait attribute --year {count.year} with this roster"
        )


def _of_interest(con: BaseBackend, data: Path, count: TeamCount) -> ibis.Table:
    """Lines in scope, and those that show that a visit was regulated."""
    lines = read_dataset(con, CARE_LINES, data, count.year)
    if count.known_before is not None:
        lines = lines.filter(lines.known_date < count.known_before)
    widest = sorted({narrow for names in PERIMETERS.values() for narrow in names})
    lines = lines.select(
        "patient_id", "care_date", "perimeter", "performer_id", "establishment_id", "performer_specialty",
        "pathway_code", "quantity", "base_cents",
        is_in_scope=lines.is_in_target & lines.perimeter.isin(widest),
        is_regulated=lines.act_code.isin(regulated_codes()).fill_null(False),
        number=ibis.coalesce(lines.performer_id, lines.establishment_id, ibis.literal("")),
    )  # fmt: skip
    return lines.filter(lines.is_in_scope | lines.is_regulated)


def _with_visits(lines: ibis.Table) -> ibis.Table:
    visit = ibis.window(group_by=["patient_id", "structure_id", "care_date", "number"])
    is_act = lines.is_in_scope & (lines.quantity > 0) & (lines.pathway_code > 0)
    of_visit = ibis.ifelse(is_act, lines.pathway_code, ibis.null("int64")).min().over(visit)
    own = lines.pathway_code
    return lines.mutate(
        pathway_code=ibis.ifelse(lines.quantity == 0, ibis.coalesce(of_visit, own), own),
        is_regulated=lines.is_regulated.cast("int8").max().over(visit) == 1,
    )


def _members(roster: pd.DataFrame) -> ibis.Table:
    """Rows of the roster with those that overlap or touch made one, so that a day meets at most one."""
    pair = ["structure_id", "professional_id"]
    rows = roster.sort_values([*pair, "from_date"], ignore_index=True)
    busy_until = rows.groupby(pair)["to_date"].transform(lambda ends: ends.cummax().shift())
    begins = busy_until.isna() | (rows["from_date"] > busy_until + pd.Timedelta(days=1))
    merged = rows.assign(spell=begins.cumsum()).groupby([*pair, "spell"], as_index=False)
    table = ibis.memtable(merged.agg(since=("from_date", "min"), until=("to_date", "max")).drop(columns="spell"))
    return table.mutate(since=table.since.cast("date"), until=table.until.cast("date"))


def _with_membership(lines: ibis.Table, members: ibis.Table, column: str) -> ibis.Table:
    rows = members.view()
    held = [
        lines.structure_id == rows.structure_id,
        lines[column] == rows.professional_id,
        lines.care_date >= rows.since,
        lines.care_date <= rows.until,
    ]
    flag = {f"has_member_{column}": rows.professional_id.notnull()}
    return lines.left_join(rows, held).select(*[lines[name] for name in lines.columns], **flag)


def _placed(lines: ibis.Table, rules: TeamRules) -> ibis.Table:
    code = lines.pathway_code
    in_team = (
        lines.has_member_performer_id
        | lines.has_member_establishment_id
        | code.isin(rules.in_team_pathways).fill_null(False)
    )
    is_regulated = lines.is_regulated & rules.neutralise_regulated
    reason = ibis.cases(
        (in_team, ibis.null("string")),
        (code.isin(rules.neutralised_pathways).fill_null(False), code.cast("string")),
        (is_regulated, ibis.literal(REGULATED)),
    )
    lines = lines.mutate(in_team=in_team, reason=reason)
    place = ibis.cases((lines.in_team, IN_TEAM), (lines.reason.notnull(), NEUTRALISED), else_=OUTSIDE)
    return lines.mutate(place=place).select(*PLACED)
