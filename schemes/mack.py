"""Chain ladder with Mack's standard errors, on a triangle whose rows may be known up to any column.

Source: T. Mack, "Distribution-free calculation of the standard error of chain ladder reserve estimates", ASTIN
Bulletin 23 (1993); the last variance is extrapolated by his rule.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.errors import InputError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Factors:
    """Development from each column to the next: factor, variance parameter, amounts behind the factor."""

    factor: Array
    variance: Array
    weight: Array


@dataclass(frozen=True)
class Developed:
    """Rows developed to the last column: ultimate, and the covariance of their errors (mean squared errors)."""

    ultimate: Array
    covariance: Array


def reached(cumulative: Array) -> NDArray[np.int64]:
    """Last column known of each row of a cumulative triangle (NaN where not known yet), -1 where none is."""
    return (~np.isnan(cumulative)).sum(axis=1) - 1


def factors_of(cumulative: Array) -> Factors:
    """Chain-ladder factors of a cumulative triangle, and Mack's variance parameters.

    factor = sum of a column over sum of the column before, over rows known in both; variance: the squared
    deviations of the rows' own factors, weighted by the column before, over one less than their number. A column
    with a single row takes min(v1²/v2, v1, v2) of the two variances before it (Mack's rule), or the one there is.
    Errors: InputError where no row has an amount to develop from.
    """
    columns = range(cumulative.shape[1] - 1)
    parts = [_factor(cumulative[:, k], cumulative[:, k + 1], k) for k in columns]
    variances: list[float] = []
    for k, (_, variance, _) in enumerate(parts):
        variances.append(_extrapolated(variances) if np.isnan(variance) and k else variance)
    return Factors(np.array([p[0] for p in parts]), np.array(variances), np.array([p[2] for p in parts]))


def _factor(before: Array, after: Array, column: int) -> tuple[float, float, float]:
    both = ~np.isnan(after)
    start, end = before[both], after[both]
    weight = float(start.sum())
    if weight <= 0:
        raise InputError(f"development: nothing was known after {column} months of loading; there is no factor")
    factor = float(end.sum()) / weight
    own = start > 0
    squares = float(((end[own] - factor * start[own]) ** 2 / start[own]).sum())
    return factor, squares / (own.sum() - 1) if own.sum() > 1 else np.nan, weight


def _extrapolated(variances: list[float]) -> float:
    last, before = variances[-1], variances[-2] if len(variances) > 1 else np.nan
    if np.isnan(before):
        return last
    return min(last**2 / before if before else 0.0, last, before)


def variance_around(cumulative: Array, factors: Factors) -> Array:
    """Variance parameters of a part (a structure) around the factors of the whole, from the part's own rows.

    The factors are given, so each column divides by the number of its rows; a column where the part has none
    takes the variance of the whole.
    """
    found = factors.variance.copy()
    for k in range(min(cumulative.shape[1] - 1, found.size)):
        start, end = cumulative[:, k], cumulative[:, k + 1]
        own = ~np.isnan(end) & (start > 0)
        if own.any():
            found[k] = float(((end[own] - factors.factor[k] * start[own]) ** 2 / start[own]).mean())
    return found


def developed(
    cumulative: Array, factors: Factors, *, process: Array | None = None, until: NDArray[np.int64] | None = None
) -> Developed:
    """Ultimates of the rows, each known in at least one column, and the covariance of their errors.

    Error of a row: its own variance (`process`, default that of the factors) over its amount, and the error of the
    factors, which rows share. With the triangle's own factors these are Mack's formulas. `until`: the column to
    which each row is developed (default: the last); one known further stays as known.
    """
    known = reached(cumulative)
    end = np.full(known.shape, cumulative.shape[1] - 1) if until is None else np.maximum(until, known)
    own = factors.variance if process is None else process
    shared = np.append(0.0, np.cumsum(factors.variance / (factors.factor**2 * factors.weight)))
    ultimate, alone = np.empty(known.shape), np.zeros(known.shape)
    for row, (first, last) in enumerate(zip(known, end, strict=True)):
        path = cumulative[row, first] * np.append(1.0, np.cumprod(factors.factor[first:last]))
        ultimate[row] = path[-1]
        if path[0] > 0:
            alone[row] = path[-1] ** 2 * float((own[first:last] / (factors.factor[first:last] ** 2 * path[:-1])).sum())
    both = shared[np.minimum.outer(end, end)] - shared[np.maximum.outer(known, known)]
    covariance = np.outer(ultimate, ultimate) * np.maximum(both, 0.0)
    return Developed(ultimate, covariance + np.diag(alone))
