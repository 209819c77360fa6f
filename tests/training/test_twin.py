"""The scorecard: read by hand, made of columns, close to its model, its total right, no line of a few people."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.errors import RequestError
from features.versions import CardFeature
from training.twin.fit import Sums, fit_scorecard, select, solved
from training.twin.lines import lines_of
from training.twin.record import Line, Scorecard
from training.twin.scorecard import amounts_eur, score
from training.twin.steps import Step, candidate_steps, cuts_of, filled_matrix

FEATURES = (
    CardFeature(name="age", label_fr="Âge", label_en="Age", family="age_sex", kind="number", low=0, high=110,
                nullable=True),
    CardFeature(name="is_woman", label_fr="Femme", label_en="Woman", family="age_sex", kind="flag", nullable=True),
    CardFeature(name="ald_count", label_fr="ALD", label_en="ALD", family="ald", kind="number", low=0, high=33,
                monotone=1),
    CardFeature(name="diabetes", label_fr="Diabète", label_en="Diabetes", family="comorbidity", kind="flag"),
    CardFeature(name="c2s_free", label_fr="C2S", label_en="C2S", family="precarity", kind="flag"),
    CardFeature(name="fdep", label_fr="FDep", label_en="FDep", family="territory", kind="category",
                categories=("1", "5", "missing")),
)  # fmt: skip


def line(feature: str, points: int, **bounds: object) -> Line:
    return Line(feature=feature, points_eur=points, patients=11, share=0.5, **bounds)


CARD = Scorecard(
    base_cents=50_14,
    floor_cents=45_00,
    lines=(
        line("age", 25, low=65, below=75, is_woman=False),
        line("age", 53, low=75, is_woman=False),
        line("age", 47, low=65, is_woman=True),
        line("ald_count", 30, low=1, below=2),
        line("ald_count", 80, low=2),
        line("diabetes", 27, low=1),
        line("c2s_free", -20, low=1),
        line("fdep", -9, category="1"),
    ),
)


def patient(**values: float | str | None) -> dict[str, float | str | None]:
    return {"age": 40, "is_woman": 0, "ald_count": 0, "diabetes": 0, "c2s_free": 0, "fdep": "5"} | values


def test_points_are_added_by_hand():
    """A man of 75 with two ALD and diabetes: 50.14 + 53 + 80 + 27 = 210.14; a woman of 74, quintile 1: 88.14."""
    found = score(CARD, patient(age=75, ald_count=2, diabetes=1))
    assert [one.points_eur for one in found.lines] == [53, 80, 27]
    assert (found.points_eur, found.cents) == (160, 210_14)
    assert score(CARD, patient(age=74, is_woman=1, fdep="1")).cents == 50_14 + 47_00 - 9_00
    assert score(CARD, patient()).cents == 50_14


def test_an_amount_does_not_pass_under_the_floor():
    """50.14 − 20 = 30.14 is raised to 45.00."""
    assert score(CARD, patient(c2s_free=1)).cents == 45_00


def test_what_is_not_known_counts_as_absent():
    """No age, no sex: the lowest age, a man; a feature that is not given at all is an error that names it."""
    assert score(CARD, patient(age=None, is_woman=None)).cents == 50_14
    assert score(CARD, patient(age=80, is_woman=None)).cents == 103_14
    given_ = patient()
    del given_["diabetes"]
    with pytest.raises(RequestError, match="'diabetes' is missing"):
        score(CARD, given_)


people = st.fixed_dictionaries(
    {
        "age": st.one_of(st.none(), st.integers(0, 110)),
        "is_woman": st.sampled_from([None, 0, 1]),
        "ald_count": st.integers(0, 33),
        "diabetes": st.sampled_from([0, 1]),
        "c2s_free": st.sampled_from([0, 1]),
        "fdep": st.sampled_from(["1", "5", "missing"]),
    }
)


def encoded(rows: list[dict]) -> np.ndarray:
    matrix = np.array(
        [[row[feature.name] if feature.kind != "category" else 0 for feature in FEATURES] for row in rows]
    )
    matrix[:, 5] = [FEATURES[5].categories.index(row["fdep"]) for row in rows]
    return matrix.astype(float)


@settings(max_examples=60, deadline=None)
@given(st.lists(people, min_size=1, max_size=20))
def test_by_hand_and_all_at_once_give_the_same_cents(rows):
    """The published sum is the computed one."""
    by_hand = [score(CARD, row).cents for row in rows]
    assert np.round(100 * amounts_eur(CARD, FEATURES, encoded(rows))).astype(int).tolist() == by_hand


def population(count: int = 3000, *, seed: int = 0) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    generator = np.random.default_rng(seed)
    matrix = np.column_stack(
        [
            generator.integers(0, 100, count), generator.integers(0, 2, count), generator.poisson(0.6, count),
            generator.random(count) < 0.2, generator.random(count) < 0.1, generator.integers(0, 3, count),
        ]
    ).astype(float)  # fmt: skip
    people_ = np.array([f"p{number}" for number in range(count)], dtype=object)
    return matrix, (people_, generator.uniform(0.2, 1.0, count))


def fitted(matrix: np.ndarray, expected: np.ndarray, weights: tuple, *, terms: int = 25, floor: float | None = 0.0):
    return fit_scorecard(FEATURES, matrix, expected, weights, terms=terms, floor_eur=floor)


def test_a_formula_of_points_is_found_again():
    """100, + 40 from 65, + 60 for an ALD, + 25 with diabetes: the same lines, the same base, R² 1."""
    matrix, weights = population()
    expected = 100 + 40.0 * (matrix[:, 0] >= 65) + 60 * (matrix[:, 2] >= 1) + 25 * matrix[:, 3]
    found = fitted(matrix, expected, weights)
    lines = [(one.feature, one.points_eur, one.low, one.below) for one in found.scorecard.lines]
    assert lines == [("age", 40, 65, None), ("ald_count", 60, 1, None), ("diabetes", 25, 1, None)]
    assert found.scorecard.base_cents == 100_00
    assert found.path_r2[-1] == pytest.approx(1)


def test_no_illness_takes_euros_away_and_counts_rise():
    """The model lowers the amount for diabetes and for a third ALD: the scorecard gives neither less."""
    matrix, weights = population()
    expected = 200 - 50 * matrix[:, 3] + 30.0 * np.minimum(matrix[:, 2], 2) - 40 * (matrix[:, 2] >= 3)
    lines = fitted(matrix, expected, weights).scorecard.lines
    assert all(one.points_eur > 0 for one in lines if one.feature == "diabetes")
    points = [one.points_eur for one in lines if one.feature == "ald_count"]
    assert points == sorted(points) and points


def test_the_total_is_that_of_the_model():
    """Σ weight × amount = Σ weight × expected, to half a cent per patient and year, the floor included."""
    matrix, weights = population()
    expected = 3 + 200.0 * matrix[:, 3] * (matrix[:, 0] / 50) + 15 * matrix[:, 2]
    for floor in (None, 0.0, 40.0):
        card = fitted(matrix, expected, weights, terms=8, floor=floor).scorecard
        amounts = amounts_eur(card, FEATURES, matrix)
        gap = weights[1] @ (amounts - expected) / weights[1].sum()
        assert abs(gap) <= 0.005 + 1e-9
        assert floor is None or amounts.min() >= floor


def test_no_line_concerns_fewer_than_11_people():
    """Ten people with C2S and 1,000 € more: no line says so; eleven may."""
    matrix, weights = population()
    for count, is_published in ((10, False), (11, True)):
        some = matrix.copy()
        some[:, 4] = np.arange(len(some)) < count
        lines = fitted(some, 100 + 1000.0 * some[:, 4], weights).scorecard.lines
        assert any(one.feature == "c2s_free" for one in lines) == is_published
        assert all(one.patients >= 11 for one in lines)


def test_the_same_person_in_two_years_is_one_person():
    """Six people seen twice are twelve rows and not eleven people."""
    matrix = population(400)[0]
    matrix[:, 4] = np.arange(400) % 200 < 6
    twice = np.array([f"p{number % 200}" for number in range(400)], dtype=object)
    steps = candidate_steps(FEATURES, filled_matrix(FEATURES, matrix), twice)
    assert "c2s_free" not in {step.feature for step in steps}


def test_bands_hold_11_women_and_11_men():
    """Ages 0 to 9, 20 a year of which 6 men: the first threshold leaves 12 men below, and so on."""
    ages = np.repeat(np.arange(10.0), 20)
    men = np.tile(np.arange(20) < 6, 10)
    assert cuts_of(ages, np.arange(200), [men, ~men]) == [2, 4, 6, 8]


def test_thresholds_become_bands():
    """+20 from 65 and +30 from 75: 20 between, 50 above; women 10 more from 65: 30 and 60; the rest is nothing."""
    matrix, weights = population()
    both = [(Step("age", 65.0), 20.0), (Step("age", 75.0), 30.0)]
    found = [(one.low, one.below, one.points_eur) for one in lines_of(both, FEATURES, matrix, weights)]
    assert found == [(65, 75, 20), (75, None, 50)]
    women = [*both, (Step("age", 65.0, women=True), 10.0)]
    found = [(one.is_woman, one.low, one.below, one.points_eur) for one in lines_of(women, FEATURES, matrix, weights)]
    assert found == [(False, 65, 75, 20), (False, 75, None, 50), (True, 65, 75, 30), (True, 75, None, 60)]


def test_the_lowest_band_is_worth_nothing():
    """−15 from 18 years: the young get 15 more than the rest, whose points are 0."""
    matrix, weights = population()
    found = lines_of([(Step("age", 18.0), -15.0)], FEATURES, matrix, weights)
    assert [(one.low, one.below, one.points_eur) for one in found] == [(None, 18, 15)]


def test_least_squares_under_a_sign():
    """Two columns, products 4 and 1, targets 8 and −3: 2 and −3 freely (error taken away 16 + 9); 2 and 0 if held."""
    free = Sums(np.diag([4.0, 1.0]), np.array([8.0, -3.0]), 30.0, np.full(2, -np.inf), np.full(2, np.inf))
    found, gained = solved(free, [0, 1])
    assert found == pytest.approx([2, -3], abs=1e-6) and gained == pytest.approx(25, abs=1e-6)
    held = Sums(free.gram, free.target, 30.0, np.zeros(2), free.high)
    found, gained = solved(held, [0, 1])
    assert found == pytest.approx([2, 0], abs=1e-6) and gained == pytest.approx(16, abs=1e-6)
    assert select(free, 1) == ([0], (pytest.approx(16 / 30),))
    assert select(held, 2)[0] == [0]
