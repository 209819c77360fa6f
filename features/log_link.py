"""Euros explained of a log-link model: the logarithmic-mean split per reference patient.

euro_j = mean over references r of phi_j(r) × (ŷ − b_r) / (ln ŷ − ln b_r)

phi_j(r) is the interventional Shapley value of feature j against reference r on the log scale, b_r the
reference's own expected euros. Since Σ_j phi_j(r) = ln ŷ − ln b_r, the euros add up to ŷ − mean b_r.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import lightgbm as lgb
import numpy as np

if TYPE_CHECKING:
    import shap

ROWS_AT_ONCE = 20_000


@dataclass(frozen=True)
class LogExplainer:
    """A log-link booster ready to be explained against reference rows, whose expected euros are `expected`."""

    booster: lgb.Booster
    factor: float
    explainer: shap.TreeExplainer
    references: np.ndarray
    expected: np.ndarray
    zeroed: np.ndarray

    def explain(self, matrix: np.ndarray) -> np.ndarray:
        """Euros, shape (n, features + 1): the base (mean expected euros of the references) first."""
        euros = np.empty((len(matrix), matrix.shape[1] + 1))
        euros[:, 0] = self.expected.mean()
        for start in range(0, len(matrix), ROWS_AT_ONCE):
            rows = slice(start, start + ROWS_AT_ONCE)
            euros[rows, 1:] = self._split(_as_read(matrix[rows], self.zeroed))
        return euros

    def _split(self, matrix: np.ndarray) -> np.ndarray:
        total = np.zeros(matrix.shape)
        log_expected = np.log(self.factor) + np.asarray(self.booster.predict(matrix, raw_score=True))
        for reference, expected in zip(self.references, self.expected, strict=True):
            self.explainer.data = reference[None, :]
            self.explainer.data_missing = np.isnan(reference)[None, :]
            phi = self.explainer.shap_values(matrix, check_additivity=False)
            log_ratio = log_expected - np.log(expected)
            total += _adding_up(phi, log_ratio) * _mean_slope(log_ratio, expected)[:, None]
        return total / len(self.references)


def log_explainer(booster: lgb.Booster, references: np.ndarray, factor: float) -> LogExplainer:
    """Explainer against encoded `references`, shape (references, features), of a model balanced by `factor`.

    Build it once: its construction takes a tenth of a second or more.
    """
    import shap  # seconds to import, and of no use to the other models

    zeroed = _zeroed_when_missing(booster)
    rows = _as_read(references, zeroed)
    explainer = shap.TreeExplainer(booster, data=rows, feature_perturbation="interventional")
    return LogExplainer(booster, factor, explainer, rows, factor * np.asarray(booster.predict(rows)), zeroed)


def _as_read(matrix: np.ndarray, zeroed: np.ndarray) -> np.ndarray:
    plain = np.array(matrix, dtype=float, order="C")
    plain[:, zeroed] = np.nan_to_num(plain[:, zeroed])
    return plain


def _adding_up(phi: np.ndarray, total: np.ndarray) -> np.ndarray:
    """phi with what shap's single precision lost (about 1e-7) given back in proportion to its size."""
    size = np.abs(phi)
    mass = size.sum(axis=1, keepdims=True)
    lost = total[:, None] - phi.sum(axis=1, keepdims=True)
    return phi + lost * np.divide(size, mass, out=np.zeros_like(size), where=mass > 0)


def _mean_slope(log_ratio: np.ndarray, expected: float) -> np.ndarray:
    """(ŷ − b) / (ln ŷ − ln b) of ŷ = b e^ratio; b itself where ŷ = b."""
    safe = np.where(log_ratio == 0, 1.0, log_ratio)
    return expected * np.where(log_ratio == 0, 1.0, np.expm1(safe) / safe)


def _zeroed_when_missing(booster: lgb.Booster) -> np.ndarray:
    """True for features without missing values in training: LightGBM reads a missing one as 0, shap does not."""
    splits = booster.trees_to_dataframe()
    seen = splits.loc[splits["missing_type"] == "None", "split_feature"].unique()
    return np.isin(booster.feature_name(), seen)
