"""Observed over expected events, with exact Poisson limits: who stands out of what chance explains."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import chi2, poisson

from schemes.eds.frames import Inputs
from schemes.eds.score import measured
from schemes.rulebook import Rules

CURVE_POINTS = 200
OUTSIDE = ("far_below", "below", "inside", "above", "far_above", "unknown")


def funnel_limits(expected: np.ndarray, probability: float, rules: Rules) -> np.ndarray:
    """The limit of observed / expected at a probability, for each number of expected events; empty where it is 0.

    o = the smallest k with F(k; θ0 × E) ≥ p; α = (F(o) − p) / f(o); limit = (o − α) / E, floored at 0.
    Where E is very small an upper limit (p above one half) is the plateau.
    Rule: HAS and ATIH, funnel plot of ISO-ortho and ETE-ortho (interpolated exact Poisson).
    """
    values = np.asarray(expected, dtype=float)
    mean = float(rules.decimal("funnel_centre")) * values
    with np.errstate(divide="ignore", invalid="ignore"):
        order = poisson.ppf(probability, mean)
        alpha = (poisson.cdf(order, mean) - probability) / poisson.pmf(order, mean)
        limit = np.maximum((order - alpha) / values, 0.0)
    if probability > 0.5:
        limit = np.where(values < float(rules.decimal("funnel_small_expected")), plateau(rules), limit)
    return np.where(values > 0, limit, np.nan)


def plateau(rules: Rules) -> float:
    """Upper limit for very few expected events."""
    return float(rules.decimal("funnel_plateau"))


def probabilities(rules: Rules) -> tuple[float, float, float, float]:
    """The four probabilities of the funnel, from the lowest to the highest."""
    lowest, low, high, highest = sorted(float(part) for part in rules.listed("funnel_probabilities"))
    return lowest, low, high, highest


def exact_interval(observed: np.ndarray, expected: np.ndarray, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Exact Poisson bounds of observed / expected: χ² quantiles of 2·O and 2·O + 2 degrees of freedom, over 2·E."""
    tail = (1 - share) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        low = np.where(observed > 0, chi2.ppf(tail, 2 * observed), 0.0) / (2 * expected)
        high = chi2.ppf(1 - tail, 2 * observed + 2) / (2 * expected)
    known = expected > 0
    return np.where(known, low, np.nan), np.where(known, high, np.nan)


def ratios(inputs: Inputs, rules: Rules) -> pd.DataFrame:
    """Observed over expected by establishment and indicator of kind ratio, with its interval, limits and verdict.

    Columns: establishment_id, indicator, patients, observed, expected, ratio, ratio_low, ratio_high, limit_<p> (four),
    outside: far_below, below, inside, above, far_above (beyond the outer limits: 3 standard deviations), or unknown
    where nothing was expected.
    """
    kinds = {row["indicator"]: row["kind"] for row in rules.grid("indicators")}
    rows = measured(inputs, rules)
    rows = rows[rows["indicator"].map(kinds) == "ratio"].sort_values(
        ["indicator", "establishment_id"], kind="stable", ignore_index=True
    )
    observed, expected = rows["observed"].to_numpy(dtype=float), rows["expected"].to_numpy(dtype=float)
    low, high = exact_interval(observed, expected, float(rules.decimal("interval_share")))
    limits = [funnel_limits(expected, p, rules) for p in probabilities(rules)]
    named = {f"limit_{text}": limit for text, limit in zip(names(rules), limits, strict=True)}
    columns = rows[["establishment_id", "indicator", "patients", "observed", "expected"]]
    value = rows["value"].to_numpy(dtype=float)
    return columns.assign(ratio=value, ratio_low=low, ratio_high=high, **named, outside=verdict(value, limits))


def names(rules: Rules) -> list[str]:
    """The probabilities as they are written, lowest first."""
    return sorted(rules.listed("funnel_probabilities"), key=float)


def verdict(value: np.ndarray, limits: Sequence[np.ndarray]) -> np.ndarray:
    """Where a ratio stands among the four limits; on a limit is inside it."""
    lowest, low, high, highest = limits
    below = [value < lowest, value < low, value > highest, value > high, np.isnan(value)]
    return np.select(below, ["far_below", "below", "far_above", "above", "unknown"], default="inside")


def funnel(inputs: Inputs, indicator: str, rules: Rules) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The two frames of a funnel plot: points (rows of `ratios`), and curves (expected, limit_<p>, centre)."""
    points = ratios(inputs, rules)
    points = points[points["indicator"] == indicator].reset_index(drop=True)
    top = float(points["expected"].max()) if len(points) else 1.0
    grid = np.linspace(max(top, 1.0) / CURVE_POINTS, max(top, 1.0) * 1.05, CURVE_POINTS)
    curves = {f"limit_{text}": funnel_limits(grid, float(text), rules) for text in names(rules)}
    return points, pd.DataFrame({"expected": grid, "centre": float(rules.decimal("funnel_centre")), **curves})
