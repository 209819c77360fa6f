"""Trees grown in two steps: on the capped target, then on what is left of the whole one in large policy cells."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import cast

import lightgbm as lgb
import numpy as np

Parameters = Mapping[str, object]

CELL_SHARE = 1 / 25
CELL_STEP: Parameters = {
    "num_iterations": 100,
    "learning_rate": 0.1,
    "num_leaves": 12,
    "max_depth": 4,
    "lambda_l2": 0.0,
    "feature_fraction": 1.0,
    "bagging_fraction": 1.0,
    "bagging_freq": 0,
    "extra_trees": False,
    "early_stopping_round": None,
}


def counted_in_rows(parameters: Parameters, target: np.ndarray, weight: np.ndarray) -> dict[str, object]:
    """The parameters with a penalty of leaves (`lambda_l2`) that weighs as that many rows of mean spending.

    Under a log link LightGBM adds it to Σ expected ** (2 − power of the variance), so that the same number would hold
    leaves back in thousands of euros, and not at all in cents.
    """
    powers = {"poisson": 1.0, "tweedie": parameters["tweedie_variance_power"]}
    power = powers.get(str(parameters["objective"]))
    mean = float(np.average(target, weights=weight))
    if power is None or not mean > 0:
        return dict(parameters)
    penalty = cast(float, parameters["lambda_l2"]) * mean ** (2 - cast(float, power))
    return {**parameters, "lambda_l2": penalty}


def grow(data: lgb.Dataset, parameters: Parameters, held: np.ndarray | None = None) -> lgb.Booster:
    """Booster on `data`; cut at its best tree where `held` (True for rows held out) stops it early."""
    if held is None:
        return lgb.train(dict(parameters), data)
    trained, watched = (data.subset(np.flatnonzero(rows).tolist()) for rows in (~held, held))
    booster = lgb.train(dict(parameters), trained, valid_sets=[watched])
    return lgb.Booster(model_str=booster.model_to_string(num_iteration=booster.best_iteration))


def balance_cells(
    booster: lgb.Booster, data: lgb.Dataset, target: np.ndarray, parameters: Parameters, *, columns: Sequence[int]
) -> lgb.Booster:
    """The booster with more trees, on the whole target, that may split on `columns` only.

    A cap takes more from some groups than from others, and regularised trees shrink groups to the mean: one
    factor for all cannot put that back. These trees do, in leaves of a twenty-fifth of the rows or more,
    where the mean is sure, so that Σ expected = Σ observed by policy cell as well. `data` keeps its raw matrix.
    """
    rows = {"min_data_in_leaf": max(int(CELL_SHARE * len(target)), 1), "interaction_constraints": [list(columns)]}
    return lgb.train({**parameters, **CELL_STEP, **rows}, data.set_label(target), init_model=booster)


def without_training_data(booster: lgb.Booster) -> lgb.Booster:
    """The booster read back from its text, which does not say on how many threads it was grown."""
    text = re.sub(r"(?m)^\[num_threads: \d+\]$", "[num_threads: 0]", booster.model_to_string())
    return lgb.Booster(model_str=text)
