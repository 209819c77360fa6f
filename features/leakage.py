"""Leakage: where in-scope care outside the team goes, by specialty, performer, pathway, month, weekday, distance."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import ibis
import pandas as pd
from ibis.backends import BaseBackend

from features.counting import write_count
from features.fidelisation import provenance_of
from features.store import read_dataset
from features.tables import BENEFICIARIES, LEAKAGE
from features.team import NEUTRALISED, OUTSIDE, TeamCount, by_perimeter, placed_lines

DIMENSIONS = ("specialty", "performer", "pathway", "month", "weekday", "distance")
NEUTRALISED_REASON = "neutralised"
TOP_PERFORMERS = 20
OTHER, UNKNOWN = "other", "unknown"
SAME_DEPARTMENT, OTHER_DEPARTMENT = "same_department", "other_department"
STRUCTURE = ("structure_id", "perimeter")


def measure_leakage(
    con: BaseBackend, data: Path, count: TeamCount, *, progress: Callable[[str], None] | None = None
) -> pd.DataFrame:
    """The dataset `leakage` of a year, written: care outside each team by dimension and value.

    Over the lines outside that count (place "outside" of `placed_lines`), each of these dimensions adds up to all
    of them: specialty (code), performer (rank by cents, "01" the first, then "other": a rank names nobody),
    pathway (code), month ("01" to "12"), weekday ("1" Monday to "7"), distance (department of the performer's or
    establishment's number against the patient's). "unknown" where the claims do not tell.
    The dimension neutralised adds up to the lines outside that do not count, by reason.
    Small cells are not masked: what is shown to a reader must be.
    Errors: as `measure_fidelisation`.
    """
    say = progress or (lambda step: None)
    say("looking for care outside the teams")
    with TemporaryDirectory(dir=data, prefix=".leakage-") as folder:
        con.to_parquet(_away(con, data, count), Path(folder) / "away")
        away = by_perimeter(con.read_parquet(Path(folder) / "away"))
        outside = _described(away.filter(away.place == OUTSIDE))
        parts = [_cells(outside, name, outside[name]) for name in DIMENSIONS]
        neutralised = away.filter(away.place == NEUTRALISED)
        parts.append(_cells(neutralised, NEUTRALISED_REASON, neutralised.reason))
        rows = ibis.union(*parts, distinct=False)
        return write_count(LEAKAGE, data, rows, count.year, provenance=provenance_of(data, count))


def _away(con: BaseBackend, data: Path, count: TeamCount) -> ibis.Table:
    """Lines outside the teams, neutralised or not, with the department of the patient."""
    lines = placed_lines(con, data, count)
    lines = lines.filter(lines.place.isin([OUTSIDE, NEUTRALISED]))
    people = read_dataset(con, BENEFICIARIES, data, count.year).select("patient_id", "department")
    return lines.left_join(people, "patient_id").select(*[lines[name] for name in lines.columns], people.department)


def _described(lines: ibis.Table) -> ibis.Table:
    """Lines with one column of text per dimension."""
    month = lines.care_date.month().cast("string")
    return _ranked(lines).mutate(
        specialty=lines.performer_specialty.cast("string").fill_null(UNKNOWN),
        pathway=lines.pathway_code.cast("string").fill_null(UNKNOWN),
        month=month.lpad(2, "0"),
        weekday=(lines.care_date.day_of_week.index() + 1).cast("string"),
        distance=_distance(lines),
    )


def _ranked(lines: ibis.Table) -> ibis.Table:
    """Lines with `performer`: the rank of the performer in the structure's leakage, by cents, then by number."""
    known = lines.filter(lines.number != "")
    totals = known.group_by([*STRUCTURE, "number"]).aggregate(cents=known.base_cents.sum())
    order = ibis.window(group_by=STRUCTURE, order_by=[totals.cents.desc(), totals.number])
    ranks = totals.mutate(rank=ibis.row_number().over(order) + 1)
    label = ibis.ifelse(ranks.rank > TOP_PERFORMERS, OTHER, ranks.rank.cast("string").lpad(2, "0"))
    ranks = ranks.select(*STRUCTURE, "number", performer=label)
    joined = lines.left_join(ranks, [*STRUCTURE, "number"])
    return joined.select(*[lines[name] for name in lines.columns], performer=ranks.performer.fill_null(UNKNOWN))


def _distance(lines: ibis.Table) -> ibis.StringValue:
    """Professional and establishment numbers begin with the department: 20 for Corsica, 97 for all overseas."""
    is_corsica = ["2A", "2B"]
    there, home = lines.number.substr(0, 2), lines.department.substr(0, 2)
    there = ibis.ifelse(there.isin(is_corsica), "20", there)
    home = ibis.ifelse(home.isin(is_corsica), "20", home)
    is_unknown = lines.department.isnull() | (lines.number == "")
    return ibis.cases((is_unknown, UNKNOWN), (there == home, SAME_DEPARTMENT), else_=OTHER_DEPARTMENT)


def _cells(lines: ibis.Table, dimension: str, value: ibis.Value) -> ibis.Table:
    named = lines.select(
        *STRUCTURE, "patient_id", "quantity", "base_cents", dimension=ibis.literal(dimension), value=value
    )
    return named.group_by([*STRUCTURE, "dimension", "value"]).aggregate(
        patients=named.patient_id.nunique(), acts=named.quantity.sum(), base_cents=named.base_cents.sum()
    )
