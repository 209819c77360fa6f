"""Additive formulas: directions imposed, chances, stairs that keep what a formula says, sharper scores."""

from __future__ import annotations

import lightgbm as lgb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from training import SpendingRegressor
from training.basis import Shape, edges_of, extended, learn_basis
from training.choice import rest_of
from training.linear_part import Design, chance_formula, evaluate, gamma_formula, least_squares
from training.members import Scored, Table, formula, sharpened
from training.tree_text import joined


def design_of(numbers: np.ndarray, signs: list[int]) -> Design:
    return Design(numbers, csr_array((len(numbers), 0)), np.array(signs))


def test_least_squares_by_hand():
    """y = 1 + 2x with hardly any penalty; a slope that may not rise is 0, and the intercept the mean."""
    x, y, one = np.array([[0.0], [1.0], [2.0]]), np.array([1.0, 3.0, 5.0]), np.ones(3)
    assert least_squares(design_of(x, [0]), (y, one), 0.0) == pytest.approx([1, 2], abs=1e-6)
    assert least_squares(design_of(x, [-1]), (y, one), 0.0) == pytest.approx([3, 0], abs=1e-6)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_imposed_signs_give_the_least_squares_among_those_allowed(seed):
    """No allowed move lessens the loss: the gradient is 0 where free, and points out of bounds where held."""
    draw = np.random.default_rng(seed)
    x, y, weight = draw.normal(size=(60, 4)), draw.normal(size=60), draw.uniform(0.1, 1, 60)
    signs = draw.choice([-1, 0, 1], 4)
    found = least_squares(design_of(x, list(signs)), (y, weight), 1.0)
    assert (signs * found[1:] >= 0).all()
    slope = x.T @ (weight * (y - found[0] - x @ found[1:])) - weight.mean() * found[1:]
    free = (signs == 0) | (found[1:] != 0)
    assert slope[free] == pytest.approx(np.zeros(free.sum()), abs=1e-6)
    assert (signs * slope <= 1e-6)[~free].all()


def test_a_chance_formula_finds_the_share_of_each_half():
    """One in four without the flag, three in four with it."""
    x = np.repeat([[0.0], [1.0]], 40, axis=0)
    y = np.tile([0, 0, 0, 1.0], 20)
    y[40:] = 1 - y[40:]
    found = chance_formula(design_of(x, [0]), (y, np.ones(80)), 0.0)
    assert evaluate(found, design_of(np.array([[0.0], [1.0]]), [0]), "logit") == pytest.approx([0.25, 0.75], abs=1e-4)


def test_a_gamma_formula_finds_the_mean_of_each_half():
    """Means 10 and 30 by one flag."""
    x, y = np.array([[0.0], [0.0], [1.0], [1.0]]), np.array([5.0, 15.0, 20.0, 40.0])
    found = gamma_formula(design_of(x, [0]), (y, np.ones(4)), 0.0)
    assert evaluate(found, design_of(np.array([[0.0], [1.0]]), [0]), "log") == pytest.approx([10, 30], rel=1e-4)


def test_stairs_keep_zero_apart_from_the_smallest_amounts():
    """500 distinct amounts and as many zeros: the first step holds zeros only."""
    column = np.concatenate([np.zeros(500), np.arange(1, 501.0)])
    edges = edges_of(column, 0.0, 500.0)
    assert edges[0] == 0.0
    assert (np.diff(edges) > 0).all()


def table_of(matrix: np.ndarray, y: np.ndarray, shape: Shape) -> Table:
    folds = [np.arange(len(y)) % 5 == fold for fold in range(5)]
    return Table(matrix, matrix, y, np.ones(len(y)), folds, shape)


def test_a_formula_follows_zeros_levels_and_lines_beyond_what_it_knew():
    """Stairs of a formula give it back: 100 € at 0, 50 + 2x above, 30 € more in rank 1; and the line goes on."""
    draw = np.random.default_rng(0)
    past = np.where(draw.random(4000) < 0.4, 0.0, draw.uniform(1, 400, 4000))
    rank = draw.integers(0, 20, 4000).astype(float)
    y = np.where(past == 0, 100, 50 + 2 * past) + 30 * (rank == 1)
    shape = Shape(values={1: np.full(20, y.mean())})
    table = table_of(np.column_stack([past, rank]), y, shape)
    found = formula(table, extended(learn_basis(table.matrix, table.codes, shape)), "identity")
    plain = lgb.train({"verbosity": -1, "num_threads": 1}, lgb.Dataset(table.matrix, y), 1)
    stairs = lgb.Booster(model_str=joined(plain.model_to_string(), found.trees(1.0, 0.0)))
    rows = np.array([[0.0, 3], [0.0, 1], [200.0, 3], [200.0, 1], [600.0, 3]])
    assert stairs.predict(rows) == pytest.approx([100, 130, 450, 480, 1250], rel=0.03)


def test_sharper_scores_by_hand():
    """Log 2 taken twice is log 4; odds of 3 taken twice are odds of 9."""
    given_back = Scored(np.array([2.0]), lambda factor, constant: [f"{factor} {constant}"])
    assert sharpened(given_back, 2.0, "log").expected == pytest.approx([4.0])
    assert sharpened(given_back, 2.0, "log").trees(1.0, 5.0) == ["2.0 5.0"]
    assert sharpened(Scored(np.array([0.75]), given_back.trees), 2.0, "logit").expected == pytest.approx([0.9])


@settings(max_examples=3, deadline=None)
@given(st.integers(0, 1000), st.sampled_from([-1, 1]))
def test_a_blend_with_its_formulas_never_turns(seed, direction):
    """Zeros, a long tail and a missing value: raising a monotone column never moves the expectation against it."""
    draw = np.random.default_rng(seed)
    matrix = np.column_stack([draw.integers(0, 9, 600), draw.gamma(0.3, 300, 600), draw.normal(size=600)]).astype(float)
    matrix[draw.random(600) < 0.3, 1] = 0.0
    score = direction * (matrix[:, 0] / 4 + matrix[:, 1] / 300) + np.abs(matrix[:, 0] - 4) / 3
    y = (draw.random(600) < 0.7) * draw.gamma(1.0, np.exp(4 + np.clip(score, -3, 3)))
    model = SpendingRegressor(n_estimators=30, monotone={"x0": direction, "x1": direction}, n_jobs=1).fit(matrix, y)
    assert not {"squares", "tweedie", "gamma", "tweedie_sharp"} >= set(model.weights_)
    for column, values in ((0, range(-1, 11)), (1, np.linspace(0, 6000, 40))):
        path = []
        for value in values:
            rows = matrix[:20].copy()
            rows[:, column] = value
            path.append(model.predict(rows))
        assert (direction * np.diff(path, axis=0) >= -1e-9).all()


def test_what_is_left_on_a_long_tail_is_put_back():
    """Flat expectations of a cost that rises with past spending: part of it is added; nothing where nothing is left."""
    draw = np.random.default_rng(0)
    past = draw.lognormal(3, 1.5, 3000)
    y = 10 + past
    table = table_of(past[:, None], y, Shape())
    found = rest_of(table, np.minimum(y, np.quantile(y, 0.98)))
    assert found is not None
    assert found[1] == 1.0
    assert rest_of(table, y) is None
    assert rest_of(table_of(draw.uniform(0, 1, (3000, 1)), y, Shape()), np.full(3000, y.mean())) is None
