"""Chance on a structure's total, credibility, what a floor pays, and intervals of patients."""

from __future__ import annotations

from math import pi, sqrt

import msgspec
import numpy as np
import pandas as pd
import pytest

from training.evaluation.chance import (
    DETECTABLE,
    between_structures,
    credibility,
    detectable,
    drawn_ratios,
    ends,
    floored_pay,
    own_level,
    reference_of,
)
from training.evaluation.conformal import Intervals, coverage_rows, patient_intervals, wilson
from training.evaluation.record import StructureRow, number_or_none
from training.evaluation.simulated import size_rows, structure_coverage
from training.evaluation.structures import ASSUMED_BETWEEN_SD, structure_rows
from training.evaluation.wording import DASH, between


def nation(rows: int = 8000, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Spent, expected, weight: gamma luck around right expectations, some part years."""
    generator = np.random.default_rng(seed)
    expected = generator.gamma(2.0, 60, rows)
    spent = expected * generator.gamma(0.6, 1 / 0.6, rows) * (1 + 0.001 * generator.normal(size=rows))
    return np.abs(spent), expected, np.where(generator.random(rows) < 0.05, 0.5, 1.0)


def test_reference_holds_ratios_of_its_strata():
    """One stratum (under 100 rows): spent 50 and 150, expected 100: ratios 0.5 and 1.5, error 0.5 / √2."""
    spent, expected = np.array([50.0, 150.0]), np.array([100.0, 100.0])
    found = reference_of(spent, expected, np.ones(2))
    assert sorted(found.ratio) == [0.5, 1.5]
    assert found.error.tolist() == pytest.approx([0.5 / sqrt(2)])


def test_reference_makes_the_nation_right_and_weighs_by_exposure():
    """Spending twice what is expected is no effect: mean ratio 1; a patient of weight 3 stands for three."""
    spent, expected = np.array([400.0, 0.0]), np.array([100.0, 100.0])
    found = reference_of(spent, expected, np.array([1.0, 1.0]))
    assert found.ratio.mean() == pytest.approx(1.0)
    rare = reference_of(np.array([0.0, 100, 100, 100]), np.full(4, 50.0), np.array([9.0, 1, 1, 1]))
    assert (rare.ratio == 0).mean() == 0.75


def test_no_expected_euros_is_refused():
    """An empty reference cannot say what chance does."""
    with pytest.raises(ValueError, match="positive expectations"):
        reference_of(np.ones(3), np.zeros(3), np.ones(3))


def test_drawn_ratios_have_the_spread_of_sampling():
    """n members of equal expectation: standard deviation σ / √n, plus the nation's own error σ / √N."""
    generator = np.random.default_rng(1)
    spent = 100 * generator.gamma(1.0, 1.0, 4000)
    found = reference_of(spent, np.full(4000, 100.0), np.ones(4000))
    ratios = drawn_ratios(found, np.full(400, 100.0), np.ones(400), draws=4000, seed=2)
    sigma = (spent / spent.mean()).std()
    assert ratios.mean() == pytest.approx(1.0, abs=0.005)
    assert ratios.std() == pytest.approx(sigma * sqrt(1 / 400 + 1 / 4000), rel=0.04)


def test_ends_are_unbiased_for_few_draws():
    """Of 39 draws the lowest and the highest: a 40th falls outside once in 20."""
    assert ends(np.arange(1.0, 40.0)) == (1.0, 39.0)


def test_own_level_inverts_chance():
    """1.2 observed, chance 0.8 to 1.25: its own level is 0.96 to 1.5."""
    ratios = np.concatenate([[0.8], np.linspace(0.9, 1.1, 37), [1.25]])
    assert own_level(1.2, ratios) == pytest.approx((0.96, 1.5))


def test_detectable_effect_by_hand():
    """1.645 + 0.842 standard errors: one-sided 5 %, power 80 %."""
    ratios = np.array([0.9, 1.0, 1.1])
    assert detectable(ratios) == pytest.approx(2.4865 * 0.1, rel=1e-4)
    assert pytest.approx(2.4865, rel=1e-4) == DETECTABLE


def test_floor_pays_chance_by_hand():
    """Ratios 0.9 and 1.1 of 1,000 € expected, half shared: 0.5 × 1000 × mean(0.1, 0) = 25 €."""
    assert floored_pay(np.array([0.9, 1.1]), 1000.0, share=0.5) == pytest.approx(25.0)
    normal = np.random.default_rng(0).normal(1, 0.05, 200_000)
    assert floored_pay(normal, 1.0, share=1.0) == pytest.approx(0.05 / sqrt(2 * pi), rel=0.01)


def test_credibility_by_hand():
    """τ = 0.1 and a variance of chance of 0.01: the structure's own result weighs half."""
    assert credibility(0.1, np.array([0.9, 1.0, 1.1])) == pytest.approx(0.5)
    assert credibility(0.0, np.array([0.9, 1.1])) == 0.0


def test_spread_between_structures_by_hand():
    """Equal errors s: τ² = variance − s²; (0.9, 1.1) and s = 0.1: 0.02 − 0.01. Less spread than chance: 0."""
    assert between_structures(np.array([0.9, 1.1]), np.array([0.1, 0.1])) == pytest.approx(0.1)
    assert between_structures(np.array([0.99, 1.01]), np.array([0.1, 0.1])) == 0.0


def test_structures_of_a_payment():
    """Each list beside its own chance; short ones weigh less; under 11 patients is left out; few lists assume τ."""
    spent, expected, weight = nation()
    sizes = {"A": 2000, "B": 300, "C": 10}
    frames, first = [], 0
    for name, size in sizes.items():
        rows = slice(first, first + size)
        frames.append(
            pd.DataFrame(
                {"structure_id": name, "patient_id": [f"{name}{i}" for i in range(size)], "weight": weight[rows],
                 "spent_eur": spent[rows], "expected_eur": expected[rows]}
            )
        )  # fmt: skip
        first += size
    members = pd.concat(frames, ignore_index=True)
    reference = reference_of(spent, expected, weight)
    rows, spread, is_assumed = structure_rows(members, reference, share=0.5)
    assert [row.structure for row in rows] == ["A", "B"]
    assert (spread, is_assumed) == (ASSUMED_BETWEEN_SD, True)
    a, b = rows
    assert a.ratio == pytest.approx(weight[:2000] @ spent[:2000] / (weight[:2000] @ expected[:2000]))
    assert a.credibility > b.credibility and a.detectable < b.detectable
    assert a.chance_eur == pytest.approx(2000 * a.chance_eur_per_patient)
    assert a.low == pytest.approx(a.ratio / a.chance_high) and a.high == pytest.approx(a.ratio / a.chance_low)
    shuffled, _, _ = structure_rows(members.sample(frac=1, random_state=1), reference, share=0.5)
    assert shuffled == rows


def test_a_list_that_chance_empties_has_no_upper_end():
    """Eleven patients, of whom one in ten spends: chance alone may find none, so that no level is too high for them.

    The interval is written as it is read: "0.3 or more", and null in JSON, which every later reading takes.
    """
    drawn = np.concatenate([[-0.1], np.linspace(0.5, 1.5, 37), [3.0]])
    low, high = own_level(0.9, drawn)
    assert (low, high) == (pytest.approx(0.3), np.inf)
    row = StructureRow(
        structure="A", patients=11, ratio=0.9, low=low, high=number_or_none(high), chance_low=-0.1, chance_high=3.0,
        credibility=0.1, detectable=1.0, chance_eur=1.0, chance_eur_per_patient=0.1,
    )  # fmt: skip
    assert msgspec.json.decode(msgspec.json.encode(row), type=StructureRow) == row
    assert between(row.low, row.high, "ratio", "en") == "0.300 or more"
    assert between(None, None, "ratio", "en") == DASH


def test_coverage_of_structures_is_ninety_five_per_cent():
    """Simulated structures of a mix of their own fall in their interval 95 ± 2 % of the time (3 standard errors)."""
    spent, expected, weight = nation()
    covered = [
        structure_coverage(spent, expected, weight, size=size, structures=400, draws=200, seed=5)
        for size in (250, 1500)
    ]
    assert all(share is not None for share in covered)
    assert np.array(covered, dtype=float) == pytest.approx([0.95, 0.95], abs=0.02 + 3 * sqrt(0.95 * 0.05 / 400) / 2)


def test_coverage_needs_twice_the_patients():
    """No patient stands on both sides; where they are too few, nothing is claimed."""
    spent, expected, weight = nation(600)
    assert structure_coverage(spent, expected, weight, size=301) is None
    rows = size_rows(spent, expected, weight, between_sd=0.05, share=0.5, sizes=(250, 18_000), structures=20)
    assert [(row.size, row.coverage is None, row.simulated) for row in rows] == [(250, False, 20), (18_000, True, 0)]
    assert rows[1].high - rows[1].low < rows[0].high - rows[0].low


def test_patient_intervals_hold_what_they_promise():
    """95 % of fresh patients fall inside (4 standard errors), none begins under 0, and all of a patient go together."""
    spent, expected, _ = nation(12_000, seed=3)
    patients = np.arange(12_000).astype(str)
    found = patient_intervals(expected[:, None], spent, patients, seed=1)
    inside = (spent[found.rows] >= found.low) & (spent[found.rows] <= found.high)
    assert inside.mean() == pytest.approx(0.95, abs=4 * sqrt(0.95 * 0.05 / len(inside)) + 0.005)
    assert (found.low >= 0).all() and len(found.rows) == pytest.approx(4800, abs=1)
    twice = patient_intervals(np.tile(expected, 2)[:, None], np.tile(spent, 2), np.tile(patients, 2), seed=1)
    assert np.unique(patients[twice.rows % 12_000]).size * 2 == len(twice.rows)


def test_coverage_by_hand():
    """Twelve patients from 0 to 11 €, intervals 1 to 9 €: 9 of 12 inside; a level of five is not shown."""
    found = Intervals(np.arange(12), np.full(12, 1.0), np.full(12, 9.0))
    labels = np.array(["few"] * 5 + [""] * 7, dtype=object)
    rows = coverage_rows(found, np.arange(12.0), np.arange(12), {"g": labels})
    assert [(row.group, row.coverage, row.width_eur, row.patients) for row in rows] == [("all", 0.75, 8.0, 12)]


def test_wilson_by_hand():
    """Wilson (1927) of 9 of 12: 0.468 to 0.911."""
    assert wilson(9, 12) == pytest.approx((0.4677, 0.9111), abs=1e-3)


def test_few_patients_have_no_conformal_interval():
    """Under 100 patients a quantile of 2.5 % is not there."""
    with pytest.raises(ValueError, match="too few"):
        patient_intervals(np.ones((99, 1)), np.ones(99), np.arange(99))
