"""The ten thematic bricks of IPSO on 1 January 2024, on lines drawn by hand."""

from __future__ import annotations

import importlib.util
import shutil
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from features.bricks import CATALOGUE, flag_bricks
from features.build import build_features
from features.engine import connect
from features.errors import MissingError
from features.tables import BRICK_NAMES
from tests.features.world import Row, read_year

MAY = date(2023, 5, 2)


def flagged(data: Path, engine: str = "duckdb", **rows: list[Row]) -> pd.DataFrame:
    """Bricks of 2024, indexed by patient."""
    read_year(data, 2023, **rows)
    con = connect(engine, threads=1)
    build_features(con, data, 2024)
    return flag_bricks(con, data, 2024).to_pandas().set_index("patient_id").sort_index()


def bricks(data: Path, **rows: list[Row]) -> dict[str, str]:
    """Names of each patient's bricks."""
    found = flagged(data, **rows)
    return {str(patient): " ".join(name for name in BRICK_NAMES if row[name]) for patient, row in found.iterrows()}


def test_bricks_of_age(tmp_path: Path):
    """23 and 24 months, 5 and 6 years, 74 and 75 years; a child born during the year; an unknown birth."""
    births = {
        "23 months": date(2022, 2, 1),
        "24 months": date(2022, 1, 1),
        "5 years": date(2018, 2, 1),
        "6 years": date(2018, 1, 1),
        "74 years": date(1949, 2, 1),
        "75 years": date(1949, 1, 1),
        "born in March": date(2024, 3, 1),
        "unknown": None,
    }
    people = [{"patient_id": who, "birth_date": birth} for who, birth in births.items()]
    assert bricks(tmp_path, beneficiaries=people) == {
        "23 months": "nourrisson",
        "24 months": "enfant",
        "5 years": "enfant",
        "6 years": "",
        "74 years": "",
        "75 years": "personne_agee",
        "born in March": "nourrisson",
        "unknown": "",
    }


def test_bricks_of_long_term_illness(tmp_path: Path):
    """B: one ALD; C: two numbers; D: two reasons under one number; E: closed; F, G, H: ALD 9, 20, 25; I: ALD 23."""
    periods = [
        {"patient_id": "B", "ald_number": 5, "icd10": "I50"},
        {"patient_id": "C", "ald_number": 5, "icd10": "I50"},
        {"patient_id": "C"},
        {"patient_id": "D", "ald_number": 30, "icd10": "C50"},
        {"patient_id": "D", "ald_number": 30, "icd10": "C18"},
        {"patient_id": "E", "end_date": date(2023, 12, 31)},
        {"patient_id": "F", "ald_number": 9, "icd10": "G71"},
        {"patient_id": "G", "ald_number": 20, "icd10": "G82"},
        {"patient_id": "H", "ald_number": 25, "icd10": "G35"},
        {"patient_id": "I", "ald_number": 23, "icd10": "F20"},
    ]
    people = [{"patient_id": patient} for patient in "BCDEFGHI"]
    assert bricks(tmp_path, beneficiaries=people, ald_periods=periods) == {
        "B": "ald", "C": "ald poly_ald", "D": "ald", "E": "", "F": "ald handicap", "G": "ald handicap",
        "H": "ald handicap", "I": "ald sante_mentale",
    }  # fmt: skip


def test_brick_of_dependence(tmp_path: Path):
    """B: BSC; C: BSB; D: the light package BSA; E: BSC loaded in February, after the index date."""
    acts = {"B": 3106, "C": 3107, "D": 3108}
    nurse = {"perimeter": "ide", "poste": "infirmier"}
    lines = [{"patient_id": who, "act_code": act, "care_date": MAY, **nurse} for who, act in acts.items()]
    late = {"care_date": date(2023, 12, 1), "known_date": date(2024, 2, 1)}
    lines.append({"patient_id": "E", "act_code": 3106, **late, **nurse})
    people = [{"patient_id": patient} for patient in "BCDE"]
    assert bricks(tmp_path, beneficiaries=people, care_lines=lines) == {
        "B": "dependance", "C": "dependance", "D": "", "E": "",
    }  # fmt: skip


