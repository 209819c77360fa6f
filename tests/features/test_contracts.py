"""Contracts and presence against a day-by-day recomputation, on random declarations."""

from __future__ import annotations

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from features.contracts import clipped, governing_contracts, presence
from features.roster import OPEN_END, without_overlap

FIRST = pd.Timestamp("2022-12-01")
DAYS = pd.date_range("2023-01-01", "2023-12-31")
DAY = st.integers(0, 420)
CONTRACT = st.tuples(st.sampled_from(["D1", "D2", "X"]), DAY, st.none() | st.integers(0, 200))
LINE = st.tuples(st.sampled_from(["T1", "T2"]), st.sampled_from(["D1", "D2"]), DAY, st.none() | st.integers(0, 200))


def contracts_of(drawn: list[tuple[str, int, int | None]]) -> pd.DataFrame:
    starts = [FIRST + pd.Timedelta(days=start) for _, start, _ in drawn]
    ends = [
        None if length is None else s + pd.Timedelta(days=length)
        for s, (_, _, length) in zip(starts, drawn, strict=True)
    ]
    return pd.DataFrame(
        {
            "patient_id": "A",
            "doctor_id": [doctor for doctor, _, _ in drawn],
            "start_date": pd.Series(starts, dtype="datetime64[us]"),
            "end_date": pd.Series(ends, dtype="datetime64[us]"),
        }
    ).drop_duplicates(["doctor_id", "start_date"], ignore_index=True)


def roster_of(drawn: list[tuple[str, str, int, int | None]]) -> pd.DataFrame:
    starts = [FIRST + pd.Timedelta(days=start) for _, _, start, _ in drawn]
    ends = [OPEN_END if n is None else s + pd.Timedelta(days=n) for s, (_, _, _, n) in zip(starts, drawn, strict=True)]
    return pd.DataFrame(
        {
            "structure_id": [structure for structure, _, _, _ in drawn],
            "professional_id": [professional for _, professional, _, _ in drawn],
            "from_date": pd.Series(starts, dtype="datetime64[us]"),
            "to_date": pd.Series(ends, dtype="datetime64[us]"),
        }
    )


def governing_on(contracts: pd.DataFrame, day: pd.Timestamp) -> str | None:
    """The doctor of the latest begun of the contracts open on a day, the lowest number where two began together."""
    opened = contracts[(contracts["start_date"] <= day) & ~(contracts["end_date"] < day)]
    if opened.empty:
        return None
    latest = opened[opened["start_date"] == opened["start_date"].max()]
    return str(latest["doctor_id"].min())


@settings(max_examples=40, deadline=None)
@given(st.lists(CONTRACT, min_size=1, max_size=5))
def test_governing_contract_of_each_day(drawn: list[tuple[str, int, int | None]]):
    """Spells cover each day once, with the doctor found by looking at that day alone."""
    contracts = contracts_of(drawn)
    spells = governing_contracts(contracts)
    for day in DAYS[::7]:
        held = spells[(spells["first"] <= day) & (day <= spells["last"])]["doctor_id"].tolist()
        expected = governing_on(contracts, day)
        assert held == ([] if expected is None else [expected])


@settings(max_examples=60, deadline=None)
@given(st.lists(CONTRACT, min_size=1, max_size=5), st.lists(LINE, min_size=1, max_size=4))
def test_nobody_is_in_two_places_on_one_day(
    drawn: list[tuple[str, int, int | None]], lines: list[tuple[str, str, int, int | None]]
):
    """A day counts once at most; a day of presence is a governing doctor's on the roster, or follows one who left."""
    contracts, roster = contracts_of(drawn), without_overlap(roster_of(lines))
    people = pd.DataFrame({"patient_id": ["A"], "birth_date": [pd.NaT], "death_date": [pd.NaT]}).astype(
        {"birth_date": "datetime64[us]", "death_date": "datetime64[us]"}
    )
    spells = clipped(presence(governing_contracts(contracts), roster), people, 2023)
    for day in DAYS[::5]:
        there = spells[(spells["first"] <= day) & (day <= spells["last"])]
        assert len(there) <= 1
        on_roster = roster[
            (roster["professional_id"] == governing_on(contracts, day))
            & (roster["from_date"] <= day)
            & (day <= roster["to_date"])
        ]
        expected = on_roster["structure_id"].tolist()
        declared = there[there["reason"] == "declared"]["structure_id"].tolist()
        assert declared == expected
