"""Euro explanations of a log link, against Shapley values computed by brute force."""

from __future__ import annotations

from itertools import product
from math import factorial

import lightgbm as lgb
import numpy as np
import pytest
import shap

from features.errors import RuleError
from features.explainer import explainer_of, merged
from features.parts import taken_apart
from features.path_shapley import PathShapley, paths_of
from features.scoring import Scorer
from features.tree_kernels import distinct
from features.tree_shapley import shapley_of, tree_shapley
from features.trees import Tree
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
    """The formula of features/explainer.py, with interventional Shapley values from their definition."""
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
        assert euros[1:] == pytest.approx(brute_force(fitted, row), abs=1e-8)


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
    explainer = explainer_of(taken_apart(fitted.booster_, ()), fitted.reference_)
    assert explainer.explain(missing) == pytest.approx(explainer.explain(zero))


def test_shapley_values_are_those_of_shap():
    """Deep trees of 100 leaves (two words of directions), missing values: the mean over references, by another hand."""
    generator = np.random.default_rng(5)
    matrix = generator.normal(size=(3000, 6)).round(1)
    matrix[generator.random(matrix.shape) < 0.1] = np.nan
    y = np.nan_to_num(matrix[:, 0] * matrix[:, 1]) + np.abs(np.nan_to_num(matrix[:, 2])) + generator.normal(size=3000)
    asked = {"num_leaves": 100, "min_data_in_leaf": 5, "verbosity": -1, "num_threads": 1}
    booster = lgb.train(asked, lgb.Dataset(matrix, y), 8)
    rows, references = matrix[:200], matrix[500:530]
    found = np.zeros(rows.shape)
    tree_shapley(booster, references).add(rows, np.ones((200, 1)), np.full((30, 1), 1 / 30), found)
    judge = shap.TreeExplainer(booster, data=references, feature_perturbation="interventional")
    assert found == pytest.approx(judge.shap_values(rows), abs=1e-5)
    gap = booster.predict(rows) - booster.predict(references).mean()
    assert found.sum(axis=1) == pytest.approx(gap, abs=1e-10)


def chain(length: int) -> Tree:
    """A chain of nodes, one feature each, worth 1 where all are to the left; half the rows go left at each."""
    nodes, rows = np.arange(length), 2.0 ** (length - np.arange(length))
    children, values = np.column_stack([-1 - nodes, np.append(nodes[1:], -1 - length)]), np.append(0.0 * nodes, 1.0)
    missing = np.zeros(length, dtype=np.int8)
    return Tree(nodes, np.zeros(length), children, missing, values, rows, np.append(rows / 2, 1.0))


def test_a_long_path_is_shared_out_evenly():
    """A path of 80 features, two words of bits: 1/80 to each, whoever holds them."""
    left, right, found = np.full((1, 80), -1.0), np.full((1, 80), 1.0), np.zeros((1, 80))
    shapley_of([chain(80)], right).add(left, np.ones((1, 1)), np.ones((1, 1)), found)
    assert found[0] == pytest.approx(np.full(80, 1 / 80))


def test_a_long_path_of_training_rows_is_shared_out_evenly():
    """The same by path-dependent values: all features pass, 1 less its mean, 2^-80, in 80 equal shares."""
    found = PathShapley((paths_of(chain(80)),), 0.0).explain(np.full((1, 80), -1.0))
    assert found[0, :-1] == pytest.approx(np.full(80, 1 / 80))


def test_columns_that_differ_in_one_high_bit_are_told_apart():
    """Each of 62 bits by itself, and none: 63 kinds, in order of appearance, whatever comes twice."""
    bits = np.concatenate(
        [np.eye(62, dtype=np.int8), np.zeros((62, 1), dtype=np.int8), np.eye(62, dtype=np.int8)], axis=1
    )
    kinds, first = distinct(bits)
    assert first.tolist() == [*range(63)]
    assert kinds.tolist() == [*range(63), *range(62)]


def test_rows_alike_are_merged_and_rows_apart_are_not():
    """Missing equals missing, 0 equals −0."""
    nan = np.nan
    rows, place = merged(np.array([[1.0, nan], [2.0, 0.0], [1.0, nan], [2.0, -0.0], [1.0, 2.0]]))
    assert place.tolist() == [0, 1, 0, 1, 2]
    assert np.isnan(rows[0, 1]) and rows[1:].tolist() == [[2.0, 0.0], [1.0, 2.0]]


def test_a_row_is_explained_alone_as_among_others(model):
    """To the last bit: neither the batch nor its order moves a cent."""
    fitted, matrix = model
    explainer = explainer_of(taken_apart(fitted.booster_, ()), fitted.reference_)
    among = explainer.explain(matrix)
    assert (explainer.explain(matrix[7:8])[0] == among[7]).all()
    assert (explainer.explain(matrix[::-1])[::-1] == among).all()


def test_trees_that_split_on_categories_are_refused():
    """Our encodings give ranks; a tree of sets of categories is none of ours."""
    matrix = np.repeat(np.arange(6.0), 50)[:, None]
    data = lgb.Dataset(matrix, np.repeat([1.0, 5.0, 1.0, 5.0, 1.0, 5.0], 50), categorical_feature=[0])
    booster = lgb.train({"verbosity": -1, "min_data_per_group": 1, "cat_smooth": 1}, data, 1)
    with pytest.raises(RuleError, match="train it on encoded numbers"):
        tree_shapley(booster, matrix[:2])


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
