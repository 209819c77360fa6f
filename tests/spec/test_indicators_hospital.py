"""Readmission within 30 days (RH30) and potentially avoidable hospitalisations (HPE), on stays drawn by hand."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from tests.features.quality import counts, draw, measured, nation, stay

MARCH = date(2023, 3, 1)  # three nights: home on 4 March
BACK_WITHIN = date(2023, 4, 3)  # 30 days after 4 March


@pytest.mark.parametrize(
    ("back", "found"),
    [
        (date(2023, 3, 4), 0),
        (date(2023, 3, 5), 1),
        (BACK_WITHIN, 1),
        (date(2023, 4, 4), 0),
    ],
)
def test_a_readmission_begins_1_to_30_days_after_the_exit(tmp_path: Path, back: date, found: int):
    """Home on 4 March: the same day and day 31 do not count, days 1 and 30 do. The return is an index too."""
    stays = [stay("A", MARCH), stay("A", back)]
    assert nation(tmp_path, "rh30", stays=stays) == (found, 2)


def test_a_stay_followed_by_two_returns_counts_once(tmp_path: Path):
    """1 March, 10 March, 20 March: the first two are followed; the third is not."""
    stays = [stay("A", date(2023, 3, day)) for day in (1, 10, 20)]
    assert nation(tmp_path, "rh30", stays=stays) == (2, 3)


@pytest.mark.parametrize(
    "first",
    [
        {"exit_mode": "9"},
        {"exit_mode": "7"},
        {"exit_mode": "6"},
        {"exit_mode": None},
        {"main_diagnoses": ["Z511", "C509"]},
        {"main_diagnoses": ["Z491"]},
        {"main_diagnoses": ["C349", "Z515"]},
        {"ghm": "23Z02Z"},
        {"ghm": "28Z07Z"},
        {"ghm": "14Z14A"},
        {"nights": 0},
        {"nights": None, "sessions": 1},
        {"field": "SSR"},
        {"is_linked": False},
    ],
)
def test_stays_that_are_no_index(tmp_path: Path, first: dict[str, object]):
    """Deaths, transfers, unknown exits, iterative and palliative stays, sessions, deliveries, days, other fields."""
    stays = [stay("A", MARCH, **first), stay("A", BACK_WITHIN)]
    assert nation(tmp_path, "rh30", stays=stays) == (0, 1)


@pytest.mark.parametrize(
    "back", [{"main_diagnoses": ["Z511"]}, {"ghm": "28Z04Z"}, {"nights": 0}, {"ghm": "14C08A"}, {"is_linked": False}]
)
def test_returns_that_are_foreseen(tmp_path: Path, back: dict[str, object]):
    """Chemotherapy, a session, a day without night, a delivery: no readmission, and no index."""
    assert nation(tmp_path, "rh30", stays=[stay("A", MARCH), stay("A", BACK_WITHIN, **back)]) == (0, 1)


def test_a_return_that_ends_in_death_is_a_readmission(tmp_path: Path):
    """It counts as a return; it is no index itself."""
    stays = [stay("A", MARCH), stay("A", BACK_WITHIN, exit_mode="9")]
    assert nation(tmp_path, "rh30", stays=stays) == (1, 1)


def test_index_stays_end_from_1_january_to_1_december(tmp_path: Path):
    """Home on 1 December: 30 days are left in the year; on 2 December, not all of them."""
    stays = [stay("A", date(2023, 11, 28)), stay("B", date(2023, 11, 29)), stay("C", date(2022, 12, 30))]
    people = [{"patient_id": patient} for patient in "ABC"]
    assert nation(tmp_path, "rh30", beneficiaries=people, stays=stays) == (0, 2)


def test_minors_have_no_index_stay(tmp_path: Path):
    """18 in the year counts, 17 does not."""
    people = [{"birth_date": date(2005, 12, 1)}, {"patient_id": "B", "birth_date": date(2006, 1, 1)}]
    assert nation(tmp_path, "rh30", beneficiaries=people, stays=[stay("A", MARCH), stay("B", MARCH)]) == (0, 1)


def test_nobody_in_hospital_gives_no_value(tmp_path: Path):
    """0 over 0 is empty, not 0."""
    draw(tmp_path)
    rows = measured(tmp_path)
    assert counts(rows, "rh30") == {"*": (0, 0)}
    assert rows.loc[rows["indicator"] == "rh30", "value_share"].isna().all()


def test_late_stays_are_not_seen(tmp_path: Path):
    """Known before 1 May: the stay of March (known in May) is not."""
    draw(tmp_path, stays=[stay("A", date(2023, 1, 10)), stay("A", MARCH)])
    assert counts(measured(tmp_path, known_before=date(2023, 5, 1)), "rh30") == {"*": (0, 1)}
    assert counts(measured(tmp_path), "rh30") == {"*": (0, 2)}


def test_an_avoidable_stay_counts_its_patient_once(tmp_path: Path):
    """A: heart failure twice; B: appendicitis; C: a child with asthma; D: died in the year of something else."""
    people = [
        {},
        {"patient_id": "B"},
        {"patient_id": "C", "birth_date": date(2015, 1, 1)},
        {"patient_id": "D", "death_date": date(2023, 6, 1)},
    ]
    stays = [
        stay("A", MARCH, main_diagnoses=["I500"]),
        stay("A", BACK_WITHIN, main_diagnoses=["I500"]),
        stay("B", MARCH),
        stay("C", MARCH, main_diagnoses=["J450"]),
    ]
    assert nation(tmp_path, "hpe", beneficiaries=people, stays=stays) == (1, 3)


@pytest.mark.parametrize(
    "code", ["J459", "J46", "J440", "J47", "I110", "I501", "E101", "E110", "E86", "E870", "I200", "I248"]
)
def test_conditions_of_avoidable_stays(tmp_path: Path, code: str):
    """One code of each condition of the list."""
    assert nation(tmp_path, "hpe", stays=[stay("A", MARCH, main_diagnoses=["A099", code])]) == (1, 1)


@pytest.mark.parametrize(
    "other",
    [
        {"main_diagnoses": ["I210"]},
        {"main_diagnoses": ["E119"]},
        {"main_diagnoses": ["J189"], "associated_diagnoses": ["I500"]},
        {"ghm": "05K061"},
        {"ghm": "05C081"},
        {"ghm": None},
        {"exit_mode": "9"},
        {"entry_mode": "7"},
        {"entry_mode": "6"},
        {"nights": 0},
        {"field": "HAD"},
    ],
)
def test_stays_that_are_not_avoidable(tmp_path: Path, other: dict[str, object]):
    """Infarction, diabetes without acute complication, associated diagnosis, procedure, surgery, death, transfer in."""
    given = {"main_diagnoses": ["I500"], **other}
    assert nation(tmp_path, "hpe", stays=[stay("A", MARCH, **given)]) == (0, 1)
