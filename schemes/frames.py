"""Frames that schemes read, declared as columns of known kinds, and typed; errors name frame, column and row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from features.errors import FrameError, InputError

Read = Callable[[pd.Series], tuple[pd.Series, np.ndarray]]
Kinds = Mapping[str, tuple[Read, str]]


@dataclass(frozen=True)
class Spec:
    """Columns a frame must have and may have, each with its kind, and the columns no two rows share."""

    columns: dict[str, str]
    key: tuple[str, ...]
    may_have: dict[str, str] = field(default_factory=dict)
    is_optional: bool = False


def typed_frame(name: str, frame: pd.DataFrame, spec: Spec, kinds: Kinds) -> pd.DataFrame:
    """The declared columns of a frame, typed.

    Errors: InputError for a missing column, an empty or impossible value, or two rows of one key, naming the frame,
    the column and the first such row (1 is the first row of the frame).
    """
    if lacking := [column for column in spec.columns if column not in frame.columns]:
        raise InputError(f"{name}: column {', '.join(lacking)} is missing; it has {', '.join(map(str, frame.columns))}")
    wanted = {**spec.columns, **{column: kind for column, kind in spec.may_have.items() if column in frame.columns}}
    typed = pd.DataFrame({column: _typed(name, frame[column], kind, kinds) for column, kind in wanted.items()})
    key = [column for column in spec.key if column in typed.columns]
    refuse(name, key, typed.duplicated(key).to_numpy(), "found once; an earlier row has the same key")
    return typed


def refuse(name: str, column: str | Sequence[str], wrong: np.ndarray, want: str) -> None:
    """Nothing where no row is wrong. Errors: FrameError naming frame, column(s), first wrong row and how many."""
    if wrong.any():
        columns = (column,) if isinstance(column, str) else tuple(column)
        row, count = int(np.argmax(wrong)), int(wrong.sum())
        raise FrameError(f"should be {want}", frame=name, columns=columns, row=row, count=count)


def _typed(name: str, values: pd.Series, kind: str, kinds: Kinds) -> pd.Series:
    base, is_nullable = kind.removesuffix("_or_none"), kind.endswith("_or_none")
    read, want = kinds[base]
    typed, wrong = read(values)
    absent = values.isna().to_numpy() | (values.astype(object) == "").to_numpy()
    refuse(name, str(values.name), wrong & ~absent, want)
    if not is_nullable:
        refuse(name, str(values.name), absent, f"{want}, not empty")
    return typed.reset_index(drop=True)


def _text(values: pd.Series) -> tuple[pd.Series, np.ndarray]:
    given = zip(values.to_numpy(dtype=object), values.isna().to_numpy(), strict=True)
    texts = [None if is_absent else str(value) for value, is_absent in given]
    return pd.Series([text or None for text in texts], dtype=object), np.zeros(len(values), dtype=bool)


def one_of(choices: tuple[str, ...]) -> Read:
    """A reader of text that is one of the choices."""
    return lambda values: (_text(values)[0], ~values.astype(object).isin(choices).to_numpy())


def _number(values: pd.Series) -> pd.Series:
    return pd.to_numeric(values, errors="coerce").astype("float64")


def numeric(is_right: Callable[[np.ndarray], np.ndarray]) -> Read:
    """A reader of finite numbers for which a test holds."""

    def read(values: pd.Series) -> tuple[pd.Series, np.ndarray]:
        numbers = _number(values)
        return numbers, ~(np.isfinite(numbers.to_numpy()) & is_right(numbers.to_numpy()))

    return read


def _flag(values: pd.Series) -> tuple[pd.Series, np.ndarray]:
    wrong = ~values.astype(object).isin((True, False)).to_numpy()
    return values.astype(object).eq(True), wrong


def _day(values: pd.Series) -> tuple[pd.Series, np.ndarray]:
    days = pd.to_datetime(values.astype(object).where(values.notna(), None), errors="coerce")
    return days, days.isna().to_numpy()


KINDS: Kinds = {
    "text": (_text, "text"),
    "day": (_day, "a day, YYYY-MM-DD"),
    "flag": (_flag, "true or false"),
    "number": (numeric(np.isfinite), "a number"),
    "amount": (numeric(lambda n: n >= 0), "a number of 0 or more"),
    "above_zero": (numeric(lambda n: n > 0), "a number above 0"),
    "share": (numeric(lambda n: (n >= 0) & (n <= 1)), "a share from 0 to 1"),
    "whole": (numeric(lambda n: (n >= 0) & (n == np.floor(n))), "a whole number of 0 or more"),
}
