"""The leakage page: where care outside the team goes, what it costs, and which acts do not count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import NamedTuple

import pandas as pd

from features.errors import InputError
from schemes.amounts import Amount
from schemes.statements.chance import number_of
from schemes.statements.document import (
    Cell,
    Column,
    Document,
    Figure,
    KeyFigure,
    Mark,
    Masked,
    Section,
    Series,
    Table,
    Value,
)
from schemes.statements.given import Given
from schemes.statements.small_cells import mask_small
from schemes.statements.wording import capital, listed, texts, written

RANKED = ("specialty", "performer", "pathway", "distance")
CALENDAR = ("month", "weekday")
NEUTRALISED = "neutralised"
BASE = "base"
REST = ("other", "unknown")
FEWEST_BARS = 2


class Care(NamedTuple):
    """In-scope care of a structure's patients, in cents, by where it was given; patients with care outside."""

    in_team_cents: int
    outside_cents: int
    neutralised_cents: int
    patients_outside: int
    patients_neutralised: int

    @property
    def rate(self) -> Decimal | None:
        """Fidélisation observed: in-team over in-team and outside; None without care."""
        counted = self.in_team_cents + self.outside_cents
        return Decimal(self.in_team_cents) / counted if counted else None


def leakage_page(
    structure_id: str,
    given: Given,
    *,
    leakage: pd.DataFrame,
    fidelisation: pd.DataFrame,
    amount: Amount | None = None,
) -> Document:
    """The leakage page of a structure, from LEAKAGE and FIDELISATION rows of one perimeter.

    With the amount of the year, what a point of fidélisation is worth: one hundredth of the base forfait, before
    the local coefficient, quality and cap. No count under the minimum of people is shown.
    Rule: spec, problems met by users, 1. Errors: InputError for rows of two perimeters.
    """
    rows, care = _rows(leakage, structure_id), _care(_rows(fidelisation, structure_id))
    sections: list[Section | None] = [_stakes(care, amount, given)]
    sections += [_dimension(rows, name, care, given) for name in (*RANKED, *CALENDAR)]
    sections.append(_neutralised(rows, care, given))
    page = Document(
        title=given.say("leakage_title", year=str(given.run.year)),
        subtitle=given.subtitle(structure_id),
        language=given.language,
        sections=tuple(section for section in sections if section is not None),
        notes=given.notes(),
    )
    return given.explained(page)


def _rows(frame: pd.DataFrame, structure_id: str) -> pd.DataFrame:
    rows = frame[frame["structure_id"] == structure_id]
    if (perimeters := sorted(set(rows["perimeter"]))) and len(perimeters) > 1:
        raise InputError(f"leakage page: rows of the perimeters {', '.join(perimeters)}; give those of one")
    return rows


def _care(rows: pd.DataFrame) -> Care:
    sums = (int(rows[f"{where}_cents"].sum()) for where in ("in_team", "outside", "neutralised"))
    people = (int((rows[f"{where}_acts"] > 0).sum()) for where in ("outside", "neutralised"))
    return Care(*sums, *people)


def _stakes(care: Care, amount: Amount | None, given: Given) -> Section:
    """What a point of fidélisation is worth; under a start-up schedule, that the rate observed is not the one paid."""
    figures = [
        KeyFigure(given.say("leakage_rate"), Value(care.rate, "share"), given.say("leakage_rate_note")),
        KeyFigure(given.say("leakage_outside"), Value(care.outside_cents, "eur_cents"), given.say("leakage_base_note")),
    ]
    told, base, presumed = [given.say("leakage_told")], _running(amount, BASE), _presumed(amount, given)
    if base is not None:
        point = Decimal(base) / 100
        told.append(presumed or given.say("leakage_point_told", point=written(point, "eur_cents", given.language)))
        figures.append(
            KeyFigure(given.say("leakage_point"), Value(point, "eur_cents"), given.say("leakage_point_note"))
        )
        if care.rate is not None and not presumed:
            lost = point * 100 * (1 - care.rate)
            figures.append(
                KeyFigure(given.say("leakage_lost"), Value(lost, "eur_cents"), given.say("leakage_lost_note"))
            )
    return Section(given.say("leakage_stakes"), tuple(told), tuple(figures))


def _presumed(amount: Amount | None, given: Given) -> str:
    """That the rate of the start-up schedule is paid, not the one observed; nothing where the latter is."""
    used, observed = (number_of(amount, f"tau_{name}") if amount else None for name in ("used", "observed"))
    if used is None or used == observed:
        return ""
    return given.say("leakage_presumed", used=written(used, "share", given.language))


