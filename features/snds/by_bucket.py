"""Stage 2 of a large read: each bucket of patients is cleaned by itself; memory follows the bucket, not the country.

Persons and hospital stays are read whole first and laid out by bucket. A dataset appears when all its buckets do.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from ibis.backends import BaseBackend
from ibis.expr.types import Table

from features.errors import InputError
from features.provenance import Provenance
from features.snds import care
from features.snds.assembly import union_of
from features.snds.biology import analysis_rows
from features.snds.by_flux import Month, gaps, months, of_bucket, read_month, records, stale
from features.snds.details import dispensing_rows, procedure_rows
from features.snds.large_report import large_report
from features.snds.lines import lines_of_bucket
from features.snds.outside_claims import SEATS, files_outside, outside_state, read_outside
from features.snds.rights import latest_end
from features.snds.schema import ER_BIO_F, ER_CAM_F, ER_PHA_F, ER_PRS_F, RawTable
from features.snds.sources import Sources
from features.store import write_dataset, write_expression
from features.tables import ANALYSES, CARE_LINES, COVERAGES, DISPENSINGS, PROCEDURES, READ_REPORT, TABLES
from features.work import alone, is_done, keep_only, lock_of, state_of, unit, weighed, work_folder
from features.writer import publish_buckets

DATASETS = (
    "beneficiaries", "ald_periods", "declarations", "coverages", "care_lines", "dispensings", "procedures", "analyses",
    "stays",
)  # fmt: skip
AS_THEY_ARE = ("beneficiaries", "ald_periods", "declarations", "stays")
CLEANING = 0.8  # time of all buckets for one of all months, as measured
Say = Callable[[str], None]
Task = tuple[str, float, Callable[[], object]]


@dataclass(frozen=True)
class Plan:
    """A large read: what it works with, where its units lie, its months of flux, its buckets.

    `outside` is the state of persons, stays and rights; `state` that of every bucket.
    """

    sources: Sources
    folder: Path
    months: tuple[Month, ...]
    buckets: int
    outside: str
    state: str

    def bucket(self, number: int) -> Path:
        """Where a bucket is cleaned."""
        return self.folder / f"bucket-{number:05d}"


def read_in_buckets(
    con: BaseBackend, snds: Path, data: Path, year: int, *, asked: tuple[int, int], progress: Say
) -> pd.DataFrame:
    """As `read_snds`, by months of flux and buckets; `asked`: number of buckets, months of delay of the PMSI.

    Units lie in data/.work/read-<year>. Those of the months stay there, so that the next read takes only the months
    that changed or are new. Errors: those of `read_snds`; RuleError while another command
    reads the year.
    """
    with alone(lock_of(data, "read", year), f"another forfait read --year {year}"):
        return _read(con, snds, data, year, asked=asked, progress=progress)


def _read(
    con: BaseBackend, snds: Path, data: Path, year: int, *, asked: tuple[int, int], progress: Say
) -> pd.DataFrame:
    buckets, delay = asked
    folder = work_folder(data, "read", year)
    plan = _plan(Sources(con, snds, folder / "scratch", year, delay), folder, buckets)
    progress(f"{len(stale(plan.months))} of {len(plan.months)} months of flux are new or changed")
    weighed(progress, _tasks(plan))
    of_outside = unit(plan.folder / "outside", plan.outside, _never)
    of_months = [unit(month.folder, month.state, _never) for month in plan.months]
    of_buckets = [unit(plan.bucket(number), plan.state, _never) for number in range(buckets)]
    frame = large_report(of_outside, of_months, of_buckets, lacking=gaps(plan.sources))
    provenance = Provenance(
        f"read --year {year}",
        inputs=tuple(snds / name for name in of_outside["read"]),
        parameters={"pmsi_delay_months": delay, "buckets": buckets},
    )
    for name in DATASETS:
        progress(f"publishing {name}")
        files = [plan.bucket(number) / f"{name}.parquet" for number in range(buckets)]
        publish_buckets(TABLES[name], data, files, year, provenance=provenance)
    write_dataset(READ_REPORT, data, frame, year, provenance=provenance)
    keep_only(plan.folder, ["outside", *(month.folder.name for month in plan.months)])
    return frame


def _plan(sources: Sources, folder: Path, buckets: int) -> Plan:
    outside = outside_state(sources, buckets)
    found = tuple(months(sources, folder, buckets))
    if not any(month.is_of(sources.year) for month in found):
        raise InputError(
            f"{sources.snds / ER_PRS_F.name}: no month of flux holds care of {sources.year}; nothing to read"
        )
    return Plan(sources, folder, found, buckets, outside, state_of(outside, [month.state for month in found]))


def _tasks(plan: Plan) -> list[Task]:
    """What is left to do, with its weight: bytes of raw files, and their share for a bucket."""
    found: list[Task] = []
    if not is_done(plan.folder / "outside", plan.outside):
        weight = sum(path.stat().st_size for path in files_outside(plan.sources))
        found.append(("persons and hospital stays", weight, partial(_outside, plan)))
    found += [(f"month of flux {m.name}", m.bytes, partial(_month, plan, m)) for m in stale(plan.months)]
    share = CLEANING * sum(month.bytes for month in plan.months) / plan.buckets
    left = [number for number in range(plan.buckets) if not is_done(plan.bucket(number), plan.state)]
    return found + [(f"bucket {n + 1} of {plan.buckets}", share, partial(_bucket, plan, n)) for n in left]


def _never(folder: Path) -> dict[str, Any]:
    raise AssertionError(f"{folder} should be complete")


def _outside(plan: Plan) -> None:
    unit(plan.folder / "outside", plan.outside, lambda folder: read_outside(plan.sources, folder, plan.buckets))


def _month(plan: Plan, month: Month) -> None:
    seats = plan.sources.con.read_parquet(plan.folder / "outside" / f"{SEATS}.parquet")
    read_month(plan.sources, month, seats=seats, buckets=plan.buckets)


def _bucket(plan: Plan, number: int) -> None:
    unit(plan.bucket(number), plan.state, lambda folder: _clean(plan, number, folder))


def _clean(plan: Plan, number: int, folder: Path) -> dict[str, Any]:
    """Counts of a bucket, once its datasets lie in `folder`."""
    sources = replace(plan.sources, scratch=folder / "scratch", absent=[], read=[])
    sources.scratch.mkdir()

    def of_claims(table: RawTable) -> Table | None:
        return of_bucket(sources.con, [month.folder / table.name for month in plan.months], number)

    def outside(name: str) -> Table:
        rows = of_bucket(sources.con, [plan.folder / "outside" / name], number)
        assert rows is not None
        return rows

    raw = of_claims(ER_PRS_F)
    assert raw is not None
    lines = lines_of_bucket(sources, raw, pseudonyms=outside("pseudonyms"))
    groups = care.line_groups(lines)
    codes = records(care.unknown_codes(lines)) if groups.is_unknown.any() else []
    details: dict[str, Any] = {}
    followed: dict[str, Table | None] = dict.fromkeys((ER_PHA_F.name, ER_CAM_F.name, ER_BIO_F.name))
    for table, rows_of in ((ER_PHA_F, dispensing_rows), (ER_CAM_F, procedure_rows), (ER_BIO_F, analysis_rows)):
        received = of_claims(table)
        if received is not None:
            followed[table.name], counts = rows_of(sources, received, lines)
            details[table.name] = records(counts)
    rights = union_of(COVERAGES, care.coverage_rows(lines), outside("rights"))
    written = {
        **{name: outside(name) for name in AS_THEY_ARE},
        "coverages": latest_end(rights, by=COVERAGES.key),
        "care_lines": union_of(CARE_LINES, care.care_rows(lines), outside("care")),
        "dispensings": union_of(DISPENSINGS, followed[ER_PHA_F.name]),
        "procedures": union_of(PROCEDURES, followed[ER_CAM_F.name]),
        "analyses": union_of(ANALYSES, followed[ER_BIO_F.name]),
    }
    for name, rows in written.items():
        write_expression(TABLES[name], rows, folder / f"{name}.parquet")
    shutil.rmtree(sources.scratch, ignore_errors=True)
    return {"groups": records(groups), "codes": codes, "details": details}
