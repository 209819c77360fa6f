"""Raw fictional tables as frames, amounts in cents."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

KEY = [
    "DCT_ORD_NUM",
    "FLX_DIS_DTD",
    "FLX_EMT_NUM",
    "FLX_EMT_ORD",
    "FLX_EMT_TYP",
    "FLX_TRT_DTD",
    "ORG_CLE_NUM",
    "PRS_ORD_NUM",
    "REM_TYP_AFF",
]


def table(data: Path, name: str) -> pd.DataFrame:
    """A raw table: dates as timestamps, amounts as whole cents."""
    folder = data / "snds" / name
    rows = pq.read_table(folder if folder.is_dir() else folder.with_suffix(".parquet"))
    for place, field in enumerate(rows.schema):
        if pa.types.is_decimal(field.type):
            cents = pc.cast(pc.multiply(rows[field.name], pa.scalar(100)), pa.int64())
            rows = rows.set_column(place, field.name, cents)
        elif pa.types.is_date(field.type):
            rows = rows.set_column(place, field.name, pc.cast(rows[field.name], pa.timestamp("s")))
    return rows.to_pandas()


def claims(data: Path) -> pd.DataFrame:
    """ER_PRS_F with base and reimbursed cents."""
    rows = table(data, "ER_PRS_F")
    rows["base"] = rows.BSE_REM_BSE + rows.CPL_REM_BSE
    rows["reimbursed"] = rows.BSE_REM_MNT + rows.CPL_REM_MNT
    rows["care_year"] = rows.EXE_SOI_DTD.dt.year
    return rows
