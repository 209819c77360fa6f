"""Calibration of a fictional France: what was obtained against published figures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq


def calibration_report(drawn: Path, patients: int) -> pd.DataFrame:
    f = pq.read_table(drawn).to_pandas()
    return f.describe().T.reset_index()


def write_report(report: pd.DataFrame, data: Path) -> None:
    report.to_csv(data / "synth_report.csv", index=False)
