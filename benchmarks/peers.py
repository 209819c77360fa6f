"""The peers of a spending model: each a function (rows, euros, weight) -> predictor of rows, with fixed settings.

`PEERS` read numbers (indicators of levels), `NATIVE` the table itself, categories as LightGBM splits them.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.ensemble import RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import GammaRegressor, LinearRegression, LogisticRegression, TweedieRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeRegressor

Predictor = Callable[[Any], np.ndarray]
Peer = Callable[[Any, np.ndarray, np.ndarray], Predictor]
HIGHEST = 3.0
TUNED = {
    "n_estimators": 300,
    "learning_rate": 0.03,
    "num_leaves": 15,
    "min_child_samples": 50,
    "subsample": 0.8,
    "subsample_freq": 1,
    "colsample_bytree": 0.6,
    "reg_lambda": 5,
}


def design_of(known: pd.DataFrame) -> Callable[[pd.DataFrame], np.ndarray]:
    """What turns a table into numbers: indicators of levels of ten rows or more, missing numbers at their mean."""
    encoder = OneHotEncoder(handle_unknown="ignore", min_frequency=10, sparse_output=False)
    kinds = ColumnTransformer(
        [("levels", encoder, make_column_selector(dtype_exclude="number"))], remainder=SimpleImputer()
    ).fit(known)
    return lambda table: np.asarray(kinds.transform(table))


def ols(known: np.ndarray, euros: np.ndarray, weight: np.ndarray) -> Predictor:
    return LinearRegression().fit(known, euros, weight).predict


def nnls(known: np.ndarray, euros: np.ndarray, weight: np.ndarray) -> Predictor:
    return LinearRegression(positive=True).fit(known, euros, weight).predict


def glm(power: float) -> Peer:
    def fit(known: np.ndarray, euros: np.ndarray, weight: np.ndarray) -> Predictor:
        floor = 1e-3 * euros.mean() if power >= 2 else 0.0
        model = TweedieRegressor(power=power, alpha=1e-3, link="log", max_iter=300)
        scaled = _scaled(model, known, np.maximum(euros, floor) / euros.mean(), weight)
        return _held(lambda design: euros.mean() * scaled.predict(design), known)

    return fit


def two_part(known: np.ndarray, euros: np.ndarray, weight: np.ndarray) -> Predictor:
    """Logistic probability of any euros × gamma mean of the positive ones."""
    some = euros > 0
    mean = euros[some].mean()
    amount = _scaled(GammaRegressor(alpha=1e-3, max_iter=300), known[some], euros[some] / mean, weight[some])
    if some.all():
        return _held(lambda design: mean * amount.predict(design), known)
    chance = _scaled(LogisticRegression(max_iter=300), known, some, weight)
    return _held(lambda design: mean * amount.predict(design) * chance.predict_proba(design)[:, 1], known)


def cart(known: np.ndarray, euros: np.ndarray, weight: np.ndarray) -> Predictor:
    leaf = max(50, len(euros) // 200)
    return DecisionTreeRegressor(min_samples_leaf=leaf, random_state=0).fit(known, euros, weight).predict


def forest(known: np.ndarray, euros: np.ndarray, weight: np.ndarray) -> Predictor:
    model = RandomForestRegressor(100, min_samples_leaf=20, max_features=0.33, random_state=0, n_jobs=1)
    return model.fit(known, euros, weight).predict


def lightgbm(objective: str, *, tuned: bool) -> Peer:
    settings = TUNED if tuned else {}

    def fit(known: Any, euros: np.ndarray, weight: np.ndarray) -> Predictor:
        model = lgb.LGBMRegressor(objective=objective, n_jobs=1, verbosity=-1, random_state=0, **settings)
        floor = 1e-3 * euros.mean() if objective == "gamma" else 0.0
        booster = model.fit(known, np.maximum(euros, floor), weight).booster_
        return lambda design: np.asarray(booster.predict(design))

    return fit


def native(objective: str, *, tuned: bool) -> Peer:
    """LightGBM on the table itself: texts and categories as its own categories, missing values as they are."""

    def fit(known: pd.DataFrame, euros: np.ndarray, weight: np.ndarray) -> Predictor:
        levels = {name: pd.Index(known[name].dropna().unique()) for name in known if _is_text(known[name])}

        def typed(table: pd.DataFrame) -> pd.DataFrame:
            known_only = {name: table[name].where(table[name].isin(found)) for name, found in levels.items()}
            columns = {name: pd.Categorical(known_only[name], categories=found) for name, found in levels.items()}
            return table.assign(**columns)

        predict = lightgbm(objective, tuned=tuned)(typed(known), euros, weight)
        return lambda table: predict(typed(table))

    return fit


def xgboost(known: np.ndarray, euros: np.ndarray, weight: np.ndarray) -> Predictor:
    from xgboost import XGBRegressor

    model = XGBRegressor(objective="reg:tweedie", n_estimators=300, learning_rate=0.03, max_depth=4, n_jobs=1)
    return model.fit(known, euros, sample_weight=weight).predict


def catboost(known: np.ndarray, euros: np.ndarray, weight: np.ndarray) -> Predictor:
    from catboost import CatBoostRegressor

    settings = {"loss_function": "Tweedie:variance_power=1.5", "iterations": 300, "depth": 5, "learning_rate": 0.05}
    model = CatBoostRegressor(**settings, thread_count=1, verbose=False, allow_writing_files=False)
    model.fit(known, euros, sample_weight=weight)
    return lambda design: model.predict(design, prediction_type="Exponent")


def ebm(known: np.ndarray, euros: np.ndarray, weight: np.ndarray) -> Predictor:
    from interpret.glassbox import ExplainableBoostingRegressor

    model = ExplainableBoostingRegressor(n_jobs=1, outer_bags=4, random_state=0)
    return model.fit(known, euros, sample_weight=weight).predict


def _scaled(model: Any, known: np.ndarray, target: np.ndarray, weight: np.ndarray) -> Pipeline:
    pipeline = make_pipeline(StandardScaler(), model)
    return pipeline.fit(known, target, **{f"{pipeline.steps[-1][0]}__sample_weight": weight})


def _is_text(column: pd.Series) -> bool:
    return not (is_numeric_dtype(column.dtype) or is_bool_dtype(column.dtype))


def _held(predict: Predictor, known: np.ndarray) -> Predictor:
    """A log link extrapolates: held at `HIGHEST` times the expectation of the highest 0.1 % of training rows."""
    highest = HIGHEST * np.quantile(predict(known), 0.999)
    return lambda design: np.minimum(predict(design), highest)


PEERS: dict[str, Peer] = {
    "OLS": ols,
    "NNLS": nnls,
    "Tweedie GLM": glm(1.5),
    "gamma GLM": glm(2.0),
    "two-part": two_part,
    "CART": cart,
    "random forest": forest,
}
NATIVE: dict[str, Peer] = {}
for _objective in ("regression", "poisson", "tweedie", "gamma"):
    for _tuned, _name in ((False, ""), (True, ", tuned")):
        PEERS[f"LightGBM {_objective}{_name}"] = lightgbm(_objective, tuned=_tuned)
        NATIVE[f"LightGBM {_objective}{_name}, categories"] = native(_objective, tuned=_tuned)
OTHERS: dict[str, Peer] = {
    name: peer
    for name, module, peer in (
        ("XGBoost tweedie", "xgboost", xgboost),
        ("CatBoost tweedie", "catboost", catboost),
        ("EBM", "interpret", ebm),
    )
    if importlib.util.find_spec(module)
}
