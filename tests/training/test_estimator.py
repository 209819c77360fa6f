"""The estimator: sums kept, cap, floor, explanations that add up, directions respected, the same bytes each time."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training import SpendingRegressor
from training.balance import balance_factor, held_out, weighted_quantile
from training.trees import counted_in_rows

QUICK = {"objective": "regression", "n_estimators": 40, "min_child_samples": 10, "learning_rate": 0.2, "n_jobs": 1}


def spending(rows: int = 600, *, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """A table with a number (some missing), a boolean, an unordered text and an ordered category; skewed euros."""
    generator = np.random.default_rng(seed)
    age = generator.integers(0, 100, rows).astype(float)
    region = generator.choice(["north", "south", "east"], rows)
    ill = generator.random(rows) < 0.3
    euros = generator.gamma(1.0, 20 + age + 200 * ill + 80 * (region == "south")) * (generator.random(rows) > 0.2)
    table = pd.DataFrame({"age": age, "is_ill": ill, "region": region})
    table["level"] = pd.Categorical(generator.choice(["low", "high"], rows), ["low", "high"], ordered=True)
    table.loc[generator.random(rows) < 0.1, "age"] = np.nan
    table.loc[generator.random(rows) < 0.1, "region"] = None
    return table, euros, generator.uniform(0.1, 1.0, rows)


@pytest.mark.parametrize("objective", ["regression", "poisson", "tweedie", "gamma"])
@pytest.mark.parametrize("floor", [None, 0.0, 60.0])
def test_predictions_add_up_to_uncapped_spending(objective, floor):
    """Σ weight × prediction = Σ weight × spending, with a cap in training and a floor that binds."""
    table, euros, weight = spending()
    euros = euros + (1 if objective == "gamma" else 0)
    model = SpendingRegressor(**{**QUICK, "objective": objective}, floor_eur=floor, cap_quantile=0.9)
    expected = model.fit(table, euros, sample_weight=weight).predict(table)
    assert weight @ expected == pytest.approx(weight @ euros, rel=1e-9)
    assert floor is None or expected.min() >= floor
    assert floor != 60.0 or (expected == 60.0).any()


@pytest.mark.parametrize("objective", ["regression", "poisson", "tweedie", "gamma"])
def test_the_unit_of_spending_changes_nothing(objective):
    """Spending in cents gives a hundred times the expectation in euros: the penalty of leaves counts rows."""
    table, euros, weight = spending()
    model = SpendingRegressor(**{**QUICK, "objective": objective, "reg_lambda": 30.0})
    in_euros = model.fit(table, euros + 1, sample_weight=weight).predict(table)
    in_cents = model.fit(table, 100 * (euros + 1), sample_weight=weight).predict(table)
    assert in_cents == pytest.approx(100 * in_euros, rel=1e-5)


def test_the_penalty_of_leaves_counts_rows_of_mean_spending():
    """Mean 100: Tweedie of power 1.5 has curvature 100 ** 0.5 = 10, Poisson 100; squared error and gamma 1."""
    asked = {"lambda_l2": 3.0, "tweedie_variance_power": 1.5}
    of = {
        objective: counted_in_rows({**asked, "objective": objective}, np.array([50.0, 350.0]), np.array([5.0, 1.0]))
        for objective in ("tweedie", "poisson", "gamma", "regression")
    }
    assert {name: found["lambda_l2"] for name, found in of.items()} == {
        "tweedie": 30.0, "poisson": 300.0, "gamma": 3.0, "regression": 3.0,
    }  # fmt: skip


def test_predictions_of_a_signed_target_add_up_by_a_shift():
    """A target with negative values has no meaningful factor: the balance is an amount added to each row."""
    table, euros, _ = spending()
    model = SpendingRegressor(cap_quantile=0.9, **QUICK).fit(table, euros - 100)
    assert model.predict(table).sum() == pytest.approx((euros - 100).sum())
    assert model.explain(table).sum(axis=1).to_numpy() == pytest.approx(model.predict(table), abs=1e-6)


def test_training_is_capped_at_the_weighted_quantile():
    """The cap is the weighted quantile; spending beyond it changes the sum, not the shape."""
    table, euros, weight = spending()
    model = SpendingRegressor(cap_quantile=0.9, **QUICK).fit(table, euros, sample_weight=weight)
    assert model.cap_ == weighted_quantile(euros, weight, 0.9)
    beyond = np.where(euros > model.cap_, euros * 10, euros)
    other = SpendingRegressor(cap_quantile=0.9, **QUICK).fit(table, beyond, sample_weight=weight)
    ratio = (weight @ beyond) / (weight @ euros)
    assert other.predict(table) == pytest.approx(ratio * model.predict(table))


def test_weighted_quantile_is_the_smallest_value_that_holds_the_share():
    """Weights 1, 1, 2: half of the weight lies at or below 20, more only at 30."""
    values, weight = np.array([30.0, 10.0, 20.0]), np.array([2.0, 1.0, 1.0])
    assert weighted_quantile(values, weight, 0.5) == 20.0
    assert weighted_quantile(values, weight, 0.51) == 30.0
    assert weighted_quantile(values, weight, 0.25) == 10.0
    assert weighted_quantile(values, weight, 1.0) == 30.0


def test_balance_factor_with_a_floor_by_hand():
    """Expected 10, 40 and 100, floor 30, total 200: the first stays at the floor, so 140 k = 170."""
    expected = np.array([10.0, 40.0, 100.0])
    assert balance_factor(expected, 200.0, floor=30.0) == pytest.approx(170 / 140)
    assert balance_factor(expected, 200.0) == pytest.approx(200 / 150)
    with pytest.raises(ValueError, match="exceeds the mean"):
        balance_factor(expected, 200.0, floor=70.0)


def micro_euros(value: float) -> float:
    """To a millionth of a euro: amounts nearer to nothing than that make no sum."""
    return round(value, 6)


@given(
    st.lists(st.tuples(st.floats(-50, 500).map(micro_euros), st.floats(0.1, 1)), min_size=1, max_size=30),
    st.floats(0, 50),
    st.floats(1, 5),
)
def test_balance_factor_makes_the_sum_right_for_any_floor(rows, floor, times):
    """For any expectations and any floor below the mean, the floored sum is the total."""
    expected, weight = np.array(rows).T
    total = times * max(floor, 1.0) * weight.sum()
    factor = balance_factor(expected, total, weight, floor=floor)
    if (expected > 1e-9).any():
        assert weight @ np.maximum(factor * expected, floor) == pytest.approx(total)


@settings(max_examples=15, deadline=None)
@given(
    st.integers(0, 1000),
    st.sampled_from(["regression", "poisson", "tweedie", "gamma"]),
    st.sampled_from([None, 0.0, 80.0]),
    st.sampled_from([None, 0.95]),
)
def test_explanations_add_up(seed, objective, floor, cap):
    """base_eur + one column per feature (+ floor_eur) = prediction, to 1e-6 €, seen in training or not."""
    table, euros, weight = spending(150, seed=seed)
    model = SpendingRegressor(
        floor_eur=floor, cap_quantile=cap, **{**QUICK, "objective": objective, "n_estimators": 10}
    )
    model.fit(table, euros + 1, sample_weight=weight)
    unseen, _, _ = spending(20, seed=seed + 1)
    explained = model.explain(unseen)
    assert list(explained.columns) == ["base_eur", *table.columns, *(["floor_eur"] if floor is not None else [])]
    assert explained.sum(axis=1).to_numpy() == pytest.approx(model.predict(unseen), abs=1e-6)
    assert explained["base_eur"].nunique() == 1


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.sampled_from(["regression", "poisson"]), st.sampled_from([-1, 1]))
def test_monotone_features_never_turn(seed, objective, direction):
    """Raising a monotone feature never moves the prediction against its direction, whatever the rest."""
    generator = np.random.default_rng(seed)
    table = pd.DataFrame(generator.integers(0, 6, (200, 3)).astype(float), columns=["a", "b", "c"])
    euros = generator.gamma(1.0, 50 + 20 * table["b"])
    model = SpendingRegressor(**{**QUICK, "objective": objective}, monotone={"a": direction}).fit(table, euros)
    rows = table.sample(20, random_state=0)
    path = np.array([model.predict(rows.assign(a=float(value))) for value in range(6)])
    assert (direction * np.diff(path, axis=0) >= -1e-9).all()


def test_same_seed_gives_the_same_bytes():
    """Same seed and inputs: the same text of the trees, on one thread or two; another seed gives another."""
    table, euros, weight = spending()
    texts = [
        SpendingRegressor(**{**QUICK, "n_jobs": threads}, random_state=seed)
        .fit(table, euros, sample_weight=weight)
        .booster_.model_to_string()
        .encode()
        for threads, seed in ((1, 0), (1, 0), (2, 0), (1, 1))
    ]
    assert texts[0] == texts[1] == texts[2]
    assert texts[0] != texts[3]


def test_early_stopping_never_splits_a_group():
    """Rows of one patient are all held out, or none; at least one group on each side."""
    generator = np.random.default_rng(0)
    groups = generator.integers(0, 40, 300)
    held = held_out(groups, 0.2, generator)
    assert set(groups[held]).isdisjoint(groups[~held])
    assert len(set(groups[held])) == 8
    table, euros, _ = spending(300)
    model = SpendingRegressor(**{**QUICK, "n_estimators": 400}, early_stopping_rounds=5)
    assert model.fit(table, euros, groups=groups).n_trees_ < 400
    with pytest.raises(ValueError, match="two groups"):
        model.fit(table, euros, groups=np.zeros(300))


def test_an_unseen_category_is_as_a_missing_one():
    """A text that was not in training is scored as a missing one."""
    table, euros, _ = spending()
    model = SpendingRegressor(**QUICK).fit(table, euros)
    unseen = table.head(5).assign(region="west")
    assert model.predict(unseen) == pytest.approx(model.predict(unseen.assign(region=None)))


def test_categories_are_ranked_by_mean_spending_and_ordered_ones_kept():
    """Unordered text stands in the order of mean spending; an ordered category keeps its own order."""
    table = pd.DataFrame({"town": ["b", "b", "a", "a", "c", "c"] * 20})
    table["level"] = pd.Categorical(["low", "high"] * 60, ["low", "high"], ordered=True)
    euros = table["town"].map({"a": 300.0, "b": 10.0, "c": 50.0}).to_numpy()
    model = SpendingRegressor(**QUICK).fit(table, euros)
    assert model.encoding_.categories == {"town": ("b", "c", "a"), "level": ("low", "high")}


def test_frames_with_booleans_nullable_integers_and_odd_names():
    """Booleans, nullable integers and objects of numbers are numbers; names need not be identifiers."""
    table, euros, _ = spending()
    odd = pd.DataFrame(
        {
            "is ill?": table["is_ill"],
            "âge {années}": pd.array(np.where(table["age"].isna(), None, table["age"]), dtype="Int64"),
            "mixed": pd.Series([None, 1, 2.5, True] * 150, dtype=object),
        }
    )
    model = SpendingRegressor(**QUICK).fit(odd, euros)
    assert model.encoding_.categories == {}
    assert list(model.explain(odd).columns) == ["base_eur", *odd.columns]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"objective": "quantile"}, "objective 'quantile' is unknown"),
        ({"monotone": {"height": 1}}, "monotone names 'height'"),
        ({"floor_eur": -1.0}, "floor_eur is -1.0"),
        ({"floor_eur": 1e6}, "floor_eur 1000000.0 exceeds the mean"),
    ],
)
def test_contradictory_parameters_say_what_would_be_right(parameters, message):
    """Each mistake has a message with the value."""
    table, euros, _ = spending()
    with pytest.raises(ValueError, match=message):
        SpendingRegressor(**{**QUICK, **parameters}).fit(table, euros)


def test_negative_spending_needs_a_plain_regression():
    """A log link or a floor cannot take a negative target."""
    table, euros, _ = spending()
    for parameters in ({"objective": "poisson"}, {"floor_eur": 0.0}):
        with pytest.raises(ValueError, match="negative values"):
            SpendingRegressor(**{**QUICK, **parameters}).fit(table, euros - 1)
    with pytest.raises(ValueError, match="the target has zeros"):
        SpendingRegressor(**{**QUICK, "objective": "gamma"}).fit(table, euros)


def test_amounts_are_put_back_by_cell_where_asked():
    """With balance_on, each half of the population adds up too, though the cap takes from one of them only."""
    generator = np.random.default_rng(0)
    table = pd.DataFrame({"is_old": generator.integers(0, 2, 4000), "other": generator.random(4000)})
    euros = generator.gamma(0.3, 100, 4000) * np.where(table["is_old"] == 1, 20, 1)
    old = (table["is_old"] == 1).to_numpy()

    def ratio(model: SpendingRegressor) -> float:
        expected = model.fit(table, euros).predict(table)
        assert expected.sum() == pytest.approx(euros.sum())
        assert model.explain(table).sum(axis=1).to_numpy() == pytest.approx(expected, abs=1e-6)
        return float(expected[~old].sum() / euros[~old].sum())

    assert ratio(SpendingRegressor(cap_quantile=0.95, **QUICK)) > 1.3
    assert ratio(SpendingRegressor(cap_quantile=0.95, balance_on=["is_old"], **QUICK)) == pytest.approx(1, abs=0.02)
    with pytest.raises(ValueError, match="balance_on names 'height'"):
        SpendingRegressor(balance_on=["height"], **QUICK).fit(table, euros)


def test_trees_of_the_balance_split_on_the_cells_only():
    """The last trees hold no other feature than those of balance_on; the log link keeps its sum too."""
    table, euros, weight = spending()
    model = SpendingRegressor(**{**QUICK, "objective": "poisson"}, balance_on=["age"]).fit(
        table, euros, sample_weight=weight
    )
    trees = model.booster_.trees_to_dataframe()
    last = trees.loc[trees["tree_index"] >= QUICK["n_estimators"], "split_feature"].dropna()
    assert set(last) == {"age"}
    assert weight @ model.predict(table) == pytest.approx(weight @ euros)
