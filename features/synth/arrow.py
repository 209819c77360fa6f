"""Arrow columns from NumPy arrays without a Python loop, and Parquet parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from features.synth.model import Array
from features.synth.shelf import DICTIONARY_PAGE, Shelf

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
    """A text column from places in a list of texts, all different; place -1 is null."""
    places = np.ascontiguousarray(places, dtype=np.int32)
    is_null = places < 0
    values = texts if isinstance(texts, pa.Array) else pa.array(texts, pa.string())
    return pa.DictionaryArray.from_arrays(pa.array(places, mask=is_null if is_null.any() else None), values)


def looked_up(places: Array, texts: Sequence[str]) -> pa.DictionaryArray:
    """As `coded`, from a list in which texts come back: Parquet wants each once, or its bytes vary."""
    each = tuple(dict.fromkeys(texts))
    place_of = {text: place for place, text in enumerate(each)}
    return coded(np.array([place_of[text] for text in texts])[places], each)


def constant(text: str, size: int) -> pa.DictionaryArray:
    """A text column that holds one value."""
    return coded(np.zeros(size, dtype=np.int32), [text])


def texts(values: Sequence[str]) -> pa.Array:
    """A text column."""
    return pa.array(values, pa.string())


@dataclass(frozen=True)
class Part:
    """Where the rows of one chunk (and care year) go: the folder of the tables, the number of the chunk, the part.

    With a shelf the rows join those of the other chunks of the group; without one, each part is a file.
    """

    folder: Path
    chunk: int
    name: str
    shelf: Shelf | None = None

    def write(self, table: str, columns: dict[str, pa.Array], *, plain: Sequence[str] = ()) -> None:
        """The part of a table; `plain` columns repeat little and take no dictionary."""
        if self.shelf is None:
            write_file(self.folder / table / f"{self.name}.parquet", columns, plain=plain)
        else:
            self.shelf.add(self.folder / table, columns, plain=plain)


def write_file(path: Path, columns: dict[str, pa.Array], *, plain: Sequence[str] = ()) -> None:
    """One Parquet file; dictionaries of Arrow are an economy of this program and stay out of its schema."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(
        pa.table(columns),
        path,
        compression=COMPRESSION,
        use_dictionary=[name for name in columns if name not in plain],
        row_group_size=ROW_GROUP,
        dictionary_pagesize_limit=DICTIONARY_PAGE,
        store_schema=False,
        store_decimal_as_integer=True,
    )


def at(columns: dict[str, pa.Array], places: Array) -> dict[str, pa.Array]:
    """The rows of columns at some places."""
    taken = pa.array(places)
    return {name: column.take(taken) for name, column in columns.items()}
