"""The dated roster of the structures: which professional number belonged to which team, from when to when."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from features.payer_files import days, read_rows, refuse, refuse_empty, refuse_unknown

COLUMNS = ("structure_id", "structure_name", "professional_id", "from_date", "to_date")
PROFESSIONS = ("mg", "ide", "other")
OPEN_END = pd.Timestamp("2199-12-31")


def read_roster(path: Path) -> pd.DataFrame:
    """Roster rows: structure_id, structure_name, professional_id, profession, from_date, to_date.

    The file is a CSV with `,` or `;` between the columns, dates as YYYY-MM-DD; to_date is `OPEN_END` where empty.
    The column profession (mg, ide or other) may be absent or empty: a general practitioner, mg.
    Errors: MissingError for no file; InputError naming the file, the column and the row (1 is the header).
    """
    rows = read_rows(path, COLUMNS, optional=("profession",), holds="one professional of a team")
    refuse_empty(path, rows, ("structure_id", "professional_id", "from_date"))
    refuse_unknown(path, rows, "profession", PROFESSIONS)
    roster = rows[["structure_id", "structure_name", "professional_id"]].assign(
        profession=rows["profession"].where(rows["profession"] != "", "mg"),
        from_date=days(path, rows, "from_date"),
        to_date=days(path, rows, "to_date").fillna(OPEN_END),
    )
    refuse(path, "to_date", roster["to_date"] < roster["from_date"], "is before from_date; swap or correct them")
    repeated = roster.duplicated(["structure_id", "professional_id", "from_date"])
    refuse(path, "professional_id", repeated, "repeats a row above (same structure and from_date); keep one")
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
