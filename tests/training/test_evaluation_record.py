"""Figures of the record that no other test writes out: facts, structures, sizes, stability, decomposition, oracle."""

from __future__ import annotations

import hashlib
from math import sqrt

import numpy as np
import pandas as pd
import pytest
from sklearn.isotonic import IsotonicRegression

from training.evaluate import Observed
from training.evaluation import Effort, Given, evaluate_given, facts_of
from training.evaluation.chance import Reference, drawn_ratios, reference_of
from training.evaluation.conformal import patient_intervals
from training.evaluation.diagrams import diagrams_of
from training.evaluation.record import Facts
from training.evaluation.simulated import Simulated, simulated_structures, size_rows
from training.evaluation.stability import stability_of
from training.evaluation.structures import structure_rows

EFFORT = Effort(draws=40, simulated=10, sizes=(30,), seed=2)


def nation(rows: int = 600, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Spent, expected, weight."""
    generator = np.random.default_rng(seed)
    expected = generator.gamma(2.0, 60, rows)
    spent = np.abs(expected * generator.gamma(0.8, 1 / 0.8, rows))
    return spent, expected, np.where(generator.random(rows) < 0.1, 0.5, 1.0)


def lists(count: int, size: int, seed: int = 1) -> pd.DataFrame:
    """Members of `count` structures of `size`, costlier from one structure to the next."""
    spent, expected, weight = nation(count * size, seed)
    return pd.DataFrame(
        {
            "structure_id": np.repeat([f"S{number}" for number in range(count)], size),
            "patient_id": np.arange(count * size).astype(str),
            "weight": weight,
            "spent_eur": spent * (1 + 0.3 * np.repeat(np.arange(count), size)),
            "expected_eur": expected,
        }
    )


def test_facts_by_hand():
    """Weights 1, 1 and 2 of two patients: 4 patient-years, observed 500 / 4, expected 450 / 4, k = 500 / 450."""
    observed = Observed(np.array([0.0, 100, 200]), np.array([1.0, 1, 2]), np.array(["a", "b", "b"]), 150.0, 0.8)
    given = Given(observed, np.array([50.0, 100, 150]))
    found = facts_of(given, EFFORT, model="m", version=3, title_fr="t", title_en="t", year=2024)
    assert found == Facts(
        model="m", version=3, title_fr="t", title_en="t", year=2024, patients=2, weight=4.0, observed_eur=125.0,
        expected_eur=112.5, normalisation=500 / 450, cap_eur=150.0, draws=40, seed=2,
    )  # fmt: skip
    uncapped = Observed(observed.spent_eur, observed.exposure, observed.patients, np.inf, 1.0)
    assert (
        facts_of(Given(uncapped, given.expected), model="m", version=1, title_fr="", title_en="", year=1).cap_eur
        is None
    )


def chance_of(name: str, rows: pd.DataFrame, reference: Reference, seed: int) -> np.ndarray:
    """1,000 lists of the structure in which chance alone acts, drawn from its own seed."""
    own = int.from_bytes(hashlib.sha256(f"{seed}\0{name}".encode()).digest()[:8], "little")
    rows = rows.sort_values("patient_id", kind="stable")
    return drawn_ratios(reference, rows["expected_eur"].to_numpy(), rows["weight"].to_numpy(), seed=own)


def test_every_figure_of_a_structure():
    """Six structures: τ² by moments, then each row's figures from its draws, formula by formula."""
    spent, expected, weight = nation()
    members, reference = lists(6, 80), reference_of(spent, expected, weight)
    rows, spread, is_assumed = structure_rows(members, reference, share=0.5, seed=7)
    drawn = {name: chance_of(str(name), one, reference, 7) for name, one in members.groupby("structure_id")}
    ratio = {
        name: (one["weight"] @ one["spent_eur"]) / (one["weight"] @ one["expected_eur"])
        for name, one in members.groupby("structure_id")
    }
    # DerSimonian and Laird: Q = Σ(x − x̄)² / s², τ² = (Q − (n − 1)) / (Σw − Σw² / Σw)
    x = np.array([ratio[name] / drawn[name].mean() for name in drawn])
    w = np.array([1 / drawn[name].std(ddof=1) ** 2 for name in drawn])
    q = (w * (x - (w @ x) / w.sum()) ** 2).sum()
    tau2 = (q - 5) / (w.sum() - (w**2).sum() / w.sum())
    assert (is_assumed, spread) == (False, pytest.approx(sqrt(tau2)))
    assert len(rows) == 6
    for row in rows:
        chance, one = np.sort(drawn[row.structure]), members[members["structure_id"] == row.structure]
        # Weibull positions of 1,000 draws: 0.025 × 1001 = 25.025, 0.975 × 1001 = 975.975
        low, high = chance[24] + 0.025 * (chance[25] - chance[24]), chance[974] + 0.975 * (chance[975] - chance[974])
        due = float(one["weight"] @ one["expected_eur"])
        paid = 0.5 * due * np.maximum(1 - chance / chance.mean(), 0).mean()
        assert row.patients == 80
        assert (row.ratio, row.chance_low, row.chance_high) == pytest.approx((ratio[row.structure], low, high))
        assert (row.low, row.high) == pytest.approx((ratio[row.structure] / high, ratio[row.structure] / low))
        assert row.credibility == pytest.approx(tau2 / (tau2 + chance.var(ddof=1)))
        assert row.detectable == pytest.approx((1.6448536 + 0.8416212) * chance.std(ddof=1))
        assert (row.chance_eur, row.chance_eur_per_patient) == pytest.approx((paid, paid / 80))
    assert [row.credibility for row in rows] == sorted((row.credibility for row in rows), reverse=True)


def test_every_figure_of_a_size():
    """A list of 30 drawn from the nation: its own draws, and coverage from structures simulated apart."""
    spent, expected, weight = nation()
    (row,) = size_rows(spent, expected, weight, between_sd=0.1, share=0.5, sizes=(30,), structures=20, seed=5)
    members = np.random.default_rng([5, 30]).choice(600, 30, replace=False)
    reference = reference_of(spent, expected, weight)
    chance = drawn_ratios(reference, expected[members], weight[members], draws=1000, seed=5)
    due, variance = float(weight[members] @ expected[members]), chance.var(ddof=1)
    simulated = simulated_structures(spent, expected, weight, size=30, structures=20, seed=5)
    assert simulated is not None
    assert (row.size, row.simulated, row.coverage, row.is_capped) == (30, 20, simulated.coverage, False)
    assert (row.low, row.high) == pytest.approx(tuple(np.quantile(chance, (0.025, 0.975), method="weibull")))
    assert row.detectable == pytest.approx(2.4864749 * sqrt(variance))
    assert row.credibility == pytest.approx(0.01 / (0.01 + variance))
    assert row.chance_eur_per_patient == pytest.approx(
        0.5 * due / 30 * np.maximum(1 - chance / chance.mean(), 0).mean()
    )


def test_coverage_counts_both_sides():
    """40 structures, 1 below and 3 above: 36 of 40 inside."""
    assert Simulated(40, 1, 3).coverage == pytest.approx(0.9)


def test_capped_sizes_stand_beside_the_whole_ones():
    """With a cap, each size is given twice: whole, and with spending cut (a narrower interval, never simulated)."""
    spent, expected, weight = nation()
    observed = Observed(spent, weight, np.arange(600), 250.0, 0.9)
    given = Given(observed, expected, members=lists(6, 80))
    facts = facts_of(given, EFFORT, model="m", version=1, title_fr="", title_en="", year=2024)
    found = evaluate_given(given, facts, effort=EFFORT)
    whole, cut = found.sizes
    assert (whole.is_capped, whole.simulated, cut.is_capped, cut.simulated, cut.coverage) == (False, 10, True, 0, None)
    k = weight @ spent / (weight @ expected)
    (again,) = size_rows(
        np.minimum(spent, 250), k * expected, weight,
        between_sd=found.between_sd, share=0.5, sizes=(30,), structures=0, seed=2,
    )  # fmt: skip
    assert (cut.low, cut.high, cut.detectable) == (again.low, again.high, again.detectable)
    assert cut.high - cut.low < whole.high - whole.low
    # structures are compared at the national total made right
    rows, spread, is_assumed = structure_rows(
        lists(6, 80).assign(expected_eur=lambda one: k * one["expected_eur"]),
        reference_of(spent, k * expected, weight), share=0.5, seed=2,
    )  # fmt: skip
    assert (found.structures, found.between_sd, found.is_between_assumed) == (rows, spread, is_assumed)


def test_stability_in_full():
    """Three structures of 11 before (100, 200, 300 €) and after (150, 100, 350 €): totals 600, ranks 2 1 3."""
    before, after = np.repeat([100.0, 200, 300], 11), np.repeat([150.0, 100, 350], 11)
    observed = Observed(before, np.ones(33), np.arange(33), np.inf, 1.0)
    members = pd.DataFrame(
        {
            "structure_id": np.repeat(["A", "B", "C"], 11), "patient_id": np.arange(33).astype(str), "weight": 1.0,
            "before_eur": before, "after_eur": after,
        }
    )  # fmt: skip
    found = stability_of(observed, before, after, members, against="v1")
    assert (found.against, found.normalisation_before, found.normalisation_after) == ("v1", 1.0, pytest.approx(1.0))
    # Σ|after − before| = 11 × (50 + 100 + 50) of 11 × 600; ranks 1 2 3 and 2 1 3: ρ = 1 − 6 × 2 / (3 × 8)
    assert found.mean_absolute_change == pytest.approx(200 / 600)
    assert found.structure_rank_correlation == pytest.approx(0.5)
    assert found.rank_correlation == pytest.approx(0.5)
    assert found.structure_mean_absolute_change == pytest.approx((0.5 + 0.5 + 1 / 6) / 3)
    assert found.moved_share == pytest.approx(100 / 600)
    rows = {row.structure: (row.patients, row.before_eur, row.after_eur, row.change) for row in found.structures}
    assert rows["A"] == pytest.approx((11, 100, 150, 0.5))
    assert rows["B"] == pytest.approx((11, 200, 100, -0.5))
    assert rows["C"] == pytest.approx((11, 300, 350, 1 / 6))


def test_decomposition_part_by_part():
    """scikit-learn's isotonic mean c of y on ŷ: MCB = S(ŷ) − S(c), DSC = S(ȳ) − S(c), UNC = S(ȳ)."""
    y = np.array([4.0, 8, 2, 30, 10, 44, 25, 60])
    expected = np.array([5.0, 6, 7, 20, 22, 40, 41, 50])
    w = np.array([1.0, 1, 2, 1, 1, 0.5, 1, 1])
    found = diagrams_of(Observed(y, w, np.arange(8), np.inf, 1.0), {"m": expected})
    isotonic = IsotonicRegression().fit(expected, y, sample_weight=w).predict(expected)
    error = {
        name: np.average((y - values) ** 2, weights=w)
        for name, values in (("model", expected), ("isotonic", isotonic), ("mean", np.average(y, weights=w)))
    }
    assert found.miscalibration == pytest.approx(error["model"] - error["isotonic"])
    assert found.discrimination == pytest.approx(error["mean"] - error["isotonic"])
    assert found.uncertainty == pytest.approx(error["mean"])
    assert np.interp(expected, found.reliability.x, found.reliability.y) == pytest.approx(isotonic)


def test_conformal_interval_is_the_formula_of_its_authors():
    """Romano, Patterson, Candès 2019: both ends move by the ⌈(n + 1) 0.95⌉-th of max(low − y, y − high).

    So log(1 + €) of the 95 % intervals is that of the quantile trees, moved by one and the same number.
    """
    spent, expected, _ = nation(2000, seed=4)
    found = patient_intervals(expected[:, None], spent, np.arange(2000), seed=1)
    place = np.random.default_rng(1).permutation(2000) / 2000
    fitted, conform, measured = (np.flatnonzero(np.digitize(place, (0.3, 0.6)) == part) for part in range(3))
    low, high = (quantile_trees(share, expected[fitted], spent[fitted]) for share in (0.025, 0.975))
    log_eur = np.log1p(spent[conform])
    score = np.maximum(low(expected[conform]) - log_eur, log_eur - high(expected[conform]))
    moved = np.sort(score)[int(np.ceil((len(conform) + 1) * 0.95)) - 1]
    assert found.rows.tolist() == measured.tolist()
    ends = np.expm1(low(expected[measured]) - moved), np.expm1(high(expected[measured]) + moved)
    assert found.low == pytest.approx(np.maximum(ends[0], 0.0), abs=1e-6)
    assert found.high == pytest.approx(ends[1], rel=1e-6)


def quantile_trees(share: float, expected: np.ndarray, spent: np.ndarray):
    """The quantile of log(1 + €) by the settings of the evaluation."""
    from lightgbm import LGBMRegressor

    from training.evaluation.conformal import TREES

    model = LGBMRegressor(objective="quantile", alpha=share, random_state=1, **TREES)
    model.fit(expected[:, None], np.log1p(spent))
    return lambda known: np.asarray(model.predict(known[:, None]))


def test_interval_from_nothing_leaves_its_tail_above():
    """A fifth spend nothing: intervals begin at 0 and the 95 % quantile moves by the ⌈(n + 1) 0.95⌉-th of y − high."""
    spent, expected, _ = nation(3000, seed=6)
    spent = np.where(np.random.default_rng(8).random(3000) < 0.2, 0.0, spent)
    found = patient_intervals(expected[:, None], spent, np.arange(3000), seed=1)
    place = np.random.default_rng(1).permutation(3000) / 3000
    fitted, conform, measured = (np.flatnonzero(np.digitize(place, (0.3, 0.6)) == part) for part in range(3))
    high = quantile_trees(0.95, expected[fitted], spent[fitted])
    moved = np.sort(np.log1p(spent[conform]) - high(expected[conform]))[int(np.ceil((len(conform) + 1) * 0.95)) - 1]
    assert (found.low == 0).all()
    assert found.high == pytest.approx(np.expm1(high(expected[measured]) + moved), rel=1e-6)
    inside = (spent[measured] <= found.high).mean()
    assert inside == pytest.approx(0.95, abs=3 * sqrt(0.95 * 0.05 * (1 / 1200 + 1 / 900)))
