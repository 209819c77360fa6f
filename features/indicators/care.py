"""The cleaned datasets that the indicators of a year read, as known before a day."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import ibis
from ibis.backends import BaseBackend

from features import tables
from features.history import alive_in
from features.payment import age_on
from features.reference_data import reference
from features.store import read_dataset, years_written

PERSONS = (tables.BENEFICIARIES, tables.DECLARATIONS, tables.ALD_PERIODS)
OF_THE_YEAR = (tables.STAYS, tables.DISPENSINGS)
OF_TWO_YEARS = (tables.CARE_LINES, tables.PROCEDURES)
MAY_LACK = (tables.ANALYSES,)  # readings made before the dataset existed have none


@dataclass(frozen=True)
class Care:
    """What the indicators of a year see. `years` says which years of each dataset were found.

    people: patient_id, age reached on 31 December, sex, is_alive on 31 December, commune, department, death_date, of
    those alive on some day of the year. care_lines and procedures hold the year and the one before where it was read;
    analyses is empty where the year has none.
    """

    year: int
    people: ibis.Table
    declarations: ibis.Table
    ald_periods: ibis.Table
    stays: ibis.Table
    dispensings: ibis.Table
    care_lines: ibis.Table
    procedures: ibis.Table
    analyses: ibis.Table
    years: dict[str, list[int]]

    @property
    def last_day(self) -> date:
        """31 December."""
        return date(self.year, 12, 31)


def load_care(con: BaseBackend, data: Path, year: int, *, known_before: date | None = None) -> Care:
    """Care of a year; lines loaded on or after `known_before` (default: none) are left out.

    Errors: MissingError where the year was not read.
    """
    years = {table.name: [year] for table in (*PERSONS, *OF_THE_YEAR)}
    years |= {table.name: [year, *_before(table, data, year)] for table in OF_TWO_YEARS}
    years |= {table.name: [y for y in years_written(table, data) if y == year] for table in MAY_LACK}
    read = {
        table.name: _known(con, table, data=data, years=years[table.name], before=known_before)
        for table in (*PERSONS, *OF_THE_YEAR, *OF_TWO_YEARS, *MAY_LACK)
    }
    people = read.pop(tables.BENEFICIARIES.name)
    return Care(year=year, people=_people(people, year), years=years, **read)


def _before(table: tables.Table, data: Path, year: int) -> list[int]:
    return [y for y in years_written(table, data) if y == year - 1]


def _known(con: BaseBackend, table: tables.Table, *, data: Path, years: list[int], before: date | None) -> ibis.Table:
    if not years:
        return ibis.memtable(table.arrow_schema().empty_table())
    parts = [read_dataset(con, table, data, year).select(*table.column_names) for year in years]
    rows = parts[0] if len(parts) == 1 else ibis.union(*parts, distinct=False)
    return rows if before is None or "known_date" not in rows.columns else rows.filter(rows.known_date < before)


def _people(people: ibis.Table, year: int) -> ibis.Table:
    last = date(year, 12, 31)
    alive = alive_in(people, year)
    return alive.select(
        "patient_id",
        "sex",
        "commune",
        "department",
        "death_date",
        age=age_on(alive.birth_date, last),
        is_alive=alive.death_date.isnull() | (alive.death_date > last),
    )


def codes(indicator: str, route: str) -> list[str]:
    """Codes of an indicator along a route (atc, ccam, act, nabm): prevention_codes.csv."""
    listed = reference("prevention_codes")
    return listed[(listed.indicator == indicator) & (listed.route == route)].code.tolist()


def starts_with(code: ibis.StringValue, prefixes: Iterable[str]) -> ibis.BooleanValue:
    """Whether a code begins with one of `prefixes`; false for a null."""
    return ibis.or_(*[code.startswith(prefix) for prefix in prefixes]).fill_null(False)


def in_year(day: ibis.DateValue, first: int, last: int | None = None) -> ibis.BooleanValue:
    """Whether a day falls in the years `first` to `last` (default: `first`), both included."""
    return day.between(date(first, 1, 1), date(first if last is None else last, 12, 31))
