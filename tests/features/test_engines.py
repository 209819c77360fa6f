"""DuckDB and Spark write the same feature table, spending and attribution, types included."""

from __future__ import annotations

import importlib.util
import shutil
from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from features.attribution import attribute
from features.biosimilar_boxes import count_boxes
from features.build import build_features
from features.contacts import measure_contacts
from features.development import measure_development
from features.engine import connect, dataset_path
from features.fidelisation import measure_fidelisation
from features.leakage import DIMENSIONS, NEUTRALISED_REASON, measure_leakage
from features.spending import measure_spending
from features.team import TeamCount
from tests.features.teams import RULES
from tests.features.world import put, read_year

ROSTER = """structure_id,structure_name,professional_id,from_date,to_date
T1,One,D1,2020-01-01,2023-03-31
T1,One,D2,2020-01-01,
"""
COUNTED = ("fidelisation", "leakage", "contacts", "development", "biosimilar_boxes")
BOXES = {"atc": None, "cip13": "3400949000005", "prescriber_establishment_id": "35000001"}
DATASETS = (
    ("feature_table", 2024),
    ("spending", 2023),
    ("patientele", 2023),
    ("attribution_report", 2023),
    *((name, 2023) for name in COUNTED),
)


def drawn(data: Path) -> None:
    """Five persons who between them use every source and route."""
    put(data, "stays", 2021, [{"patient_id": "B", "end_date": date(2021, 5, 2), "main_diagnoses": ["I210"]}])
    put(
        data,
        "dispensings",
        2022,
        [{"patient_id": "C", "care_date": date(2022, m, 2), "atc": "A10BA02"} for m in (1, 2, 3)],
    )
    dialysis = {"patient_id": "D", "ghm": "28Z04Z", "sessions": 50, "nights": None, "main_diagnoses": ["Z491"]}
    read_year(
        data,
        2023,
        beneficiaries=[
            {"patient_id": "A", "sex": 2, "fdep_quintile": None, "death_date": date(2024, 3, 1)},
            {"patient_id": "B", "birth_date": date(1931, 4, 1)},
            {"patient_id": "C", "birth_date": None, "sex": None},
            {"patient_id": "D"},
            {"patient_id": "E", "birth_date": date(2023, 5, 1)},
        ],
        ald_periods=[
            {"patient_id": "A", "ald_number": 30, "icd10": "C50.9"},
            {"patient_id": "D", "ald_number": 99, "icd10": None},
        ],
        coverages=[{"patient_id": "C", "right": "ame", "start_date": date(2023, 5, 1), "end_date": date(2023, 5, 1)}],
        declarations=[
            {"patient_id": "A"},
            {"patient_id": "B", "end_date": date(2023, 2, 1)},
            {"patient_id": "B", "doctor_id": "D2", "start_date": date(2023, 2, 2)},
        ],
        stays=[
            {
                "patient_id": "A",
                "end_date": date(2023, 4, 1),
                "main_diagnoses": ["J81"],
                "associated_diagnoses": ["I509", "K703"],
            },
            {**dialysis, "end_date": date(2023, 6, 1)},
        ],
        dispensings=[
            {"patient_id": "B", "care_date": date(2023, 1, 2), "atc": "C10AA05"},
            {"patient_id": "B", "care_date": date(2023, 2, 2), "atc": "C10AA05", "is_large_pack": True},
            {"patient_id": "B", "care_date": date(2023, 2, 2), "atc": None},
            {"patient_id": "E", "care_date": date(2023, 6, 2), "quantity": 2, **BOXES},
            {"patient_id": "E", "care_date": date(2023, 6, 3), "quantity": -1, **BOXES},
            {"patient_id": "A", "care_date": date(2023, 6, 3), **BOXES, "prescriber_establishment_id": None},
        ],
        care_lines=[
            {"patient_id": "A", "care_date": date(2023, 1, 2), "base_cents": 2651},
            {"patient_id": "A", "care_date": date(2023, 5, 7), "performer_id": "35100009", "pathway_code": 3},
            {"patient_id": "A", "care_date": date(2023, 5, 8), "performer_id": "35100009", "pathway_code": 5},
            {"patient_id": "B", "care_date": date(2023, 6, 8), "performer_id": "X2"},
            {"patient_id": "B", "care_date": date(2023, 6, 8), "performer_id": "X2", "act_code": 1933, "quantity": 0},
            {"patient_id": "B", "care_date": date(2023, 8, 1), "performer_id": None, "perimeter": "ide"},
            {"patient_id": "C", "care_date": date(2023, 2, 2), "performer_id": "D2"},
            {
                "patient_id": "C",
                "care_date": date(2023, 3, 2),
                "poste": "hopital_mco",
                "act_code": None,
                "perimeter": "autre",
            },
        ],
    )
    (data / "roster.csv").write_text(ROSTER, encoding="utf-8")


def written(engine: str, data: Path) -> dict[str, pd.DataFrame]:
    con = connect(engine, threads=1, memory_gib=1)
    build_features(con, data, 2024)
    measure_spending(con, data, 2023)
    attribute(con, data, data / "roster.csv", 2023)
    count = TeamCount(data / "roster.csv", 2023, RULES)
    measure_fidelisation(con, data, count)
    measure_leakage(con, data, count)
    measure_contacts(con, data, 2023, roster=count.roster)
    measure_development(con, data, [2023], roster=count.roster)
    count_boxes(con, data, 2023)
    tables = {name: pq.read_table(dataset_path(data, name, year)) for name, year in DATASETS}
    frames = {name: table.select(sorted(table.column_names)).to_pandas() for name, table in tables.items()}
    return {name: frame.sort_values(list(frame.columns), ignore_index=True) for name, frame in frames.items()}


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs Java, absent here")
@pytest.mark.skipif(importlib.util.find_spec("pyspark") is None, reason="pyspark is not installed")
@pytest.mark.filterwarnings("default")
def test_duckdb_and_spark_agree(tmp_path: Path):
    for engine in ("duckdb", "spark"):
        drawn(tmp_path / engine)
    duckdb, spark = (written(engine, tmp_path / engine) for engine in ("duckdb", "spark"))
    for name, frame in duckdb.items():
        pd.testing.assert_frame_equal(frame, spark[name])
    assert duckdb["feature_table"].set_index("patient_id").loc["D", "carto_rdialyse_ind"] == 1
    assert sorted(duckdb["patientele"]["patient_id"]) == ["A", "B", "C"]
    assert duckdb["biosimilar_boxes"][["establishment_id", "patients"]].values.tolist() == [["35000001", 1]]
    assert set(duckdb["leakage"]["dimension"]) == {*DIMENSIONS, NEUTRALISED_REASON}
