"""Rows, frames and Arrow tables by feature name turned into the matrix that a version scores.

One plan per card for the three, and one refusal, so that batch and service refuse and accept the same values.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from operator import itemgetter

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from features.encoding_json import RowDecoder, row_decoder
from features.errors import RequestError
from features.versions import CardFeature

Rows = Sequence[Mapping[str, object]]
NUMBERS: frozenset[type] = frozenset({int, float, type(None)})
FLAGS: frozenset[type] = NUMBERS | {bool}
LARGEST = sys.float_info.max
SAFE_NAME_LENGTH = 64


class FeatureError(RequestError):
    """A refused value: `field` names the feature, `row` counts from 0; None where it is not one of them."""

    def __init__(self, message: str, *, field: str | None = None, row: int | None = None) -> None:
        """The message begins with the row."""
        super().__init__(message if row is None else f"row {row}: {message}")
        self.field, self.row = field, row


@dataclass(frozen=True)
class Encoder:
    """How the features of a card are encoded: numbers as they are, flags 0 or 1, categories by rank, null NaN."""

    features: tuple[CardFeature, ...]
    names: tuple[str, ...]
    numbers: list[int]
    flags: list[int]
    ranks: dict[int, dict[str, float]]
    low: np.ndarray
    high: np.ndarray
    nullable: np.ndarray
    is_other: np.ndarray
    pickers: tuple[Callable[[Mapping[str, object]], tuple[object, ...]], ...] = field(repr=False)

    @cached_property
    def decoder(self) -> RowDecoder:
        """What decodes rows that are JSON text."""
        return row_decoder(self.features, self.ranks)

    def json(self, rows: bytes | msgspec.Raw, count: int) -> np.ndarray | None:
        """As `rows`, of an array of `count` objects as JSON text; None where only `rows` can tell what is wrong.

        A feature given twice is not seen here.
        """
        matrix = self.decoder.matrix(rows, count)
        return None if matrix is None else self._checked(matrix)

    def rows(self, rows: Rows) -> np.ndarray:
        """Matrix (n, features) of rows by name (JSON), in the order of the card.

        FeatureError naming field and row for an unknown or missing feature, a wrong type, a value out of range.
        """
        matrix = np.empty((len(rows), len(self.features)))
        if not rows:
            return matrix
        pick_number, pick_flag = self.pickers
        try:
            if any(len(row) != len(self.names) for row in rows):
                raise KeyError
            matrix[:, self.numbers] = _floats([pick_number(row) for row in rows], NUMBERS)
            matrix[:, self.flags] = _floats([pick_flag(row) for row in rows], FLAGS)
            for position, ranks in self.ranks.items():
                name = self.names[position]
                matrix[:, position] = [np.nan if row[name] is None else ranks[row[name]] for row in rows]  # type: ignore[index]
        except (KeyError, TypeError, OverflowError):
            raise _first_refusal(self.features, rows) from None
        return self._checked(matrix)

    def table(self, table: pa.Table) -> np.ndarray:
        """As `rows`, of an Arrow table with one column per feature (categories as text or dictionary)."""
        check_names(table.column_names, self.names)
        matrix, is_right = np.empty((table.num_rows, len(self.features))), True
        for position, feature in enumerate(self.features):
            column = _encoded_column(feature, table.column(feature.name), self.ranks.get(position))
            is_right &= self._takes_all(position, column)
            matrix[:, position] = column
        return matrix if is_right else self._checked(matrix)

    def _takes_all(self, position: int, column: np.ndarray) -> bool:
        """Whether a feature takes all values of a column."""
        wrong = (column < self.low[position]) | (column > self.high[position])
        if not self.is_other[position]:
            wrong |= (column != 0.0) & (column != 1.0) & (column == column)
        return not wrong.any() and bool(self.nullable[position] or not np.isnan(column).any())

    def _checked(self, matrix: np.ndarray) -> np.ndarray:
        is_flag_value = (matrix == 0.0) | (matrix == 1.0)
        if ((matrix >= self.low) & (matrix <= self.high) & (is_flag_value | self.is_other)).all():
            return matrix
        null = np.isnan(matrix)
        wrong = (matrix < self.low) | (matrix > self.high) | (null & ~self.nullable)
        flags = matrix[:, self.flags]
        wrong[:, self.flags] |= (flags != 0.0) & (flags != 1.0) & ~null[:, self.flags]
        if wrong.any():
            row, position = divmod(int(np.argmax(wrong)), matrix.shape[1])
            raise refused(self.features[position], "null" if null[row, position] else "this value", row)
        return matrix


def encoder_of(features: Sequence[CardFeature]) -> Encoder:
    """Encoder for the features of a card; build it once, it is what makes one row fast."""
    kinds = [feature.kind for feature in features]
    numbers = [i for i, kind in enumerate(kinds) if kind not in ("flag", "category")]
    flags = [i for i, kind in enumerate(kinds) if kind == "flag"]
    names = tuple(feature.name for feature in features)
    return Encoder(
        features=tuple(features),
        names=names,
        numbers=numbers,
        flags=flags,
        ranks={
            i: {c: float(r) for r, c in enumerate(f.categories)}
            for i, f in enumerate(features)
            if kinds[i] == "category"
        },
        low=np.array([-LARGEST if f.low is None or f.kind == "category" else f.low for f in features], dtype=float),
        high=np.array([LARGEST if f.high is None or f.kind == "category" else f.high for f in features], dtype=float),
        nullable=np.array([feature.nullable for feature in features], dtype=bool),
        is_other=np.array([kind != "flag" for kind in kinds], dtype=bool),
        pickers=(_picker([names[i] for i in numbers]), _picker([names[i] for i in flags])),
    )


def encode_rows(features: Sequence[CardFeature], rows: Rows) -> np.ndarray:
    """Matrix (n, features) of rows by feature name; errors as `Encoder.rows`."""
    return encoder_of(features).rows(rows)


def encode_table(features: Sequence[CardFeature], table: pa.Table) -> np.ndarray:
    """Matrix (n, features) of an Arrow table; errors as `Encoder.table`."""
    return encoder_of(features).table(table)


def encode_frame(features: Sequence[CardFeature], frame: pd.DataFrame) -> np.ndarray:
    """Matrix (n, features) of a pandas frame, through Arrow; errors as `Encoder.table`."""
    check_names(list(frame.columns), [feature.name for feature in features])
    columns = [_arrow_column(feature, frame[feature.name]) for feature in features]
    return encoder_of(features).table(pa.table(columns, names=[feature.name for feature in features]))


def refused(feature: CardFeature, what: str, row: int | None = None) -> FeatureError:
    """The error for a value that `feature` does not take; it never repeats the value."""
    if feature.kind == "category":
        right = "one of the texts " + ", ".join(f'"{category}"' for category in feature.categories)
    elif feature.kind == "flag":
        right = "0, 1, true or false"
    else:
        bounds = [
            f"{word} {bound:g}" for word, bound in (("from", feature.low), ("to", feature.high)) if bound is not None
        ]
        right = " ".join(["a number", *bounds])
    message = f"feature {feature.name!r} does not take {what}; give {right}{' or null' if feature.nullable else ''}"
    return FeatureError(message, field=feature.name, row=row)


def safe_name(name: object) -> str | None:
    """`name` if it looks like the name of a feature, else None: a message never repeats submitted data."""
    is_name = isinstance(name, str) and name.isascii() and name.isidentifier() and len(name) <= SAFE_NAME_LENGTH
    return str(name) if is_name else None


def _picker(names: list[str]) -> Callable[[Mapping[str, object]], tuple[object, ...]]:
    if not names:
        return lambda row: ()
    if len(names) == 1:
        only = names[0]
        return lambda row: (row[only],)
    return itemgetter(*names)


def _floats(values: list[tuple[object, ...]], allowed: frozenset[type]) -> np.ndarray:
    if not allowed.issuperset(map(type, chain.from_iterable(values))):
        raise TypeError
    return np.array(values, dtype=float)


def check_names(given: Iterable[str], wanted: Sequence[str], row: int | None = None) -> None:
    """FeatureError for the first name that is unknown, given twice or missing."""
    names = list(given)
    known = set(wanted)
    unknown = next((name for name in names if name not in known), None)
    if unknown is not None:
        shown = safe_name(unknown)
        message = f"unknown feature {shown!r}" if shown else "a name that is not that of a feature"
        raise FeatureError(f"{message}; this model takes the {len(wanted)} of its card", field=shown, row=row)
    if len(names) != len(set(names)):
        double = next(name for name in names if names.count(name) > 1)
        raise FeatureError(f"feature {double!r} is given twice; give it once", field=double, row=row)
    missing = next((name for name in wanted if name not in set(names)), None)
    if missing is not None:
        message = f"feature {missing!r} is missing; give it (null where the card allows it)"
        raise FeatureError(message, field=missing, row=row)


def _first_refusal(features: Sequence[CardFeature], rows: Rows) -> FeatureError:
    """The first wrong name or type in `rows`; called once something was found wrong."""
    wanted = [feature.name for feature in features]
    for number, row in enumerate(rows):
        try:
            check_names(row, wanted, number)
        except FeatureError as error:
            return error
        for feature in features:
            if not _takes(feature, row[feature.name]):
                return refused(feature, "this value", number)
    return FeatureError("a value cannot be read; give numbers, true or false, texts or null")


def _takes(feature: CardFeature, value: object) -> bool:
    if value is None:
        return True
    if feature.kind == "category":
        return isinstance(value, str) and value in feature.categories
    if type(value) is int:
        return abs(value) <= LARGEST
    return type(value) in (FLAGS if feature.kind == "flag" else NUMBERS)


def _arrow_column(feature: CardFeature, column: pd.Series) -> pa.Array | pa.ChunkedArray:
    try:
        return pa.array(column, from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        raise refused(feature, "a column of mixed or unreadable values") from None


def check_type(feature: CardFeature, kind: pa.DataType) -> None:
    """FeatureError for a column of a type that `feature` does not take; null, of which all values are, is taken."""
    if feature.kind == "category":
        value = kind.value_type if pa.types.is_dictionary(kind) else kind
        is_right = pa.types.is_string(value) or pa.types.is_large_string(value)
    else:
        is_right = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
        is_right |= feature.kind == "flag" and pa.types.is_boolean(kind)
    if not (is_right or pa.types.is_null(kind)):
        raise refused(feature, "a column of this type")


def _encoded_column(feature: CardFeature, column: pa.ChunkedArray, ranks: dict[str, float] | None) -> np.ndarray:
    check_type(feature, column.type)
    if pa.types.is_null(column.type):
        return np.full(len(column), np.nan)
    if ranks is not None:
        return _ranked(feature, column, ranks)
    try:
        numbers = column.cast(pa.float64(), safe=False).to_numpy()
    except pa.ArrowException:
        raise refused(feature, "a column of this type") from None
    return np.asarray(numbers, dtype=float)


def _ranked(feature: CardFeature, column: pa.ChunkedArray, ranks: dict[str, float]) -> np.ndarray:
    """Ranks of a text column, through its dictionary: a repeated text is never written out."""
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    encoded = np.empty(len(column))
    start, place, known = 0, None, np.empty(0)
    for chunk in column.chunks:
        if place != (place := _place(chunk.dictionary)):  # batches that share a dictionary look it up once
            texts = chunk.dictionary.to_pylist()
            known = np.array([np.nan if text is None else ranks.get(text, -1.0) for text in [*texts, None]])
        codes = pc.fill_null(chunk.indices.cast(pa.int64()), len(known) - 1).to_numpy(zero_copy_only=False)
        encoded[start : start + len(chunk)] = known[codes]
        start += len(chunk)
    wrong = encoded < 0
    if wrong.any():
        raise refused(feature, "this value", int(np.argmax(wrong)))
    return encoded


def _place(array: pa.Array) -> tuple[int, int, list[int]]:
    """Where an array lies in memory, which holds for as long as it is kept."""
    return array.offset, len(array), [buffer.address if buffer else 0 for buffer in array.buffers()]
