"""What a model of episodes must beat, on the same folds and rows: the mean, and a gamma regression with log link."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn.linear_model import GammaRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from training.baselines import HIGHEST_LINEAR_SHARE, design
from training.episodes.evaluate import r2_after_normalising
from training.episodes.folds import Expect, Fit, cross_fitted
from training.episodes.population import Episodes
from training.episodes.target import levelled

ALPHAS = (0.001, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)


def mean_cost(episodes: Episodes) -> Expect:
    """One amount for all; normalised by stratum, the mean of programme × sector."""
    mean = float(episodes.cost_eur.mean())
    return lambda unseen: np.full(len(unseen), mean)


def gamma_glm(alpha: float, categories: Sequence[str]) -> Fit:
    """Gamma regression, log link, on standardised features, with a ridge of weight `alpha`.

    A log link extrapolates: beyond the expectation of the highest 0.1 % of training episodes it is held.
    """

    def fit(episodes: Episodes) -> Expect:
        target = levelled(episodes.cost_eur, episodes.strata)
        scale = float(target.mean())
        known = _varying(episodes.rows.frame(categories))
        model = make_pipeline(design(), StandardScaler(), GammaRegressor(alpha=alpha, max_iter=1000))
        model.fit(known, target / scale)
        highest = float(np.quantile(model.predict(known), HIGHEST_LINEAR_SHARE))
        names = list(known.columns)
        return lambda unseen: scale * np.minimum(model.predict(unseen.rows.frame(categories)[names]), highest)

    return fit


def tuned_glm(
    episodes: Episodes, fold: np.ndarray, categories: Sequence[str]
) -> tuple[float, np.ndarray, dict[float, float]]:
    """The ridge with the best R² within strata on the folds, what the folds then expect, and the R² of each ridge."""
    drawn = {alpha: cross_fitted(gamma_glm(alpha, categories), episodes, fold) for alpha in ALPHAS}
    scores = {a: r2_after_normalising(episodes.cost_eur, drawn[a], episodes.strata) for a in ALPHAS}
    best = max(scores, key=lambda alpha: scores[alpha])
    return best, drawn[best], scores


def _varying(frame: pd.DataFrame) -> pd.DataFrame:
    """Columns that vary: a constant says nothing, and none but missing values cannot be imputed."""
    return frame.loc[:, frame.nunique() > 1]
