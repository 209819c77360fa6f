"""The peers of a spending model: each a function (design, euros) -> predictor of a design, with fixed settings."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable

import lightgbm as lgb
import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.ensemble import RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import GammaRegressor, LinearRegression, LogisticRegression, TweedieRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeRegressor

Predictor = Callable[[np.ndarray], np.ndarray]
Peer = Callable[[np.ndarray, np.ndarray], Predictor]
HIGHEST = 3.0


def design_of(known: pd.DataFrame) -> Callable[[pd.DataFrame], np.ndarray]:
    """What turns a table into numbers: indicators of levels of ten rows or more, missing numbers at their mean."""
    encoder = OneHotEncoder(handle_unknown="ignore", min_frequency=10, sparse_output=False)
    kinds = ColumnTransformer(
        [("levels", encoder, make_column_selector(dtype_exclude="number"))], remainder=SimpleImputer()
    ).fit(known)
    return lambda table: np.asarray(kinds.transform(table))


def ols(known: np.ndarray, euros: np.ndarray) -> Predictor:
    return LinearRegression().fit(known, euros).predict


def nnls(known: np.ndarray, euros: np.ndarray) -> Predictor:
    return LinearRegression(positive=True).fit(known, euros).predict


def glm(power: float) -> Peer:
    def fit(known: np.ndarray, euros: np.ndarray) -> Predictor:
        floor = 1e-3 * euros.mean() if power >= 2 else 0.0
        model = make_pipeline(StandardScaler(), TweedieRegressor(power=power, alpha=1e-3, link="log", max_iter=300))
        model.fit(known, np.maximum(euros, floor) / euros.mean())
        return _held(lambda design: euros.mean() * model.predict(design), known)

    return fit


def two_part(known: np.ndarray, euros: np.ndarray) -> Predictor:
    """Logistic probability of any euros × gamma mean of the positive ones."""
    some = euros > 0
    mean = euros[some].mean()
    amount = make_pipeline(StandardScaler(), GammaRegressor(alpha=1e-3, max_iter=300)).fit(
        known[some], euros[some] / mean
    )
    if some.all():
        return _held(lambda design: mean * amount.predict(design), known)
    chance = make_pipeline(StandardScaler(), LogisticRegression(max_iter=300)).fit(known, some)
    return _held(lambda design: mean * amount.predict(design) * chance.predict_proba(design)[:, 1], known)


def cart(known: np.ndarray, euros: np.ndarray) -> Predictor:
    leaf = max(50, len(euros) // 200)
    return DecisionTreeRegressor(min_samples_leaf=leaf, random_state=0).fit(known, euros).predict


def forest(known: np.ndarray, euros: np.ndarray) -> Predictor:
    model = RandomForestRegressor(100, min_samples_leaf=20, max_features=0.33, random_state=0, n_jobs=1)
    return model.fit(known, euros).predict


def lightgbm(objective: str, *, regularised: bool) -> Peer:
    settings = {"n_estimators": 100, "learning_rate": 0.1}
    if regularised:
        settings = {
            "n_estimators": 300,
            "learning_rate": 0.03,
            "num_leaves": 15,
            "min_child_samples": 50,
            "subsample": 0.8,
            "subsample_freq": 1,
            "colsample_bytree": 0.6,
            "reg_lambda": 5,
        }

    def fit(known: np.ndarray, euros: np.ndarray) -> Predictor:
        model = lgb.LGBMRegressor(objective=objective, n_jobs=1, verbosity=-1, random_state=0, **settings)
        floor = 1e-3 * euros.mean() if objective == "gamma" else 0.0
        booster = model.fit(known, np.maximum(euros, floor)).booster_
        return lambda design: np.asarray(booster.predict(design))

    return fit


def xgboost(known: np.ndarray, euros: np.ndarray) -> Predictor:
    from xgboost import XGBRegressor

    model = XGBRegressor(objective="reg:tweedie", n_estimators=300, learning_rate=0.03, max_depth=4, n_jobs=1)
    return model.fit(known, euros).predict


def catboost(known: np.ndarray, euros: np.ndarray) -> Predictor:
    from catboost import CatBoostRegressor

    settings = {"loss_function": "Tweedie:variance_power=1.5", "iterations": 300, "depth": 5, "learning_rate": 0.05}
    model = CatBoostRegressor(**settings, thread_count=1, verbose=False, allow_writing_files=False).fit(known, euros)
    return lambda design: model.predict(design, prediction_type="Exponent")


def ebm(known: np.ndarray, euros: np.ndarray) -> Predictor:
    from interpret.glassbox import ExplainableBoostingRegressor

    return ExplainableBoostingRegressor(n_jobs=1, outer_bags=4, random_state=0).fit(known, euros).predict


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
for _objective in ("regression", "poisson", "tweedie", "gamma"):
    if _objective != "gamma":
        PEERS[f"LightGBM {_objective}"] = lightgbm(_objective, regularised=False)
    PEERS[f"LightGBM {_objective}, tuned"] = lightgbm(_objective, regularised=True)
PEERS |= {
    name: peer
    for name, module, peer in (
        ("XGBoost tweedie", "xgboost", xgboost),
        ("CatBoost tweedie", "catboost", catboost),
        ("EBM", "interpret", ebm),
    )
    if importlib.util.find_spec(module)
}
