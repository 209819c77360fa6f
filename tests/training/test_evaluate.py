"""Measures of fit, on tables one can check by hand and against scikit-learn."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import mean_absolute_error, r2_score

from training.bootstrap import bootstrap_of
from training.evaluate import Observed, deciles, fit_metrics, groups_of, r2_differences, ratio_table

GENERATOR = np.random.default_rng(0)


def observed(rows: int = 2000, **changed: object) -> Observed:
    euros = GENERATOR.gamma(1.0, 100, rows)
    given: dict[str, object] = {
        "spent_eur": euros,
        "exposure": GENERATOR.uniform(0.1, 1, rows),
        "patients": np.arange(rows).astype(str),
        "cap_eur": 300.0,
        "capped_share": 0.9,
    }
    return Observed(**given | changed)


def test_metrics_by_hand():
    """Spent 0, 100 and 200 (last of weight 2), expected 50, 100, 150: mean 125, Σw|y−ȳ| 300, Σw|y−ŷ| 150."""
    table = Observed(np.array([0.0, 100, 200]), np.array([1.0, 1, 2]), np.array(["a", "b", "c"]), 150.0, 0.8)
    metrics = fit_metrics(table, np.array([50.0, 100, 150]))
    assert metrics["cpm"] == pytest.approx(1 - 150 / 300)
    assert metrics["mae_eur"] == pytest.approx(150 / 4)
    assert metrics["mean_bias_eur"] == pytest.approx((50 + 0 - 100) / 4)
    assert metrics["total_ratio"] == pytest.approx(450 / 500)
    assert metrics["r2"] == pytest.approx(1 - (2500 + 0 + 2 * 2500) / (15625 + 625 + 2 * 5625))
    # capped at 150: 0, 100, 150, 150 around 100; expected × 0.8: 40, 80, 120, 120
    assert metrics["r2_capped"] == pytest.approx(1 - (1600 + 400 + 2 * 900) / (10000 + 0 + 2 * 2500))


def test_metrics_are_those_of_scikit_learn():
    """R² and MAE with sample weights."""
    table = observed()
    expected = table.spent_eur * 0.5 + 60
    metrics = fit_metrics(table, expected)
    assert metrics["r2"] == r2_score(table.spent_eur, expected, sample_weight=table.exposure)
    assert metrics["mae_eur"] == mean_absolute_error(table.spent_eur, expected, sample_weight=table.exposure)


def test_shares_of_negative_and_zero_predictions_are_weighted():
    """One negative of weight 1 and one zero of weight 2 among 4."""
    table = Observed(np.array([1.0, 2, 3]), np.array([1.0, 2, 1]), np.array(["a", "b", "c"]), 9.0, 1.0)
    metrics = fit_metrics(table, np.array([-1.0, 0, 5]))
    assert (metrics["negative_share"], metrics["zero_share"]) == (0.25, 0.5)


def test_ratios_by_group_by_hand_and_small_cells_hidden():
    """Twelve patients spent 100 and expect 110; ten others are too few to be shown."""
    euros, expected = np.repeat([100.0, 200.0], [12, 10]), np.repeat([110.0, 150.0], [12, 10])
    table = Observed(euros, np.ones(22), np.arange(22).astype(str), 1e9, 1.0)
    ratios = ratio_table(table, expected, {"ald": np.repeat(["no ALD", "ALD"], [12, 10])})
    assert ratios["level"].tolist() == ["no ALD"]
    row = ratios.iloc[0]
    assert (row["patients"], row["observed_eur"], row["expected_eur"], row["net_eur"]) == (12, 100, 110, 10)
    assert row["ratio"] == row["low"] == row["high"] == pytest.approx(1.1)


def test_deciles_each_hold_a_tenth_of_the_exposure():
    """Weighted by exposure, lowest first."""
    expected, exposure = GENERATOR.normal(size=5000), GENERATOR.uniform(0.1, 1, 5000)
    labels = deciles(expected, exposure)
    share = pd.Series(exposure).groupby(labels).sum() / exposure.sum()
    assert share.to_numpy() == pytest.approx(np.full(10, 0.1), abs=0.002)
    means = pd.Series(expected).groupby(labels).mean()
    assert means.is_monotonic_increasing
    assert list(means.index) == [f"{number:02d}" for number in range(1, 11)]


def test_groups_by_age_sex_ald_and_c2s():
    """A woman of 70 with ALD and C2S, a boy of 15 without, a person of unknown sex."""
    known = pd.DataFrame(
        {"age": [70.0, 15, 40], "is_woman": [1, 0, np.nan], "ald_count": [2.0, 0, 0], "c2s_free": [1.0, 0, 0]}
    )
    groups = groups_of(known, np.array([3.0, 1, 2]), np.ones(3))
    assert groups["age_sex"].tolist() == ["70-79 women", "00-15 men", "unknown"]
    assert groups["ald"].tolist() == ["ALD", "no ALD", "no ALD"]
    assert groups["c2s"].tolist() == ["C2S", "no C2S", "no C2S"]


def test_paired_difference_has_the_spread_of_its_sampling():
    """The bootstrap interval is about ± 1.96 standard deviations of the difference over fresh samples."""

    def sample(seed: int) -> tuple[Observed, dict[str, np.ndarray]]:
        generator = np.random.default_rng(seed)
        known = generator.normal(size=1500)
        euros = 100 + 40 * known + generator.normal(0, 60, 1500)
        table = Observed(euros, np.ones(1500), np.arange(1500).astype(str), 1e9, 1.0)
        return table, {"good": 100 + 40 * known, "poor": 100 + 20 * known}

    fresh = [r2_differences(*sample(seed)).iloc[0] for seed in range(40)]
    spread = np.std([row["r2_difference"] for row in fresh])
    width = np.mean([row["high"] - row["low"] for row in fresh])
    assert width / (2 * 1.96 * spread) == pytest.approx(1.0, abs=0.3)
    assert fresh[0]["low"] < fresh[0]["r2_difference"] < fresh[0]["high"]


def test_bootstrap_draws_whole_patients():
    """All rows of a patient share a block, and a draw has as many blocks as there are patients."""
    patients = np.array(["a", "b", "a", "c", "b"])
    draws = bootstrap_of(patients, draws=50)
    assert draws.block[0] == draws.block[2] and draws.block[1] == draws.block[4]
    assert draws.counts.sum(axis=1).tolist() == [3] * 50


def test_bootstrap_is_bounded_above_a_number_of_patients():
    """Many patients are pooled at random in blocks; the spread of a mean stays what it is."""
    values = GENERATOR.normal(size=50_000)
    draws = bootstrap_of(np.arange(50_000), draws=200)
    assert draws.counts.shape == (200, 20_000)
    spread = draws.sums(values[:, None]).std() / 50_000
    assert spread == pytest.approx(1 / np.sqrt(50_000), rel=0.2)
