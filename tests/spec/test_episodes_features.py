"""What describes an episode: present at admission only, never what the provider chooses (specs/eds.md §1.1, §5.2)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest

from features.episodes import EPISODE_CATALOGUE, catalogue, check_at_admission, episode_catalogue
from features.errors import InputError
from features.feature import Feature
from tests.features.episodes_made import A, built, colon, day, draw, features, hip, line

PTH = "pth-A-2024-03-10"


def planted(name: str, source: str = "beneficiaries") -> Feature:
    """A feature that someone adds to the catalogue."""
    return Feature(name, "Fr", "En", "yes/no", source, "A rule.", "comorbidity")


@pytest.mark.parametrize(
    "name",
    ["ghm_level", "severity_level", "los", "los_days", "index_nights", "exit_mode", "discharge_to_ssr", "destination",
     "approach", "is_laparoscopic", "provider_id", "establishment_volume", "sector_private", "region", "surgeon"],
)  # fmt: skip
def test_what_is_known_after_admission_is_refused(name: str):
    """Check 1: planting a GHM level, a length of stay, a destination, an approach or a provider raises an error."""
    with pytest.raises(InputError, match="may not describe an episode"):
        episode_catalogue([planted(name)])
    with pytest.raises(InputError, match="may not describe an episode"):
        check_at_admission(["age", name])


@pytest.mark.parametrize("source", ["stays", "index stay", "episodes", "care_lines", "episode_lines"])
def test_a_source_after_admission_is_refused_under_any_name(source: str):
    """A level read from the index stay under an innocent name is refused for where it comes from."""
    with pytest.raises(InputError, match="not present at admission"):
        episode_catalogue([planted("risk_index", source)])


def test_the_catalogue_passes_and_an_unknown_column_does_not():
    """Every feature of the catalogue; a column that is not in it."""
    check_at_admission([known.name for known in EPISODE_CATALOGUE])
    with pytest.raises(InputError, match="not in the catalogue"):
        check_at_admission(["risk_index"])


def test_a_complication_cannot_be_whitelisted(monkeypatch: pytest.MonkeyPatch):
    """Pulmonary embolism may arise in the stay: marking it as read in the index stay is an error."""
    rows = [{"name": "prior_vte", "icd10": "I26", "index_stay": "1", "label_fr": "", "label_en": ""}]
    real = catalogue.listed
    monkeypatch.setattr(catalogue, "listed", lambda name: rows if name == catalogue.CONDITIONS else real(name))
    with pytest.raises(InputError, match="may arise in the index stay"):
        episode_catalogue()


def test_every_characteristic_of_a_patient(tmp_path: Path):
    """A woman of 70, quintile 5, C2S last year, diabetes as an ALD, heart failure and rehabilitation in the year
    before, obesity coded in the index stay, care of 80.00 EUR before the window; nothing else.
    """
    index = hip(associated_diagnoses=["E6606", "I500", "D62", "N17"])
    stays = [
        index,
        hip(start=day(-100), stay_id="M", ghm="05M092", acts=[], timed_acts=[], principal_diagnosis="I500",
            main_diagnoses=["I500"], base_cents=5000),
        hip(start=day(-90), stay_id="R", field="SSR", ghm="0803A1", acts=[], timed_acts=[], main_diagnoses=[],
            base_cents=2000),
    ]  # fmt: skip
    draw(
        tmp_path, stays=stays,
        beneficiaries=[{"birth_date": A.replace(year=1954, day=1), "sex": 2, "fdep_quintile": 5}],
        coverages=[{"start_date": day(-300), "end_date": day(-200)}],
        ald_periods=[{"ald_number": 8, "icd10": "E119"}, {"ald_number": 30, "icd10": "C182"}],
        care_lines=[line(day(-46), 1000, "generaliste"), line(day(-45), 900, "generaliste")],
        dispensings=[{"care_date": day(-10), "atc": atc} for atc in ("A10BA02", "A10BA03", "C07AB07")],
    )  # fmt: skip
    built(tmp_path)
    row = features(tmp_path).loc[PTH]
    told = {known.name: row[known.name] for known in EPISODE_CATALOGUE if row[known.name] not in (0, "missing")}
    assert told == {
        "age": 70, "is_woman": 1, "fdep_quintile": "5", "c2s_free": 1, "ald_count": 1, "obesity": 1,
        "severe_obesity": 1, "obesity_35": 1, "diabetes": 1, "heart_failure": 1, "charlson_chf": 1, "charlson_diab": 1,
        "charlson_canc": 1, "cancer_right_colon": 1, "charlson_score": 4, "prior_long_stay": 1, "prior_ssr": 1,
        "prior_stays": 1, "prior_atc_classes": 2, "prior_spent_eur": 80.0,
    }  # fmt: skip


def test_the_policy_of_diagnoses_has_a_name(tmp_path: Path):
    """whitelist reads obesity of the index stay, never an acute anaemia or heart failure; lookback_only reads none."""
    draw(tmp_path, stays=[hip(associated_diagnoses=["E6600", "D62", "I500", "D500"])])
    found = {}
    for policy in ("whitelist", "lookback_only"):
        built(tmp_path, index_dx_policy=policy)
        row = features(tmp_path).loc[PTH]
        assert row["index_dx_policy"] == policy
        found[policy] = [name for name in ("obesity", "anaemia", "heart_failure") if row[name] == 1]
    assert found == {"whitelist": ["obesity"], "lookback_only": []}
    with pytest.raises(InputError, match="index_dx_policy is 'all'"):
        built(tmp_path, index_dx_policy="all")


def test_nothing_from_admission_on_moves_a_characteristic(tmp_path: Path):
    """A stay, a drug, a claim on the day of entry and after, a longer stay, another group, exit, clinic: no change."""
    before = [hip("A", A - timedelta(days=370), ghm="05M092", acts=[], timed_acts=[], main_diagnoses=["I500"])]
    draw(tmp_path / "a", stays=[hip(), *before])
    changed = hip(nights=9, ghm="08C484", exit_mode="7", establishment_id="990000001", sector="private")
    draw(
        tmp_path / "b",
        stays=[changed, hip("A", day(10), stay_id="I", ghm="05M092", acts=[], timed_acts=[], main_diagnoses=["I500"]),
               *before],
        care_lines=[line(A, 5000, "generaliste"), line(day(5), 700, "infirmier")],
        dispensings=[{"care_date": A, "atc": "B01AB05"}],
    )  # fmt: skip
    built(tmp_path / "a")
    built(tmp_path / "b")
    pd.testing.assert_frame_equal(features(tmp_path / "a"), features(tmp_path / "b"))


def test_the_place_of_the_cancer(tmp_path: Path):
    """The main diagnosis of the index stay tells right from left."""
    draw(tmp_path, stays=[colon(), colon("B", main_diagnoses=["C187"], principal_diagnosis="C187")])
    built(tmp_path)
    columns = ["cancer_right_colon", "cancer_transverse", "cancer_left_colon"]
    assert features(tmp_path)[columns].values.tolist() == [[1, 0, 0], [0, 0, 1]]