def test_brick_of_womens_health(tmp_path: Path):
    """Women of 15 and 49; not of 14 or 50, nor a man; a delivery at 50 counts, false labour does not."""
    births = {"14": date(2009, 2, 1), "15": date(2009, 1, 1), "49": date(1974, 2, 1)}
    births |= dict.fromkeys(("50", "50, delivered", "50, false labour"), date(1974, 1, 1))
    people = [{"patient_id": who, "sex": 2, "birth_date": birth} for who, birth in births.items()]
    people.append({"patient_id": "a man", "birth_date": date(1990, 1, 1)})
    stays = [
        {"patient_id": "50, delivered", "ghm": "14Z13A", "end_date": MAY},
        {"patient_id": "50, false labour", "ghm": "14Z16A", "end_date": MAY},
    ]
    found = bricks(tmp_path, beneficiaries=people, stays=stays)
    assert {who for who, names in found.items() if names == "sante_femme"} == {"15", "49", "50, delivered"}


def test_brick_of_social_vulnerability(tmp_path: Path):
    """B: C2S; C: AME; D: most deprived commune; E: fourth fifth; F: no index; G: C2S ended before the year."""
    people = [{"patient_id": patient} for patient in "BCG"]
    people += [{"patient_id": patient, "fdep_quintile": fdep} for patient, fdep in (("D", 5), ("E", 4), ("F", None))]
    rights = [
        {"patient_id": "B", "right": "c2s_participative", "start_date": date(2023, 6, 1)},
        {"patient_id": "C", "right": "ame", "start_date": MAY, "end_date": MAY},
        {"patient_id": "G", "start_date": date(2021, 1, 1), "end_date": date(2022, 12, 31)},
    ]
    assert bricks(tmp_path, beneficiaries=people, coverages=rights) == {
        "B": "vulnerabilite_sociale", "C": "vulnerabilite_sociale", "D": "vulnerabilite_sociale", "E": "", "F": "",
        "G": "",
    }  # fmt: skip


def test_everyone_of_the_feature_table_has_a_row_without_nulls(tmp_path: Path):
    """An unknown sex, birth or quintile is no brick, never a null."""
    found = flagged(tmp_path, beneficiaries=[{"birth_date": None, "sex": None, "fdep_quintile": None}])
    assert found.loc["A", list(BRICK_NAMES)].tolist() == [False] * 10


def test_the_catalogue_holds_the_ten_bricks_in_order():
    """Each with its labels, rule and source; what the claims cannot tell is said of handicap."""
    assert tuple(known.name for known in CATALOGUE) == BRICK_NAMES
    assert all(known.label_fr and known.label_en and known.rule and known.source for known in CATALOGUE)
    assert "AAH" in next(known.limits for known in CATALOGUE if known.name == "handicap")


def test_features_not_built(tmp_path: Path):
    """The error names the command."""
    read_year(tmp_path, 2023)
    with pytest.raises(MissingError, match="run forfait features --year 2024"):
        flag_bricks(connect(threads=1), tmp_path, 2024)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs Java, absent here")
@pytest.mark.skipif(importlib.util.find_spec("pyspark") is None, reason="pyspark is not installed")
@pytest.mark.filterwarnings("default")
def test_duckdb_and_spark_agree(tmp_path: Path):
    """The same rows, types included."""
    rows = {
        "beneficiaries": [{}, {"patient_id": "B", "sex": 2, "birth_date": date(2023, 1, 1), "fdep_quintile": None}],
        "ald_periods": [{"ald_number": 9, "icd10": "G71"}],
        "care_lines": [{"act_code": 3106, "care_date": MAY}],
        "stays": [{"patient_id": "B", "ghm": "14Z13A", "end_date": MAY}],
    }
    frames = [flagged(tmp_path / engine, engine, **rows) for engine in ("duckdb", "spark")]
    pd.testing.assert_frame_equal(*frames)
