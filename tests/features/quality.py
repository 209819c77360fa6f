"""Draw what the indicators of 2023 read, and read one indicator back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import pandas as pd

from features.engine import connect, dataset_path
from features.indicators import by_name, measure_indicators
from features.indicators.care import load_care
from features.provenance import provenance_path
from tests.features.world import Row, put, read_year

YEAR = 2023
EXTRA = ("procedures", "analyses", "patientele")


def draw(data: Path, year: int = YEAR, **rows: Sequence[Row]) -> None:
    """Every dataset that the indicators of a year read; those not given are empty (one person: A, nobody's patient)."""
    read_year(data, year, **{name: given for name, given in rows.items() if name not in EXTRA})
    for name in EXTRA:
        put(data, name, year, rows.get(name, []))


def measured(data: Path, engine: str = "duckdb", **options: object) -> pd.DataFrame:
    """Rows of `indicators` of 2023."""
    con = connect(engine, threads=1)
    return measure_indicators(con, data, YEAR, **options).to_pandas()  # type: ignore[arg-type]


def counts(rows: pd.DataFrame, indicator: str, entity: str = "nation") -> dict[str, tuple[int, int]]:
    """numerator and denominator of an indicator, by entity_id."""
    own = rows[(rows["indicator"] == indicator) & (rows["entity"] == entity)]
    return {row.entity_id: (int(row.numerator), int(row.denominator)) for row in own.itertuples()}


def nation(data: Path, indicator: str, **rows: Sequence[Row]) -> tuple[int, int]:
    """numerator and denominator of an indicator over everybody, on datasets drawn for it."""
    draw(data, **rows)
    found = by_name()[indicator].count(load_care(connect("duckdb", threads=1), data, YEAR)).to_pandas()
    assert found["patient_id"].is_unique
    return int(found["numerator"].sum()), int(found["denominator"].sum())


def left_out(data: Path) -> dict[str, str]:
    """Indicators left out of 2023, with the reason in the provenance record."""
    record = json.loads(provenance_path(dataset_path(data, "indicators", YEAR)).read_text(encoding="utf-8"))
    return dict(record["parameters"]["left_out"])


def stay(patient: str, start: date, **other: object) -> Row:
    """An acute medical stay of three nights that ends at home."""
    end = start + timedelta(days=3)
    given = {"start_date": start, "end_date": end, "exit_mode": "8", "entry_mode": "8"}
    named = {"stay_id": f"{patient}-{start}", "main_diagnoses": ["K359"]}
    return {"patient_id": patient, **given, **named, **other}


def packs(patient: str, atc: str, *months: int, **other: object) -> list[Row]:
    """One pack of a drug on the second of each month of 2023."""
    return [{"patient_id": patient, "atc": atc, "care_date": date(YEAR, month, 2), **other} for month in months]
