"""What happened to an episode, and who was at risk: hand-drawn stays (specs/eds.md §5.6, §6.5, §6.6; HAS ISO, ETE)."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd
import pytest

import schemes.eds
from features.episodes.outcome_rules import outcome_rules
from features.errors import InputError
from features.reference_data import reference
from features.store import read_dataset
from features.tables import EPISODE_OUTCOMES, EPISODES
from tests.features.episodes_made import YEAR, built, colon, day, draw, hip, knee
from tests.features.world import Row, put
from tests.schemes.eds_made import eds_rules


def stay(start: date, **other: object) -> Row:
    """Another acute stay of the patient, three nights, no act."""
    given = {"stay_id": f"S-{start}", "nights": 3, "ghm": "08M29", "acts": [], "timed_acts": [], "base_cents": 100000}
    main = other.get("principal_diagnosis", "T845")
    return hip("A", start, **{**given, "principal_diagnosis": main, "main_diagnoses": [main], **other})


def outcomes(data: Path, *stays: Row, index: Row | None = None, **rows: object) -> pd.Series:
    """EPISODE_OUTCOMES of the hip of A with these stays around it."""
    draw(data, stays=[index or hip(), *stays], **rows)  # type: ignore[arg-type]
    built(data)
    return told(data).iloc[0]


def around(name: str, days: int, other: dict[str, object]) -> Row:
    """A stay of a patient so many days after the intervention."""
    return stay(day(days), patient_id=name, stay_id=f"S {name}", **other)


def told(data: Path) -> pd.DataFrame:
    """EPISODE_OUTCOMES of 2024, by episode."""
    return read_dataset(None, EPISODE_OUTCOMES, data, YEAR).set_index("episode_id").sort_index()


def test_one_row_for_each_final_episode(tmp_path: Path):
    """Nothing happened: every event is false, none is null but the screenings, whose analyses were not read."""
    draw(tmp_path, stays=[hip(), knee("B"), colon("C"), hip("D", entry_mode="7")])
    built(tmp_path)
    rows = told(tmp_path)
    assert list(rows["programme"]) == ["colectomie", "ptg", "pth"]
    events = ["has_rehospitalisation", "has_rehospitalisation_30", "has_infection", "has_thrombo_embolic", "has_ssr"]
    assert not rows[events].to_numpy().any()
    assert rows["chemotherapy_date"].isna().all()
    assert rows[["has_anaemia_screening", "has_malnutrition_screening"]].isna().all().all()


BACK = {
    "day 30": (34, {}, (True, True)),  # the exit is day 4
    "day 31": (35, {}, (True, False)),
    "last day of the window": (90, {}, (True, False)),
    "after the window": (91, {}, (False, False)),
    "a cataract is no complication": (20, {"principal_diagnosis": "H259"}, (False, False)),
    "transferred on the day of exit": (4, {"entry_mode": "7"}, (False, False)),
    "home and back on the day of exit": (4, {"entry_mode": "8"}, (True, True)),
    "transferred the day after": (5, {"entry_mode": "7"}, (True, True)),
}


def test_rehospitalisation(tmp_path: Path):
    """A stay for a complication of the list, begun after the exit: in the window, and within 30 days."""
    later = [around(name, start, other) for name, (start, other, _) in BACK.items()]
    draw(tmp_path, stays=[*(hip(name) for name in BACK), *later])
    built(tmp_path)
    rows = told(tmp_path).set_index("patient_id")[["has_rehospitalisation", "has_rehospitalisation_30"]]
    assert {name: tuple(rows.loc[name]) for name in BACK} == {name: wanted for name, (_, _, wanted) in BACK.items()}


HEART = {"principal_diagnosis": "I500"}
INFECTED = {
    "main diagnosis, prosthesis": (30, {"principal_diagnosis": "T8450"}, True),
    "main diagnosis, hip": (30, {"principal_diagnosis": "M0005"}, True),
    "day 89": (89, {}, True),
    "day 90": (90, {}, False),  # HAS: before entry + 90 days
    "one sign": (30, {**HEART, "associated_diagnoses": ["T845"]}, False),
    "two codes, type I": (30, {**HEART, "associated_diagnoses": ["M0005", "T845"]}, True),
    "code and act, type J": (30, {**HEART, "associated_diagnoses": ["T845"], "acts": ["NEJA001"]}, True),
    "act alone": (30, {**HEART, "acts": ["NEJA001"]}, False),
    "act of the knee": (30, {**HEART, "associated_diagnoses": ["T845"], "acts": ["NFJA001"]}, False),
}


def test_infection_after_a_hip(tmp_path: Path):
    """A main diagnosis of infection, or two signs among code of bone, code of prosthesis, act; 90 days from entry."""
    later = [around(name, start, other) for name, (start, other, _) in INFECTED.items()]
    draw(tmp_path, stays=[*(hip(name) for name in INFECTED), *later])
    built(tmp_path)
    rows = told(tmp_path).set_index("patient_id")["has_infection"]
    assert {name: bool(rows[name]) for name in INFECTED} == {name: wanted for name, (_, _, wanted) in INFECTED.items()}


def test_infection_in_the_index_stay(tmp_path: Path):
    """Two signs are needed there too: the code of the prosthesis alone does not count, with drainage it does."""
    alone = hip(associated_diagnoses=["T845"])
    drained = hip("B", associated_diagnoses=["T845"], acts=["NEKA020", "NEJA001"])
    draw(tmp_path, stays=[alone, drained])
    built(tmp_path)
    assert list(told(tmp_path)["has_infection"]) == [False, True]


def test_infection_after_a_colectomy(tmp_path: Path):
    """Site infection or peritonitis, coded in the index stay or main diagnosis of a stay; a prosthesis's is not."""
    draw(
        tmp_path,
        stays=[colon("A", associated_diagnoses=["T814"]), colon("B"), colon("C"), colon("D"),
               stay(day(20), patient_id="B", stay_id="b", principal_diagnosis="K650"),
               stay(day(20), patient_id="C", stay_id="c", principal_diagnosis="T845")],
    )  # fmt: skip
    built(tmp_path)
    assert list(told(tmp_path)["has_infection"]) == [True, True, False, False]


