"""A few columns of a dataset at once, checked: no frame of all its columns is made."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from features.buckets import read_batches
from features.engine import dataset_path
from features.errors import InputError, MissingError
from features.store import WRITTEN_BY, check_file
from features.tables import Table

KEY = ["patient_id", "year"]


def read_columns(table: Table, data: Path, year: int, names: Sequence[str]) -> pa.Table:
    """`patient_id` and columns `names` of all rows of the dataset of a year, checked as `read_dataset` does.

    Errors: as `read_dataset`, and InputError for rows of another year.
    """
    path = dataset_path(data, table.name, year)
    if not path.exists():
        raise MissingError(f"{path} is missing: run forfait {WRITTEN_BY.get(table.name, table.name)} --year {year}")
    check_file(table, path, named=path)
    found = pa.Table.from_batches(read_batches(table, data, year, [*KEY, *names]))
    if found["year"].unique().to_pylist() not in ([], [year]):
        raise InputError(f"{table.name} {year} holds rows of another year; write it again")
    place = found.column_names.index("patient_id")
    return found.set_column(place, "patient_id", found["patient_id"].cast(pa.large_string())).drop_columns(["year"])
