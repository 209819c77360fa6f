"""A fitted model tested on the last year beside its baselines, all on the same rows and totals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from training.baselines import BASELINES, fit_baseline
from training.estimator import SpendingRegressor
from training.evaluate import Observed, fit_table, groups_of, r2_differences, ratio_table
from training.population import Rows
from training.recipes import Recipe

THIS_MODEL = "lightgbm"


@dataclass(frozen=True)
class Judgement:
    """On the test year: `fit` (a row per model), `differences` of R² with each baseline, `ratios` by group."""

    fit: pd.DataFrame
    differences: pd.DataFrame
    ratios: pd.DataFrame
    cap_eur: float


def judge(recipe: Recipe, fitted: SpendingRegressor, rows: Rows, tested: Rows, *, seed: int) -> Judgement:
    """Judgement of `fitted` and of each baseline fitted on `rows`, tested on `tested`."""
    observed = observed_of(tested, rows, fitted.cap_)
    categories = [known.name for known in recipe.features if known.kind == "category"]
    known, unseen = rows.frame(categories), tested.frame(categories)
    expected: dict[str, np.ndarray] = {THIS_MODEL: fitted.predict(tested.frame())}
    for name, baseline in BASELINES.items():
        expected[name] = fit_baseline(baseline, known, rows.spent_eur, rows.exposure, cap=fitted.cap_)(unseen)
    groups = groups_of(tested.frame(), expected[THIS_MODEL], tested.exposure)
    return Judgement(
        fit_table(observed, expected),
        r2_differences(observed, expected, seed=seed),
        ratio_table(observed, expected[THIS_MODEL], groups, seed=seed),
        observed.cap_eur,
    )


def observed_of(tested: Rows, rows: Rows, cap: float | None) -> Observed:
    """What `tested` spent, with the cap of the training rows and the share of their spending that it keeps."""
    cap_eur = float("inf") if cap is None else cap
    kept = float(rows.exposure @ np.minimum(rows.spent_eur, cap_eur)) / rows.total_eur if rows.total_eur else 1.0
    return Observed(tested.spent_eur, tested.exposure, tested.patients, cap_eur, kept)
