"""DuckDB and Spark build the same episodes, lines, flow chart and characteristics."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import pandas as pd
import pytest

from features.store import read_dataset
from features.tables import TABLES
from tests.features.episodes_made import YEAR, built, colon, day, draw, hip, knee, line
from tests.features.world import put

DATASETS = ("episodes", "episode_lines", "episode_flow", "episode_features", "episode_outcomes")
NEEDS_SPARK = pytest.mark.skipif(
    shutil.which("java") is None or importlib.util.find_spec("pyspark") is None, reason="needs Java and pyspark"
)


def drawn(data: Path) -> None:
    """Three patients: a hip with a second procedure, a private knee, a colectomy; rehabilitation, claims, drugs."""
    rehabilitation = {"field": "SSR", "acts": [], "timed_acts": None, "principal_diagnosis": None, "ghm": "0840A1"}
    clinic = {"sector": "private", "base_cents": None, "establishment_id": "750000001"}
    draw(
        data,
        stays=[
            hip(implant_cents=165000), knee("A", day(60)), knee("B", **clinic), colon("C", base_cents=912001),
            hip("A", day(10), stay_id="R", nights=70, **{**rehabilitation, "base_cents": 100001}),
            hip("B", day(-300), stay_id="M", ghm="05M092", acts=[], main_diagnoses=["I500"]),
        ],
        care_lines=[
            line(day(0), 311911, "hopital_prive", patient_id="B"), line(day(5), 1001, "pharmacie"),
            line(day(1), 45980, "specialiste", patient_id="B", establishment_id="75000000"),
            line(day(7), 1613, "kinesitherapeute"), line(day(7), -500, "kinesitherapeute"),
        ],
        dispensings=[{"care_date": day(5), "atc": atc} for atc in ("N02BE01", "C09AA05", "M01AE01")],
        procedures=[{"care_date": day(3), "ccam": "QEQK004"}],
    )  # fmt: skip
    put(data, "analyses", YEAR, [{"care_date": day(-3), "nabm": "1104"}])


@NEEDS_SPARK
def test_engines_agree(tmp_path: Path):
    """Rows and types."""
    frames = {}
    for engine in ("duckdb", "spark"):
        drawn(tmp_path / engine)
        built(tmp_path / engine, engine)
        frames[engine] = {name: read_dataset(None, TABLES[name], tmp_path / engine, YEAR) for name in DATASETS}
    for name in DATASETS:
        first, second = (
            frames[engine][name].sort_values(list(frames[engine][name].columns[:6]), ignore_index=True)
            for engine in ("duckdb", "spark")
        )
        if name == "episode_lines":
            keys = ["episode_id", "source", "source_key", "period", "rule"]
            first, second = (frame.sort_values(keys, ignore_index=True) for frame in (first, second))
        pd.testing.assert_frame_equal(first, second)
