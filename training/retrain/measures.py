"""How far one distribution is from another: population stability index and standardised mean difference."""

from __future__ import annotations

import numpy as np
import pandas as pd

from training.balance import weighted_quantile

LEAST_SHARE = 1e-4
BINS = 10
MISSING = "(missing)"


def shares_of(labels: np.ndarray, weight: np.ndarray) -> pd.Series:
    """Weighted share of each label; they sum to 1. An empty label (null) is the level "(missing)"."""
    codes, levels = pd.factorize(labels)
    mass = np.bincount(codes + 1, weight, minlength=len(levels) + 1)
    named = pd.Series(mass, index=[MISSING, *(str(level) for level in levels)])
    return named[named > 0] / mass.sum()


def psi(before: pd.Series, after: pd.Series) -> float:
    """Population stability index of two distributions over the same levels: Σ (a − b) ln(a / b).

    a and b are shares; a level without anyone counts as a share of 0.0001, else one empty level would be infinite.
    """
    levels = before.index.union(after.index)
    b = before.reindex(levels).fillna(0.0).to_numpy(float).clip(min=LEAST_SHARE)
    a = after.reindex(levels).fillna(0.0).to_numpy(float).clip(min=LEAST_SHARE)
    return float(((a - b) * np.log(a / b)).sum())


def smd(before: tuple[float, float], after: tuple[float, float]) -> float | None:
    """Standardised mean difference of two (mean, variance): (mean after − mean before) / √(mean of the variances).

    None where neither varies and the means differ: no spread to count by; 0 where they are equal.
    """
    spread = ((before[1] + after[1]) / 2) ** 0.5
    gap = after[0] - before[0]
    if spread == 0:
        return 0.0 if gap == 0 else None
    return gap / spread


def moments(values: np.ndarray, weight: np.ndarray) -> tuple[float, float] | None:
    """Weighted mean and variance of the values that are there; None where none is."""
    known = ~np.isnan(values)
    if not weight[known].sum() > 0:
        return None
    mean = float(np.average(values[known], weights=weight[known]))
    return mean, float(np.average((values[known] - mean) ** 2, weights=weight[known]))


def binned(before: np.ndarray, after: np.ndarray, weight_before: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Labels of both by the tenths of the first (fewer where values repeat); a null stays null.

    A value equal to an edge falls under it, so that a count of few values keeps one bin for each.
    """
    known = ~np.isnan(before)
    if not known.any():
        return _labelled(before, np.array([])), _labelled(after, np.array([]))
    shares = np.arange(1, BINS) / BINS
    edges = np.unique([weighted_quantile(before[known], weight_before[known], share) for share in shares])
    return _labelled(before, edges), _labelled(after, edges)


def _labelled(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    places = np.char.mod("%02d", np.searchsorted(edges, values, side="left"))
    labels = places.astype(object)
    labels[np.isnan(values)] = None
    return labels
