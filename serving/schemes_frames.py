"""Rows of a request turned into the frames that schemes read; a wrong value is refused by frame, column and row."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any, NoReturn

import numpy as np
import pandas as pd

from features.encoding import safe_name
from serving.refusals import RefusalError
from serving.schemes_columns import FIRST_DAY, LAST_DAY, LONGEST_TEXT, MOST, Frame, Kind, kind_of

Row = dict[str, Any]
FEATURES = "features"
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
TYPES: dict[str, frozenset[type]] = {
    "text": frozenset({str}),
    "day": frozenset({str}),
    "flag": frozenset({bool}),
    "number": frozenset({int, float}),
}


def refuse(name: str, column: str, row: int | None, what: str) -> NoReturn:
    """Errors: RefusalError 422 naming frame, column and row (from 0)."""
    place = f", row {row}" if row is not None else ""
    raise RefusalError(422, f"{name}: column {column}{place}: {what}", field=f"{name}.{column}", row=row)


def rows_of(inputs: Mapping[str, object], frames: Mapping[str, Frame], *, max_rows: int) -> dict[str, list[Row]]:
    """The frames of a request as rows: those of the scheme, each an array of objects, within the limit.

    Errors: RefusalError 422 for a frame unknown, missing or of another type, 413 for too many rows.
    """
    if unknown := next((name for name in inputs if name not in frames), None):
        shown = safe_name(unknown)
        raise RefusalError(422, f"{shown or 'a name'} is not a frame; give {', '.join(frames)}", field=shown)
    for name, frame in frames.items():
        if name not in inputs and not frame.is_optional:
            raise RefusalError(422, f"the frame {name} is missing; give it, [] where it has no row", field=name)
    found = {name: _rows(name, given) for name, given in inputs.items()}
    if sum(map(len, found.values())) > max_rows:
        raise RefusalError(413, f"over {max_rows:,} rows in all; send fewer at a time", field="inputs")
    for name, rows in found.items():
        if frames[name].when_empty and not rows:
            raise RefusalError(422, f"{name} has no row; {frames[name].when_empty}", field=name)
    return found


def frame_of(name: str, rows: Sequence[Row], frame: Frame) -> pd.DataFrame:
    """The rows as a frame: every row with the same columns, every value of its kind, days as datetime64.

    Errors: RefusalError 422 naming frame, column and row.
    """
    given = _columns(name, rows, frame)
    found = {column: _column(name, column, [row[column] for row in rows], frame.kinds[column]) for column in given}
    return pd.DataFrame(found, columns=given)


def _rows(name: str, given: object) -> list[Row]:
    if not isinstance(given, list):
        raise RefusalError(422, f"{name} should be an array of objects, one by row", field=name)
    wrong = next((row for row, one in enumerate(given) if not isinstance(one, dict)), None)
    if wrong is not None:
        raise RefusalError(422, f"{name}, row {wrong}: should be an object by column name", field=name, row=wrong)
    return given


def _columns(name: str, rows: Sequence[Row], frame: Frame) -> list[str]:
    """The columns that the rows have. A column in some rows and not in others would be a default: it is refused."""
    if not rows:
        return list(frame.columns)
    first = rows[0].keys()
    for number, row in enumerate(rows):
        if number == 0 or row.keys() != first:
            _check_names(name, number, row, frame)
            for column in sorted((first ^ row.keys()) & frame.kinds.keys()):
                where = number if column not in row else 0
                refuse(name, column, where, "is missing; every row of a frame has the same columns, null where empty")
    alone = [column for column in frame.together if column in first]
    if alone and len(alone) < len(frame.together):
        refuse(name, alone[0], 0, f"{' and '.join(frame.together)} are given together, or neither")
    return [column for column in frame.kinds if column in first]


def _check_names(name: str, number: int, row: Row, frame: Frame) -> None:
    unknown = next((column for column in row if column not in frame.kinds), None)
    if unknown is not None:
        shown = safe_name(unknown) or "(name not shown)"
        refuse(name, shown, number, f"is not a column of {name}; it has {', '.join(frame.kinds)}")
    missing = next((column for column in frame.columns if column not in row), None)
    if missing is not None:
        scored = f", or {FEATURES} in its place" if frame.is_scored and missing == "expected_eur" else ""
        refuse(name, missing, number, f"is missing; give it{scored}")


def _column(name: str, column: str, values: list[Any], kind_name: str) -> pd.Series:
    kind, is_nullable = kind_of(kind_name)
    allowed = TYPES[kind.type] | {type(None)} if is_nullable else TYPES[kind.type]
    want = f"should be {kind.want}{', or null' if is_nullable else ''}"
    if not allowed.issuperset(map(type, values)):
        refuse(name, column, next(row for row, value in enumerate(values) if type(value) not in allowed), want)
    try:
        return READ[kind.type](values, kind)
    except _WrongRowError as error:
        refuse(name, column, error.row, want)


class _WrongRowError(Exception):
    """The first row of a column that its kind does not take."""

    def __init__(self, wrong: Iterable[bool] | np.ndarray) -> None:
        super().__init__()
        self.row = int(np.argmax(np.fromiter(wrong, dtype=bool)))


def _numbers(values: list[Any], kind: Kind) -> pd.Series:
    if any(value is not None and not -MOST <= value <= MOST for value in values):
        raise _WrongRowError(value is not None and not -MOST <= value <= MOST for value in values)
    numbers = np.array([np.nan if value is None else value for value in values], dtype=float)
    null = np.isnan(numbers)
    wrong = (numbers < kind.low) | (numbers > kind.high)
    if kind.is_whole:
        wrong |= ~null & (numbers != np.floor(numbers))
    if wrong.any():
        raise _WrongRowError(wrong)
    return pd.Series(numbers.astype("int64") if kind.is_whole and not null.any() else numbers)


def _texts(values: list[Any], kind: Kind) -> pd.Series:
    if not all(value is None or _is_text(value, kind) for value in values):
        raise _WrongRowError(value is not None and not _is_text(value, kind) for value in values)
    return pd.Series(values, dtype=object)


def _is_text(value: str, kind: Kind) -> bool:
    if kind.choices:
        return value in kind.choices
    if kind.pattern:
        return re.fullmatch(kind.pattern, value) is not None
    return 0 < len(value) <= LONGEST_TEXT and value.isprintable()


def _flags(values: list[Any], kind: Kind) -> pd.Series:
    return pd.Series(values, dtype=object if None in values else bool)


def _days(values: list[Any], kind: Kind) -> pd.Series:
    if not all(value is None or _is_day(value) for value in values):
        raise _WrongRowError(value is not None and not _is_day(value) for value in values)
    return pd.Series(np.array(values, dtype="datetime64[us]"))


def _is_day(value: str) -> bool:
    if not DAY.fullmatch(value) or not FIRST_DAY <= value <= LAST_DAY:
        return False
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


READ: dict[str, Callable[[list[Any], Kind], pd.Series]] = {
    "text": _texts,
    "day": _days,
    "flag": _flags,
    "number": _numbers,
}
