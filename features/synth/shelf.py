"""Rows of a group of chunks on their way to Parquet: by month of flux, in row groups of a useful size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from features.synth.days import month_of
from features.synth.model import Array

FLUX = "FLX_DIS_DTD"
ROWS = 122_880
FEW_TEXTS = 256
SAMPLE = 64
DICTIONARY_PAGE = 1 << 22
COMPRESSION, LEVEL = "zstd", 1


@dataclass
class _File:
    """A file being written, and the rows that wait for a full row group."""

    path: Path
    schema: pa.Schema
    plain: tuple[str, ...]
    waiting: list[pa.Table] = field(default_factory=list)
    rows: int = 0
    writer: pq.ParquetWriter | None = None


@dataclass
class Shelf:
    """The files of one group of chunks, each named after the group; memory is at most a row group per file.

    Tables that carry FLX_DIS_DTD go to a folder per month, flux=YYYY-MM; the others to one file.
    """

    name: str
    files: dict[Path, _File] = field(default_factory=dict)

    def add(self, folder: Path, columns: dict[str, pa.Array], *, plain: Sequence[str] = ()) -> None:
        """Rows of a table, in the order of the chunks; `plain` columns repeat little and take no dictionary."""
        if FLUX not in columns:
            self._put(folder, {name: _compact(column) for name, column in columns.items()}, plain)
            return
        each = {id(column): column for column in columns.values()}
        constant = {key for key, column in each.items() if _is_constant(column)}
        for month, places in _by_month(columns[FLUX]):
            taken = {
                key: _repeated(column, len(places)) if key in constant else _compact(column.take(places))
                for key, column in each.items()
            }
            rows = {name: taken[id(column)] for name, column in columns.items()}
            self._put(folder / f"flux={month}", rows, plain)

    def close(self) -> None:
        """Writes what waits; every file is whole afterwards, in the order in which they were begun."""
        for file in self.files.values():
            _flush(file)
            _writer(file).close()
        self.files.clear()

    def _put(self, folder: Path, columns: dict[str, pa.Array], plain: Sequence[str]) -> None:
        rows = pa.table(columns)
        path = folder / f"{self.name}.parquet"
        file = self.files.setdefault(path, _File(path, rows.schema, tuple(plain)))
        file.waiting.append(rows)
        file.rows += rows.num_rows
        if file.rows >= ROWS:
            _flush(file)


def _by_month(flux: pa.Array) -> Iterator[tuple[str, pa.Array]]:
    """Each month of flux, in order, and the places of its rows."""
    month = month_of(flux.view(pa.int32()).to_numpy()).astype(np.int16)
    order = np.argsort(month, kind="stable")
    found, first = np.unique(month[order], return_index=True)
    for value, places in zip(found, np.split(order, first[1:]), strict=True):
        yield str(value.astype("M8[M]")), pa.array(places.astype(np.int32))


def _is_constant(column: pa.Array) -> bool:
    """Whether every row holds the same: such columns need not be gathered row by row."""
    codes = column.indices if pa.types.is_dictionary(column.type) else column
    if not len(codes) or codes.null_count or codes.offset or not pa.types.is_primitive(codes.type):
        return False
    words = codes.type.bit_width // 32
    values = np.frombuffer(codes.buffers()[1], dtype=np.int32, count=words * len(codes)).reshape(-1, words)
    return bool((values[:SAMPLE] == values[0]).all() and (values == values[0]).all())


def _repeated(column: pa.Array, size: int) -> pa.Array:
    """So many rows of a constant column."""
    if pa.types.is_dictionary(column.type):
        return pa.DictionaryArray.from_arrays(pa.repeat(column.indices[0], size), column.dictionary)
    return pa.repeat(column[0], size)


def _compact(column: pa.Array) -> pa.Array:
    """A text column whose dictionary holds the texts in use only; other columns as they are."""
    if not pa.types.is_dictionary(column.type) or len(column.dictionary) <= FEW_TEXTS:
        return column
    place: Array = column.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    used = np.zeros(len(column.dictionary), dtype=bool)
    used[place[place >= 0]] = True
    number = np.append(np.cumsum(used, dtype=np.int32) - 1, np.int32(-1))[place]
    codes = pa.array(number.astype(np.int32), mask=place < 0 if column.null_count else None)
    return pa.DictionaryArray.from_arrays(codes, column.dictionary.take(pa.array(np.flatnonzero(used))))


def _flush(file: _File) -> None:
    """The rows that wait, as one row group."""
    if file.rows:
        rows = pa.concat_tables(file.waiting).unify_dictionaries().combine_chunks()
        _writer(file).write_table(rows, row_group_size=rows.num_rows)
    file.waiting, file.rows = [], 0


def _writer(file: _File) -> pq.ParquetWriter:
    """The writer of the file, opened on a new file the first time: what a killed run left of it is not written over."""
    if file.writer is None:
        file.path.parent.mkdir(parents=True, exist_ok=True)
        file.path.unlink(missing_ok=True)
        deltas = [name for name in file.plain if pa.types.is_integer(file.schema.field(name).type)]
        file.writer = pq.ParquetWriter(
            file.path,
            file.schema,
            compression=COMPRESSION,
            compression_level=LEVEL,
            write_statistics=[field.name for field in file.schema if pa.types.is_date(field.type)],
            use_dictionary=[name for name in file.schema.names if name not in file.plain],
            column_encoding=dict.fromkeys(deltas, "DELTA_BINARY_PACKED") or None,
            dictionary_pagesize_limit=DICTIONARY_PAGE,
            store_schema=False,
            store_decimal_as_integer=True,
        )
    return file.writer
