"""The blend, default of the estimator: sums, euros, seeds, lines, skewed totals, and freezing."""

from __future__ import annotations

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest

from features.explainer import explainer_of
from features.parts import Part, parts_eur, taken_apart
from features.scoring import Scorer
from features.versions import Card, CardFeature
from training import SpendingRegressor
from training.choice import folds_of, weights_of
from training.tree_text import joined, scaled_trees, staircase

QUICK = {"n_estimators": 60, "n_jobs": 1}


def spending(rows: int, *, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """Age (some missing), a flag, a town of 40 levels; skewed euros with a third of zeros."""
    draw = np.random.default_rng(seed)
    table = pd.DataFrame({"age": draw.uniform(0, 90, rows), "ill": draw.integers(0, 2, rows)})
    town = draw.integers(0, 40, rows)
    table["town"] = [f"t{code:02d}" for code in town]
    mean = np.exp(4 + 0.02 * table["age"] + 0.9 * table["ill"] + 0.01 * town).to_numpy()
    table.loc[draw.random(rows) < 0.1, "age"] = np.nan
    return table, (draw.random(rows) < 0.67) * draw.gamma(0.8, mean / 0.8)


@pytest.fixture(scope="module")
def fitted() -> tuple[SpendingRegressor, pd.DataFrame, np.ndarray]:
    table, euros = spending(1500)
    return SpendingRegressor(**QUICK).fit(table, euros), table, euros


def plain_booster() -> tuple[lgb.Booster, np.ndarray]:
    matrix = np.random.default_rng(0).normal(size=(300, 2))
    return lgb.train({"num_leaves": 4, "verbosity": -1, "num_threads": 1}, lgb.Dataset(matrix, matrix[:, 0]), 3), matrix


def test_a_staircase_gives_its_levels():
    """Edges 1 and 5, levels 10, 20, 30, missing 7: an edge belongs to the level below it."""
    booster, _ = plain_booster()
    tree = staircase(1, np.array([1.0, 5.0]), np.array([10.0, 20.0, 30.0]), 7.0, np.array([5, 3, 2, 1]))
    stairs = lgb.Booster(model_str=joined(booster.model_to_string(), [tree]))
    rows = np.array([[0, 0.0], [0, 1.0], [0, 1.5], [0, 5.0], [0, 6.0], [0, np.nan]])
    assert stairs.predict(rows).tolist() == [10.0, 10.0, 20.0, 20.0, 30.0, 7.0]
    assert stairs.predict(rows, pred_contrib=True).sum(axis=1) == pytest.approx(stairs.predict(rows))


def test_trees_of_two_boosters_add_up_when_joined():
    """Leaves times a factor, a constant on the first tree: factor × prediction + constant."""
    booster, matrix = plain_booster()
    text = booster.model_to_string()
    both = lgb.Booster(model_str=joined(text, [*scaled_trees(text, 0.5, 2.0), *scaled_trees(text, 3.0)]))
    assert both.predict(matrix) == pytest.approx(3.5 * booster.predict(matrix) + 2.0)


def test_parts_add_their_inverse_links_and_their_euros():
    """Identity 10 or 20 by one column, log 0 or ln 5 by the other: 10 + 1, 20 + 5; held at ln 3, 20 + 3."""
    booster, _ = plain_booster()
    trees = [
        staircase(number, np.array([0.5]), np.array(levels), levels[0], np.array([1, 1, 1]))
        for number, levels in enumerate(([10.0, 20.0], [0.0, np.log(5)]))
    ]
    both = lgb.Booster(model_str=joined(booster.model_to_string(), trees))
    rows, references = np.array([[0.0, 0.0], [1.0, 1.0]]), np.array([[0.0, 0.0], [0.0, 1.0]])
    for highest, expected in ((80.0, [11.0, 25.0]), (np.log(3), [11.0, 23.0])):
        parts = (Part("identity", 1), Part("log", 1, highest))
        assert parts_eur(both, parts, rows) == pytest.approx(expected)
        assert explainer_of(taken_apart(both, parts), references).explain(rows).sum(axis=1) == pytest.approx(expected)


def test_weights_prefer_the_better_member_and_sum_to_one():
    """The truth itself beside a constant: nearly all the weight."""
    truth = np.arange(100.0)
    share = weights_of(np.column_stack([truth, np.full(100, 49.5)]), truth, np.ones(100))
    assert share.sum() == pytest.approx(1)
    assert share[0] > 0.9


def test_folds_never_split_a_group():
    """Every row is held out once; a group is on one side."""
    groups = np.arange(300) // 3
    folds = folds_of(300, groups, 0)
    assert np.sum(folds, axis=0).tolist() == [1] * 300
    assert all(set(groups[held]).isdisjoint(groups[~held]) for held in folds)


def test_sums_and_euros_add_up(fitted):
    """Σ prediction = Σ spending in training; euros add up to 1e-6; nobody is below 0, seen or not."""
    model, table, euros = fitted
    assert model.predict(table).sum() == pytest.approx(euros.sum())
    unseen, _ = spending(300, seed=1)
    unseen["town"] = unseen["town"].replace("t05", "never seen")
    expected = model.predict(unseen)
    assert expected.min() >= 0
    explained = model.explain(unseen)
    assert list(explained.columns) == ["base_eur", *table.columns, "floor_eur"]
    assert explained.sum(axis=1).to_numpy() == pytest.approx(expected, abs=1e-6)


def test_same_seed_gives_the_same_bytes_on_any_threads():
    """One thread or two: the same text; another seed gives another."""
    table, euros = spending(500)
    texts = [
        SpendingRegressor(n_estimators=15, n_jobs=threads, random_state=seed)
        .fit(table, euros)
        .booster_.model_to_string()
        for threads, seed in ((1, 0), (2, 0), (1, 1))
    ]
    assert texts[0] == texts[1]
    assert texts[0] != texts[2]


def test_a_straight_line_is_nearly_as_well_followed_as_by_least_squares():
    """On a linear table with noise, R² on unseen rows is at most .01 below that of the true line."""
    draw = np.random.default_rng(0)
    matrix = draw.normal(size=(4000, 5))
    line = 500 + matrix @ np.array([80.0, 40.0, 0.0, -30.0, 10.0])
    y = line + draw.normal(0, 100, 4000)
    model = SpendingRegressor(**QUICK).fit(matrix[:2000], y[:2000])
    left = np.mean((model.predict(matrix[2000:]) - line[2000:]) ** 2)
    assert left / y[2000:].var() < 0.01


def test_total_of_unseen_skewed_rows():
    """Within 3 % of what the same law gives to rows that were not seen (its expectation, free of their noise)."""
    table, euros = spending(6000)
    mean = np.exp(4 + 0.02 * table["age"] + 0.9 * table["ill"] + 0.01 * table["town"].str[1:].astype(float)) * 0.67
    known = table["age"].notna()
    expected = SpendingRegressor(**QUICK).fit(table[:3000], euros[:3000]).predict(table[3000:])
    held = known[3000:].to_numpy()
    noise = euros[:3000][known[:3000]].sum() / mean[:3000][known[:3000]].sum()
    assert expected[held].sum() / noise == pytest.approx(mean[3000:][held].sum(), rel=0.03)


def test_a_frozen_blend_scores_and_explains_as_the_estimator():
    """Text, card with parts and reference rows -> Scorer: the same euros."""
    table, euros = spending(1200)
    numbers = table[["age", "ill"]]
    model = SpendingRegressor(**QUICK).fit(numbers, euros)
    card = Card(
        model="m",
        version=1,
        perimeter="MG",
        objective="blend",
        link="parts",
        parts=model.parts_,
        balance_factor=model.balance_factor_,
        floor_eur=model.floor_,
        features=tuple(CardFeature(name, "", "", "age_sex", "number", nullable=True) for name in numbers),
        reference_rows=tuple(tuple(None if np.isnan(v) else v for v in row) for row in model.reference_.tolist()),
        model_sha256="",
    )
    scorer = Scorer(lgb.Booster(model_str=model.booster_.model_to_string()), card, "")
    matrix = numbers.to_numpy(float)[:50]
    assert scorer.predict(matrix) == pytest.approx(model.predict(numbers[:50]))
    assert scorer.explain(matrix) == pytest.approx(model.explain(numbers[:50]).to_numpy())


def test_a_blend_follows_directions_and_cells():
    """A monotone column never turns; the cells of balance_on add up."""
    table, euros = spending(1500)
    model = SpendingRegressor(**QUICK, monotone={"age": 1}, balance_on=["ill"]).fit(table, euros)
    rows = table.head(20)
    path = np.array([model.predict(rows.assign(age=float(age))) for age in range(0, 90, 5)])
    assert (np.diff(path, axis=0) >= -1e-9).all()
    ill = (table["ill"] == 1).to_numpy()
    assert model.predict(table)[ill].sum() == pytest.approx(euros[ill].sum(), rel=0.02)
    assert model.explain(rows).sum(axis=1).to_numpy() == pytest.approx(model.predict(rows), abs=1e-6)


def test_rows_without_weight_count_for_nothing_in_the_total():
    """Σ weight × prediction = Σ weight × spending, with a third of the weights 0, the dearest row among them."""
    table, euros = spending(600)
    weight = (np.arange(600) % 3 > 0).astype(float)
    weight[np.argmax(euros)] = 0.0
    expected = SpendingRegressor(**QUICK).fit(table, euros, sample_weight=weight).predict(table)
    assert weight @ expected == pytest.approx(weight @ euros)
