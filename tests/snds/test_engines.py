"""DuckDB and Spark read the same datasets from the same tables."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

from features.engine import connect
from features.snds.read import read_snds
from tests.snds.raw import YEAR, write_raw
from tests.snds.test_read import a_bit_of_everything, datasets, same

pytestmark = pytest.mark.slow


@pytest.fixture
def spark(monkeypatch: pytest.MonkeyPatch) -> None:
    """Java and pyspark are there; the JVM compiles lightly, which halves the time of a short session."""
    if shutil.which("java") is None:
        pytest.skip("Java is absent: the Spark engine is not tested here")
    pytest.importorskip("pyspark", reason="pyspark is absent: uv sync --extra spark")
    monkeypatch.setenv("PYSPARK_SUBMIT_ARGS", "--driver-java-options -XX:TieredStopAtLevel=1 pyspark-shell")


@pytest.mark.usefixtures("spark")
def test_both_engines_give_the_same_datasets(tmp_path: Path) -> None:
    write_raw(tmp_path / "snds", a_bit_of_everything())
    reports = {
        engine: read_snds(connect(engine), tmp_path / "snds", tmp_path / engine, YEAR) for engine in ("duckdb", "spark")
    }
    pd.testing.assert_frame_equal(reports["duckdb"], reports["spark"])
    expected = datasets(tmp_path / "duckdb")
    for name, frame in datasets(tmp_path / "spark").items():
        same(frame, expected[name])
