"""Fit, diagrams and the comparison with rivals, on tables one can check by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import mean_tweedie_deviance

from training.bootstrap import bootstrap_of
from training.evaluate import Observed, fit_metrics
from training.evaluation.diagrams import diagrams_of
from training.evaluation.fit import fit_figures, measures, right_total, rival_rows, row_sums, unit_deviance

Y, EXPECTED, WEIGHT = np.array([0.0, 100, 200]), np.array([50.0, 100, 150]), np.array([1.0, 1, 2])


def small(cap: float = 150.0, kept: float = 0.8) -> Observed:
    return Observed(Y, WEIGHT, np.array(["a", "b", "c"]), cap, kept)


def figures(observed: Observed, expected: np.ndarray) -> dict[str, float | None]:
    found = fit_figures(observed, expected, bootstrap_of(observed.patients))
    return {figure.name: figure.value for figure in found}


def made(rows: int = 3000, seed: int = 0) -> tuple[Observed, np.ndarray]:
    generator = np.random.default_rng(seed)
    expected = generator.gamma(2.0, 60, rows)
    observed = Observed(
        expected * generator.gamma(0.8, 1 / 0.8, rows), generator.uniform(0.2, 1, rows), np.arange(rows), 400.0, 0.9
    )
    return observed, expected


def test_measures_by_hand():
    """Spent 0, 100, 200 (weight 2), expected 50, 100, 150: mean 125, total 500, squares lost 7500 of 27500."""
    found = figures(small(), EXPECTED)
    assert found["r2"] == pytest.approx(1 - 7500 / 27500)
    assert found["cpm"] == pytest.approx(1 - 150 / 300)
    assert found["mae_eur"] == pytest.approx(150 / 4)
    assert found["mean_bias_eur"] == pytest.approx(-50 / 4)
    assert found["total_ratio"] == pytest.approx(450 / 500)
    # capped at 150: 0, 100, 150, 150 around 100; expected × 0.8: 40, 80, 120, 120
    assert found["r2_capped"] == pytest.approx(1 - (1600 + 400 + 2 * 900) / (10000 + 2 * 2500))


def test_calibration_line_by_hand():
    """y = −100 + 2ŷ passes through the three points: slope 2, intercept −100 €."""
    found = figures(small(), EXPECTED)
    assert found["calibration_slope"] == pytest.approx(2.0)
    assert found["calibration_intercept_eur"] == pytest.approx(-100.0)


def test_top_decile_by_hand():
    """Ten patients of which the one foreseen costliest spent 300 of 1000 €, and the costliest 400 €."""
    spent = np.array([300.0, 400, *[300 / 8] * 8])
    observed = Observed(spent, np.ones(10), np.arange(10), np.inf, 1.0)
    found = figures(observed, np.array([90.0, 80, *range(1, 9)]))
    assert found["top_decile_share"] == pytest.approx(0.3)
    assert found["top_decile_best_share"] == pytest.approx(0.4)


def test_deviance_by_hand_and_as_scikit_learn():
    """Nothing spent, 4 € expected: 2 × 4^0.5 / 0.5 = 8. An expectation of 0 counts as a cent."""
    assert unit_deviance(np.array([0.0]), np.array([4.0])) == pytest.approx([8.0])
    observed, expected = made()
    reference = mean_tweedie_deviance(observed.spent_eur, expected, sample_weight=observed.exposure, power=1.5)
    assert figures(observed, expected)["tweedie_deviance"] == pytest.approx(reference)
    assert unit_deviance(np.array([9.0]), np.array([0.0])) == pytest.approx(unit_deviance(np.array([9.0]), [0.01]))


def test_negative_and_zero_shares_are_weighted():
    """One negative of weight 1 and one zero of weight 2 among 4."""
    observed = Observed(np.array([1.0, 2, 3]), np.array([1.0, 2, 1]), np.arange(3), 9.0, 1.0)
    found = figures(observed, np.array([-1.0, 0, 5]))
    assert (found["negative_share"], found["zero_share"]) == (0.25, 0.5)


def test_same_figures_as_the_training_report():
    """The measures that training prints are the same numbers here."""
    observed, expected = made()
    found, printed = figures(observed, expected), fit_metrics(observed, expected)
    for name, value in printed.items():
        assert found[name] == pytest.approx(value, rel=1e-9), name


def test_drawn_cpm_is_that_of_the_drawn_rows():
    """CPM of a draw, from sums, is the CPM of its rows written out, mean included (to the third decimal)."""
    observed, expected = made()
    draws = bootstrap_of(observed.patients, draws=5, seed=3)
    drawn = measures(draws.sums(row_sums(observed, expected)))
    for draw in range(5):
        times = draws.counts[draw][draws.block] * observed.exposure
        mean = np.average(observed.spent_eur, weights=times)
        cpm = 1 - times @ np.abs(observed.spent_eur - expected) / (times @ np.abs(observed.spent_eur - mean))
        assert drawn["cpm"][draw] == pytest.approx(cpm, abs=1e-3)


def test_rivals_are_compared_at_the_right_total():
    """The same predictions at 90 % of their total gain and lose nothing; the ratio before is printed."""
    observed, expected = made()
    expected = expected * right_total(observed, expected)
    one, same, mean = rival_rows(
        observed,
        {"a": expected, "b": 0.9 * expected, "mean": np.full_like(expected, 7.0)},
        bootstrap_of(observed.patients),
    )
    assert (one.raw_ratio, same.raw_ratio) == (pytest.approx(1.0), pytest.approx(0.9))
    assert same.r2_gain is not None and same.cpm_gain is not None
    assert [same.r2_gain.value, same.r2_gain.low, same.r2_gain.high] == pytest.approx([0, 0, 0], abs=1e-12)
    assert (mean.r2, mean.cpm) == (pytest.approx(0, abs=1e-12), pytest.approx(0, abs=1e-12))
    assert mean.r2_gain is not None and mean.r2_gain.value == pytest.approx(one.r2)
    assert mean.r2_gain.low < mean.r2_gain.value < mean.r2_gain.high


def test_right_total_by_hand():
    """450 € expected of 500 € observed: every expectation is paid 10/9."""
    assert right_total(small(), EXPECTED) == pytest.approx(500 / 450)
    assert right_total(small(), np.zeros(3)) == 1.0


def test_decomposition_adds_up_to_the_mean_squared_error():
    """Miscalibration − discrimination + uncertainty; for the mean alone, only uncertainty is left."""
    observed, expected = made(500)
    found = diagrams_of(observed, {"a": expected, "mean": np.full_like(expected, 90.0)})
    error = np.average((observed.spent_eur - expected) ** 2, weights=observed.exposure)
    assert found.miscalibration - found.discrimination + found.uncertainty == pytest.approx(error)
    mean = np.average(observed.spent_eur, weights=observed.exposure)
    assert found.uncertainty == pytest.approx(np.average((observed.spent_eur - mean) ** 2, weights=observed.exposure))


def test_reliability_by_hand():
    """Two expectations, 10 (observed 4 and 6) and 20 (observed 30): the curve passes through (10, 5) and (20, 30)."""
    observed = Observed(np.array([4.0, 6, 30]), np.ones(3), np.arange(3), np.inf, 1.0)
    curve = diagrams_of(observed, {"a": np.array([10.0, 10, 20])}).reliability
    assert dict(zip(curve.x, curve.y, strict=True)) == {10.0: 5.0, 20.0: 30.0}


def test_murphy_curve_by_hand():
    """Elementary score at η: half of |y − η| where y and ŷ stand on two sides of η, else 0 (both scales agree)."""
    observed = Observed(np.array([0.0, 40]), np.ones(2), np.arange(2), np.inf, 1.0)
    curve = diagrams_of(observed, {"a": np.array([20.0, 20])}).murphy[0]
    scores = np.array([(eta < 20) * eta + (eta >= 20) * (40 - eta) for eta in curve.x]) / 2
    shown = np.array(curve.y)
    assert shown / shown.max() == pytest.approx(scores / scores.max(), abs=0.02)
