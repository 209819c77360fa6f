"""Arrow columns from NumPy arrays without a Python loop, and Parquet parts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from features.synth.model import Array

EUROS = pa.decimal128(13, 2)
ROW_GROUP = 1 << 18
COMPRESSION = "snappy"


def integers(values: Array, null: Array | None = None) -> pa.Array:
    """An int32 column; null where `null` is true."""
    return pa.array(np.ascontiguousarray(values, dtype=np.int32), mask=null)


def long_integers(values: Array) -> pa.Array:
    """An int64 column."""
    return pa.array(np.ascontiguousarray(values, dtype=np.int64))


def days(values: Array) -> pa.Array:
    """A date column from days since 1970."""
    return pa.array(np.ascontiguousarray(values, dtype=np.int32)).view(pa.date32())


def euros(cents: Array) -> pa.Array:
    """A decimal(13,2) column from whole cents: the 128 bits are the cents and their sign."""
    words = np.empty((cents.size, 2), dtype=np.int64)
    words[:, 0] = cents
    words[:, 1] = words[:, 0] >> 63
    return pa.Array.from_buffers(EUROS, cents.size, [None, pa.py_buffer(words)])


def coded(places: Array, texts: Sequence[str] | pa.Array) -> pa.DictionaryArray:
    """A text column from places in a list of texts; place -1 is null."""
    places = np.ascontiguousarray(places, dtype=np.int32)
    is_null = places < 0
    values = texts if isinstance(texts, pa.Array) else pa.array(texts, pa.string())
    return pa.DictionaryArray.from_arrays(pa.array(places, mask=is_null if is_null.any() else None), values)


def constant(text: str, size: int) -> pa.DictionaryArray:
    """A text column that holds one value."""
    return coded(np.zeros(size, dtype=np.int32), [text])


def texts(values: Sequence[str]) -> pa.Array:
    """A text column."""
    return pa.array(values, pa.string())


def write_part(folder: Path, part: str, columns: dict[str, pa.Array], *, plain: Sequence[str] = ()) -> None:
    """One Parquet part of a table, without the dictionaries of Arrow in its schema; `plain` columns repeat little."""
    folder.mkdir(parents=True, exist_ok=True)
    table = pa.table(columns)
    fields = [
        pa.field(field.name, field.type.value_type if pa.types.is_dictionary(field.type) else field.type)
        for field in table.schema
    ]
    pq.write_table(
        table,
        folder / f"{part}.parquet",
        compression=COMPRESSION,
        use_dictionary=[name for name in columns if name not in plain],
        row_group_size=ROW_GROUP,
        dictionary_pagesize_limit=1 << 22,
        store_schema=False,
        write_statistics=True,
        store_decimal_as_integer=True,
        column_encoding=None,
    )
    del fields
