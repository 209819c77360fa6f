"""Euros explained of a log-link model: the logarithmic-mean split per reference patient.

euro_j = mean over references r of phi_j(r) × (ŷ − b_r) / (ln ŷ − ln b_r)

phi_j(r) is the interventional Shapley value of feature j against reference r on the log scale, b_r the
reference's own expected euros. Since Σ_j phi_j(r) = ln ŷ − ln b_r, the euros add up to ŷ − mean b_r.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import lightgbm as lgb
import numpy as np
import pandas as pd
from numpy.polynomial.legendre import leggauss

if TYPE_CHECKING:
    from features.tree_shapley import TreeShapley

ROWS_AT_ONCE = 50_000
# (ŷ − b) / (ln ŷ − ln b) = ∫ ŷ^t b^(1 − t) dt from 0 to 1, by Gauss and Legendre: exact to 1e-12 where ŷ / b < e^12.
NODES = 12
PLACES, SHARES = ((numbers + shift) / 2 for numbers, shift in zip(leggauss(NODES), (1, 0), strict=True))


@dataclass(frozen=True)
class LogExplainer:
    """A log-link booster ready to be explained against reference rows, whose expected euros are `expected`."""

    booster: lgb.Booster
    factor: float
    shapley: TreeShapley
    expected: np.ndarray

    def explain(self, matrix: np.ndarray) -> np.ndarray:
        """Euros, shape (n, features + 1): the base (mean expected euros of the references) first."""
        rows, place = merged(np.ascontiguousarray(matrix, dtype=float))
        euros = np.zeros((len(rows), rows.shape[1] + 1))
        euros[:, 0] = self.expected.mean()
        for start in range(0, len(rows), ROWS_AT_ONCE):
            some = rows[start : start + ROWS_AT_ONCE]
            into = np.zeros(some.shape)
            self.shapley.add(some, self._by_row(some), self._by_reference, into)
            euros[start : start + ROWS_AT_ONCE, 1:] = into
        return euros[place]

    def _by_row(self, matrix: np.ndarray) -> np.ndarray:
        log_expected = np.log(self.factor) + np.asarray(self.booster.predict(matrix, raw_score=True))
        return SHARES * np.exp(log_expected[:, None] * PLACES)

    @cached_property
    def _by_reference(self) -> np.ndarray:
        return self.expected[:, None] ** (1 - PLACES) / len(self.expected)


def log_explainer(booster: lgb.Booster, references: np.ndarray, factor: float) -> LogExplainer:
    """Explainer against encoded `references`, shape (references, features), of a model balanced by `factor`.

    Build it once: reading the trees takes a tenth of a second or more.
    """
    from features.tree_shapley import tree_shapley  # numba takes a second to import, and is of no use to other models

    expected = factor * np.asarray(booster.predict(references))
    return LogExplainer(booster, factor, tree_shapley(booster, references), expected)


def merged(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rows that differ, and which of them each row is: patients alike are explained once.

    A hash sorts them; where two that differ share one, nothing is merged.
    """
    if len(matrix) < 2:
        return matrix, np.arange(len(matrix))
    hashes = pd.util.hash_pandas_object(pd.DataFrame(matrix), index=False)
    place, first = pd.factorize(hashes)[0], np.flatnonzero(~hashes.duplicated())
    if not np.array_equal(matrix, matrix[first[place]], equal_nan=True):
        return matrix, np.arange(len(matrix))
    return matrix[first], place
