"""Datasets on disk: each is checked against its declaration when written and when read.

One dataset and year is one Parquet file, whatever the engine, or a folder of buckets where the country is large (see
features/buckets.py), with its provenance record beside it. `dataset_writer` writes what comes in pieces.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import overload

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.operations as ops
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.parquet as pq
from ibis.backends import BaseBackend

from features.buckets import Share, bucket_of, dataset_files, files_of, publish
from features.engine import dataset_path
from features.errors import InputError, MissingError
from features.provenance import Provenance, forget_provenance, write_provenance
from features.tables import TYPES, Table

WRITTEN_BY = {
    "beneficiaries": "read",
    "ald_periods": "read",
    "declarations": "read",
    "coverages": "read",
    "care_lines": "read",
    "dispensings": "read",
    "procedures": "read",
    "analyses": "read",
    "stays": "read",
    "read_report": "read",
    "patientele": "attribute",
    "attribution_report": "attribute",
    "feature_table": "features",
    "spending": "spending",
    "predictions": "predict",
    "explanations": "explain",
    "fidelisation": "count",
    "leakage": "count",
    "contacts": "count",
    "development": "count",
    "indicators": "count",
    "bricks": "count",
    "biosimilar_boxes": "count",
    "episodes": "episodes",
    "episode_lines": "episodes",
    "episode_flow": "episodes",
    "episode_features": "episodes",
    "episode_outcomes": "episodes",
    "episode_predictions": "predict eds_pth",
    "episode_explanations": "explain eds_pth",
}
IBIS_TYPES = {"strings": "array<string>"}


def write_dataset(
    table: Table, data: Path, rows: ibis.Table | pd.DataFrame, year: int | None, *, provenance: Provenance
) -> Path:
    """Path of the dataset written, checked first; its provenance record lies beside it.

    `rows` is an Ibis expression (DuckDB or Spark) or a frame with the declared columns, in any order; a `wide`
    table may carry more. The file appears under its name only when complete and correct.
    Errors: InputError for a missing or undeclared column, a type that cannot be cast, a null where none is
    allowed, a key that is not unique.
    """
    path = single_path(data, table, year)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with ExitStack() as undo:
        undo.callback(temporary.unlink, missing_ok=True)
        if isinstance(rows, pd.DataFrame):
            pq.write_table(arrow_rows(table, rows), temporary)
        else:
            write_expression(table, rows, temporary)
        check_file(table, temporary, named=path)
        forget_provenance(path)
        publish(temporary, path)
    write_provenance(path, provenance, rows=pq.read_metadata(path).num_rows)
    return path


def single_path(data: Path, table: Table, year: int | None) -> Path:
    """Where a dataset of one file lies, whatever lies there now."""
    return data / table.name / f"{year}.parquet" if year is not None else dataset_path(data, table.name)


@overload
def read_dataset(con: None, table: Table, data: Path, year: int | None) -> pd.DataFrame: ...
@overload
def read_dataset(con: BaseBackend, table: Table, data: Path, year: int | None) -> ibis.Table: ...


def read_dataset(con: BaseBackend | None, table: Table, data: Path, year: int | None) -> ibis.Table | pd.DataFrame:
    """Dataset of a year, checked: an Ibis table on `con`, or a pandas frame (dates as datetime64) without one.

    Errors: MissingError naming the command that writes it; InputError where the file breaks its declaration.
    """
    path = checked_path(table, data, year)
    if con is None:
        return pq.read_table(path, partitioning=None).to_pandas(date_as_object=False)
    return con.read_parquet(str(path / "*.parquet") if path.is_dir() else path)


def checked_path(table: Table, data: Path, year: int | None) -> Path:
    """Where a dataset lies, checked; errors as `read_dataset`."""
    path = dataset_path(data, table.name, year)
    if not path.exists():
        command = WRITTEN_BY.get(table.name, table.name)
        option = "" if year is None else f" --years {year}" if command == "episodes" else f" --year {year}"
        raise MissingError(f"{path} is missing: run forfait {command}{option}")
    check_file(table, path, named=path)
    return path


def read_share(con: BaseBackend, table: Table, data: Path, year: int, share: Share | None) -> ibis.Table:
    """As `read_dataset`, but only the rows of a share of the patients (None: all of them)."""
    if share is None:
        return read_dataset(con, table, data, year)
    files = dataset_files(table, data, year)
    if len(files) != share.of:
        rows = read_dataset(con, table, data, year)
        return rows.filter(bucket_of(rows.patient_id, share.of) == share.bucket)
    check_file(table, files[share.bucket], named=files[share.bucket])
    return con.read_parquet(files[share.bucket])


def years_written(table: Table, data: Path) -> list[int]:
    """Years of a yearly dataset that lie on disk, ascending."""
    found = (path for path in (data / table.name).glob("*") if path.suffix == ".parquet" or path.is_dir())
    return sorted({int(path.stem) for path in found if path.stem.isdigit()})


def check_file(table: Table, path: Path, *, named: Path) -> None:
    """None when the file obeys the declaration; `named` is the path that a message shows.

    Types and nulls come from the Parquet footer, so that a file of claims is checked without reading it;
    the key is counted on tables that declare one (person-sized), bucket by bucket in a folder: a patient, and what
    is a patient's, lies in one bucket. Errors: InputError for a column, type, null or repeated key.
    """
    if path.is_dir():
        for file in files_of(path):
            check_file(table, file, named=named / file.name)
        return
    metadata = pq.read_metadata(path)
    schema = metadata.schema.to_arrow_schema()
    check_columns(table, schema.names, named=named)
    for column in table.columns:
        found = schema.field(column.name).type
        if not _same_type(found, TYPES[column.type]):
            raise InputError(f"{named}: column {column.name} is {found}; it should be {TYPES[column.type]}")
    for column in table.columns:
        nulls = 0 if column.nullable else _null_count(path, metadata, column.name)
        if nulls:
            raise InputError(f"{named}: column {column.name} has {nulls} empty rows; none is allowed")
    if table.key:
        _check_key(table, path, named)


def check_columns(table: Table, names: list[str], *, named: Path | str) -> None:
    """None when `names` are the declared columns (or more, on a wide table). Errors: InputError."""
    missing = [name for name in table.column_names if name not in names]
    if missing:
        raise InputError(f"{named}: column {', '.join(missing)} is missing from {table.name}")
    extra = [name for name in names if name not in table.column_names]
    if extra and not table.wide:
        raise InputError(f"{named}: column {', '.join(extra)} is not declared for {table.name}")


def cast_by_engine(rows: ibis.Table, types: Mapping[str, str]) -> ibis.Table:
    """`rows` with the columns of `types` cast by the engine, even where Ibis holds the type for right already.

    DuckDB sums int64 to 128 bits, which Parquet stores as a float; Ibis calls the sum int64 and drops a cast.
    """
    casts = {name: ops.Cast(rows[name], to=dt.dtype(kind)).to_expr().name(name) for name, kind in types.items()}
    return rows.mutate(**casts)


def arrow_rows(table: Table, frame: pd.DataFrame) -> pa.Table:
    """Rows of a frame in the declared columns and types, columns beyond them last. Errors: InputError."""
    check_columns(table, list(frame.columns), named=table.name)
    declared = table.arrow_schema()
    ordered = table.column_names + [name for name in frame.columns if name not in table.column_names]
    arrays: list[pa.Array] = []
    for name in ordered:
        wanted = declared.field(name).type if name in declared.names else None
        try:
            arrays.append(_arrow_array(frame[name], wanted))
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
            # the engine's own message quotes the value: a patient's data, left out
            raise InputError(f"{table.name}: column {name} cannot be stored as {wanted}; correct its type") from None
    return pa.table(arrays, names=ordered)


def _arrow_array(values: pd.Series, wanted: pa.DataType | None) -> pa.Array:
    array = pa.array(values, from_pandas=True)
    array = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    return array if wanted is None else array.cast(wanted)


def write_expression(table: Table, rows: ibis.Table, path: Path) -> None:
    """None, once the rows of an expression lie in one file at `path`, declared columns first. Errors: InputError."""
    check_columns(table, list(rows.columns), named=table.name)
    types = {column.name: IBIS_TYPES.get(column.type, column.type) for column in table.columns}
    extra = [name for name in rows.columns if name not in types]
    typed = cast_by_engine(rows, types).select(*types, *extra)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".parts-") as folder:
        written = Path(folder) / "parts"
        typed.get_backend().to_parquet(typed, written)
        if written.is_dir():
            _join_parts(written, path)
        else:
            written.replace(path)


def _join_parts(folder: Path, path: Path) -> None:
    """A distributed engine writes a folder of parts: stream them into the one file of the dataset."""
    parts = pads.dataset(folder, format="parquet", partitioning=None)
    with pq.ParquetWriter(path, parts.schema) as writer:
        for batch in parts.to_batches():
            writer.write_batch(batch)


def _same_type(found: pa.DataType, wanted: pa.DataType) -> bool:
    if pa.types.is_list(wanted):
        return pa.types.is_list(found) and _same_type(found.value_type, wanted.value_type)
    if pa.types.is_string(wanted):
        return pa.types.is_string(found) or pa.types.is_large_string(found)
    return found == wanted


def _null_count(path: Path, metadata: pq.FileMetaData, name: str) -> int:
    leaves = [i for i in range(metadata.num_columns) if metadata.schema.column(i).path == name]
    counted = 0
    for group in range(metadata.num_row_groups):
        statistics = metadata.row_group(group).column(leaves[0]).statistics if leaves else None
        if statistics is None or not statistics.has_null_count:
            return pads.dataset(path).count_rows(filter=pads.field(name).is_null())
        counted += statistics.null_count
    return counted


def _check_key(table: Table, path: Path, named: Path) -> None:
    keys = pq.read_table(path, columns=list(table.key), partitioning=None)
    distinct = keys.group_by(list(table.key)).aggregate([]).num_rows
    if distinct < keys.num_rows:
        raise InputError(
            f"{named}: {keys.num_rows - distinct} rows repeat the key ({', '.join(table.key)}); "
            f"a row of {table.name} is {table.grain}"
        )