def test_a_thrombo_embolic_event_is_coded_in_the_index_stay(tmp_path: Path):
    """HAS ETE: associated diagnoses of the stay; a superficial vein, a main diagnosis or a later stay do not count."""
    codes = {"A": ["I2690"], "B": ["I802"], "C": ["I800"], "D": []}
    late = stay(day(20), patient_id="D", stay_id="d", principal_diagnosis="I269")
    draw(tmp_path, stays=[*(hip(name, associated_diagnoses=found) for name, found in codes.items()), late])
    built(tmp_path)
    assert list(told(tmp_path)["has_thrombo_embolic"]) == [True, True, False, False]


def test_rehabilitation_of_the_perimeter(tmp_path: Path):
    """A stay of rehabilitation after joints counts, another one does not."""
    own = {"field": "SSR", "acts": [], "timed_acts": None, "principal_diagnosis": None, "main_diagnoses": []}
    after = [
        hip(name, day(4), stay_id=f"R{name}", ghm=group, **own) for name, group in (("A", "0840A1"), ("B", "0503A1"))
    ]
    draw(tmp_path, stays=[hip("A"), hip("B"), *after])
    built(tmp_path)
    assert list(told(tmp_path)["has_ssr"]) == [True, False]


def test_screenings_before_entry(tmp_path: Path):
    """A blood count or an albumin in town, from 45 days before the intervention to the day before entry."""
    tests = {"A": (-45, "1104"), "B": (-46, "1104"), "C": (0, "1104"), "D": (-1, "1806"), "E": (-1, "1577")}
    draw(tmp_path, stays=[*(hip(name) for name in tests), hip("F", associated_diagnoses=["E440"])])
    put(tmp_path, "analyses", 2024, [
        {"patient_id": name, "care_date": day(days), "nabm": code} for name, (days, code) in tests.items()
    ])  # fmt: skip
    built(tmp_path)
    rows = told(tmp_path)
    assert list(rows["has_anaemia_screening"]) == [True, False, False, False, False, False]
    assert list(rows["has_malnutrition_screening"]) == [False, False, False, True, False, True]


def test_a_screening_is_unknown_where_analyses_were_not_read(tmp_path: Path):
    """January's window begins in 2023, whose analyses were not read: not found is not absent; coded malnutrition is."""
    early = date(2024, 1, 20)
    draw(tmp_path, stays=[hip("A", early), hip("B"), hip("C", early, associated_diagnoses=["E440"])])
    put(tmp_path, "analyses", 2024, [])
    built(tmp_path)
    rows = told(tmp_path)
    assert [value if pd.notna(value) else None for value in rows["has_anaemia_screening"]] == [None, False, None]
    assert [value if pd.notna(value) else None for value in rows["has_malnutrition_screening"]] == [None, False, True]


