"""The dated roster of the structures: which professional number belonged to which team, from when to when."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from features.errors import InputError, MissingError

COLUMNS = ("structure_id", "structure_name", "professional_id", "from_date", "to_date")
OPEN_END = pd.Timestamp("2199-12-31")


def read_roster(path: Path) -> pd.DataFrame:
    """Roster rows: structure_id, structure_name, professional_id, from_date, to_date (`OPEN_END` where empty).

    The file is a CSV with `,` or `;` between the columns, dates as YYYY-MM-DD.
    Errors: MissingError for no file; InputError naming the file, the column and the row (1 is the header).
    """
    if not path.exists():
        raise MissingError(f"{path} is missing: it lists {', '.join(COLUMNS)}, one professional of a team a row")
    with path.open(encoding="utf-8-sig") as file:
        separator = ";" if ";" in file.readline() else ","
    rows = pd.read_csv(path, sep=separator, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    rows = rows.rename(columns=str.strip).apply(lambda column: column.str.strip())
    missing = [name for name in COLUMNS if name not in rows.columns]
    if missing:
        raise InputError(f"{path.name}: column {', '.join(missing)} is missing; a roster has {', '.join(COLUMNS)}")
    for name in ("structure_id", "professional_id", "from_date"):
        _refuse(path, name, rows[name] == "", "is empty; every row needs one")
    roster = rows[list(COLUMNS)].assign(
        from_date=_dates(path, rows, "from_date"), to_date=_dates(path, rows, "to_date").fillna(OPEN_END)
    )
    _refuse(path, "to_date", roster["to_date"] < roster["from_date"], "is before from_date; swap or correct them")
    repeated = roster.duplicated(["structure_id", "professional_id", "from_date"])
    _refuse(path, "professional_id", repeated, "repeats a row above (same structure and from_date); keep one")
    return roster


def without_overlap(roster: pd.DataFrame) -> pd.DataFrame:
    """Roster in which a professional is in one structure at a time, the first by from_date (then by structure_id).

    A line that overlaps an earlier one starts the day after it; one wholly covered is dropped.
    """
    ordered = roster.sort_values(["professional_id", "from_date", "structure_id"], ignore_index=True)
    busy_until = ordered.groupby("professional_id")["to_date"].transform(lambda ends: ends.cummax().shift())
    overlaps = busy_until.notna() & (busy_until >= ordered["from_date"])
    start = ordered["from_date"].where(~overlaps, busy_until + pd.Timedelta(days=1))
    kept = ordered.assign(from_date=start)
    return kept[kept["from_date"] <= kept["to_date"]].reset_index(drop=True)


def professionals_in_two(roster: pd.DataFrame) -> pd.DataFrame:
    """Professionals in two structures over the same days: professional_id, structure_id, other_id."""
    pairs = roster.merge(roster, on="professional_id", suffixes=("", "_other"), validate="many_to_many")
    shared = (pairs["from_date"] <= pairs["to_date_other"]) & (pairs["from_date_other"] <= pairs["to_date"])
    differ = pairs["structure_id"] != pairs["structure_id_other"]
    found = pairs[shared & differ].rename(columns={"structure_id_other": "other_id"})
    return found[["professional_id", "structure_id", "other_id"]].drop_duplicates(ignore_index=True)


def _dates(path: Path, rows: pd.DataFrame, name: str) -> pd.Series:
    given = rows[name]
    dates = pd.to_datetime(given.where(given != ""), format="%Y-%m-%d", errors="coerce")
    _refuse(path, name, dates.isna() & (given != ""), "is not a date YYYY-MM-DD", given)
    return dates


def _refuse(path: Path, column: str, bad: pd.Series, why: str, values: pd.Series | None = None) -> None:
    if bad.any():
        row = int(bad.to_numpy().argmax())
        value = "" if values is None else f" {values.iloc[row]!r}"
        raise InputError(f"{path.name}: row {row + 2}, column {column}{value} {why} ({int(bad.sum())} such rows)")
