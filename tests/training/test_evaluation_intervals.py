"""Intervals of the record, recomputed by drawing the rows one by one and writing each measure out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.metrics import mean_absolute_error, mean_tweedie_deviance, r2_score

from training.bootstrap import bootstrap_of
from training.evaluate import Observed
from training.evaluation.fit import UNITS, fit_figures, rival_rows
from training.evaluation.money import Grouping, group_rows
from training.evaluation.record import Figure
from training.evaluation.selection import KEPT, best_share, out_of_fold_net, selection_rows

DRAWS = 60
# Twenty rows of fourteen patients: euros spent, expected, share of the year, patient.
SPENT = np.array([0, 120, 300, 80, 45, 600, 210, 0, 95, 150, 75, 410, 33, 260, 90, 0, 520, 61, 180, 240], dtype=float)
EXPECTED = np.array(
    [60, 100, 250, 90, 70, 420, 190, 40, 110, 160, 80, 300, 55, 230, 95, 30, 450, 75, 170, 205], dtype=float
)
WEIGHT = np.array([1, 1, 0.5, 1, 1, 1, 0.8, 1, 1, 1, 1, 0.6, 1, 1, 1, 1, 0.9, 1, 1, 1])
PATIENTS = np.array(list("abcdefghijklmnaabbcd"))
OBSERVED = Observed(SPENT, WEIGHT, PATIENTS, 400.0, 0.93)


def drawn_weights() -> np.ndarray:
    """Weight of each row in each draw: its own, times how often its patient was drawn."""
    draws = bootstrap_of(PATIENTS, draws=DRAWS, seed=4)
    names = list(dict.fromkeys(PATIENTS))
    return np.array([[draw[names.index(one)] for one in PATIENTS] for draw in draws.counts]) * WEIGHT


def figures() -> dict[str, Figure]:
    draws = bootstrap_of(PATIENTS, draws=DRAWS, seed=4)
    return {figure.name: figure for figure in fit_figures(OBSERVED, EXPECTED, draws)}


def naive(weight: np.ndarray, expected: np.ndarray = EXPECTED) -> dict[str, float]:
    """Every measure of the fit with scikit-learn or written out, of rows weighing `weight`."""
    capped = np.minimum(SPENT, 400.0)
    line = LinearRegression().fit(expected[:, None], SPENT, sample_weight=weight)
    first, best = (np.isin(np.arange(20), top) for top in (TOP_EXPECTED, TOP_SPENT))
    return {
        "r2": r2_score(SPENT, expected, sample_weight=weight),
        "r2_capped": r2_score(capped, 0.93 * expected, sample_weight=weight),
        "mae_eur": mean_absolute_error(SPENT, expected, sample_weight=weight),
        "tweedie_deviance": mean_tweedie_deviance(SPENT, expected, sample_weight=weight, power=1.5),
        "calibration_slope": line.coef_[0],
        "calibration_intercept_eur": line.intercept_,
        "top_decile_share": weight @ (SPENT * first) / (weight @ SPENT),
        "top_decile_best_share": weight @ (SPENT * best) / (weight @ SPENT),
        "total_ratio": weight @ expected / (weight @ SPENT),
        "mean_bias_eur": np.average(expected - SPENT, weights=weight),
        "negative_share": 0.0,
        "zero_share": 0.0,
    }


# 18.8 patient-years: the tenth begins after 16.92, and the row that reaches it stays in the ninth. By expected euros
# row 5 (420, weight 1) lies from 16.9 to 17.9, row 16 (450, 0.9) after it; by euros spent row 16 (520, 0.9) lies from
# 16.9 to 17.8, row 5 (600, 1) after it.
TOP_EXPECTED, TOP_SPENT = (16,), (5,)


def test_every_measure_and_its_interval():
    """Point and 2.5 % and 97.5 % quantiles of the draws, by patient; CPM alone steps its mean (a derivative)."""
    found = figures()
    point = naive(WEIGHT)
    drawn = pd.DataFrame([naive(weight) for weight in drawn_weights()])
    assert set(found) == set(UNITS) == {*point, "cpm"}
    for name, value in point.items():
        low, high = np.quantile(drawn[name], (0.025, 0.975))
        figure = found[name]
        assert (figure.value, figure.low, figure.high) == pytest.approx((value, low, high), rel=1e-9, abs=1e-12), name
        assert figure.unit == UNITS[name]


def test_interval_of_cpm():
    """Σ|y − ȳ| of each draw is taken at the mean of the draw, to first order: within 0.02 of the whole formula."""
    found = figures()

    def cpm(weight: np.ndarray) -> float:
        mean = np.average(SPENT, weights=weight)
        return float(1 - weight @ np.abs(SPENT - EXPECTED) / (weight @ np.abs(SPENT - mean)))

    low, high = np.quantile([cpm(weight) for weight in drawn_weights()], (0.025, 0.975))
    figure = found["cpm"]
    assert figure.value == pytest.approx(cpm(WEIGHT))
    assert (figure.low, figure.high) == pytest.approx((low, high), abs=0.02)


def test_rivals_and_their_paired_intervals():
    """Totals made right on all rows, then R² of this model minus R² of the rival on the same draws."""
    rival = np.full(20, 130.0)
    draws = bootstrap_of(PATIENTS, draws=DRAWS, seed=4)
    ours, other = rival_rows(OBSERVED, {"ours": EXPECTED, "flat": rival}, draws)
    total = WEIGHT @ SPENT
    right = {name: values * total / (WEIGHT @ values) for name, values in (("ours", EXPECTED), ("flat", rival))}
    for row, name, raw in ((ours, "ours", EXPECTED), (other, "flat", rival)):
        point = naive(WEIGHT, right[name])
        assert row.model == name
        assert (row.raw_ratio, row.r2, row.r2_capped, row.mae_eur) == pytest.approx(
            (WEIGHT @ raw / total, point["r2"], point["r2_capped"], point["mae_eur"])
        )
    gains = [naive(w, right["ours"])["r2"] - naive(w, right["flat"])["r2"] for w in drawn_weights()]
    low, high = np.quantile(gains, (0.025, 0.975))
    assert ours.r2_gain is None and ours.cpm_gain is None
    assert other.r2_gain is not None and other.cpm_gain is not None
    assert (other.r2_gain.value, other.r2_gain.low, other.r2_gain.high) == pytest.approx(
        (ours.r2 - other.r2, low, high)
    )
    assert other.cpm_gain.value == pytest.approx(ours.cpm - other.cpm)


def test_intervals_of_groups():
    """Ratio and net euros of each draw, the national total of that draw made right first."""
    labels = np.array(["old", "young"] * 10, dtype=object)
    many = np.array([f"{name}{place}" for place, name in enumerate(PATIENTS)])
    observed = Observed(np.tile(SPENT, 2), np.tile(WEIGHT, 2), np.concatenate([many, many + "x"]), np.inf, 1.0)
    expected, groups = np.tile(EXPECTED, 2), np.tile(labels, 2)
    draws = bootstrap_of(observed.patients, draws=DRAWS, seed=9)
    rows = {row.level: row for row in group_rows(observed, expected, [Grouping("g", groups, True)], draws)}
    weights = draws.counts[:, draws.block] * observed.exposure
    for level, row in rows.items():
        inside = groups == level
        drawn = []
        for weight in weights:
            k = weight @ observed.spent_eur / (weight @ expected)
            due, spent = k * weight[inside] @ expected[inside], weight[inside] @ observed.spent_eur[inside]
            drawn.append((due / spent, (due - spent) / weight[inside].sum()))
        ends = np.quantile(drawn, (0.025, 0.975), axis=0)
        assert row.patients == 20
        assert (row.low, row.net_low, row.high, row.net_high) == pytest.approx(tuple(ends.ravel()))


def test_selection_and_its_interval():
    """Gain of the kept = Σ w net / Σ w of who the selector keeps, on the draws of the patients."""
    generator = np.random.default_rng(2)
    size = 300
    spent, expected = generator.gamma(1, 100, size), generator.gamma(4, 25, size)
    observed = Observed(spent, np.ones(size), np.arange(size), 350.0, 1.0)
    hidden = pd.DataFrame({"mark": spent + generator.normal(0, 60, size)})
    draws = bootstrap_of(observed.patients, draws=DRAWS, seed=1)
    rows = selection_rows(observed, expected, hidden, draws, seed=3)
    net = expected * spent.sum() / expected.sum() - spent
    foreseen = out_of_fold_net(np.maximum(net, expected - 350.0), hidden, np.ones(size), np.arange(size), seed=3)
    assert [row.kept for row in rows] == list(KEPT) == [0.9, 0.5, 0.1]
    for row in rows:
        chosen = best_share(foreseen, np.ones(size), row.kept)
        drawn = [(w[chosen] @ net[chosen]) / w[chosen].sum() for w in draws.counts[:, draws.block]]
        low, high = np.quantile(drawn, (0.025, 0.975))
        assert chosen.sum() == round(size * row.kept)
        assert (row.gain_eur, row.low, row.high) == pytest.approx((net[chosen].mean(), low, high))
        assert row.share_of_spending == pytest.approx(net[chosen].mean() / spent.mean())