def test_first_chemotherapy_after_a_colectomy(tmp_path: Path):
    """The first session or stay after the exit; not one before, nor one after a hip. 36 days are in time."""
    session = {"ghm": "28Z07Z", "nights": 0, "sessions": 1, "principal_diagnosis": "Z511"}
    stays = [
        stay(day(days), patient_id=name, stay_id=f"{name}{days}", **session)
        for name, days in (("A", -20), ("A", 50), ("A", 36), ("B", 40))
    ]
    draw(tmp_path, stays=[colon("A"), hip("B"), *stays])
    built(tmp_path)
    found = told(tmp_path)
    assert [None if pd.isna(value) else value.date() for value in found["chemotherapy_date"]] == [day(36), None]
    dates = read_dataset(None, EPISODES, tmp_path, YEAR)[["episode_id", "intervention_date"]]
    rows = found[found["programme"] == "colectomie"].reset_index().merge(dates, on="episode_id", validate="1:1")
    delay = schemes.eds.delays(rows, eds_rules()).iloc[0]
    assert (delay["median_days"], delay["in_time"]) == (36.0, 1)


def test_factors_of_a_patient(tmp_path: Path):
    """BMI of 35, a knee 100 days before, a long stay for respiratory failure, precariousness; a man. Nothing else."""
    row = outcomes(
        tmp_path,
        knee("A", day(-100), stay_id="K", nights=2),
        stay(day(-60), nights=5, principal_diagnosis="I500", associated_diagnoses=["J9610"]),
        index=hip(associated_diagnoses=["E6605", "Z590"]),
    )
    names = ["male", "prior_hip_knee_surgery", *dict.fromkeys(r["factor"] for r in eds_rules().grid("odds_ratios"))]
    assert {name for name in names if row[name]} == {
        "male", "obesity", "obesity_35", "prior_hip_knee_surgery", "prior_prolonged_stay", "heart_failure",
        "chronic_respiratory_failure", "precariousness",
    }  # fmt: skip


def test_surgery_more_than_a_year_before_is_no_factor(tmp_path: Path):
    """A knee whose stay ended 365 days before entry counts, 366 days before does not; a woman is not male."""
    woman = [{"sex": 2}, {"patient_id": "B", "sex": 1}]
    before = [knee("A", day(-369), stay_id="KA"), knee("B", day(-370), stay_id="KB")]
    draw(tmp_path, stays=[hip("A"), hip("B"), *before], beneficiaries=woman)
    built(tmp_path)
    rows = told(tmp_path)
    assert list(rows["prior_hip_knee_surgery"]) == [True, False]
    assert list(rows["male"]) == [False, True]


def test_expected_events_run_on_the_outcomes(tmp_path: Path):
    """Each indicator and programme with published odds ratios finds its factors; as many expected as observed."""
    codes = ["T845", "M0005", "I269"]
    draw(tmp_path, stays=[hip("A", associated_diagnoses=codes), hip("B"), knee("C", associated_diagnoses=codes),
                          knee("D")])  # fmt: skip
    built(tmp_path)
    rows = told(tmp_path)
    pairs = {(row["indicator"], row["programme"]) for row in eds_rules().grid("odds_ratios")}
    assert pairs == {(event, joint) for event in ("infection", "thrombo_embolic") for joint in ("pth", "ptg")}
    for indicator, programme in sorted(pairs):
        own = rows[rows["programme"] == programme].assign(has_event=lambda t, name=indicator: t[f"has_{name}"])
        found = schemes.eds.expected_events(own, indicator, eds_rules())
        assert found["observed"].sum() == 1.0
        assert found["expected"].sum() == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"place": "later"}, "row 2: place is 'later'"),
        ({"code_pattern": "atc:N02"}, "row 2: code 'atc:N02' is not one of return"),
        ({"code_pattern": ""}, "row 2: code_pattern is empty"),
        ({"last_day": "ten", "since": "exit"}, "row 2: last_day is a whole number"),
        ({"last_day": "", "since": "exit"}, "row 2: last_day is a whole number"),
    ],
)
def test_a_row_that_cannot_be_read_is_named(change: dict[str, str], message: str):
    """The file, the row, and what would be right."""
    rows = reference("episode_outcomes").head(1).assign(**change)
    with pytest.raises(InputError, match=message):
        outcome_rules(rows)
