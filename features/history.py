"""What was known of everyone before the index date: care given before it and loaded before it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import ibis
from ibis.backends import BaseBackend

from features import tables
from features.buckets import Share
from features.engine import dataset_path
from features.errors import MissingError
from features.store import read_share, years_written

STAY_YEARS, DRUG_YEARS, USE_YEARS = 6, 2, 1  # stays: five years of loading reach into a sixth of care


@dataclass(frozen=True)
class History:
    """The sources of the features on an index date; nothing in them is later than it, or was loaded later.

    `years` says which years of each dataset were found.
    """

    on: date
    known_on: date
    beneficiaries: ibis.Table
    declarations: ibis.Table
    ald_periods: ibis.Table
    coverages: ibis.Table
    stays: ibis.Table
    dispensings: ibis.Table
    care_lines: ibis.Table
    years: dict[str, list[int]]


def alive_in(people: ibis.Table, year: int) -> ibis.Table:
    """Beneficiaries alive on some day of a year: born by its last day, not dead before its first."""
    born = people.birth_date.isnull() | (people.birth_date <= date(year, 12, 31))
    return people.filter(born & (people.death_date.isnull() | (people.death_date >= date(year, 1, 1))))


def load_history(
    con: BaseBackend, data: Path, year: int, *, known_on: date | None = None, share: Share | None = None
) -> History:
    """History before 1 January of `year`, as known strictly before `known_on` (default: that day), of a `share` of
    the patients (default: all).

    Persons, contracts and ALD come from the latest reading not after `year`, but for sex and residence (see
    `_as_known`); rights also from the reading of
    year - 1, whose claims show them; care from the years before. Errors: MissingError where year - 1 was not read.
    """
    on = date(year, 1, 1)
    known_on = known_on or on
    years = {table.name: _years(table, data, year, back) for table, back in _SOURCES}
    latest = years["beneficiaries"][0]
    source = {table.name: _union(con, table, data, years[table.name], share) for table, _ in _SOURCES}
    years["beneficiaries"] += _described_in(data, latest=latest, year=year)
    dated = {name: rows for name, rows in source.items() if "known_date" in rows.columns}
    known = {name: rows.filter(rows.known_date < known_on) for name, rows in dated.items()}
    return History(
        on=on,
        known_on=known_on,
        beneficiaries=_as_known(con, data, source["beneficiaries"], latest=latest, year=year, share=share),
        declarations=source["declarations"],
        ald_periods=known["ald_periods"].filter(lambda t: t.start_date <= on),
        coverages=known["coverages"].filter(lambda t: t.start_date < on),
        stays=known["stays"].filter(lambda t: t.is_linked & (t.end_date < on)),
        dispensings=known["dispensings"].filter(lambda t: t.care_date < on),
        care_lines=known["care_lines"].filter(lambda t: t.care_date < on),
        years=years,
    )


def _as_known(
    con: BaseBackend, data: Path, people: ibis.Table, *, latest: int, year: int, share: Share | None
) -> ibis.Table:
    """Persons of the latest reading (births, deaths), described as in the reading of year - 1 where it has them.

    A move or a correction first seen in the year itself would tell the characteristics of 1 January the future.
    """
    if not _described_in(data, latest=latest, year=year):
        return people
    before = read_share(con, tables.BENEFICIARIES, data, year - 1, share)
    joined = people.left_join(before, "patient_id", rname="{name}_before")
    was_there = joined.patient_id_before.notnull()
    described = {
        name: ibis.ifelse(was_there, joined[f"{name}_before"], joined[name])
        for name in ("sex", "department", "commune", "fdep_quintile")
    }
    return joined.mutate(**described).select(people.columns)


def _described_in(data: Path, *, latest: int, year: int) -> list[int]:
    """The reading before the latest one that describes persons (`_as_known`), where there is one."""
    return [year - 1] if latest == year and year - 1 in years_written(tables.BENEFICIARIES, data) else []


_SNAPSHOT, _SNAPSHOT_AND_PAST = 0, -1
_SOURCES = (
    (tables.BENEFICIARIES, _SNAPSHOT),
    (tables.DECLARATIONS, _SNAPSHOT),
    (tables.ALD_PERIODS, _SNAPSHOT),
    (tables.COVERAGES, _SNAPSHOT_AND_PAST),
    (tables.STAYS, STAY_YEARS),
    (tables.DISPENSINGS, DRUG_YEARS),
    (tables.CARE_LINES, USE_YEARS),
)


def _years(table: tables.Table, data: Path, year: int, back: int) -> list[int]:
    """Years to read of a dataset: the latest (a snapshot), or `back` years of care; year - 1 must be there."""
    found = years_written(table, data)
    if back == _SNAPSHOT:
        return [latest_year(table, data, year)]
    if year - 1 not in found:
        raise MissingError(f"{dataset_path(data, table.name, year - 1)} is missing: run forfait read --year {year - 1}")
    if back == _SNAPSHOT_AND_PAST:
        return [past for past in (year - 1, year) if past in found]
    return [past for past in found if year - back <= past < year]


def latest_year(table: tables.Table, data: Path, year: int) -> int:
    """Latest year, not after `year`, of which a dataset was read. Errors: MissingError."""
    found = [past for past in years_written(table, data) if past <= year]
    if not found:
        path = dataset_path(data, table.name, year)
        raise MissingError(f"{path} is missing, and so are the years before: run forfait read --year {year - 1}")
    return found[-1]


def _union(con: BaseBackend, table: tables.Table, data: Path, years: list[int], share: Share | None) -> ibis.Table:
    parts = [read_share(con, table, data, past, share).select(*table.column_names) for past in years]
    return parts[0] if len(parts) == 1 else ibis.union(*parts, distinct=False)
