"""What chance does to a structure's total: Monte Carlo on its own list, the luck of national patients like its own.

Each member is given the ratio observed / expected of a national patient of the same stratum of expected euros. The
sampling error of the nation itself (large against a small reference) is drawn with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np

STRATA, ROWS_PER_STRATUM = 40, 50
DRAWS = 1_000
AT_ONCE = 4_000_000
# One-sided test at 5 %, power 80 %: quantiles of the standard normal.
DETECTABLE = 1.6448536269514722 + 0.8416212335729143
INTERVAL = (0.025, 0.975)


@dataclass(frozen=True)
class Reference:
    """National patients in order of strata of expected euros, each standing for the same exposure of its stratum.

    edges: upper expected euros of each stratum but the last; start, size: its place in `ratio` (observed / mean
    expected of the stratum, the nation's total made right); error: standard error of its mean ratio.
    """

    edges: np.ndarray
    start: np.ndarray
    size: np.ndarray
    ratio: np.ndarray
    error: np.ndarray

    def stratum(self, expected: np.ndarray) -> np.ndarray:
        """Stratum of each expectation."""
        return np.searchsorted(self.edges, expected, side="right")


def reference_of(spent: np.ndarray, expected: np.ndarray, weight: np.ndarray) -> Reference:
    """The reference of annual euros spent and expected, weighted by exposure, in up to 40 strata of 50 rows or more.

    Errors: ValueError without rows or without expected euros.
    """
    if not len(spent) or not weight @ expected > 0:
        raise ValueError("the reference has no expected euros: give patients with positive expectations")
    spent = spent * float(weight @ expected) / float(weight @ spent) if weight @ spent > 0 else spent
    count = int(np.clip(len(spent) // ROWS_PER_STRATUM, 1, STRATA))
    ordered = np.argsort(expected, kind="stable")
    edges = np.unique(expected[ordered[(np.arange(1, count) * len(spent)) // count]])
    stratum = np.searchsorted(edges, expected, side="right")
    parts = [np.flatnonzero(stratum == one) for one in range(len(edges) + 1)]
    parts = [rows for rows in parts if len(rows)]
    kept = np.array([stratum[rows[0]] for rows in parts])
    drawn = [_standing(spent[rows], expected[rows], weight[rows]) for rows in parts]
    sizes = np.array([len(ratios) for ratios, _ in drawn])
    # a stratum without rows takes those of the next one
    stands_for = np.minimum(np.searchsorted(kept, np.arange(len(edges) + 1)), len(kept) - 1)
    start = np.concatenate(([0], np.cumsum(sizes)[:-1]))
    error = np.array([error for _, error in drawn])
    return Reference(
        edges, start[stands_for], sizes[stands_for], np.concatenate([ratios for ratios, _ in drawn]), error[stands_for]
    )


def drawn_ratios(
    reference: Reference, expected: np.ndarray, weight: np.ndarray, *, draws: int = DRAWS, seed: int = 0
) -> np.ndarray:
    """Observed / expected of `draws` lists of the same members in which nothing but chance acts, shape (draws,).

    expected: annual euros of each member; weight: share of the year present.
    """
    generator = np.random.default_rng(seed)
    stratum, euros = reference.stratum(expected), weight * expected
    share = euros / euros.sum()
    start, size = reference.start[stratum], reference.size[stratum]
    by_stratum = np.bincount(stratum, share, minlength=len(reference.error))
    luck = generator.standard_normal((draws, len(reference.error))) @ (by_stratum * reference.error)
    ratios = np.empty(draws)
    step = max(AT_ONCE // len(expected), 1)
    for first in range(0, draws, step):
        some = min(step, draws - first)
        place = start + (generator.random((some, len(expected))) * size).astype(np.int64)
        ratios[first : first + some] = reference.ratio[place] @ share
    return ratios + luck


def ends(ratios: np.ndarray) -> tuple[float, float]:
    """Ends of the 95 % interval of drawn ratios, unbiased for few draws (Weibull positions)."""
    low, high = np.quantile(ratios, INTERVAL, method="weibull")
    return float(low), float(high)


def own_level(ratio: float, ratios: np.ndarray) -> tuple[float, float]:
    """Interval of a structure's own level θ where observed / expected = θ × chance: ratio / high to ratio / low."""
    low, high = ends(ratios)
    return ratio / high, ratio / low if low > 0 else float("inf")


def detectable(ratios: np.ndarray) -> float:
    """Smallest relative saving that a one-sided test at 5 % finds four times out of five: 2.486 × standard error."""
    return DETECTABLE * float(ratios.std(ddof=1))


def floored_pay(ratios: np.ndarray, expected_eur: float, *, share: float) -> float:
    """Mean euros that a floored incentive pays by chance alone: share × expected × mean of max(0, 1 − ratio).

    Ratios are brought to a mean of 1 first, so that no effect is what is drawn.
    """
    return share * expected_eur * float(np.maximum(1 - ratios / ratios.mean(), 0.0).mean())


def credibility(between_sd: float, ratios: np.ndarray) -> float:
    """Weight of a structure's own result, 0 to 1: τ² / (τ² + variance of chance). Bühlmann's credibility."""
    spread = float(ratios.var(ddof=1))
    return between_sd**2 / (between_sd**2 + spread) if between_sd > 0 else 0.0


def between_structures(ratios: np.ndarray, errors: np.ndarray) -> float:
    """Standard deviation τ of true levels between structures, by moments (DerSimonian and Laird 1986); 0 at least.

    ratios: observed / expected; errors: standard errors of chance. Q = Σ(x − x̄)² / s², τ² = (Q − (n − 1)) / c.
    """
    weight = 1 / errors**2
    mean = float(np.average(ratios, weights=weight))
    q = float(weight @ (ratios - mean) ** 2)
    scale = float(weight.sum() - (weight**2).sum() / weight.sum())
    return sqrt(max((q - (len(ratios) - 1)) / scale, 0.0)) if scale > 0 else 0.0


def _standing(spent: np.ndarray, expected: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, float]:
    """As many ratios as rows, each now standing for the same exposure; and the standard error of their mean."""
    mean = float(np.average(expected, weights=weight))
    ratio = spent / mean if mean > 0 else np.ones_like(spent)
    ordered = np.lexsort((weight, ratio))
    mass = np.cumsum(weight[ordered])
    places = np.searchsorted(mass, (np.arange(len(mass)) + 0.5) / len(mass) * mass[-1])
    gaps = weight * (ratio - np.average(ratio, weights=weight))
    return ratio[ordered][places], float(np.sqrt((gaps**2).sum()) / weight.sum())
