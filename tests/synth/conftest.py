"""Fictional Frances shared by the tests: a small one of three years, and one of two chunks."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from features.synth import synthesise

SMALL_YEARS = range(2022, 2025)
LARGE_YEARS = range(2023, 2025)
LARGE_PATIENTS = 20_100
SEED = 11


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """2,000 patients, three years."""
    data = tmp_path_factory.mktemp("small")
    synthesise(data, patients=2_000, years=SMALL_YEARS, seed=SEED, workers=1)
    return data


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pd.DataFrame]:
    """20,100 patients (two chunks), two years, one worker; and the calibration report."""
    data = tmp_path_factory.mktemp("large")
    return data, synthesise(data, patients=LARGE_PATIENTS, years=LARGE_YEARS, seed=SEED, workers=1)
