"""Sums that must be right: the cap of a skewed target, and the factor that puts the whole amount back."""

from __future__ import annotations

import numpy as np


def weighted_quantile(values: np.ndarray, weight: np.ndarray, share: float) -> float:
    """Smallest value at or below which at least `share` (0 to 1) of the weight lies."""
    order = np.argsort(values, kind="stable")
    mass = np.cumsum(weight[order])
    place = np.searchsorted(mass, share * mass[-1] * (1 - 1e-12))
    return float(values[order][min(place, len(order) - 1)])


def capped_target(target: np.ndarray, weight: np.ndarray, cap: float | None) -> np.ndarray:
    """The target cut at `cap`, times what brings its weighted sum back to that of the whole."""
    if cap is None:
        return target
    capped = np.minimum(target, cap)
    total, kept = weight @ target, weight @ capped
    return capped * (total / kept) if total > 0 and kept > 0 else capped


def balance_factor(
    expected: np.ndarray, total: float, weight: np.ndarray | None = None, *, floor: float | None = None
) -> float:
    """Factor k such that Σ weight × max(k × expected, floor) = total, exactly; 1 where nothing is expected.

    The sum is piecewise linear in k: rows leave the floor in the order of their expectation, so the right
    number of rows above it is searched for, and k solved for them. Errors: ValueError where the floor alone
    exceeds the total, or where no row is positive.
    """
    weight = np.ones_like(expected) if weight is None else weight
    if floor is None:
        mass = float(weight @ expected)
        return total / mass if mass > 0 and total > 0 else 1.0
    if floor * weight.sum() > total * (1 + 1e-12):
        raise ValueError(f"floor_eur {floor} exceeds the mean of the target ({total / weight.sum():.6g}); lower it")
    order = np.argsort(-expected, kind="stable")
    order = order[expected[order] > 0]
    if not len(order) or total <= 0:
        return 1.0
    rest = total - floor * (weight.sum() - np.cumsum(weight[order]))
    factors = rest / np.cumsum(weight[order] * expected[order])
    beyond = np.append(expected[order][1:], 0.0)
    return float(factors[np.argmax(factors * beyond <= floor)])


def held_out(groups: np.ndarray, share: float, generator: np.random.Generator) -> np.ndarray:
    """True for the rows of a random `share` of the groups (at least one group, never all)."""
    names, codes = np.unique(groups, return_inverse=True)
    if len(names) < 2:
        raise ValueError("early stopping needs at least two groups (or rows) to hold one out; give more data")
    count = min(max(round(share * len(names)), 1), len(names) - 1)
    chosen = np.zeros(len(names), dtype=bool)
    chosen[generator.permutation(len(names))[:count]] = True
    return chosen[codes]
