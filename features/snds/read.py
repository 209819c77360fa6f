"""`forfait read`: the raw SNDS tables of one care year → the cleaned datasets and their report."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import ibis
import pandas as pd
from ibis.backends import BaseBackend
from ibis.expr.types import Table

from features.provenance import Provenance
from features.snds.acute import read_acute, read_outpatient
from features.snds.biology import read_analyses
from features.snds.care import account_of_claims, care_rows, coverage_rows
from features.snds.controls import FLAGGED, Count, Report, account, report_frame
from features.snds.details import read_dispensings, read_procedures
from features.snds.lines import claim_lines, classified_lines
from features.snds.long_stays import read_home_hospitalisation, read_rehabilitation
from features.snds.persons import read_persons
from features.snds.rights import latest_end, read_ald, read_c2s, read_declarations
from features.snds.sources import Sources
from features.store import write_dataset
from features.tables import ANALYSES, CARE_LINES, COVERAGES, PROCEDURES, STAYS, TABLES
from features.tables import Table as Declared

Progress = Callable[[str], None]
HOSPITAL_FIELDS = (read_acute, read_outpatient, read_rehabilitation, read_home_hospitalisation)


def read_snds(
    con: BaseBackend,
    snds: Path,
    data: Path,
    year: int,
    *,
    pmsi_delay_months: int = 2,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """The read report (features.tables.READ_REPORT) of a care year, once its datasets are written under `data`.

    Writes beneficiaries, ald_periods, declarations, coverages, care_lines, dispensings, procedures, analyses,
    stays and read_report of the year. A hospital stay counts as known `pmsi_delay_months` after the month of exit [A].
    Errors: InputError naming a missing table or column and its purpose, or a value that cannot be read.
    """
    say = progress or (lambda step: None)
    data.mkdir(parents=True, exist_ok=True)
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
    rights = _union(COVERAGES, coverage_rows(lines), c2s, *[field.rights for field in fields])
    datasets = {
        "beneficiaries": persons.beneficiaries,
        "ald_periods": ald_periods,
        "declarations": declarations,
        "coverages": latest_end(rights, by=COVERAGES.key),
        "care_lines": _union(CARE_LINES, care_rows(lines), *[field.care for field in fields]),
        "dispensings": dispensings.drop("is_unknown"),
        "procedures": _union(PROCEDURES, procedures),
        "analyses": _union(ANALYSES, analyses),
        "stays": _union(STAYS, *[field.stays for field in fields]),
    }
    of_stays = [line for field in fields for line in field.report]
    accounts = [of_claims, of_packs, of_acts, of_biology, persons.report, of_stays, of_ald, of_contracts, of_c2s]
    return datasets, [line for lines in accounts for line in lines] + _absences(sources)


def _union(declared: Declared, *parts: Table | None) -> Table:
    """Rows of the parts received, in the declared columns and types; none where no part was received."""
    types = dict(ibis.memtable(declared.arrow_schema().empty_table()).schema())
    received = [part for part in parts if part is not None]
    if not received:
        return ibis.memtable(declared.arrow_schema().empty_table())
    typed = [
        part.select(**{name: part[name].cast(kind(nullable=True)) for name, kind in types.items()}) for part in received
    ]
    return ibis.union(*typed) if len(typed) > 1 else typed[0]


def _absences(sources: Sources) -> Report:
    """One report row per table that was not received, whole or in part: what was absent, and with what effect."""
    effects: dict[str, list[str]] = {}
    for table, column, effect in sources.absent:
        effects.setdefault(table, []).append(f"{column or 'table'}: {effect}")
    return [
        line
        for table, listed in effects.items()
        for line in account(table, Count("rows_in", "in", 0), [Count("absent", FLAGGED, 0, detail="; ".join(listed))])
        if line["control"] == "absent"
    ]
