"""A dataset written in pieces: batches in, one checked dataset out, under its name only when complete."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Protocol

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from features.buckets import bucket_file, publish
from features.provenance import Provenance, forget_provenance, write_provenance
from features.store import arrow_rows, check_columns, check_file, single_path
from features.tables import TYPES, Table


class Write(Protocol):
    """Adds rows to the dataset, in the bucket given; each call is one row group."""

    def __call__(self, rows: pa.RecordBatch | pa.Table | pd.DataFrame, *, bucket: int = 0) -> None:
        """None, once the rows are written."""


@contextmanager
def dataset_writer(
    table: Table, data: Path, year: int | None, *, provenance: Provenance, buckets: int = 1
) -> Iterator[Write]:
    """Call what it yields with the rows, in any number of pieces; the dataset appears when the block ends well.

    `buckets` above 1 makes a folder of so many buckets: pass the bucket of the rows (that of the dataset they were
    computed from). Columns in any order; a `wide` table may carry more, the same in every piece. Nothing is left of
    a block that fails. The declaration is checked at the end, keys included.
    Errors: InputError for a missing or undeclared column, a type that cannot be cast, a null where none is allowed, a
    key that is not unique.
    """
    path = single_path(data, table, year)
    named = path if buckets == 1 else path.with_suffix("")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.pieces")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    with ExitStack() as undo:
        undo.callback(shutil.rmtree, temporary, ignore_errors=True)
        pieces = _Pieces(table, temporary)
        with ExitStack() as files:
            files.callback(pieces.close)
            yield pieces.write
        pieces.fill(buckets)
        check_file(table, temporary if buckets > 1 else bucket_file(temporary, 0), named=named)
        rows = sum(pq.read_metadata(bucket_file(temporary, bucket)).num_rows for bucket in range(buckets))
        forget_provenance(named)
        publish(temporary if buckets > 1 else bucket_file(temporary, 0), path)
    write_provenance(named, provenance, rows=rows)


def publish_buckets(table: Table, data: Path, files: list[Path], year: int, *, provenance: Provenance) -> Path:
    """Path of the dataset whose buckets, in order, are `files`: linked, so that they also stay where they are.

    Errors: InputError where one breaks the declaration.
    """
    path = single_path(data, table, year).with_suffix("")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.buckets")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    for bucket, file in enumerate(files):
        _link(file, bucket_file(temporary, bucket))
    check_file(table, temporary, named=path)
    rows = sum(pq.read_metadata(file).num_rows for file in files)
    forget_provenance(path)
    publish(temporary, path)
    write_provenance(path, provenance, rows=rows)
    return path


def _link(file: Path, to: Path) -> None:
    try:
        os.link(file, to)
    except OSError:  # a file system without hard links
        shutil.copy2(file, to)


class _Pieces:
    """The files of a dataset being written; all have the columns of the first piece."""

    def __init__(self, table: Table, folder: Path) -> None:
        self.table, self.folder = table, folder
        self.schema = pa.schema([(column.name, TYPES[column.type]) for column in table.columns])
        self.files: dict[int, pq.ParquetWriter] = {}

    def write(self, rows: pa.RecordBatch | pa.Table | pd.DataFrame, *, bucket: int = 0) -> None:
        ordered = _ordered(self.table, rows)
        if not self.files:
            self.schema = ordered.schema
        if bucket not in self.files:
            self.files[bucket] = pq.ParquetWriter(bucket_file(self.folder, bucket), self.schema)
        self.files[bucket].write_table(ordered.select(self.schema.names).cast(self.schema))

    def fill(self, buckets: int) -> None:
        for bucket in set(range(buckets)) - set(self.files):
            pq.write_table(self.schema.empty_table(), bucket_file(self.folder, bucket))

    def close(self) -> None:
        for file in self.files.values():
            file.close()


def _ordered(table: Table, rows: pa.RecordBatch | pa.Table | pd.DataFrame) -> pa.Table:
    if isinstance(rows, pd.DataFrame):
        return arrow_rows(table, rows)
    found = rows if isinstance(rows, pa.Table) else pa.Table.from_batches([rows])
    check_columns(table, found.column_names, named=table.name)
    declared = {column.name: TYPES[column.type] for column in table.columns}
    extra = [pa.field(field.name, field.type) for field in found.schema if field.name not in declared]
    schema = pa.schema([*declared.items(), *extra])
    return found.select(schema.names).cast(schema)