def _running(amount: Amount | None, name: str) -> int | None:
    found = [c.running_cents for c in amount.components if c.name == name] if amount else []
    return found[0] if found else None


def _dimension(rows: pd.DataFrame, dimension: str, care: Care, given: Given) -> Section | None:
    """One way to cut care outside the team: a table with its total, masked, and the bars of what may be shown."""
    cells = _cells(rows, dimension, ranked=dimension in RANKED)
    if cells.empty:
        return None
    lines = [
        (_value_label(dimension, str(r["value"]), given), int(r["patients"]), int(r["acts"]), int(r["base_cents"]))
        for r in cells.to_dict("records")
    ]
    lines.append((given.say("total"), care.patients_outside, int(cells["acts"].sum()), int(cells["base_cents"].sum())))
    table = _shown(_table(dimension, lines, given), given)
    title = given.say(f"leakage_by_{dimension}")
    if all(isinstance(row[1], Masked) for row in table.rows[:-1]):
        return Section(title, (given.say("leakage_nothing_shown", minimum=str(given.small_cell_min)),))
    figures = (_bars(table, dimension, given),) if dimension in ("specialty", *CALENDAR) else ()
    return Section(title, tables=(table,), figures=tuple(f for f in figures if f))


def _cells(rows: pd.DataFrame, dimension: str, *, ranked: bool) -> pd.DataFrame:
    """Rows of a dimension with someone in them: the largest first, or in the order of the calendar."""
    cells = rows[(rows["dimension"] == dimension) & (rows["patients"] > 0)]
    if ranked:
        ordered = cells.assign(is_rest=cells["value"].isin(REST))
        return ordered.sort_values(["is_rest", "base_cents", "value"], ascending=[True, False, True])
    return cells.sort_values("value")


def _value_label(dimension: str, value: str, given: Given) -> str:
    """Words of a value: its own text, else the dimension's word and the value."""
    for key in (f"{dimension}_{value}", f"value_{value}"):
        if key in texts():
            return capital(given.say(key))
    return capital(given.say(f"{dimension}_any", value=value.lstrip("0") or value))


def _table(dimension: str, lines: Sequence[tuple[Cell, ...]], given: Given) -> Table:
    columns = (
        Column("value", given.say(f"column_{dimension}")),
        Column("patients", given.say("column_patients"), "count", is_people=True),
        Column("acts", given.say("column_acts"), "count"),
        Column("base", given.say("column_base"), "eur_cents"),
    )
    caption = given.say(f"leakage_by_{dimension}_caption")
    return Table(f"leakage_{dimension}", caption, columns, tuple(lines), has_total=True, overlaps=True)


def _shown(table: Table, given: Given) -> Table:
    """The table masked, its masked rows gathered in one line before the total."""
    masked = mask_small(table, given.small_cell_min)
    parts, total = masked.rows[:-1], masked.rows[-1]
    hidden = [row for row in parts if isinstance(row[1], Masked)]
    if len(hidden) < 2:
        return masked
    gathered = (given.say("masked_rows", rows=str(len(hidden))), *hidden[0][1:])
    return replace(masked, rows=(*(row for row in parts if not isinstance(row[1], Masked)), gathered, total))


def _bars(table: Table, dimension: str, given: Given) -> Figure | None:
    """Bars of the rows of a masked table that are shown; None where they are too few to compare."""
    shown = [(str(row[0]), row[3]) for row in table.rows[:-1] if isinstance(row[3], int)]
    if len(shown) < FEWEST_BARS:
        return None
    told = (f"{label} {written(cents, 'eur_cents', given.language)}" for label, cents in shown)
    return Figure(
        name=f"{table.name}_bars",
        kind="bars",
        caption=given.say("leakage_bars_caption"),
        alt=given.say("bars_alt", bars=listed(told, given.language)),
        table=table.name,
        is_beside=True,
        series=(Series(given.say("column_base"), tuple(Mark(label, cents) for label, cents in shown)),),
    )


def _neutralised(rows: pd.DataFrame, care: Care, given: Given) -> Section | None:
    cells = _cells(rows, NEUTRALISED, ranked=False)
    if cells.empty:
        return None
    lines = [
        (_value_label(NEUTRALISED, str(r["value"]), given), int(r["patients"]), int(r["acts"]), int(r["base_cents"]))
        for r in cells.to_dict("records")
    ]
    total = (care.patients_neutralised, int(cells["acts"].sum()), int(cells["base_cents"].sum()))
    lines.append((given.say("total"), *total))
    table = _shown(_table(NEUTRALISED, lines, given), given)
    return Section(given.say("leakage_by_neutralised"), (given.say("neutralised_told"),), tables=(table,))
