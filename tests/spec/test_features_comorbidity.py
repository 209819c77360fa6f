"""Charlson and Elixhauser: conditions, hierarchies and scores, on drawn diagnoses and against a plain recomputation."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import features
from features.catalogue import by_name
from tests.features.world import READ, feature_rows, put, read_year

REFERENCE = Path(features.__file__).parent / "reference"
DRAWN = {
    "mild liver": ["K703"],
    "mild and severe liver": ["K703", "K721"],
    "diabetes": ["E119"],
    "diabetes with and without complication": ["E119", "E112"],
    "tumour": ["C509"],
    "tumour and metastasis": ["C509", "C787"],
    "heart, lung, dementia": ["I500", "J449", "F009"],
    "written with dot and plus": ["E11.2+0"],
    "hypertension, both": ["I10", "I110"],
    "nothing listed": ["Z000"],
}
SCORES = {  # Charlson 1987, Quan 2011, van Walraven
    "mild liver": (1, 2, 11),
    "mild and severe liver": (3, 4, 11),
    "diabetes": (1, 0, 0),
    "diabetes with and without complication": (2, 1, 0),
    "tumour": (2, 2, 4),
    "tumour and metastasis": (6, 6, 12),
    "heart, lung, dementia": (3, 5, 10),
    "written with dot and plus": (2, 1, 0),
    "hypertension, both": (1, 2, 7),
    "nothing listed": (0, 0, 0),
}


def rows_of(data: Path, diagnoses: dict[str, list[str]]) -> pd.DataFrame:
    """Feature rows of patients who each had one stay in 2023 with their diagnoses, the first one main."""
    stays = [
        {
            "patient_id": who, "stay_id": who, "end_date": date(2023, 4, 1), "main_diagnoses": codes[:1],
            "associated_diagnoses": codes[1:],
        }
        for who, codes in diagnoses.items()
    ]  # fmt: skip
    read_year(data, 2023, beneficiaries=[{"patient_id": who} for who in diagnoses], stays=stays)
    return feature_rows(data)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    return rows_of(tmp_path_factory.mktemp("drawn"), DRAWN)


@pytest.mark.parametrize("who", SCORES)
def test_severe_forms_hide_mild_ones_in_the_scores(drawn: pd.DataFrame, who: str):
    """Weights of 1987 and 2011, and van Walraven's: each disease weighs once, by its severe form."""
    row = drawn.loc[who]
    assert (row["charlson_score"], row["charlson_score_2011"], row["elixhauser_score"]) == SCORES[who]


def test_flags_say_all_that_was_coded(drawn: pd.DataFrame):
    """Flags come before the hierarchy: both forms of liver disease show."""
    assert drawn.loc["mild and severe liver", ["charlson_mld", "charlson_msld", "elixhauser_ld"]].tolist() == [1, 1, 1]


def test_stays_loaded_in_the_twelve_months_before_and_reasons_of_ald(tmp_path: Path):
    """A: stay loaded on 1 January 2023 counts. B: loaded in December 2022 does not. C: the reason of an ALD counts."""
    infarction = {"main_diagnoses": ["I21"]}
    loaded = {"A": date(2022, 11, 30), "B": date(2022, 10, 31)}
    stays = [{**infarction, "patient_id": who, "stay_id": who, "end_date": day} for who, day in loaded.items()]
    put(tmp_path, "stays", 2022, stays)
    ald = [{"patient_id": "C", "ald_number": 13, "icd10": "I252"}]
    read_year(tmp_path, 2023, beneficiaries=[{"patient_id": who} for who in "ABC"], ald_periods=ald)
    assert feature_rows(tmp_path)["charlson_mi"].tolist() == [1, 0, 1]


def test_every_stay_is_seen_in_one_year_and_one_only(tmp_path: Path):
    """A stay of December 2022 is unknown on 1 January 2023; it counts on 1 January 2024, and no more in 2025."""
    put(tmp_path, "stays", 2022, [{"end_date": date(2022, 12, 20), "main_diagnoses": ["I21"]}])
    for year in (2022, 2023, 2024):
        for name in READ:
            if not (tmp_path / name / f"{year}.parquet").exists():
                put(tmp_path, name, year, [{}] if name == "beneficiaries" else [])
    seen = [feature_rows(tmp_path, year).loc["A", "carto_cvidm_aig"] for year in (2023, 2024, 2025)]
    assert seen == [0, 1, 0]


def plain_score(index: str, weight: str, codes: list[str]) -> int:
    """The score recomputed line by line from the published list, without any of the project's code."""
    with (REFERENCE / f"{index}_icd10.csv").open(encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    present = {line["condition"] for line in lines for code in codes if code.startswith(line["icd10_prefix"])}
    counted = {line["condition"]: int(line[weight]) for line in lines if line["condition"] in present}
    severe = {line["condition"]: line["overridden_by"] for line in lines}
    return sum(points for condition, points in counted.items() if severe[condition] not in present)


with (
    (REFERENCE / "charlson_icd10.csv").open(encoding="utf-8") as one,
    (REFERENCE / "elixhauser_icd10.csv").open(encoding="utf-8") as other,
):
    CODES = sorted({line["icd10_prefix"] for file in (one, other) for line in csv.DictReader(file)})


@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.lists(st.sampled_from(CODES), max_size=4), st.sampled_from(CODES)), min_size=30, max_size=60)
)
def test_adding_a_diagnosis_never_lowers_a_charlson_score(
    tmp_path_factory: pytest.TempPathFactory, pairs: list[tuple[list[str], str]]
):
    """Patients with some codes, and the same with one more: scores as recomputed, never lower, within their bounds."""
    less = {f"{place:02d} less": codes or ["Z000"] for place, (codes, _) in enumerate(pairs)}
    more = {f"{place:02d} more": [*(codes or ["Z000"]), extra] for place, (codes, extra) in enumerate(pairs)}
    rows = rows_of(tmp_path_factory.mktemp("pairs"), less | more)
    for score, index, weight in (
        ("charlson_score", "charlson", "weight"),
        ("charlson_score_2011", "charlson", "weight_quan2011"),
        ("elixhauser_score", "elixhauser", "weight_van_walraven"),
    ):
        assert rows[score].to_dict() == {who: plain_score(index, weight, codes) for who, codes in (less | more).items()}
        assert rows[score].between(by_name()[score].low, by_name()[score].high).all()
        if index == "charlson":
            assert (rows[score].loc[list(more)].to_numpy() >= rows[score].loc[list(less)].to_numpy()).all()
