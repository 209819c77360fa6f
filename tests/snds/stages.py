"""Short ways to run one stage of the reader on drawn tables, and to read its report as a dictionary."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from features.engine import connect
from features.snds.care import account_of_claims, care_rows, coverage_rows
from features.snds.lines import claim_lines, classified_lines
from features.snds.persons import Persons, read_persons
from features.snds.sources import Sources
from tests.snds.raw import YEAR, Rows, write_raw


class Claims(NamedTuple):
    """What ER_PRS_F becomes: rows of care_lines and of coverages, hits by control, and report rows."""

    care: pd.DataFrame
    coverages: pd.DataFrame
    hits: dict[str, tuple[int, int, int]]
    report: list[dict[str, object]]


def start(folder: Path, tables: Mapping[str, Rows], *, year: int = YEAR) -> tuple[Sources, Persons]:
    """Sources over a raw folder that holds the tables, and the persons read from it."""
    scratch = folder / "scratch"
    scratch.mkdir(parents=True)
    sources = Sources(connect(threads=1), write_raw(folder / "snds", tables, year=year), scratch, year)
    return sources, read_persons(sources)


def read_claims(folder: Path, lines: Rows, **others: Rows) -> Claims:
    """Care lines and account of the claim lines given."""
    sources, persons = start(folder, {"ER_PRS_F": lines} | others)
    claims = claim_lines(sources)
    classified = classified_lines(sources, claims, pseudonyms=persons.pseudonyms)
    report = account_of_claims(claims, classified, year=sources.year)
    care = care_rows(classified).execute().sort_values(["patient_id", "care_date", "base_cents"], ignore_index=True)
    return Claims(care, coverage_rows(classified).execute(), hits_of(report), report)


def hits_of(report: list[dict[str, Any]]) -> dict[str, tuple[int, int, int]]:
    """(rows, base cents, reimbursed cents) by control, those without a row left out."""
    return {
        line["control"]: (line["rows_hit"], line["base_cents"], line["reimbursed_cents"])
        for line in report
        if line["rows_hit"]
    }


def rows_of(report: list[dict[str, Any]]) -> dict[str, int]:
    """Rows by control, those without a row left out."""
    return {control: hit[0] for control, hit in hits_of(report).items()}
