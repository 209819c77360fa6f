"""What is learnt and compared: costs cut at both ends, brought to one level, normalised by stratum."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from features.errors import InputError

TRIM = (0.01, 0.99)
PRIOR_EPISODES = 10.0


def trimmed(costs_eur: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Costs cut at the first and the 99th percentile of their group (linear interpolation); equal costs stay.

    Rule: EDS specification, target: y* = clip(y, P1, P99) within programme × sector × year.
    """
    found = costs_eur.astype(float).copy()
    for name in pd.unique(groups):
        own = groups == name
        low, high = np.quantile(costs_eur[own], TRIM)
        found[own] = np.clip(costs_eur[own], low, high)
    return found


def levelled(costs_eur: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Costs times overall mean / mean of their group: the same total, and every group at one level.

    A model that may not see the group would else read its level from the patients that it treats.
    """
    means = pd.Series(costs_eur).groupby(groups).transform("mean").to_numpy()
    return costs_eur * np.divide(costs_eur.mean(), means, out=np.ones(len(means)), where=means > 0)


def stratum_factors(costs_eur: np.ndarray, expected: np.ndarray, strata: np.ndarray) -> dict[str, float]:
    """N of each stratum: Σ costs / Σ expected. Rule: EDS specification, normalisation."""
    sums = pd.DataFrame({"cost": costs_eur, "expected": expected}).groupby(strata, sort=True).sum()
    return {str(name): float(row["cost"] / row["expected"]) for name, row in sums.iterrows()}


def normalised(expected: np.ndarray, strata: np.ndarray, factors: Mapping[str, float]) -> np.ndarray:
    """Expected costs times the factor of their stratum. Errors: InputError for a stratum without a factor."""
    unknown = sorted(set(map(str, strata)) - set(factors))
    if unknown:
        raise InputError(f"no past episode of stratum {unknown[0]}; train on years that have some")
    return expected * np.array([factors[str(name)] for name in strata])


def drawn_factors(costs_eur: np.ndarray, expected: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Factor of each row's group, Σ costs / Σ expected, drawn to 1 by the weight of ten mean episodes."""
    prior = PRIOR_EPISODES * float(costs_eur.mean())
    sums = pd.DataFrame({"cost": costs_eur, "expected": expected}).groupby(groups).transform("sum")
    return ((sums["cost"] + prior) / (sums["expected"] + prior)).to_numpy()
