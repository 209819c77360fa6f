"""Open episodes of an establishment against their target, and the next reconciliation as it looks on a day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import pandas as pd

from schemes.amounts import Amount
from schemes.statements.chance import number_of
from schemes.statements.document import Cell, Column, Document, KeyFigure, Masked, Section, Table, Value
from schemes.statements.eds import CELL, level_of, stratum_name
from schemes.statements.given import Given, assumed_section
from schemes.statements.parts import gathered, walk_section
from schemes.statements.small_cells import mask_small
from schemes.statements.walk import Naming
from schemes.statements.wording import day, written

FLAGS = ("over_cap", "over_target", "near_target", "likely_over", "on_track")
SUMS = ("target_cents", "spent_cents", "expected_cents")
LISTED = ("episode_id", "patient_id", *CELL)
KEYS = ("watch_near_share", "cap_quantile", "interval_share")


@dataclass(frozen=True)
class Watched:
    """Open episodes of an establishment on a day (rows of `schemes.eds.watch_list`), and its forecast if any."""

    on: date
    rows: pd.DataFrame
    forecast: Amount | None


def watch_page(structure_id: str, given: Given, watched: Watched) -> Document:
    """Counts of open episodes by programme and flag, sums against the target, forecast of the reconciliation.

    No patient stands on it: the list itself is a file for the establishment alone. Rule: EDS specification, watch list.
    """
    sections = [
        _open_section(watched, given),
        *(() if watched.rows.empty else (_strata_section(watched.rows, given),)),
        *_forecast_sections(watched, given),
        assumed_section(given, KEYS),
    ]
    page = Document(
        title=given.say("watch_title", day=day(watched.on, given.language)),
        subtitle=given.subtitle(structure_id, state=given.say("watch_state")),
        language=given.language,
        sections=tuple(section for section in sections if section is not None),
        notes=given.notes(),
    )
    return given.explained(page)


def _open_section(watched: Watched, given: Given) -> Section:
    rows, minimum = watched.rows, given.small_cell_min
    if rows.empty:
        return Section(given.say("watch_open"), (given.say("watch_none"),))
    if len(rows) < minimum:
        return Section(given.say("watch_open"), (given.say("watch_few", minimum=str(minimum)),))
    target, spent, expected = (int(rows[name].sum()) for name in SUMS)
    figures = (
        KeyFigure(given.say("watch_count"), Value(len(rows), "count"), given.say("watch_count_note")),
        KeyFigure(given.say("watch_target"), Value(Decimal(target) / 100, "eur_whole"), given.say("watch_target_note")),
        KeyFigure(given.say("watch_spent"), Value(Decimal(spent) / 100, "eur_whole"), given.say("watch_spent_note")),
        KeyFigure(
            given.say("watch_expected"), Value(Decimal(expected) / 100, "eur_whole"), given.say("watch_expected_note")
        ),
    )
    return Section(given.say("watch_open"), (given.say("watch_told"),), figures, (_flags_table(rows, given),))


def _flags_table(rows: pd.DataFrame, given: Given) -> Table:
    """Episodes, target, spending and expected spending of each flag; small rows masked, and what would tell them."""
    columns = (
        Column("flag", given.say("column_flag")),
        Column("episodes", given.say("column_episodes"), "count", is_people=True),
        *(Column(name, given.say(f"column_{name.removesuffix('_cents')}"), "eur_cents") for name in SUMS),
    )
    lines = [_line(given.name_of(flag), rows[rows["flag"] == flag]) for flag in FLAGS if (rows["flag"] == flag).any()]
    lines.append(_line(given.say("total"), rows))
    table = Table("flags", given.say("flags_caption"), columns, tuple(lines), has_total=True)
    return mask_small(table, given.small_cell_min)


def _line(name: str, rows: pd.DataFrame) -> tuple[Cell, ...]:
    return (name, len(rows), *(int(rows[column].sum()) for column in SUMS))


def _strata_section(rows: pd.DataFrame, given: Given) -> Section:
    columns = (
        Column("stratum", given.say("column_stratum")),
        Column("episodes", given.say("column_episodes"), "count", is_people=True),
        *(Column(name, given.say(f"column_{name.removesuffix('_cents')}"), "eur_cents") for name in SUMS),
    )
    lines = [_line(stratum_name(key, given), part) for key, part in _strata(rows)]
    if len(lines) > 1:
        lines.append(_line(given.say("total"), rows))
    table = Table("open_strata", given.say("open_strata_caption"), columns, tuple(lines), has_total=len(lines) > 1)
    return Section(given.say("open_strata_title"), tables=(mask_small(table, given.small_cell_min),))


def _strata(rows: pd.DataFrame) -> list[tuple[dict[str, str], pd.DataFrame]]:
    return [
        ({name: str(value) for name, value in zip(CELL, key, strict=True)}, part)  # type: ignore[call-overload]
        for key, part in rows.groupby(CELL, sort=True)
    ]


def list_document(structure_id: str, given: Given, watched: Watched) -> Document:
    """The list of open episodes, the worst first, with patients: a table for the establishment alone, never a page."""
    kinds = {"days_elapsed": "count", "days_left": "count", **dict.fromkeys(SUMS, "eur_cents"), "spent_share": "share"}
    columns = (
        *(Column(name, given.say(f"list_{name}")) for name in LISTED),
        *(Column(name, given.say(f"list_{name}"), kind) for name, kind in kinds.items()),
        Column("flag", given.say("column_flag")),
    )
    lines = tuple(
        (
            *(str(row[name]) for name in LISTED[:2]),
            *(given.name_of(str(row[name])) for name in LISTED[2:]),
            *(_listed(row[name]) for name in kinds),
            given.name_of(str(row["flag"])),
        )
        for row in watched.rows.to_dict("records")
    )
    table = Table("list", given.say("list_caption"), columns, lines)
    return Document(
        title=given.say("watch_title", day=day(watched.on, given.language)),
        subtitle=given.subtitle(structure_id, state=given.say("watch_state")),
        language=given.language,
        sections=(Section(given.say("list_caption"), tables=(table,)),),
    )


def _listed(value: object) -> Cell:
    """A whole number as it is, a share rounded; None where there is none."""
    if value is None or pd.isna(value):  # type: ignore[call-overload]
        return None
    return round(Decimal(repr(value)), 4) if isinstance(value, float) else int(value)  # type: ignore[call-overload]


def _forecast_sections(watched: Watched, given: Given) -> tuple[Section, ...]:
    """The walk of the forecast and its interval; a sentence where there is nothing to foresee, or too few episodes."""
    amount, title = watched.forecast, given.say("forecast_title", year=str(watched.on.year))
    if amount is None:
        return (Section(title, (given.say("forecast_none"),)),)
    count = number_of(amount, "episodes")
    if count is not None and count < given.small_cell_min:
        return (Section(title, (given.say("watch_few", minimum=str(given.small_cell_min)),)),)
    low, high = (number_of(amount, f"result_{end}_eur") for end in ("low", "high"))
    note = "" if low is None or high is None else _between(low, high, given)
    figures = (
        KeyFigure(given.say("forecast_amount"), Value(amount.total_cents, "eur_cents"), note),
        KeyFigure(
            given.say("column_episodes"),
            Value(Masked.SMALL if _is_telling(count, watched, given) else count, "count"),
            given.say("forecast_episodes_note"),
        ),
    )
    naming = Naming("forecast", given.say("components_caption"), given.say("total"))
    walk = walk_section(given.say("forecast_walk"), gathered(amount, given, frozenset()), naming, given)
    return (Section(title, (given.say("forecast_told"),), figures), walk)


def _is_telling(count: Decimal | None, watched: Watched, given: Given) -> bool:
    """Whether the episodes discharged, less those open, would tell a small number."""
    return count is not None and 0 < abs(count - len(watched.rows)) < given.small_cell_min


def _between(low: Decimal, high: Decimal, given: Given) -> str:
    ends = {
        name: written(value, "eur_whole", given.language, signed=True) for name, value in (("low", low), ("high", high))
    }
    return given.say("between", level=level_of(given), **ends)
