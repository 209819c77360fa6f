"""Compact columns: exact, and the same model as from a matrix of float64."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training import SpendingRegressor
from training.big import sample
from training.big.columns import blocks, compact, dense, empty_columns, narrowest, put, rows_at, stacked, table_of
from training.big.sample import Learnt, sampled, some_groups
from training.choice import folds_of
from training.members import Table, boosted


def made_up_rows(rows: int, *, seed: int) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Names, an age, five flags, an amount in cents with gaps; skewed euros that depend on them."""
    generator = np.random.default_rng(seed)
    matrix = (generator.random((rows, 7)) < 0.2).astype(float)
    matrix[:, 0] = generator.integers(0, 100, rows)
    matrix[:, 6] = np.where(generator.random(rows) < 0.1, np.nan, np.round(generator.gamma(1, 300, rows), 2))
    mean = 20 + matrix[:, 0] + 200 * matrix[:, 1] + np.nan_to_num(matrix[:, 6])
    return [f"x{number}" for number in range(7)], matrix, np.round(generator.gamma(0.8, mean / 0.8), 2)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([0, 1, 255], "uint8"),
        ([], "uint8"),
        ([-1, 255], "int16"),
        ([256], "int16"),
        ([-(2**15), 2**15 - 1], "int16"),
        ([2**15], "float32"),
        ([2**24], "float32"),
        ([2**24 + 1], "float64"),
        ([0.5, np.nan], "float32"),
        ([12.34], "float64"),
        ([1e300], "float64"),
        ([0, np.nan], "float32"),
        ([np.inf], "float32"),
    ],
)
def test_a_column_takes_the_smallest_exact_type(values: list[float], kind: str):
    """Counts to 255 take one byte, cents take eight."""
    assert narrowest(np.array(values, dtype=float)) == kind


@given(st.lists(st.lists(st.floats(), min_size=1, max_size=8), min_size=1, max_size=5))
def test_columns_give_back_every_value(pieces: list[list[float]]):
    """Whatever is put, in whatever order of types: read again as float64, it is the same."""
    whole = np.concatenate([np.array(piece) for piece in pieces])
    columns, start = empty_columns(1, len(whole)), 0
    for piece in pieces:
        put(columns, np.arange(start, start + len(piece)), np.array(piece)[:, None])
        start += len(piece)
    assert np.array_equal(dense(table_of(["x"], columns))[:, 0], whole, equal_nan=True)
    years = stacked([compact(["x"], np.array(piece)[:, None]) for piece in pieces])
    assert np.array_equal(dense(years)[:, 0], whole, equal_nan=True)


def test_rows_and_blocks_are_those_of_the_matrix():
    """By place, and two rows at a time."""
    names, matrix, _ = made_up_rows(5, seed=1)
    table = compact(names, matrix)
    assert np.array_equal(dense(rows_at(table, np.array([4, 0]))), matrix[[4, 0]], equal_nan=True)
    found = list(blocks(table, 2))
    assert [places for places, _ in found] == [slice(0, 2), slice(2, 4), slice(4, 5)]
    assert np.array_equal(np.concatenate([block for _, block in found]), matrix, equal_nan=True)


@pytest.mark.parametrize("objective", ["regression", "tweedie", "blend"])
def test_compact_columns_give_the_model_of_the_frame(objective: str):
    """The same text of the booster, cap, factor and predictions, to the bit."""
    names, matrix, y = made_up_rows(600, seed=2)
    frame = pd.DataFrame(matrix, columns=names)
    asked = {"objective": objective, "n_estimators": 15, "cap_quantile": 0.99, "balance_on": ["x0", "x1"], "n_jobs": 1}
    people = np.arange(600) // 2
    of_frame = SpendingRegressor(**asked).fit(frame, y, groups=people)
    of_columns = SpendingRegressor(**asked).fit(compact(names, matrix), y, groups=people)
    assert of_columns.booster_.model_to_string() == of_frame.booster_.model_to_string()
    assert (of_columns.cap_, of_columns.balance_factor_) == (of_frame.cap_, of_frame.balance_factor_)
    assert np.array_equal(of_columns.reference_, of_frame.reference_, equal_nan=True)
    assert (of_columns.predict(compact(names, matrix)) == of_frame.predict(frame)).all()
    assert of_columns.sampled_rows_ is None


