"""Intervals of one patient's spending by conformalised quantiles (MAPIE), with the coverage measured by group."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt

import lightgbm as lgb
import numpy as np
import pandas as pd
from sklearn.base import RegressorMixin
from sklearn.dummy import DummyRegressor

from training.evaluate import SMALLEST_CELL
from training.evaluation.money import OUTSIDE
from training.evaluation.record import CoverageRow

CONFIDENCE = 0.95
FITTED_SHARE, CONFORMAL_SHARE = 0.3, 0.3
TREES: Mapping[str, object] = {
    "n_estimators": 120,
    "learning_rate": 0.05,
    "num_leaves": 8,
    "min_child_samples": 60,
    "verbosity": -1,
    "n_jobs": 1,
    "deterministic": True,
    "force_row_wise": True,
}
NOTHING = -50.0  # log(1 + €) that no patient reaches: the low end then holds everybody
NORMAL_95 = 1.959963984540054


@dataclass(frozen=True)
class Intervals:
    """`rows`: places of the patients measured, `low` and `high`: their intervals in annual euros."""

    rows: np.ndarray
    low: np.ndarray
    high: np.ndarray


def patient_intervals(known: np.ndarray, spent: np.ndarray, patients: np.ndarray, *, seed: int = 0) -> Intervals:
    """95 % intervals of the patients held out, of annual euros spent.

    known: matrix of what the interval may depend on, the expected euros first. Patients are split in three by the
    seed: 30 % fit the quantiles (LightGBM, on log(1 + €)), 30 % conformalise them (Romano, Patterson, Candès 2019),
    40 % are measured. An interval does not begin under 0; where 2.5 % or more spend nothing, it begins at 0 and all of
    the 5 % is left above (two tails would hold 97.5 %). Errors: ValueError for fewer than 100 patients.
    """
    from mapie.regression import ConformalizedQuantileRegressor

    part = _thirds(patients, seed)
    log_eur = np.log1p(np.maximum(spent, 0.0))
    fitted, conform, measured = (np.flatnonzero(part == number) for number in range(3))
    models = _models(known[fitted], log_eur[fitted], seed)
    regressor = ConformalizedQuantileRegressor(models, confidence_level=CONFIDENCE, prefit=True)
    regressor.conformalize(known[conform], log_eur[conform])
    _, ends = regressor.predict_interval(known[measured], symmetric_correction=True)
    low, high = np.maximum(np.expm1(ends[:, 0, 0]), 0.0), np.expm1(ends[:, 1, 0])
    return Intervals(measured, low, np.maximum(high, low))


def coverage_rows(
    found: Intervals, spent: np.ndarray, patients: np.ndarray, groupings: Mapping[str, np.ndarray]
) -> tuple[CoverageRow, ...]:
    """Coverage and mean width of all and of each level of each grouping with 11 patients or more, lowest first.

    Interval of the share: Wilson 1927.
    """
    y = np.maximum(spent[found.rows], 0.0)
    # a cent of slack: the ends come through a logarithm
    inside = (y >= found.low - 0.01) & (y <= found.high + 0.01)
    width = found.high - found.low
    rows = [_coverage("all", "all", inside, width, pd.Series(patients[found.rows]).nunique())]
    by_level = []
    for name, labels in groupings.items():
        shown = labels[found.rows]
        for level in sorted(set(shown) - {OUTSIDE}):
            those = shown == level
            count = pd.Series(patients[found.rows][those]).nunique()
            if count >= SMALLEST_CELL:
                by_level.append(_coverage(name, str(level), inside[those], width[those], count))
    return (*rows, *sorted(by_level, key=lambda row: row.coverage))


def wilson(inside: int, total: int) -> tuple[float, float]:
    """95 % interval of a share."""
    share, z2 = inside / total, NORMAL_95**2
    middle = (share + z2 / (2 * total)) / (1 + z2 / total)
    half = NORMAL_95 * sqrt(share * (1 - share) / total + z2 / (4 * total**2)) / (1 + z2 / total)
    return middle - half, middle + half


def _coverage(group: str, level: str, inside: np.ndarray, width: np.ndarray, patients: int) -> CoverageRow:
    low, high = wilson(int(inside.sum()), len(inside))
    return CoverageRow(
        group=group,
        level=level,
        patients=int(patients),
        coverage=float(inside.mean()),
        low=low,
        high=high,
        width_eur=float(width.mean()),
    )


def _models(known: np.ndarray, log_eur: np.ndarray, seed: int) -> list[RegressorMixin]:
    """Models of the low end, the high end and the median."""
    tail = (1 - CONFIDENCE) / 2
    if (log_eur == 0).mean() < tail:
        return [_quantile(share, known, log_eur, seed) for share in (tail, 1 - tail, 0.5)]
    low = DummyRegressor(strategy="constant", constant=NOTHING).fit(known, log_eur)
    return [low, *(_quantile(share, known, log_eur, seed) for share in (CONFIDENCE, 0.5))]


def _quantile(share: float, known: np.ndarray, log_eur: np.ndarray, seed: int) -> lgb.LGBMRegressor:
    model = lgb.LGBMRegressor(objective="quantile", alpha=share, random_state=seed, **TREES)  # type: ignore[arg-type]
    return model.fit(known, log_eur)


def _thirds(patients: np.ndarray, seed: int) -> np.ndarray:
    """0 (fit), 1 (conformalise) or 2 (measured) for each row, one for all rows of a patient."""
    codes, names = pd.factorize(patients)
    if len(names) < 100:
        raise ValueError(f"{len(names)} patients are too few for conformal intervals; give 100 or more")
    place = np.random.default_rng(seed).permutation(len(names)) / len(names)
    return np.digitize(place, (FITTED_SHARE, FITTED_SHARE + CONFORMAL_SHARE))[codes]
