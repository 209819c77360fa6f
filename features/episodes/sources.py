"""The cleaned datasets that the episodes read: a year of index stays, the year before and the year after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import ibis
from ibis.backends import BaseBackend

from features import tables
from features.engine import dataset_path
from features.errors import MissingError
from features.store import read_dataset, years_written

PERSONS = (tables.BENEFICIARIES, tables.DECLARATIONS, tables.ALD_PERIODS, tables.COVERAGES)
CARE = (tables.STAYS, tables.CARE_LINES, tables.DISPENSINGS, tables.PROCEDURES, tables.ANALYSES)
REQUIRED = (tables.STAYS, tables.CARE_LINES, tables.DISPENSINGS)
HOSPITAL_IN_STAYS = ("hopital_mco", "hopital_ssr", "hopital_had")


@dataclass(frozen=True)
class Sources:
    """What episodes see. `years` says which years of each dataset were found; `last_day` is the last that they hold.

    care_lines holds care in the target only, without the stays of public hospitals (they are in `stays`).
    """

    index_years: tuple[int, ...]
    last_day: date
    beneficiaries: ibis.Table
    declarations: ibis.Table
    ald_periods: ibis.Table
    coverages: ibis.Table
    stays: ibis.Table
    care_lines: ibis.Table
    dispensings: ibis.Table
    procedures: ibis.Table
    analyses: ibis.Table
    years: dict[str, list[int]]

    def paths(self, data: Path) -> tuple[Path, ...]:
        """Files read."""
        return tuple(dataset_path(data, name, year) for name, years in self.years.items() for year in years)


def load_sources(con: BaseBackend, data: Path, years: Sequence[int], *, known_before: date | None = None) -> Sources:
    """Datasets of the index years, of the year before the first and of the year after the last, where read.

    Persons come from the latest reading; rights from every one. Lines loaded on or after `known_before` are not seen.
    Errors: MissingError where an index year was not read.
    """
    wanted = range(min(years) - 1, max(years) + 2)
    found = {table.name: [y for y in years_written(table, data) if y in wanted] for table in (*PERSONS, *CARE)}
    for table in REQUIRED:
        for year in years:
            if year not in found[table.name]:
                path = dataset_path(data, table.name, year)
                raise MissingError(f"{path} is missing: run forfait read --year {year}")
    read = {**found, **{table.name: found[table.name][-1:] for table in PERSONS[:3]}}
    rows = {table.name: _union(con, table, data, read[table.name]) for table in (*PERSONS, *CARE)}
    if known_before is not None:
        rows = {name: _known(table, known_before) for name, table in rows.items()}
    lines = rows["care_lines"]
    is_stay = (lines.source == "PMSI") & lines.poste.isin(HOSPITAL_IN_STAYS)
    last_day = date(max(found["care_lines"]), 12, 31)
    return Sources(
        index_years=tuple(sorted(years)),
        last_day=last_day if known_before is None else min(last_day, known_before),
        years=read,
        **{**rows, "care_lines": lines.filter(lines.is_in_target & ~is_stay)},
    )


def _known(rows: ibis.Table, before: date) -> ibis.Table:
    return rows.filter(rows.known_date < before) if "known_date" in rows.columns else rows


def _union(con: BaseBackend, table: tables.Table, data: Path, years: list[int]) -> ibis.Table:
    if not years:
        return ibis.memtable(table.arrow_schema().empty_table())
    parts = [read_dataset(con, table, data, year).select(*table.column_names) for year in years]
    return parts[0] if len(parts) == 1 else ibis.union(*parts, distinct=False)
