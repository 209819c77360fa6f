"""CSV files that the payer gives: read as text, strictly, refused with file, row and column."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

import pandas as pd

from features.errors import InputError, MissingError


def read_rows(path: Path, columns: Sequence[str], *, optional: Sequence[str] = (), holds: str) -> pd.DataFrame:
    """Rows as stripped text, "" where empty: the `columns`, then those of `optional` (empty where absent).

    The separator is `,` or `;`; further columns are left out. `holds` says what the file lists.
    Errors: MissingError for no file; InputError for a column that is missing or there twice, or a row with more cells.
    """
    if not path.exists():
        raise MissingError(f"{path} is missing: it lists {', '.join(columns)}, {holds} a row")
    rows = _cells(path)
    missing = [name for name in columns if name not in rows.columns]
    if missing:
        raise InputError(f"{path.name}: column {', '.join(missing)} is missing; the file has {', '.join(columns)}")
    twice = sorted(set(rows.columns[rows.columns.duplicated()]) & {*columns, *optional})
    if twice:
        raise InputError(f"{path.name}: column {', '.join(twice)} stands there twice; keep one")
    absent = {name: "" for name in optional if name not in rows.columns}
    return rows.assign(**absent)[[*columns, *optional]]


def _cells(path: Path) -> pd.DataFrame:
    """Every cell as stripped text, "" where a row is short. Errors: InputError for a row with cells beyond the header.

    A list written a,b without quotes would otherwise lose its end.
    """
    text = path.read_text(encoding="utf-8-sig")
    separator = ";" if ";" in text.partition("\n")[0] else ","
    lines = [[cell.strip() for cell in line] for line in csv.reader(StringIO(text), delimiter=separator) if line]
    header, *given = lines or [[]]
    width = len(header)
    for number, line in enumerate(given, start=2):
        if any(line[width:]):
            many = f"row {number} has {len(line)} cells for {width} columns"
            raise InputError(f"{path.name}: {many}; put quotes around a cell that holds {separator!r}")
    return pd.DataFrame([(line + [""] * width)[:width] for line in given], columns=header, dtype=str)


def refuse(path: Path, column: str, bad: pd.Series, why: str, values: pd.Series | None = None) -> None:
    """None where no row is bad. Errors: InputError with the first bad row (1 is the header) and their number.

    `values` are shown; leave them out where they are a patient's.
    """
    if bad.any():
        row = int(bad.to_numpy().argmax())
        value = "" if values is None else f" {values.iloc[row]!r}"
        raise InputError(f"{path.name}: row {row + 2}, column {column}{value} {why} ({int(bad.sum())} such rows)")


def refuse_empty(path: Path, rows: pd.DataFrame, columns: Sequence[str]) -> None:
    """None where the columns are filled everywhere. Errors: InputError."""
    for name in columns:
        refuse(path, name, rows[name] == "", "is empty; every row needs one")


def refuse_unknown(path: Path, rows: pd.DataFrame, column: str, known: Sequence[str]) -> None:
    """None where filled values are all known. Errors: InputError."""
    bad = ~rows[column].isin(["", *known])
    refuse(path, column, bad, f"is unknown; it should be one of {', '.join(known)}", rows[column])


def days(path: Path, rows: pd.DataFrame, column: str, *, shows_value: bool = True) -> pd.Series:
    """Dates of a text column, NaT where empty. Errors: InputError for what is not YYYY-MM-DD.

    shows_value: whether a message may quote what stands there; no where it is a patient's.
    """
    given = rows[column]
    dates = pd.to_datetime(given.where(given != ""), format="%Y-%m-%d", errors="coerce")
    refuse(path, column, dates.isna() & (given != ""), "is not a date YYYY-MM-DD", given if shows_value else None)
    return dates


def figures(path: Path, rows: pd.DataFrame, column: str, *, low: float, high: float) -> pd.Series:
    """Numbers of a text column, NaN where empty. Errors: InputError for no number, or one out of bounds."""
    given = rows[column]
    values = pd.to_numeric(given.where(given != ""), errors="coerce")
    refuse(path, column, ~(given.eq("") | values.between(low, high)), f"is not from {low:g} to {high:g}", given)
    return values.astype("float64")


def or_none(values: pd.Series) -> pd.Series:
    """Text with None in place of "": a column of objects."""
    filled = values.astype(object)
    return filled.where(values != "", None)
