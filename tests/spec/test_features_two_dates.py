"""Two dates on every line: a feature sees care given before the index date AND loaded before it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from features.catalogue import FORECAST_FEATURES
from features.engine import connect
from features.errors import MissingError
from features.history import load_history
from tests.features.world import Row, feature_rows, put, read_year

NAMES = [feature.name for feature in FORECAST_FEATURES]
SEEN: dict[str, list[Row]] = {
    "ald_periods": [{}],
    "coverages": [{"start_date": date(2023, 3, 1), "end_date": date(2023, 3, 1)}],
    "stays": [{"end_date": date(2023, 5, 2), "main_diagnoses": ["I214"]}],
    "dispensings": [{"care_date": date(2023, month, 3), "atc": "C10AA05"} for month in (1, 2, 3)],
    "care_lines": [{"care_date": date(2023, 6, 1)}],
}
UNSEEN: dict[str, tuple[str, Row]] = {
    "a future line": ("care_lines", {"care_date": date(2024, 1, 1), "known_date": date(2023, 12, 1)}),
    "a late-loaded line": ("care_lines", {"care_date": date(2023, 11, 2), "known_date": date(2024, 1, 1)}),
    "a future dispensing": (
        "dispensings",
        {"care_date": date(2024, 1, 5), "known_date": date(2023, 12, 1), "atc": "A10BA02"},
    ),
    "a late-loaded dispensing": (
        "dispensings",
        {"care_date": date(2023, 12, 5), "known_date": date(2024, 1, 1), "atc": "N05BA01"},
    ),
    "a late-known ALD": (
        "ald_periods",
        {"ald_number": 30, "icd10": "C50", "start_date": date(2023, 9, 1), "known_date": date(2024, 1, 1)},
    ),
    "an ALD that begins after the index date": (
        "ald_periods",
        {"ald_number": 30, "icd10": "C50", "start_date": date(2024, 1, 2), "known_date": date(2023, 12, 1)},
    ),
    "a stay known later": (
        "stays",
        {"stay_id": "L", "end_date": date(2023, 12, 20), "known_date": date(2024, 2, 1), "main_diagnoses": ["C343"]},
    ),
    "a stay in progress": (
        "stays",
        {
            "stay_id": "P",
            "start_date": date(2023, 12, 28),
            "end_date": date(2024, 1, 3),
            "known_date": date(2023, 12, 30),
            "main_diagnoses": ["C343"],
        },
    ),
    "a right known later": (
        "coverages",
        {"right": "ame", "start_date": date(2023, 12, 1), "known_date": date(2024, 1, 1)},
    ),
}


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """Feature rows of one patient without any plant, and of one patient per plant, alike but for the plant."""
    data = tmp_path_factory.mktemp("planted")
    rows: dict[str, list[Row]] = {name: [] for name in SEEN}
    for who in ("no plant", *UNSEEN):
        for name, seen in SEEN.items():
            rows[name] += [{**row, "patient_id": who, "stay_id": f"{who} {name}"} for row in seen]
    for who, (name, row) in UNSEEN.items():
        rows[name].append({**row, "patient_id": who})
    read_year(data, 2023, beneficiaries=[{"patient_id": who} for who in ("no plant", *UNSEEN)], **rows)
    return feature_rows(data)


@pytest.mark.parametrize("plant", UNSEEN)
def test_no_feature_moves(planted: pd.DataFrame, plant: str):
    """Planting what could not be known on 1 January 2024 moves no feature, payment or forecast."""
    assert planted[NAMES].loc[plant].to_dict() == planted[NAMES].loc["no plant"].to_dict()


def test_what_was_known_counts(tmp_path: Path):
    """The same sources, in time, all show: the test above compares rows that are not empty."""
    read_year(tmp_path, 2023, **SEEN)
    row = feature_rows(tmp_path).loc["A"]
    shown = [
        "ald_08",
        "c2s_free",
        "carto_cvidm_aig",
        "carto_fdiabet_ind",
        "charlson_mi",
        "past_gp_acts",
        "past_stays_count",
    ]
    assert [row[name] for name in shown] == [1] * len(shown)


def test_known_on_moves_the_second_date_alone(tmp_path: Path):
    """Asked what is known on 1 April 2024, the line loaded on 1 January counts; the care of January still does not."""
    name, late = UNSEEN["a late-loaded line"]
    _, future = UNSEEN["a future line"]
    read_year(tmp_path, 2023, **{**SEEN, name: [*SEEN[name], late, future]})
    assert feature_rows(tmp_path).loc["A", "past_gp_acts"] == 1
    assert feature_rows(tmp_path, known_on=date(2024, 4, 1)).loc["A", "past_gp_acts"] == 2


def test_the_year_before_must_have_been_read(tmp_path: Path):
    """Without year - 1 there is nothing to know: an error that names the command, not an empty history."""
    read_year(tmp_path, 2022)
    with pytest.raises(MissingError, match="run forfait read --year 2023"):
        feature_rows(tmp_path)


def test_who_has_a_row(tmp_path: Path):
    """Alive on the index date, or born during the year (age 0); the dead before it and the unborn have none."""
    births = {"alive": date(1950, 3, 1), "newborn": date(2024, 8, 1), "next": date(2025, 1, 1), "unknown": None}
    people = [{"patient_id": who, "birth_date": born} for who, born in births.items()]
    dead = {"patient_id": "dead", "death_date": date(2023, 12, 31)}
    dies = {"patient_id": "dies", "death_date": date(2024, 1, 1)}
    read_year(tmp_path, 2023)
    read_year(tmp_path, 2024, beneficiaries=[*people, dead, dies])
    rows = feature_rows(tmp_path)
    assert rows["age"].dropna().to_dict() == {"alive": 73, "dies": 63, "newborn": 0}
    assert list(rows.index) == ["alive", "dies", "newborn", "unknown"]


def test_a_move_seen_in_the_year_moves_no_characteristic(tmp_path: Path):
    """Someone who moves to a deprived commune in 2024 is still described, on 1 January, by the reading of 2023."""
    read_year(tmp_path, 2023, beneficiaries=[{"fdep_quintile": 2}])
    alone = feature_rows(tmp_path, 2024)
    put(tmp_path, "beneficiaries", 2024, [{"fdep_quintile": 5}, {"patient_id": "B", "birth_date": date(2024, 3, 1)}])
    for name in ("ald_periods", "declarations", "coverages"):
        put(tmp_path, name, 2024, [])
    both = feature_rows(tmp_path, 2024)
    assert load_history(connect(threads=1), tmp_path, 2024).years["beneficiaries"] == [2024, 2023]
    assert alone.loc["A", "fdep_quintile"] == both.loc["A", "fdep_quintile"] == "2"
    assert both.loc["B", "fdep_quintile"] == "3"
