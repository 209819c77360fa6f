"""Cream-skimming: what a selector with data that the model lacks could gain by choosing patients."""

from __future__ import annotations

from collections.abc import Mapping

import lightgbm as lgb
import numpy as np
import pandas as pd

from training.bootstrap import Bootstrap, interval
from training.evaluate import Observed
from training.evaluation.record import SelectionRow
from training.folds import split_by_patient

KEPT = (0.9, 0.5, 0.1)
FOLDS = 5
TREES: Mapping[str, object] = {
    "objective": "regression",
    "learning_rate": 0.05,
    "num_leaves": 12,
    "lambda_l2": 10.0,
    "feature_fraction": 0.8,
    "verbosity": -1,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
}
ROUNDS, SMALLEST_LEAF = 80, 50


def selection_rows(
    observed: Observed, expected: np.ndarray, hidden: pd.DataFrame, draws: Bootstrap, *, seed: int = 0
) -> tuple[SelectionRow, ...]:
    """Gain per kept patient and year of who keeps 90 %, 50 % or 10 % of the patients (by exposure), the best first.

    The selector predicts net = k × expected − observed from `hidden` (numbers), out of fold by patient, and keeps the
    highest. gain = Σ weight × net / Σ weight of the kept, measured on what they really cost; the gain of keeping all
    is 0. share_of_spending: gain / mean spending. 0 within its interval: the data the model lacks would not pay.
    """
    w, y = observed.exposure, observed.spent_eur
    net = expected * float(w @ y) / float(w @ expected) - y
    foreseen = out_of_fold_net(np.maximum(net, expected - observed.cap_eur), hidden, w, observed.patients, seed=seed)
    rows = []
    for kept in KEPT:
        chosen = best_share(foreseen, w, kept)
        gain = float((w * net)[chosen].sum() / w[chosen].sum())
        sums = draws.sums(np.column_stack([w * net * chosen, w * chosen]))
        low, high = interval(sums[:, 0] / sums[:, 1])
        rows.append(
            SelectionRow(
                kept=kept,
                gain_eur=gain,
                low=float(low),
                high=float(high),
                share_of_spending=gain / float(np.average(y, weights=w)),
            )
        )
    return tuple(rows)


def out_of_fold_net(
    net: np.ndarray, hidden: pd.DataFrame, weight: np.ndarray, patients: np.ndarray, *, seed: int = 0
) -> np.ndarray:
    """What the selector foresees of each patient's net euros, from the other patients."""
    matrix = hidden.to_numpy(float)
    foreseen = np.empty(len(net))
    leaf = {"min_data_in_leaf": min(SMALLEST_LEAF, max(len(net) // 20, 1)), "seed": seed}
    for seen, unseen in split_by_patient(patients, folds=FOLDS, seed=seed):
        data = lgb.Dataset(matrix[seen], net[seen], weight=weight[seen])
        booster = lgb.train({**TREES, **leaf}, data, num_boost_round=ROUNDS)
        foreseen[unseen] = np.asarray(booster.predict(matrix[unseen]))
    return foreseen


def best_share(score: np.ndarray, weight: np.ndarray, share: float) -> np.ndarray:
    """True for the rows of highest score that hold a share of the weight (the row that crosses it is kept)."""
    ordered = np.argsort(-score, kind="stable")
    before = np.cumsum(weight[ordered]) - weight[ordered]
    chosen = np.zeros(len(score), dtype=bool)
    chosen[ordered[before < share * weight.sum() * (1 - 1e-12)]] = True
    return chosen
