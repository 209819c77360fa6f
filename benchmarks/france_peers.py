"""The peers of spec §3.6, weighted by exposure: each with first settings, a draw of others, and a fit.

A fit takes a `Problem` and settings and gives what predicts encoded characteristics. Trees that stop early do so on
a seventh of the patients, and are then grown on all of them as far.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
from scipy.optimize import nnls as solved_nnls
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression, TweedieRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeRegressor

from training.balance import held_out, weighted_quantile
from training.baselines import HIGHEST_LINEAR_SHARE, design

Settings = Mapping[str, Any]
Predictor = Callable[[pd.DataFrame], np.ndarray]
MOST_TREES, PATIENCE, STOPPED_ON = 1500, 50, 1 / 7
SMALLEST_SHARE = 1e-3


@dataclass(frozen=True)
class Problem:
    """Encoded characteristics, what is learnt (target) and the whole euros, weight, patients, and policy cells."""

    known: pd.DataFrame
    target: np.ndarray
    euros: np.ndarray
    weight: np.ndarray
    patients: np.ndarray
    cells_of: Callable[[pd.DataFrame], np.ndarray]
    seed: int
    threads: int
    final: bool = False

    @cached_property
    def cells(self) -> np.ndarray:
        """Indicators of the policy cells of the rows."""
        return self.cells_of(self.known)

    @cached_property
    def mean(self) -> float:
        """Weighted mean target."""
        return float(np.average(self.target, weights=self.weight))

    @cached_property
    def positive(self) -> np.ndarray:
        """The target over its mean, at least a thousandth of it, for a gamma law."""
        return np.maximum(self.target / self.mean, SMALLEST_SHARE)

    @cached_property
    def held(self) -> np.ndarray:
        """True for the rows of the patients that stop trees early."""
        return held_out(self.patients, STOPPED_ON, np.random.default_rng(self.seed))


@dataclass(frozen=True)
class Peer:
    """`first` settings, `draw` of others (None: there are none to choose) and `fit`."""

    fit: Callable[[Problem, Settings], Predictor]
    first: Settings
    draw: Callable[[np.random.Generator], dict[str, Any]] | None = None


def numbers(known: pd.DataFrame) -> np.ndarray:
    """Encoded characteristics as a matrix; categories as their ranks."""
    return known.to_numpy(float)


def cell_baseline(baseline: Any) -> Callable[[Problem, Settings], Predictor]:
    return lambda problem, _: baseline(problem.known, problem.target, problem.weight)


def ols(problem: Problem, _: Settings) -> Predictor:
    model = make_pipeline(design(), LinearRegression())
    return model.fit(problem.known, problem.target, linearregression__sample_weight=problem.weight).predict


def nnls(problem: Problem, _: Settings) -> Predictor:
    """Payment form: no coefficient and no intercept below zero."""
    columns = design().fit(problem.known)
    matrix = _with_one(columns.transform(problem.known))
    root = np.sqrt(problem.weight)[:, None] * matrix
    right = np.linalg.cholesky(root.T @ root + 1e-6 * np.eye(root.shape[1]) * len(root)).T
    found = solved_nnls(right, np.linalg.solve(right.T, root.T @ (np.sqrt(problem.weight) * problem.target)))[0]
    return lambda known: _with_one(columns.transform(known)) @ found


def constrained_ols(problem: Problem, _: Settings) -> Predictor:
    """Least squares, cells among the regressors, with no net compensation of any policy cell on the whole euros."""
    columns = make_pipeline(design(), StandardScaler()).fit(problem.known)

    def design_of(known: pd.DataFrame) -> np.ndarray:
        return np.column_stack([_with_one(columns.transform(known)), problem.cells_of(known)])

    matrix = design_of(problem.known)
    cells = problem.cells * problem.weight[:, None]
    gram = (matrix * problem.weight[:, None]).T @ matrix
    gram += 1e-6 * problem.weight.sum() * np.eye(len(gram))  # indicators of a whole add up to the constant
    free = np.linalg.solve(gram, matrix.T @ (problem.weight * problem.target))
    bound = cells.T @ matrix
    moved = np.linalg.solve(gram, bound.T)
    owed = cells.T @ problem.euros - bound @ free
    found = free + moved @ (np.linalg.pinv(bound @ moved, rcond=1e-8, hermitian=True) @ owed)
    return lambda known: design_of(known) @ found


def glm(problem: Problem, settings: Settings) -> Predictor:
    """Log link; glum where it is installed, else scikit-learn. Held at the highest 0.1 % of training expectations."""
    power, y = settings["power"], problem.positive if settings["power"] >= 2 else problem.target / problem.mean
    weight = problem.weight / problem.weight.mean()
    model = make_pipeline(design(), StandardScaler(), _glm(power, settings["alpha"]))
    step = model.steps[-1][0]
    model.fit(problem.known, y, **{f"{step}__sample_weight": weight})
    highest = weighted_quantile(np.asarray(model.predict(problem.known)), weight, HIGHEST_LINEAR_SHARE)
    return lambda known: problem.mean * np.minimum(model.predict(known), highest)


def _glm(power: float, alpha: float) -> Any:
    if not importlib.util.find_spec("glum"):
        return TweedieRegressor(power=power, alpha=alpha, link="log", max_iter=300)
    from glum import GeneralizedLinearRegressor, TweedieDistribution

    return GeneralizedLinearRegressor(family=TweedieDistribution(power), link="log", alpha=alpha, max_iter=100)


def cart(problem: Problem, settings: Settings) -> Predictor:
    model = DecisionTreeRegressor(min_samples_leaf=settings["leaf"], random_state=problem.seed)
    model.fit(numbers(problem.known), problem.target, problem.weight)
    return lambda known: model.predict(numbers(known))


def forest(problem: Problem, settings: Settings) -> Predictor:
    model = RandomForestRegressor(
        100 if problem.final else 30,
        min_samples_leaf=settings["leaf"],
        max_features=settings["features"],
        max_samples=0.5,
        random_state=problem.seed,
        n_jobs=problem.threads,
    ).fit(numbers(problem.known), problem.target, problem.weight)
    return lambda known: model.predict(numbers(known))


def ebm(problem: Problem, settings: Settings) -> Predictor:
    from interpret.glassbox import ExplainableBoostingRegressor

    model = ExplainableBoostingRegressor(
        outer_bags=4 if problem.final else 1,
        interactions=settings["interactions"],
        learning_rate=settings["rate"],
        min_samples_leaf=settings["leaf"],
        max_rounds=2000,
        random_state=problem.seed,
        n_jobs=problem.threads,
    ).fit(numbers(problem.known), problem.target, sample_weight=problem.weight)
    return lambda known: model.predict(numbers(known))


def lightgbm(problem: Problem, settings: Settings) -> Predictor:
    asked = {"verbosity": -1, "num_threads": problem.threads, "seed": problem.seed, "bagging_freq": 1, **settings}
    y = problem.positive if settings["objective"] == "gamma" else problem.target / problem.mean

    def data(rows: np.ndarray) -> lgb.Dataset:
        return lgb.Dataset(numbers(problem.known)[rows], y[rows], weight=problem.weight[rows])

    stop = lgb.early_stopping(PATIENCE, verbose=False)
    booster = lgb.train(
        asked, data(~problem.held), MOST_TREES, valid_sets=[data(problem.held)], callbacks=[stop]
    )  # fmt: skip
    if problem.final:
        booster = lgb.train(asked, data(problem.held | True), booster.best_iteration)
    return lambda known: problem.mean * np.asarray(booster.predict(numbers(known)))


def xgboost(problem: Problem, settings: Settings) -> Predictor:
    from xgboost import XGBRegressor

    asked = {"n_jobs": problem.threads, "random_state": problem.seed, "tree_method": "hist", **settings}
    matrix, y, weight, held = numbers(problem.known), problem.target / problem.mean, problem.weight, problem.held
    model = XGBRegressor(n_estimators=MOST_TREES, early_stopping_rounds=PATIENCE, **asked)
    model.fit(matrix[~held], y[~held], sample_weight=weight[~held], eval_set=[(matrix[held], y[held])],
              sample_weight_eval_set=[weight[held]], verbose=False)  # fmt: skip
    if problem.final:
        model = XGBRegressor(n_estimators=model.best_iteration + 1, **asked).fit(matrix, y, sample_weight=weight)
    return lambda known: problem.mean * model.predict(numbers(known))


def catboost(problem: Problem, settings: Settings) -> Predictor:
    from catboost import CatBoostRegressor, Pool

    asked = {"thread_count": problem.threads, "random_seed": problem.seed, "verbose": False, **settings}
    asked |= {"allow_writing_files": False}
    matrix, y, weight, held = numbers(problem.known), problem.target / problem.mean, problem.weight, problem.held
    seen, stop = (Pool(matrix[rows], y[rows], weight=weight[rows]) for rows in (~held, held))
    model = CatBoostRegressor(iterations=MOST_TREES, early_stopping_rounds=PATIENCE, **asked).fit(seen, eval_set=stop)
    if problem.final:
        model = CatBoostRegressor(iterations=model.get_best_iteration() + 1, **asked)
        model.fit(Pool(matrix, y, weight=weight))
    form = "RawFormulaVal" if settings["loss_function"] == "RMSE" else "Exponent"
    return lambda known: problem.mean * model.predict(numbers(known), prediction_type=form)


def _with_one(matrix: Any) -> np.ndarray:
    return np.column_stack([np.ones(len(matrix)), np.asarray(matrix, dtype=float)])
