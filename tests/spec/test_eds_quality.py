"""Quality of episodes: observed over expected, funnel, score, delay to chemotherapy, answers of patients."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from scipy.stats import poisson

from features.errors import InputError, RuleError
from schemes.eds import (
    answers,
    as_quality,
    delays,
    expected_by_strata,
    expected_events,
    funnel,
    funnel_limits,
    places,
    ratios,
    scores,
    shares,
)
from schemes.eds.funnel import exact_interval
from tests.schemes.eds_made import eds_rules, quality

RULES = eds_rules()
FACTORS = [row["factor"] for row in RULES.grid("odds_ratios") if row["key"].startswith("thrombo_embolic_pth")]


def patients(events: list[int], **factors: list[int]) -> pd.DataFrame:
    """Hips, one row each; factors not given are absent. The first half is in H1."""
    half = len(events) // 2
    rows = {"establishment_id": ["H1"] * half + ["H2"] * (len(events) - half), "programme": "pth", "has_event": events}
    return pd.DataFrame(rows | {name: factors.get(name, 0) for name in FACTORS})


def test_published_odds_ratios():
    """Values of the HAS and ATIH campaign of 2022 (data of 2021); no paralysis for hips."""
    found = {row["key"]: row["odds_ratio"] for row in RULES.grid("odds_ratios")}
    assert found["infection_pth_obesity_35"] == "3.413"
    assert found["infection_ptg_bone_infection"] == "4.049"
    assert found["thrombo_embolic_ptg_coagulopathy"] == "3.503"
    assert "thrombo_embolic_pth_paralysis" not in found
    assert len(found) == 12 * 2 + 9 + 10


def test_expected_events_add_up_to_the_observed():
    """The constant is set on the nation: 3 events observed, 3 expected, more where patients are at risk."""
    rows = expected_events(patients([1, 0, 0, 0, 1, 1], coagulopathy=[1, 1, 0, 0, 0, 0]), "thrombo_embolic", RULES)
    assert rows["expected"].sum() == pytest.approx(3.0, abs=1e-9)
    assert list(rows["observed"]) == [1.0, 2.0]
    assert rows["expected"][0] > rows["expected"][1]


def test_expected_events_follow_the_odds_ratio():
    """One factor, half the patients: the odds of the two groups differ by the published 1.741."""
    rows = expected_events(patients([1, 0, 0, 1], coagulopathy=[1, 1, 0, 0]), "thrombo_embolic", RULES)
    with_factor, without = rows["expected"] / 2
    assert (with_factor / (1 - with_factor)) / (without / (1 - without)) == pytest.approx(1.741)


def test_no_event_expects_none():
    """Nobody, or everybody."""
    assert list(expected_events(patients([0, 0]), "thrombo_embolic", RULES)["expected"]) == [0.0, 0.0]
    assert list(expected_events(patients([1, 1]), "thrombo_embolic", RULES)["expected"]) == [1.0, 1.0]


def test_a_factor_without_a_column_is_refused():
    """Not found is not absent; nor is an indicator without odds ratios guessed."""
    with pytest.raises(InputError, match="patients: column coagulopathy is missing"):
        expected_events(patients([1, 0]).drop(columns="coagulopathy"), "thrombo_embolic", RULES)
    with pytest.raises(RuleError, match="grid odds_ratios has none for rehospitalisation of pth"):
        expected_events(patients([1, 0]), "rehospitalisation", RULES)


def test_rehospitalisation_by_strata():
    """Rates of the frame: old 1 in 2, young 0; H1 has two old patients, H2 two young and two old."""
    is_old = [True, True, False, False, True, True]
    rows = pd.DataFrame({"establishment_id": ["H1"] * 2 + ["H2"] * 4, "is_old": is_old, "has_event": [1, 1] + [0] * 4})
    found = expected_by_strata(rows, "rehospitalisation", ["is_old"])
    assert found.to_dict("records") == [
        {"establishment_id": "H1", "indicator": "rehospitalisation", "observed": 2.0, "expected": 1.0, "patients": 2},
        {"establishment_id": "H2", "indicator": "rehospitalisation", "observed": 0.0, "expected": 1.0, "patients": 4},
    ]


def test_limits_are_where_poisson_interpolates_to_the_probability():
    """Definition of the text: o, the first k with F(k) ≥ p; α = (F(o) − p) / f(o)."""
    for expected in (0.5, 3.0, 47.0):
        for p in (0.001, 0.025, 0.975, 0.999):
            order = next(k for k in range(500) if poisson.cdf(k, expected) >= p)
            alpha = (poisson.cdf(order, expected) - p) / poisson.pmf(order, expected)
            (found,) = funnel_limits(np.array([expected]), p, RULES)
            assert found == pytest.approx(max(0.0, (order - alpha) / expected), abs=1e-12)


def test_limits_for_very_few_expected():
    """Under 0.02 expected the upper limit is the plateau, the lower one 0; for none expected there is no limit."""
    assert funnel_limits(np.array([0.019, 0.0]), 0.999, RULES).tolist()[:1] == [249.9998]
    assert funnel_limits(np.array([0.019]), 0.001, RULES).tolist() == [0.0]
    assert np.isnan(funnel_limits(np.array([0.0]), 0.999, RULES)).all()


def test_exact_interval_of_ten_events():
    """Exact Poisson bounds of 10 events at 95 %: 4.795 to 18.390; of none: 0 to 3.689."""
    low, high = exact_interval(np.array([10.0, 0.0]), np.array([1.0, 1.0]), 0.95)
    assert [f"{value:.3f}" for value in (*low, *high)] == ["4.795", "0.000", "18.390", "3.689"]


def test_verdicts():
    """10 expected: 21 beyond 3 standard deviations, 17 beyond 2, 10 inside, 3 below 2, 0 below 3; none expected."""
    given = {"A": 21, "B": 17, "C": 10, "D": 3, "E": 0}
    rows = [(name, "infection", seen, 10.0, 500) for name, seen in given.items()] + [("F", "infection", 0, 0.0, 5)]
    found = ratios({"quality": quality(*rows)}, RULES).set_index("establishment_id")
    assert found["outside"].to_dict() == {
        "A": "far_above", "B": "above", "C": "inside", "D": "below", "E": "far_below", "F": "unknown"
    }  # fmt: skip
    assert found.loc["C", ["ratio", "limit_0.975"]].round(4).tolist() == [1.0, 1.616]


def test_funnel_has_points_and_curves():
    """Points of the indicator alone; curves narrow around the centre as more is expected."""
    given = quality(("A", "infection", 2, 4.0, 500), ("B", "infection", 9, 8.0, 500), ("A", "ssr_use", 9, 8.0, 500))
    points, curves = funnel({"quality": given}, "infection", RULES)
    assert list(points["establishment_id"]) == ["A", "B"]
    width = (curves["limit_0.999"] - curves["limit_0.001"]).to_numpy()
    assert width[-1] < width[10]
    assert (curves["expected"].iloc[-1], set(curves["centre"])) == (pytest.approx(8.4), {1.0})


def test_places_turn_with_the_direction():
    """Three establishments: least infections 1, most 0; most in time 1; equal ones share."""
    given = quality(
        ("A", "infection", 1, 2.0, 100), ("B", "infection", 2, 2.0, 100), ("C", "infection", 3, 2.0, 100),
        ("A", "chemotherapy_in_time", 5, None, 10), ("B", "chemotherapy_in_time", 8, None, 10),
        ("C", "chemotherapy_in_time", 8, None, 10),
    )  # fmt: skip
    rows = places({"quality": given}, RULES)
    found = {(row["establishment_id"], row["indicator"]): row["place"] for row in rows.to_dict("records")}
    assert [found[name, "infection"] for name in "ABC"] == [1.0, 0.5, 0.0]
    assert [found[name, "chemotherapy_in_time"] for name in "ABC"] == [0.0, 0.75, 0.75]


def test_score_weighs_patients_and_skips_what_is_missing():
    """A: 1 × 100 patients, 0 × 300: 0.25. C has no expected events: its other indicator alone counts."""
    given = quality(
        ("A", "infection", 1, 2.0, 100), ("B", "infection", 3, 2.0, 100), ("C", "infection", 0, 0.0, 100),
        ("A", "prems_score", 60.0, None, 300), ("B", "prems_score", 80.0, None, 300),
        ("C", "prems_score", 70.0, None, 300), ("A", "ssr_use", 1, 9.0, 900), ("B", "ssr_use", 9, 1.0, 900),
    )  # fmt: skip
    assert scores({"quality": given}, RULES) == {"A": Decimal("0.25"), "B": Decimal("0.75"), "C": Decimal("0.5")}


def test_alone_there_is_no_place():
    """No nation, no score."""
    assert scores({"quality": quality(("A", "infection", 1, 2.0, 100))}, RULES) == {}
    assert scores({}, RULES) == {}


def test_unknown_indicator_is_refused():
    """A name that the rules do not have would otherwise count for nothing."""
    with pytest.raises(RuleError, match="grid indicators has no infections"):
        scores({"quality": quality(("A", "infections", 1, 2.0, 100))}, RULES)


def test_delay_to_chemotherapy():
    """56 days is in time, 57 is not; who had none is not late; B treated nobody."""
    day = pd.Timestamp("2024-01-01")
    rows = pd.DataFrame({
        "establishment_id": ["A", "A", "A", "B"], "intervention_date": day,
        "chemotherapy_date": [day + pd.Timedelta(days=56), day + pd.Timedelta(days=57), pd.NaT, pd.NaT],
    })  # fmt: skip
    a, b = delays(rows, RULES).to_dict("records")
    assert (a["episodes"], a["patients"], a["median_days"], a["in_time"], a["in_time_share"]) == (3, 2, 56.5, 1, 0.5)
    assert (b["patients"], np.isnan(b["median_days"]), np.isnan(b["in_time_share"])) == (0, True, True)
    with pytest.raises(InputError, match="row 1, chemotherapy_date is before intervention_date"):
        delays(rows.assign(chemotherapy_date=day - pd.Timedelta(days=1)), RULES)


def test_answers_of_patients():
    """Two of four answered after, one of them before: change over those who answered both."""
    episodes = pd.DataFrame({"episode_id": list("abcd"), "establishment_id": "H1"})
    given = pd.DataFrame({"episode_id": ["a", "a", "b"], "questionnaire": "oxford",
                          "moment": ["before", "after", "after"], "score": [20.0, 40.0, 30.0]})  # fmt: skip
    after, before = answers(given, episodes).to_dict("records")
    assert (after["answered"], after["mean_score"], after["mean_change"], after["response_share"]) == (
        2,
        35.0,
        20.0,
        0.5,
    )
    assert (before["answered"], before["patients"], np.isnan(before["mean_change"])) == (1, 4, True)
    with pytest.raises(InputError, match="row 1 is of an episode that episodes does not have"):
        answers(given.assign(episode_id=["z", "a", "b"]), episodes)


def test_counts_become_rows_of_quality():
    """Screenings, delays and answers feed the score as shares of patients, or as a mean."""
    done = pd.DataFrame({"establishment_id": ["A", "A", "B", "B"], "has_event": [1, 1, 1, 0]})
    screened = shares(done, "anaemia_screening")
    assert screened[["observed", "patients"]].to_numpy().tolist() == [[2.0, 2], [1.0, 2]]
    late = pd.DataFrame({"establishment_id": ["A", "B"], "in_time": [1, 4], "patients": [4, 4]})
    both = pd.concat([screened, as_quality(late, "chemotherapy_in_time", observed="in_time")])
    assert scores({"quality": both}, RULES) == {"A": Decimal(1) / 3, "B": Decimal(2) / 3}
