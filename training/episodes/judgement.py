"""A model of episodes and its baselines, tested on the last year and cross-fitted on the past ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from training.bootstrap import bootstrap_of, interval
from training.episodes.baselines import gamma_glm, mean_cost, tuned_glm
from training.episodes.evaluate import (
    calibration_slope,
    drawn_r2,
    fit_table,
    groups_of,
    r2_differences,
    r2_within,
)
from training.episodes.folds import FOLDS, Choice, Expect, Fit, boosted, cross_fitted, folds_by
from training.episodes.population import Episodes
from training.episodes.target import drawn_factors, normalised, stratum_factors
from training.evaluate import Observed, ratio_table
from training.recipes import Recipe

THIS_MODEL, GLM, MEAN = "lightgbm", "glm_gamma", "mean"


@dataclass(frozen=True)
class EpisodeJudgement:
    """On the test year: `fit` (a row per model), `differences` of R², `ratios` by group, and `expected` by model.

    `checks`: cross-fitted on the training years: by patient, by establishment, and on costs without the level of each
    establishment. `factors`: N of each stratum, by model, from the cross-fitted training years. `alpha`: ridge of the
    GLM, `folds_r2` of each objective and of the GLM on the folds. Every expectation is normalised by stratum.
    """

    fit: pd.DataFrame
    differences: pd.DataFrame
    ratios: pd.DataFrame
    checks: pd.DataFrame
    expected: Mapping[str, np.ndarray]
    factors: Mapping[str, dict[str, float]]
    alpha: float
    folds_r2: Mapping[str, float]


def judge_episodes(
    recipe: Recipe, choice: Choice, fitted: Expect, *, samples: tuple[Episodes, Episodes], seed: int
) -> EpisodeJudgement:
    """Judgement of the chosen settings, `fitted` on all training episodes; `samples`: training and test episodes."""
    trained, tested = samples
    categories = [known.name for known in recipe.features if known.kind == "category"]
    fold = folds_by(trained.rows.patients, seed=seed)
    alpha, glm_folds, _ = tuned_glm(trained, fold, categories)
    folded = {THIS_MODEL: choice.expected_eur, GLM: glm_folds, MEAN: cross_fitted(mean_cost, trained, fold)}
    final = {THIS_MODEL: fitted, GLM: gamma_glm(alpha, categories)(trained), MEAN: mean_cost(trained)}
    factors = {name: stratum_factors(trained.cost_eur, values, trained.strata) for name, values in folded.items()}
    expected = {name: normalised(expect(tested), tested.strata, factors[name]) for name, expect in final.items()}
    observed = Observed(tested.cost_eur, tested.rows.exposure, tested.rows.patients, float("inf"), 1.0)
    glm_r2 = r2_within(trained.cost_eur, normalised(glm_folds, trained.strata, factors[GLM]), trained.strata)
    return EpisodeJudgement(
        fit=fit_table(tested, expected, seed=seed),
        differences=r2_differences(tested, expected, seed=seed),
        ratios=ratio_table(observed, expected[THIS_MODEL], groups_of(tested, expected[THIS_MODEL]), seed=seed),
        checks=checks(choice, trained, fold, seed=seed),
        expected=expected,
        factors=factors,
        alpha=alpha,
        folds_r2={**choice.r2, GLM: glm_r2},
    )


def checks(choice: Choice, trained: Episodes, fold: np.ndarray, *, seed: int) -> pd.DataFrame:
    """Evaluation, r2, low, high, slope, correlation with the cross-fit by patient, on the training years.

    by_establishment: no establishment prices its own episodes (is the model transportable?). demeaned: learnt on
    costs without the level of each establishment: does practice leak into risk?
    """
    found = {"by_patient": choice.expected_eur}
    houses = len(np.unique(trained.establishments))
    if houses > 1:
        apart = folds_by(trained.establishments, seed=seed, folds=min(FOLDS, houses))
        found["by_establishment"] = cross_fitted(boosted(choice.estimator), trained, apart)
        found["demeaned"] = cross_fitted(demeaned(choice), trained, fold)
    draws = bootstrap_of(trained.rows.patients, seed=seed)
    rows = []
    for name, values in found.items():
        factors = stratum_factors(trained.cost_eur, values, trained.strata)
        level = normalised(values, trained.strata, factors)
        low, high = interval(drawn_r2(draws, trained, level))
        point = r2_within(trained.cost_eur, level, trained.strata)
        slope = calibration_slope(trained.cost_eur, level, trained.strata)
        rows.append((name, point, float(low), float(high), slope, correlation(values, choice.expected_eur)))
    return pd.DataFrame(rows, columns=["evaluation", "r2", "low", "high", "slope", "correlation"])


def demeaned(choice: Choice) -> Fit:
    """The fit on costs divided by the level of their establishment, given what its patients are expected to cost."""

    def fit(episodes: Episodes) -> Expect:
        plain = boosted(choice.estimator)(episodes)(episodes)
        level = drawn_factors(episodes.cost_eur, plain, episodes.establishments)
        return boosted(choice.estimator)(episodes.with_cost(episodes.cost_eur / level))

    return fit


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Pearson's correlation; 1 where neither varies."""
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return 1.0 if np.ptp(one) == np.ptp(other) else float("nan")
    return float(np.corrcoef(one, other)[0, 1])
