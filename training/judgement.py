"""A fitted model tested on the last year beside its baselines, all on the same rows and totals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from features.errors import InputError
from features.versions import Card
from training.baselines import BASELINES, fit_baseline
from training.big.sample import some_groups
from training.estimator import SpendingRegressor
from training.evaluate import Observed, fit_table, groups_of, r2_differences, ratio_table
from training.population import Rows
from training.recipes import Recipe

THIS_MODEL = "lightgbm"
MOST_ROWS = 500_000
GROUPED_BY = ("age", "is_woman", "ald_count", "c2s_free", "c2s_participative", "c2s_unknown")


@dataclass(frozen=True)
class Judgement:
    """On the test year: `fit` (a row per model), `differences` of R² with each baseline, `ratios` by group."""

    fit: pd.DataFrame
    differences: pd.DataFrame
    ratios: pd.DataFrame
    cap_eur: float


def year_to_judge(card: Card, asked: int | None) -> int:
    """The year asked, or the test year of the version. Errors: InputError for one not after all that it learnt from."""
    year, last = asked or card.test_year or 0, max(card.training_years, default=0)
    if year <= last:
        learnt = year if year in card.training_years else last
        raise InputError(
            f"{card.model} version {card.version} was trained on {learnt}; judge it on a year after {last}"
        )
    return year


def judge(recipe: Recipe, fitted: SpendingRegressor, rows: Rows, tested: Rows, *, seed: int) -> Judgement:
    """Judgement of `fitted` and of each baseline fitted on `rows`, tested on `tested`.

    A baseline takes matrices of float64: beyond `MOST_ROWS` rows it is fitted on patients drawn by the seed.
    """
    observed = observed_of(tested, rows, fitted.cap_)
    categories = [known.name for known in recipe.features if known.kind == "category"]
    expected: dict[str, np.ndarray] = {THIS_MODEL: fitted.predict(tested.given)}
    some = rows.at(some_groups(rows.patients, MOST_ROWS, seed=seed)) if len(rows.spent_eur) > MOST_ROWS else rows
    known = some.frame(categories)
    for name, baseline in BASELINES.items():
        predict = fit_baseline(baseline, known, some.spent_eur, some.exposure, cap=fitted.cap_)
        expected[name] = np.concatenate([predict(block.frame(categories)) for block in tested.blocks()])
    groups = groups_of(tested.frame_of(GROUPED_BY), expected[THIS_MODEL], tested.exposure)
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
