"""An encoded matrix in few bytes: each column an Arrow array of the smallest type that holds its values exactly.

LightGBM bins such a table, and predicts from it, as it stands: the same bins and the same trees as from a matrix of
float64, of which a block at a time is made where one is needed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

import numpy as np
import pyarrow as pa

ROWS_OF_BLOCK = 200_000

Matrix: TypeAlias = np.ndarray | pa.Table


def empty_columns(columns: int, rows: int) -> list[np.ndarray]:
    """Columns of zeros, one byte a row, for `put` to fill."""
    return [np.zeros(rows, dtype=np.uint8) for _ in range(columns)]


def put(columns: list[np.ndarray], places: np.ndarray, matrix: np.ndarray) -> None:
    """Write the rows of `matrix` (float64) at `places`; a column is widened where a value would not be kept exactly."""
    for number, values in enumerate(np.asfortranarray(matrix).T):
        kind = np.promote_types(columns[number].dtype, narrowest(values))
        if kind != columns[number].dtype:
            columns[number] = columns[number].astype(kind)
        columns[number][places] = values


def narrowest(values: np.ndarray) -> np.dtype:
    """Smallest of uint8, int16, float32 and float64 that holds every value exactly; NaN needs a float."""
    low, high = values.min(initial=0), values.max(initial=0)
    if low >= -(2**15) and high < 2**15 and (np.trunc(values) == values).all():
        return np.dtype(np.uint8 if low >= 0 and high < 2**8 else np.int16)
    with np.errstate(over="ignore"):
        narrow = values.astype(np.float32)
    return np.dtype(np.float32 if ((narrow == values) | np.isnan(values)).all() else np.float64)


def table_of(names: Sequence[str], columns: Sequence[np.ndarray]) -> pa.Table:
    """Arrow table of the columns, without copy."""
    return pa.table([pa.array(column) for column in columns], names=list(names))


def compact(names: Sequence[str], matrix: np.ndarray) -> pa.Table:
    """The table of a matrix of float64."""
    columns = empty_columns(matrix.shape[1], len(matrix))
    for start in range(0, len(matrix), ROWS_OF_BLOCK):
        block = matrix[start : start + ROWS_OF_BLOCK]
        put(columns, np.arange(start, start + len(block)), block)
    return table_of(names, columns)


def stacked(tables: Sequence[pa.Table]) -> pa.Table:
    """Tables of the same names one below the other; only columns whose types differ are copied."""
    if len(tables) == 1:
        return tables[0]
    kinds = [[table.schema.field(name).type.to_pandas_dtype() for table in tables] for name in tables[0].column_names]
    types = [pa.from_numpy_dtype(np.result_type(*of_column)) for of_column in kinds]
    schema = pa.schema(zip(tables[0].column_names, types, strict=True))
    return pa.concat_tables([table.cast(schema) for table in tables])


def dense(matrix: Matrix) -> np.ndarray:
    """The matrix of float64, shape (n, columns), of a table; an array is returned as it is."""
    if isinstance(matrix, np.ndarray):
        return matrix
    filled = np.empty(matrix.shape)
    for number, column in enumerate(matrix.columns):
        filled[:, number] = column.to_numpy()
    return filled


def blocks(matrix: Matrix, rows: int = ROWS_OF_BLOCK) -> Iterator[tuple[slice, np.ndarray]]:
    """Places and matrix of `rows` rows at a time; nothing for an empty table."""
    for start in range(0, len(matrix), rows):
        places = slice(start, min(start + rows, len(matrix)))
        yield places, dense(matrix[places.start : places.stop])


def rows_at(matrix: Matrix, places: np.ndarray) -> Matrix:
    """Rows of a matrix or table by place."""
    return matrix[places] if isinstance(matrix, np.ndarray) else matrix.take(pa.array(places))


def only_numbers(table: pa.Table) -> pa.Table:
    """The table, whose columns are all numbers or flags. Errors: ValueError naming another."""
    for field in table.schema:
        if not (pa.types.is_integer(field.type) or pa.types.is_floating(field.type) or pa.types.is_boolean(field.type)):
            raise ValueError(f"column {field.name!r} is {field.type}; an Arrow table must hold numbers or flags")
    return table
