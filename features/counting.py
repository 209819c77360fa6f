"""Counts small enough for memory, written as datasets in the order of their key: the same claims, the same bytes."""

from __future__ import annotations

from pathlib import Path

import ibis
import pandas as pd

from features.provenance import Provenance
from features.store import cast_by_engine, read_dataset, write_dataset
from features.tables import Table


def collected(rows: ibis.Table, types: dict[str, str]) -> pd.DataFrame:
    """Rows in memory, the columns of `types` cast by the engine (exact sums), dates as datetime64."""
    return cast_by_engine(rows, types).to_pyarrow().to_pandas(date_as_object=False)


def write_count(
    table: Table, data: Path, rows: ibis.Table | pd.DataFrame, year: int, *, provenance: Provenance
) -> pd.DataFrame:
    """The dataset of a year, written and read back: `rows` with `year` where declared, sorted by key."""
    if not isinstance(rows, pd.DataFrame):
        rows = collected(rows, {c.name: c.type for c in table.columns if c.name in rows.columns})
    if "year" in table.column_names:
        rows = rows.assign(year=year)
    write_dataset(table, data, rows.sort_values(list(table.key), ignore_index=True), year, provenance=provenance)
    return read_dataset(None, table, data, year)
