"""Folds by patient: how many trees to grow, and what the model expects of patients it has not seen.

Trees of one kind are counted on the folds. A blend counts and weighs its own on folds of its own; here it is only
fitted again without each fold, on fewer folds, because each fit is many.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import lightgbm as lgb
import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.model_selection import GroupKFold

from features.scoring import expected_eur
from training.balance import balance_factor, capped_target, weighted_quantile
from training.big.columns import rows_at
from training.encoding import tree_names
from training.estimator import SpendingRegressor
from training.population import Rows
from training.trees import balance_cells, counted_in_rows

PATIENCE = 50
FOLDS_OF_BLEND = 2
MANY_ROWS, FOLDS_OF_MANY = 2_000_000, 2


@dataclass(frozen=True)
class OutOfFold:
    """Most trees to grow, chosen on the mean curve of the folds, and the balanced prediction of each row by the fold
    without it. A blend keeps the most that it was allowed."""

    trees: int
    expected_eur: np.ndarray


def split_by_patient(patients: np.ndarray, *, folds: int, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Pairs (training rows, held-out rows); all rows of a patient fall in one fold."""
    codes = pd.factorize(patients)[0]
    splitter = GroupKFold(folds, shuffle=True, random_state=seed)
    return list(splitter.split(np.zeros((len(codes), 1)), groups=codes))


def out_of_fold(model: SpendingRegressor, rows: Rows, *, folds: int = 5, seed: int = 0) -> OutOfFold:
    """Cross-validation of `model` (its `n_estimators` is the most that may be grown) on folds by patient.

    The folds are grown side by side, each on bins of its own: beyond `MANY_ROWS` rows there are two.
    """
    if model.objective == "blend":
        splits = split_by_patient(rows.patients, folds=min(folds, FOLDS_OF_BLEND), seed=seed)
        return OutOfFold(int(model.n_estimators), refitted(model, rows, splits))
    few = min(folds, FOLDS_OF_MANY) if len(rows.spent_eur) > MANY_ROWS else folds
    splits = split_by_patient(rows.patients, folds=few, seed=seed)
    cap = None if model.cap_quantile is None else weighted_quantile(rows.spent_eur, rows.exposure, model.cap_quantile)
    target = capped_target(rows.spent_eur, rows.exposure, cap)
    data = lgb.Dataset(rows.encoded, target, weight=rows.exposure, feature_name=tree_names(rows.names))
    asked = model.tree_parameters(rows.names) | {"early_stopping_round": PATIENCE, "seed": seed}
    parameters = counted_in_rows(asked, target, rows.exposure)
    grown = cast(lgb.CVBooster, lgb.cv(parameters, data, folds=splits, return_cvbooster=True)["cvbooster"])
    trees = max(int(grown.best_iteration), 1)
    texts = [booster.model_to_string(num_iteration=trees) for booster in grown.boosters]
    del grown, data  # and the bins of all folds
    expected = np.empty(len(target))
    for text, (seen, unseen) in zip(texts, splits, strict=True):
        best = lgb.Booster(model_str=text)
        expected[unseen] = _balanced(model, best, rows, seen, unseen)
    return OutOfFold(trees, expected)


def refitted(model: SpendingRegressor, rows: Rows, splits: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Prediction of each row by `model` fitted on the other folds, as it would be fitted on all of them."""
    expected = np.empty(len(rows.spent_eur))
    for seen, unseen in splits:
        known = rows.at(seen)
        fitted = clone(model).fit(known.given, known.spent_eur, sample_weight=known.exposure, groups=known.patients)
        expected[unseen] = fitted.predict(rows.at(unseen).given)
    return expected


def _balanced(
    model: SpendingRegressor, booster: lgb.Booster, rows: Rows, seen: np.ndarray, unseen: np.ndarray
) -> np.ndarray:
    """Prediction of the `unseen` rows, balanced on the `seen` ones as `model` balances."""
    matrix, spent, weight = rows_at(rows.encoded, seen), rows.spent_eur[seen], rows.exposure[seen]
    columns = model.balance_columns(rows.names)
    if columns:
        data = lgb.Dataset(matrix, spent, weight=weight, feature_name=tree_names(rows.names), free_raw_data=False)
        booster = balance_cells(booster, data, spent, model.tree_parameters(rows.names), columns=columns)
    raw = np.asarray(booster.predict(matrix))
    factor = balance_factor(raw, float(weight @ spent), weight, floor=model.floor_eur)
    return expected_eur(np.asarray(booster.predict(rows_at(rows.encoded, unseen))), factor, model.floor_eur)
