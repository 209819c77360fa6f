"""Codes, past spending, selection, proof of monotony and stability, by hand."""

from __future__ import annotations

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest

from features.catalogue import by_name
from training.bootstrap import bootstrap_of
from training.evaluate import Observed
from training.evaluation.codes import added_codes, code_rows, past_returns, pool_rows, with_code
from training.evaluation.monotone import Leaf, broken_by, monotone_rows
from training.evaluation.selection import best_share, selection_rows
from training.evaluation.stability import stability_of

NAMES = ["age", "ald_count", "ald_08", "ald_05"]
FEATURES = [by_name()[name] for name in NAMES]


def paid(matrix: np.ndarray) -> np.ndarray:
    """10 € per ALD, 100 € more for diabetes (ALD 8), 1 € less for ALD 5 than its count brings twice."""
    return 50 + 10 * matrix[:, 1] + 100 * matrix[:, 2] - 20 * matrix[:, 3]


def test_a_code_brings_its_count_along():
    """ALD 8 added: the flag and one more in the count; who had it is unchanged."""
    rows = np.array([[40.0, 0, 0, 0], [40.0, 1, 1, 0]])
    assert with_code(rows, NAMES, "ald_08").tolist() == [[40.0, 1, 1, 0], [40.0, 1, 1, 0]]


def test_euros_per_code_by_hand():
    """ALD 8 brings 110 € to who lacks it; ALD 5 takes 10 € from all: every addition lowers the amount."""
    rows = np.array([[40.0, 0, 0, 0], [40.0, 1, 1, 0]])
    added = added_codes(paid, rows, FEATURES, np.ones(2))  # type: ignore[arg-type]
    best, worst = code_rows(added, FEATURES)  # type: ignore[arg-type]
    assert (best.code, best.eur_per_code, best.lowering_share, best.prevalence) == ("ald_08", 110, 0, 0.5)
    assert (worst.code, worst.eur_per_code, worst.lowering_share) == ("ald_05", -10, 1)
    pools = {row.pool: row for row in pool_rows(added, 100.0)}
    # one patient of two lacks ALD 8; who has it gains nothing from the best code
    assert pools["targeted"].eur_per_code == pytest.approx(55)
    assert pools["targeted"].growth == pytest.approx(0.1 * 55 / 100)
    assert pools["prevalence"].eur_per_code == pytest.approx(110)


def test_past_spending_returns_by_hand():
    """A forecast that keeps 30 % of past spending gives 0.30 € back per euro; a model that reads none, nothing."""
    past = next(known for known in by_name().values() if known.family == "past_use" and known.unit == "EUR")
    families = {past.name: "past_use"}
    found = past_returns(lambda rows: 0.3 * rows[:, 0], np.ones((3, 1)), [past], families, np.ones(3))  # type: ignore[list-item]
    assert [(figure.name, figure.value) for figure in found] == [(past.name, pytest.approx(0.3))]
    assert past_returns(paid, np.ones((3, 4)), FEATURES, {}, np.ones(3)) == ()  # type: ignore[arg-type]


def test_best_share_by_weight():
    """Half of a weight of 4: the two best rows, of weight 1 each."""
    assert best_share(np.array([3.0, 1, 2]), np.array([1.0, 2, 1]), 0.5).tolist() == [True, False, True]


def test_a_selector_gains_what_the_model_lacks():
    """A hidden mark tells who costs 0 and who 200 €, all paid 100: the better half brings 100 € each; noise nothing."""
    generator = np.random.default_rng(0)
    mark = np.tile([0.0, 1.0], 1000)
    observed = Observed(200 * mark, np.ones(2000), np.arange(2000), 1e9, 1.0)
    draws = bootstrap_of(observed.patients)
    rows = {row.kept: row for row in selection_rows(observed, np.full(2000, 100.0), pd.DataFrame({"m": mark}), draws)}
    assert rows[0.5].gain_eur == pytest.approx(100) and rows[0.5].share_of_spending == pytest.approx(1)
    noise = selection_rows(observed, np.full(2000, 100.0), pd.DataFrame({"m": generator.normal(size=2000)}), draws)
    assert abs(noise[1].gain_eur) < 8


def test_leaves_that_one_feature_parts_are_compared():
    """Feature 0 from low to high falls from 5 to 3: broken by 2 going up, right going down; apart by feature 1: not."""
    low, high = Leaf(5.0, {0: (-np.inf, 1.0, True)}), Leaf(3.0, {0: (1.0, np.inf, False)})
    assert broken_by([low, high], 0, +1) == [2.0]
    assert broken_by([low, high], 0, -1) == [0.0]
    apart = [Leaf(5.0, {**low.box, 1: (0.0, 1.0, False)}), Leaf(3.0, {**high.box, 1: (1.0, 2.0, False)})]
    assert broken_by(apart, 0, +1) == []


@pytest.mark.parametrize("constrained", [True, False])
def test_proof_on_trained_trees(constrained: bool):
    """Trees under the constraint have no broken pair; free trees on a hump do, and raising the feature shows it."""
    generator = np.random.default_rng(0)
    matrix = generator.uniform(0, 1, (3000, 2))
    y = np.sin(6 * matrix[:, 0]) + 3 * matrix[:, 0] + matrix[:, 1]
    parameters = {"verbosity": -1, "num_threads": 1, "monotone_constraints": [1, 0] if constrained else None}
    booster = lgb.train(parameters, lgb.Dataset(matrix, y), num_boost_round=30)
    (row,) = monotone_rows(booster, ["a", "b"], {"a": 1, "b": 0}, labels={})
    assert row.pairs > 0 and (row.broken == 0) is constrained
    raised = matrix.copy()
    raised[:, 0] += 0.2
    fell = booster.predict(raised) < booster.predict(matrix) - 1e-12  # type: ignore[operator]
    assert bool(np.any(fell)) is not constrained


def test_stability_by_hand():
    """Two structures of 11, expected 100 and 300 before, 120 and 280 after: 20 € of 400 move, 5 %."""
    observed = Observed(np.array([100.0, 300]), np.ones(2), np.arange(2), np.inf, 1.0)
    members = pd.DataFrame(
        {
            "structure_id": np.repeat(["A", "B"], 11),
            "patient_id": np.arange(22).astype(str),
            "weight": 1.0,
            "before_eur": np.repeat([100.0, 300.0], 11),
            "after_eur": np.repeat([120.0, 280.0], 11),
        }
    )
    found = stability_of(observed, np.array([100.0, 300]), np.array([120.0, 280]), members, against="v1")
    assert found.mean_absolute_change == pytest.approx(40 / 400)
    assert found.moved_share == pytest.approx(0.05)
    assert [(row.structure, row.change) for row in found.structures] == [
        ("A", pytest.approx(0.2)),
        ("B", pytest.approx(-1 / 15)),
    ]
    same = stability_of(observed, np.array([100.0, 300]), np.array([50.0, 150]), against="v1")
    assert (same.mean_absolute_change, same.normalisation_after, same.rank_correlation) == pytest.approx((0, 2, 1))
