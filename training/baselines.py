"""What a boosted model must beat, fitted on the same rows and brought to the same total.

A baseline is a function (characteristics, capped spending, weight) -> predictor; a predictor is a function of
characteristics. Characteristics are encoded frames: numbers, flags 0 or 1, ranks of dtype "category".
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, TweedieRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from training.balance import balance_factor, weighted_quantile

Predictor = Callable[[pd.DataFrame], np.ndarray]
Baseline = Callable[[pd.DataFrame, np.ndarray, np.ndarray], Predictor]

PRIOR_PATIENTS = 30.0
AGE_BANDS = (2, 6, 16, 30, 45, 55, 65, 70, 75, 80, 85, 90)
TWEEDIE_POWER = 1.5
HIGHEST_LINEAR_SHARE = 0.999


def age_sex_mean(known: pd.DataFrame, spent: np.ndarray, weight: np.ndarray) -> Predictor:
    """Mean spending by year of age and sex."""
    return _cell_means(lambda frame: [_sex(frame), _band(frame, "age", tuple(range(1, 100)))], known, spent, weight)


def grid(known: pd.DataFrame, spent: np.ndarray, weight: np.ndarray) -> Predictor:
    """Mean spending by age band × sex × ALD × C2S × number of comorbidities, as the PEPS grids are described."""
    return _cell_means(grid_cells, known, spent, weight)


def ols(known: pd.DataFrame, spent: np.ndarray, weight: np.ndarray) -> Predictor:
    """Least squares on all features; categories as indicators, missing values at their mean."""
    model = make_pipeline(design(), LinearRegression()).fit(known, spent, linearregression__sample_weight=weight)
    return model.predict


def tweedie_glm(known: pd.DataFrame, spent: np.ndarray, weight: np.ndarray) -> Predictor:
    """Tweedie regression with log link on standardised features; its linear predictor is capped.

    A log link extrapolates: beyond the linear predictor of the highest 0.1 % of training patients it is held.
    """
    glm = TweedieRegressor(power=TWEEDIE_POWER, alpha=1e-3, link="log", max_iter=500)
    model = make_pipeline(design(), StandardScaler(), glm)
    scale = float(np.average(spent, weights=weight)) or 1.0
    model.fit(known, spent / scale, tweedieregressor__sample_weight=weight / weight.mean())
    highest = weighted_quantile(model.predict(known), weight, HIGHEST_LINEAR_SHARE)
    return lambda frame: scale * np.minimum(model.predict(frame), highest)


BASELINES: dict[str, Baseline] = {
    "age_sex_mean": age_sex_mean,
    "grid": grid,
    "ols": ols,
    "tweedie_glm": tweedie_glm,
}


def fit_baseline(
    baseline: Baseline, known: pd.DataFrame, spent: np.ndarray, weight: np.ndarray, *, cap: float | None
) -> Predictor:
    """Predictor trained on capped spending and brought to the total of the uncapped one, as the model is."""
    predict = baseline(known, spent if cap is None else np.minimum(spent, cap), weight)
    factor = balance_factor(predict(known), float(weight @ spent), weight)
    return lambda frame: factor * predict(frame)


def grid_cells(known: pd.DataFrame) -> list[np.ndarray]:
    """Integer levels of the grid, the most important first: age band, sex, ALD, C2S, comorbidities."""
    return [
        _band(known, "age", AGE_BANDS),
        _sex(known),
        _band(known, "ald_count", (1, 2)),
        _any(known, "c2s_free", "c2s_participative", "c2s_unknown"),
        _band(known, "carto_count", (1, 2, 3, 5)),
    ]


def _cell_means(
    cells_of: Callable[[pd.DataFrame], list[np.ndarray]], known: pd.DataFrame, spent: np.ndarray, weight: np.ndarray
) -> Predictor:
    """Means of nested cells, each drawn to its parent's by `PRIOR_PATIENTS`; an empty cell is its parent."""
    levels = cells_of(known)
    sizes = [int(level.max()) + 1 for level in levels]
    means, code = np.array([np.average(spent, weights=weight)]), np.zeros(len(spent), dtype=int)
    for level, size in zip(levels, sizes, strict=True):
        code = code * size + level
        parents = np.repeat(means, size)
        mass = np.bincount(code, weight, minlength=len(parents))
        total = np.bincount(code, weight * spent, minlength=len(parents))
        means = (total + PRIOR_PATIENTS * parents) / (mass + PRIOR_PATIENTS)
    return lambda frame: means[_cell_codes(cells_of(frame), sizes)]


def _cell_codes(levels: list[np.ndarray], sizes: list[int]) -> np.ndarray:
    code = np.zeros(len(levels[0]), dtype=int)
    for level, size in zip(levels, sizes, strict=True):
        code = code * size + np.minimum(level, size - 1)
    return code


def _band(known: pd.DataFrame, name: str, edges: tuple[int, ...]) -> np.ndarray:
    if name not in known:
        return np.zeros(len(known), dtype=int)
    values = known[name].to_numpy(float)
    return np.where(np.isnan(values), 0, np.searchsorted(edges, values, side="right"))


def _sex(known: pd.DataFrame) -> np.ndarray:
    return _any(known, "is_woman")


def _any(known: pd.DataFrame, *names: str) -> np.ndarray:
    present = [known[name].to_numpy(float) == 1 for name in names if name in known]
    return np.logical_or.reduce(present).astype(int) if present else np.zeros(len(known), dtype=int)


def design() -> ColumnTransformer:
    """Columns as a linear model reads them: categories as indicators, missing values at their mean."""
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    categories = make_column_selector(dtype_include="category")
    return ColumnTransformer([("category", encoder, categories)], remainder=SimpleImputer())
