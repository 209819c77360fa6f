"""Groups of a yearly model from its datasets, person by person."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.store import write_dataset
from features.tables import BENEFICIARIES, SPENDING, STAYS
from tests.training.made_up import PROVENANCE
from training.evaluation.groups import People, yearly_groupings
from training.evaluation.money import Grouping

PATIENTS = np.array(["a", "b", "c", "d", "e", "f"])
SEEN = ("age", "is_woman", "ald_count", "ald_08", "c2s_free", "c2s_participative", "fdep_quintile", "ame")


def features() -> pd.DataFrame:
    """Six people, in order."""
    return pd.DataFrame(
        {
            "age": [85, 85, 30, 30, 81, 12],
            "is_woman": [1, 0, 1, 0, 1, 0],
            "ald_count": [1, 2, 0, 0, 1, 0],
            "ald_08": [1, 0, 0, 0, 0, 0],
            "ald_30": [0, 1, 0, 0, 0, 0],
            "c2s_free": [1, 0, 0, 0, 0, 1],
            "c2s_participative": [0, 0, 0, 1, 0, 0],
            "ame": [0, 0, 1, 0, 0, 0],
            "fdep_quintile": ["1", "5", "missing", "3", "5", "2"],
        }
    )


def people(seen: tuple[str, ...] = SEEN) -> People:
    return People(PATIENTS, features(), np.arange(6.0), np.ones(6), seen)


def write_persons(data: Path) -> None:
    """a of Paris, b of Ajaccio by the old code, c dead in 2024, d dead in 2023 (no longer of the year), f unknown."""
    rows = pd.DataFrame(
        {
            "patient_id": ["a", "b", "c", "d", "e"],
            "birth_date": date(1990, 1, 1),
            "sex": 1,
            "death_date": [None, None, date(2024, 5, 1), date(2023, 5, 1), None],
            "department": ["75", "20", "976", "2A", None],
            "commune": "00000",
            "fdep_quintile": 1,
            "pseudonym_count": 1,
            "is_ambiguous_twin": False,
        }
    )
    write_dataset(BENEFICIARIES, data, rows, 2024, provenance=PROVENANCE)


def write_last_year(data: Path) -> None:
    """2023: a spent 0, b 100, c 300, d 400 in half a year (800 a year), e lived no day of it, f has no row."""
    euros, shares = [0.0, 100.0, 300.0, 400.0, 0.0], [1.0, 1.0, 1.0, 0.5, 0.0]
    rows = pd.DataFrame({"patient_id": list("abcde"), "year": 2023, "exposure_share": shares, "gp_acts": 1})
    names = ("spent_mg_eur", "spent_mg_ide_eur", "spent_total_eur", "reimbursed_total_eur")
    write_dataset(SPENDING, data, rows.assign(**dict.fromkeys(names, euros)), 2023, provenance=PROVENANCE)


def write_stays(data: Path) -> None:
    """2023: a in both sectors, b twice in a public hospital, c in a clinic."""
    rows = pd.DataFrame(
        {
            "stay_id": [str(number) for number in range(5)],
            "patient_id": list("aabbc"),
            "field": "MCO",
            "sector": ["public", "private", "public", "public", "private"],
            "establishment_id": "750000001",
            **{name: date(2023, 3, 1) for name in ("start_date", "end_date", "known_date")},
            "sessions": 0,
            "is_linked": True,
            "nights": 2,
            "base_cents": 100_000,
            "reimbursed_cents": 100_000,
        }
    )
    texts = ("ghm", "entry_mode", "exit_mode", "principal_diagnosis", "linked_diagnosis", "entry_origin")
    texts = (*texts, "emergency_passage", "first_unit", "residence_code")
    lists = ("main_diagnoses", "associated_diagnoses", "acts", "timed_acts")
    rows = rows.assign(**dict.fromkeys(texts, ""), **{name: [[]] * 5 for name in lists}, age=50, implant_cents=0)
    write_dataset(STAYS, data, rows, 2023, provenance=PROVENANCE)


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> list[Grouping]:
    """Every grouping of the six people."""
    data = tmp_path_factory.mktemp("groups")
    write_persons(data)
    write_last_year(data)
    write_stays(data)
    found, missing = yearly_groupings(data, 2024, people())
    assert missing == ()
    return list(found)


EXPECTED = {
    "age_sex": ["80+ women", "80+ men", "30-44 women", "30-44 men", "80+ women", "00-15 men"],
    "ald": ["ALD", "ALD", "no ALD", "no ALD", "ALD", "no ALD"],
    "c2s": ["C2S", "no C2S", "no C2S", "C2S", "no C2S", "C2S"],
    "ame": ["no AME", "no AME", "AME", "no AME", "no AME", "no AME"],
    "fdep": ["1", "5", "missing", "3", "5", "2"],
    "ald_c2s_old": [
        "ALD × C2S × 80+",
        "ALD × no C2S × 80+",
        "no ALD × no C2S × under 80",
        "no ALD × C2S × under 80",
        "ALD × no C2S × 80+",
        "no ALD × C2S × under 80",
    ],
    "region": ["Île-de-France", "Corse", "Mayotte", "Corse", "unknown", "unknown"],
    "department": ["75", "20", "976", "2A", "unknown", "unknown"],
    "deceased": ["alive", "alive", "deceased", "alive", "alive", "alive"],
    "new": ["known before", "known before", "known before", "known before", "new", "new"],
    "no_care": ["no care", "some care", "some care", "some care", "", ""],
    # a, b, c and d rank 1/4 to 4/4 by annual euros 0, 100, 300 and 800: fifths 2, 3, 4 and 5
    "past_quintile": ["2", "3", "4", "5", "", ""],
    "sector": ["public and private", "public", "private", "no stay", "no stay", "no stay"],
}


@pytest.mark.parametrize("name", EXPECTED)
def test_each_person_is_in_the_right_group(made: list[Grouping], name: str):
    """Level of each of the six; an empty one is in no group."""
    (found,) = [grouping for grouping in made if grouping.name == name]
    assert found.labels.tolist() == EXPECTED[name]


def test_each_ald_is_a_group_of_its_own(made: list[Grouping]):
    """A person with two ALD is in both; the model sees the flag that it reads, and not the other."""
    found = {
        one.labels[one.labels != ""][0]: (one.labels.tolist(), one.is_seen) for one in made if one.name == "ald_group"
    }
    assert found == {"08": (["08", "", "", "", "", ""], True), "30": (["", "30", "", "", "", ""], False)}


def test_what_the_model_sees(made: list[Grouping]):
    """Seen where it reads every feature behind the group; never by place, provider, death or past care."""
    seen = {grouping.name for grouping in made if grouping.is_seen}
    assert seen == {"decile", "age_sex", "ald", "c2s", "ame", "fdep", "ald_c2s_old", "ald_group"}


def test_a_group_whose_feature_is_not_read_is_not_seen(tmp_path: Path):
    """Without FDep and without C2S; nothing else is there to group by, and its absence is said."""
    found, missing = yearly_groupings(tmp_path, 2024, people(("age", "is_woman", "ald_count")))
    assert missing == ("department", "no_care", "sector")
    assert {one.name for one in found if one.is_seen} == {"decile", "age_sex", "ald"}
