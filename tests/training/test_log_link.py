"""Euro explanations of a log link, against Shapley values computed by brute force."""

from __future__ import annotations

from itertools import product
from math import factorial

import numpy as np
import pytest

from features.log_link import log_explainer
from features.scoring import Scorer
from features.versions import Card, CardFeature
from training import SpendingRegressor

FEATURES = 4


@pytest.fixture(scope="module")
def model() -> tuple[SpendingRegressor, np.ndarray]:
    generator = np.random.default_rng(1)
    matrix = generator.integers(0, 4, (400, FEATURES)).astype(float)
    matrix[generator.random(400) < 0.1, 1] = np.nan
    euros = generator.gamma(2.0, np.exp(3 + 0.5 * matrix[:, 0] + 0.3 * (matrix[:, 2] > 1)))
    fitted = SpendingRegressor(
        objective="poisson", n_estimators=15, max_depth=3, min_child_samples=10, learning_rate=0.3, n_jobs=1
    ).fit(matrix, euros)
    return fitted, matrix


def brute_force(fitted: SpendingRegressor, row: np.ndarray) -> np.ndarray:
    """The formula of features/log_link.py, with interventional Shapley values from their definition."""
    references = fitted.reference_
    value = {}
    for taken in product([False, True], repeat=FEATURES):
        mixed = np.where(taken, row, references)
        value[taken] = np.log(fitted.balance_factor_) + fitted.booster_.predict(mixed, raw_score=True)
    log_base, log_expected = value[(False,) * FEATURES], value[(True,) * FEATURES]
    with np.errstate(invalid="ignore"):
        slope = (np.exp(log_expected) - np.exp(log_base)) / (log_expected - log_base)
    slope = np.where(np.isclose(log_expected, log_base), np.exp(log_base), slope)
    euros = np.zeros(FEATURES)
    for feature, taken in product(range(FEATURES), value):
        if not taken[feature]:
            size = sum(taken)
            share = factorial(size) * factorial(FEATURES - size - 1) / factorial(FEATURES)
            joined = (*taken[:feature], True, *taken[feature + 1 :])
            euros[feature] += np.mean(share * (value[joined] - value[taken]) * slope)
    return euros


def test_split_is_that_of_brute_force(model):
    """Contributions equal the per-reference logarithmic-mean split of brute-force Shapley values."""
    fitted, matrix = model
    explained = fitted.explain(matrix[:4])
    for row, euros in zip(matrix[:4], explained.to_numpy(), strict=True):
        assert euros[1:] == pytest.approx(brute_force(fitted, row), abs=1e-4)


def test_base_is_the_mean_expectation_of_the_references_and_rows_add_up(model):
    """The base is in euros, and base + contributions = prediction to 1e-6 €."""
    fitted, matrix = model
    explained = fitted.explain(matrix)
    assert explained["base_eur"].iloc[0] == pytest.approx(fitted.predict(fitted.reference_).mean())
    assert explained.sum(axis=1).to_numpy() == pytest.approx(fitted.predict(matrix), abs=1e-6)
    assert len(fitted.reference_) == 100


def test_a_value_missing_where_training_had_none_is_read_as_the_trees_read_it(model):
    """LightGBM reads it as 0, and so does the explanation: same euros as for 0."""
    fitted, matrix = model
    missing, zero = matrix[:3].copy(), matrix[:3].copy()
    missing[:, 0], zero[:, 0] = np.nan, 0.0
    explainer = log_explainer(fitted.booster_, fitted.reference_, fitted.balance_factor_)
    assert explainer.explain(missing) == pytest.approx(explainer.explain(zero))


def test_a_frozen_log_link_version_explains_as_the_estimator(model):
    """Card with reference rows -> Scorer: the same predictions and euros, floor included."""
    fitted, matrix = model
    card = Card(
        model="m",
        version=1,
        perimeter="MG",
        objective="poisson",
        link="log",
        balance_factor=fitted.balance_factor_,
        floor_eur=100.0,
        features=tuple(CardFeature(f"x{n}", "", "", "age_sex", "number", nullable=True) for n in range(FEATURES)),
        reference_rows=tuple(tuple(None if np.isnan(v) else v for v in row) for row in fitted.reference_.tolist()),
        model_sha256="",
    )
    scorer = Scorer(fitted.booster_, card, "")
    euros = scorer.explain(matrix[:50])
    assert euros[:, :-1] == pytest.approx(fitted.explain(matrix[:50]).to_numpy())
    assert euros.sum(axis=1) == pytest.approx(scorer.predict(matrix[:50]), abs=1e-6)
    assert (euros[:, -1] > 0).any()
