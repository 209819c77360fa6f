"""Which declared doctor governs on each day, and with which structure that makes a patient present."""

from __future__ import annotations

from datetime import date

import pandas as pd

from features.roster import OPEN_END

DAYS_TO_DECLARE_AGAIN = 90
DECLARED, DECLARED_AGAIN = "declared", "re-declared within 90 days"
ONE_DAY = pd.Timedelta(days=1)


def governing_contracts(declarations: pd.DataFrame) -> pd.DataFrame:
    """Spells of governing contract: patient_id, doctor_id, start_date, first, last (days included), in order.

    On a day, the contract that governs is the latest begun of those open (the lowest doctor number where two
    began together). `end_date` may be missing: open.
    """
    rows = declarations.assign(end_date=declarations["end_date"].fillna(OPEN_END))
    rows = rows[rows["end_date"] >= rows["start_date"]]
    changes = pd.concat(
        [
            rows[["patient_id"]].assign(first=rows["start_date"]),
            rows[["patient_id"]].assign(first=rows["end_date"] + ONE_DAY),
        ]
    ).drop_duplicates()
    changes = changes.sort_values(["patient_id", "first"], ignore_index=True)
    changes["last"] = changes.groupby("patient_id")["first"].shift(-1) - ONE_DAY
    changes = changes.dropna(subset=["last"])
    held = changes.merge(rows[["patient_id", "doctor_id", "start_date", "end_date"]], on="patient_id", validate="m:m")
    held = held[(held["start_date"] <= held["first"]) & (held["end_date"] >= held["first"])]
    held = held.sort_values(
        ["patient_id", "first", "start_date", "doctor_id"], ascending=[True, True, False, True], ignore_index=True
    )
    return _joined(held.drop_duplicates(["patient_id", "first"]).drop(columns="end_date"))


def _joined(spells: pd.DataFrame) -> pd.DataFrame:
    """Neighbouring spells of the same contract made one."""
    contract = ["patient_id", "doctor_id", "start_date"]
    before = spells.shift()
    same = (spells[contract] == before[contract]).all(axis=1) & (spells["first"] == before["last"] + ONE_DAY)
    return (
        spells.assign(spell=(~same).cumsum())
        .groupby([*contract, "spell"], as_index=False)
        .agg(first=("first", "min"), last=("last", "max"))
        .sort_values("spell", ignore_index=True)
        .drop(columns="spell")
    )


def presence(contracts: pd.DataFrame, roster: pd.DataFrame) -> pd.DataFrame:
    """Spells with a structure: patient_id, structure_id, doctor_id, first, last, reason.

    A patient is present while a professional of the structure governs and is on its roster. When the
    professional leaves, the patient leaves at the roster's end date, unless the next contract, begun within 90
    days, is with a professional of the same structure: the days between then count (assumed, no public rule).
    """
    lines = roster[["structure_id", "professional_id", "from_date", "to_date"]]
    spells = contracts.reset_index(names="spell")
    held = spells.merge(lines, left_on="doctor_id", right_on="professional_id", validate="m:m")
    held["first"] = held[["first", "from_date"]].max(axis=1)
    held["last"] = held[["last", "to_date"]].min(axis=1)
    held = held[held["first"] <= held["last"]]
    columns = ["patient_id", "structure_id", "doctor_id", "first", "last"]
    declared = held[columns].assign(reason=DECLARED)
    return pd.concat([declared, _bridges(spells, held)[[*columns, "reason"]]], ignore_index=True)


def _bridges(spells: pd.DataFrame, held: pd.DataFrame) -> pd.DataFrame:
    """Days between a professional's leaving and the patient's next contract with the same structure."""
    next_spell = spells.groupby("patient_id")["spell"].shift(-1)
    ended = held.sort_values("last").drop_duplicates("spell", keep="last")
    left = ended[ended["to_date"] == ended["last"]].assign(next_spell=lambda t: t["spell"].map(next_spell))
    left = left.dropna(subset=["next_spell"]).astype({"next_spell": "int64"})
    following = held[["spell", "structure_id", "doctor_id", "start_date", "first"]]
    pairs = left.merge(
        following, left_on=["next_spell", "structure_id"], right_on=["spell", "structure_id"],
        suffixes=("", "_next"), validate="m:m",
    )  # fmt: skip
    gap = (pairs["start_date_next"] - pairs["last"]).dt.days
    is_soon = (gap > 0) & (gap <= DAYS_TO_DECLARE_AGAIN) & (pairs["first_next"] > pairs["last"] + ONE_DAY)
    again = pairs[is_soon & (pairs["first_next"] == pairs["start_date_next"])]  # on the roster when declared
    return again.assign(
        doctor_id=again["doctor_id_next"], first=again["last"] + ONE_DAY, last=again["first_next"] - ONE_DAY,
        reason=DECLARED_AGAIN,
    )  # fmt: skip


def clipped(spells: pd.DataFrame, people: pd.DataFrame, year: int) -> pd.DataFrame:
    """Spells within the year and the life of the patient (birth and death days included); others are left out."""
    lives = people[["patient_id", "birth_date", "death_date"]]
    lived = spells.merge(lives, on="patient_id", how="inner", validate="m:1")
    first, last = pd.Timestamp(date(year, 1, 1)), pd.Timestamp(date(year, 12, 31))
    start, end = lived[["first", "birth_date"]].max(axis=1), lived[["last", "death_date"]].min(axis=1)
    lived["first"], lived["last"] = start.where(start > first, first), end.where(end < last, last)
    return lived[lived["first"] <= lived["last"]].drop(columns=["birth_date", "death_date"])
