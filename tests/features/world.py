"""Draw the cleaned datasets of a year row by row: what a test does not say takes a default."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from features.build import build_features
from features.engine import connect, dataset_path
from features.tables import TABLES

READ = ("beneficiaries", "ald_periods", "declarations", "coverages", "care_lines", "dispensings", "stays")
Row = Mapping[str, object]

DEFAULTS: dict[str, dict[str, object]] = {
    "beneficiaries": {
        "patient_id": "A", "birth_date": date(1960, 6, 1), "sex": 1, "department": "35", "commune": "35238",
        "fdep_quintile": 3, "pseudonym_count": 1, "is_ambiguous_twin": False,
    },
    "ald_periods": {"patient_id": "A", "ald_number": 8, "icd10": "E11", "start_date": date(2020, 1, 1)},
    "declarations": {"patient_id": "A", "doctor_id": "D1", "start_date": date(2015, 1, 1)},
    "coverages": {"patient_id": "A", "right": "c2s_free"},
    "care_lines": {
        "patient_id": "A", "act_code": 1110, "poste": "generaliste", "perimeter": "mg", "performer_id": "D1",
        "performer_specialty": 1, "quantity": 1, "base_cents": 2500, "reimbursed_cents": 1750, "paid_cents": 2500,
        "is_in_target": True, "source": "DCIR",
    },
    "patientele": {
        "patient_id": "A", "structure_id": "T1", "year": 2023, "first_day": date(2023, 1, 1),
        "last_day": date(2023, 12, 31), "is_diab": False, "is_age": False, "is_tot": True, "reason": "declared",
    },
    "dispensings": {"patient_id": "A", "cip13": "3400900000000", "is_large_pack": False, "quantity": 1},
    "procedures": {"patient_id": "A", "ccam": "QEQK004", "activity": "1", "phase": 0},
    "analyses": {"patient_id": "A", "nabm": "1577"},
    "stays": {
        "patient_id": "A", "field": "MCO", "sector": "public", "establishment_id": "350000001", "ghm": "05M092",
        "nights": 3, "sessions": 0, "main_diagnoses": [], "associated_diagnoses": [], "acts": [], "is_linked": True,
    },
}  # fmt: skip


def put(data: Path, name: str, year: int, rows: Sequence[Row]) -> None:
    """Writes a dataset of a year: `rows` over the defaults."""
    declared = TABLES[name].arrow_schema()
    filled = [_filled(name, place, row) for place, row in enumerate(rows)]
    path = dataset_path(data, name, year)
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(
        pa.Table.from_pylist([{c: row.get(c) for c in declared.names} for row in filled], schema=declared), path
    )


def read_year(data: Path, year: int, **rows: Sequence[Row]) -> None:
    """Writes every dataset that reading a year leaves; those not given are empty (one person: A)."""
    for name in READ:
        put(data, name, year, rows.get(name, [{}] if name == "beneficiaries" else []))


def _filled(name: str, place: int, row: Row) -> dict[str, object]:
    given = {**DEFAULTS.get(name, {}), **row}
    if name in ("care_lines", "dispensings", "procedures", "analyses"):
        given.setdefault("known_date", _next_month(given["care_date"]))
    if name == "stays":
        given.setdefault("stay_id", f"S{place}")
        given.setdefault("start_date", given["end_date"])
        given.setdefault("known_date", _next_month(_next_month(given["end_date"])))
    if name == "patientele":
        given.setdefault("present_share", _share(given["first_day"], given["last_day"]))
    if name in ("ald_periods", "coverages"):
        given.setdefault("known_date", given["start_date"])
    return given


def _share(first: object, last: object) -> float:
    assert isinstance(first, date) and isinstance(last, date)
    return ((last - first).days + 1) / (date(first.year + 1, 1, 1) - date(first.year, 1, 1)).days


def _next_month(day: object) -> date:
    assert isinstance(day, date)
    return (day.replace(day=28) + timedelta(days=5)).replace(day=1)


def feature_rows(data: Path, year: int = 2024, known_on: date | None = None) -> pd.DataFrame:
    """The feature table of a year built on DuckDB, indexed by patient."""
    built = build_features(connect("duckdb", threads=1), data, year, known_on=known_on)
    return built.to_pyarrow().to_pandas(date_as_object=False).set_index("patient_id").sort_index()
