"""`forfait read`: the raw SNDS tables of one care year → the cleaned datasets and their report."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
from ibis.backends import BaseBackend
from ibis.expr.types import Table

from features.buckets import MOST_BUCKETS, bucket_count
from features.errors import InputError
from features.provenance import Provenance
from features.snds.assembly import HOSPITAL_FIELDS, absences, union_of
from features.snds.biology import read_analyses
from features.snds.by_bucket import read_in_buckets
from features.snds.by_flux import gaps, in_window, lies_by_flux, rows_in
from features.snds.care import account_of_claims, care_rows, coverage_rows
from features.snds.controls import Report, report_frame
from features.snds.details import read_dispensings, read_procedures
from features.snds.lines import claim_lines, classified_lines
from features.snds.persons import read_persons
from features.snds.rights import latest_end, read_ald, read_c2s, read_declarations
from features.snds.schema import ER_PRS_F
from features.snds.sources import Sources, find_parts, month_of
from features.store import write_dataset, years_written
from features.tables import ANALYSES, BENEFICIARIES, CARE_LINES, COVERAGES, PROCEDURES, STAYS, TABLES

Progress = Callable[[str], None]
LARGE_ROWS = 40_000_000  # some 1.5 million patients: below, the whole read is faster and fits 6 GiB
ROWS_IN_BUCKET = 8_000_000


def read_snds(
    con: BaseBackend,
    snds: Path,
    data: Path,
    year: int,
    *,
    pmsi_delay_months: int = 2,
    buckets: int | None = None,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """The read report (features.tables.READ_REPORT) of a care year, once its datasets are written under `data`.

    Writes beneficiaries, ald_periods, declarations, coverages, care_lines, dispensings, procedures, analyses,
    stays and read_report of the year. A hospital stay counts as known `pmsi_delay_months` after the month of exit [A].
    Where the claim tables lie by month of flux, a large country (or `buckets` above 1) is read month by month, then
    bucket by bucket of patients, from where an interrupted read stopped; `buckets` 1 reads it whole.
    Errors: InputError naming a missing table or column and its purpose, or a value that cannot be read.
    """
    say = progress or (lambda step: None)
    data.mkdir(parents=True, exist_ok=True)
    number = _buckets(con, snds, data, year) if buckets is None else buckets
    if number > MOST_BUCKETS:
        raise InputError(f"{number} buckets are too many; give at most {MOST_BUCKETS}")
    if number > 1:
        if con.name != "duckdb" or not lies_by_flux(snds):
            raise InputError(f"{snds}: buckets need claims by month of flux (ER_PRS_F/flux=YYYY-MM/) and DuckDB")
        return read_in_buckets(con, snds, data, year, asked=(number, pmsi_delay_months), progress=say)
    with tempfile.TemporaryDirectory(dir=data, prefix=".read-") as scratch:
        sources = Sources(con, snds, Path(scratch), year, pmsi_delay_months)
        datasets, report = _cleaned(sources, say)
        provenance = Provenance(
            f"read --year {year}",
            inputs=tuple(dict.fromkeys(sources.read)),
            parameters={"pmsi_delay_months": pmsi_delay_months},
        )
        frame = report_frame(report)
        for name, rows in {**datasets, "read_report": frame}.items():
            say(f"writing {name}")
            write_dataset(TABLES[name], data, rows, year, provenance=provenance)
    return frame


def _buckets(con: BaseBackend, snds: Path, data: Path, year: int) -> int:
    """1 for a small country, another engine or tables that do not lie by month of flux; else those of the folder."""
    if con.name != "duckdb" or not lies_by_flux(snds):
        return 1
    found = [bucket_count(BENEFICIARIES, data, past) for past in years_written(BENEFICIARIES, data)]
    rows = rows_in([part for part in find_parts(snds, ER_PRS_F.name) if in_window(str(month_of(part)), year)])
    by_size = 1 if rows < LARGE_ROWS else 1 << math.ceil(math.log2(rows / ROWS_IN_BUCKET))
    return max(found) if max(found, default=1) > 1 else by_size


def _cleaned(sources: Sources, say: Progress) -> tuple[dict[str, Table], Report]:
    """Expressions of every dataset of the year, by name, and the report rows in the order of operations."""
    say("persons")
    persons = read_persons(sources)
    say("claim lines")
    claims = claim_lines(sources)
    lines = classified_lines(sources, claims, pseudonyms=persons.pseudonyms)
    of_claims = account_of_claims(claims, lines, year=sources.year)
    say("drugs and acts")
    dispensings, of_packs = read_dispensings(sources, lines)
    procedures, of_acts = read_procedures(sources, lines)
    analyses, of_biology = read_analyses(sources, lines)
    say("hospital stays")
    fields = [read(sources, persons.pmsi) for read in HOSPITAL_FIELDS]
    say("rights")
    ald_periods, of_ald = read_ald(sources, persons.pseudonyms)
    declarations, of_contracts = read_declarations(sources, persons.pseudonyms)
    c2s, of_c2s = read_c2s(sources, persons.pseudonyms)
    rights = union_of(COVERAGES, coverage_rows(lines), c2s, *[field.rights for field in fields])
    datasets = {
        "beneficiaries": persons.beneficiaries,
        "ald_periods": ald_periods,
        "declarations": declarations,
        "coverages": latest_end(rights, by=COVERAGES.key),
        "care_lines": union_of(CARE_LINES, care_rows(lines), *[field.care for field in fields]),
        "dispensings": dispensings.drop("is_unknown"),
        "procedures": union_of(PROCEDURES, procedures),
        "analyses": union_of(ANALYSES, analyses),
        "stays": union_of(STAYS, *[field.stays for field in fields]),
    }
    of_stays = [line for field in fields for line in field.report]
    accounts = [of_claims, of_packs, of_acts, of_biology, persons.report, of_stays, of_ald, of_contracts, of_c2s]
    return datasets, [line for lines in accounts for line in lines] + absences([*sources.absent, *gaps(sources)])