def test_a_table_of_texts_is_refused():
    """Only numbers and flags: categories are ranked in a frame."""
    table = pa.table({"x0": [1, 2], "x1": ["a", "b"]})
    with pytest.raises(ValueError, match="'x1' is string"):
        SpendingRegressor(objective="regression").fit(table, [1.0, 2.0])


def test_a_sample_is_of_whole_groups():
    """About as many rows as asked, all the rows of each group, the same for a seed; all where they are few."""
    labels = np.repeat(np.arange(1000), 3)
    places = some_groups(labels, 300, seed=5)
    assert len(places) == 300
    assert (np.unique(labels[places], return_counts=True)[1] == 3).all()
    assert (places == some_groups(labels, 300, seed=5)).all()
    assert not np.array_equal(places, some_groups(labels, 300, seed=6))
    assert (some_groups(labels[:9], 9, seed=5) == np.arange(9)).all()


def test_trees_of_a_sample_are_grown_on_all_rows(monkeypatch):
    """1,000 of 3,000 rows choose how many trees; the trees kept count 3,000 rows at their root."""
    names, matrix, y = made_up_rows(3000, seed=4)
    table = compact(names, matrix)
    monkeypatch.setattr(sample, "MOST_ROWS", 1000)
    parameters = SpendingRegressor(objective="blend", n_estimators=5, bagging_fraction=1.0, n_jobs=1).tree_parameters(
        names
    ) | {"seed": 0}
    some = sampled(Learnt(table, table, (y, np.ones(3000)), y, None), parameters, names)
    folds = folds_of(1000, None, 0)
    rows = Table(some.matrix, some.matrix, some.capped, some.truth[1], folds, grow=some.grow)
    found = boosted(rows, some.parameters(parameters), names)
    assert (some.share, found.expected.shape, found.seen.shape) == (1 / 3, (1000,), (1000,))
    assert all("internal_count=3000 " in tree for tree in found.trees(1.0, 0.0))


def test_beyond_some_rows_a_blend_is_about_as_good(monkeypatch):
    """1,000 of 3,000 rows settle the formulas: totals are right on all, and R² on unseen rows is within 0.03."""
    names, matrix, y = made_up_rows(6000, seed=4)
    table, unseen = compact(names, matrix[:3000]), compact(names, matrix[3000:])
    asked = {"objective": "blend", "n_estimators": 10, "n_jobs": 1}
    everyone = SpendingRegressor(**asked).fit(table, y[:3000])
    monkeypatch.setattr(sample, "MOST_ROWS", 1000)
    some = SpendingRegressor(**asked).fit(table, y[:3000])
    assert some.sampled_rows_ == 1000
    assert some.predict(table).sum() == pytest.approx(y[:3000].sum(), rel=1e-9)
    spread = ((y[3000:] - y[3000:].mean()) ** 2).sum()
    r2 = [1 - ((y[3000:] - one.predict(unseen)) ** 2).sum() / spread for one in (some, everyone)]
    assert r2[0] == pytest.approx(r2[1], abs=0.03)


def test_leaves_of_a_sample_are_as_large_a_share(monkeypatch):
    """A leaf of 100 of 3,000 rows is one of 33 of 1,000; never under 11."""
    learnt = sample.Learnt(None, np.empty((0, 0)), (np.empty(0),) * 2, np.empty(0), None, lambda asked: None, 1 / 3)
    assert learnt.parameters({"min_data_in_leaf": 100})["min_data_in_leaf"] == 33
    assert learnt.parameters({"min_data_in_leaf": 20})["min_data_in_leaf"] == 11
