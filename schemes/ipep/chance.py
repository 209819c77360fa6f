"""What chance alone does to a group of this size: sampling intervals, and the payment that no effect would give."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from math import pi, sqrt

import numpy as np
import pandas as pd

from features.errors import InputError, MissingError
from schemes.ipep.gains import Sharing
from schemes.ipep.inputs import Inputs, frame, numbers
from schemes.ipep.spending import national_year

DRAWS = 1000
STRATA = 40
PATIENTS_PER_STRATUM = 50
MEAN_OF_POSITIVE_NORMAL = 1 / sqrt(2 * pi)
# One-sided test at 5 %, power 80 %: quantiles of the standard normal.
DETECTABLE = 1.6448536269514722 + 0.8416212335729143


@dataclass(frozen=True)
class Arms:
    """A group's members as arrays: exposure, observed and expected euros of the part of each year lived."""

    exposure: np.ndarray
    observed: np.ndarray
    expected: np.ndarray
    exposure_before: np.ndarray
    observed_before: np.ndarray
    expected_before: np.ndarray
    predicted: np.ndarray


@dataclass(frozen=True)
class Strata:
    """Reference patients in order of strata of expected spending: their spending over the stratum's mean, both years.

    edges: upper expected spending of each stratum but the last. start, size: place of each stratum in the arrays.
    """

    edges: np.ndarray
    start: np.ndarray
    size: np.ndarray
    ratio: np.ndarray
    ratio_before: np.ndarray

    def of(self, predicted: np.ndarray) -> np.ndarray:
        """Stratum of each predicted spending."""
        return np.searchsorted(self.edges, predicted, side="right")


def generator(seed: int, structure_id: str, purpose: str) -> np.random.Generator:
    """Random numbers that depend on the seed, the structure and the purpose alone, not on who else is paid."""
    digest = hashlib.sha256(f"{purpose}\0{structure_id}".encode()).digest()
    return np.random.default_rng([seed, *np.frombuffer(digest[:16], dtype="<u4").tolist()])


def strata(inputs: Inputs, *, year: int) -> Strata:
    """The reference patients of `residuals`, in up to 40 strata of expected spending of 50 patients or more.

    expected_eur, observed_eur and observed_before_eur are annual, and cut here at the caps of `nation` where they were
    not. exposure_share (optional) says how much of a year each stands for.

    A patient's ratio is the observed spending over the mean of the stratum: its mean is 1 in each, so that no effect
    is what is drawn. Both years of a patient stay together: who was ill before is drawn ill again.
    Errors: MissingError without rows; InputError for a missing or negative number.
    """
    columns = ["expected_eur", "observed_eur", "observed_before_eur"]
    rows = frame(inputs, "residuals", columns)
    if rows.empty:
        raise MissingError("residuals has no row: sample the reference patients, or ask for no draws")
    for name in columns:
        numbers("residuals", rows, name)
    rows = _standing(rows, columns)
    for name, when in zip(columns, (year, year, year - 1), strict=True):
        national = national_year(inputs, when) if (inputs["nation"]["year"] == when).any() else None
        rows[name] = rows[name].clip(upper=national.cap_eur if national else np.inf)
    expected = rows["expected_eur"].to_numpy()
    count = int(np.clip(len(rows) // PATIENTS_PER_STRATUM, 1, STRATA))
    edges = np.unique(expected[(np.arange(1, count) * len(rows)) // count])
    stratum = np.searchsorted(edges, expected, side="right")
    size = np.bincount(stratum, minlength=len(edges) + 1)
    ratios = (_over_mean(rows[name], stratum) for name in columns[1:])
    # The first edge may be the lowest value of all: a stratum without patients takes those of the next one.
    full = np.flatnonzero(size)
    stands_for = full[np.searchsorted(full, np.arange(len(size)))]
    start = np.concatenate(([0], np.cumsum(size)[:-1]))
    return Strata(edges, start[stands_for], size[stands_for], *ratios)


def _standing(rows: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """As many rows, in order of expected spending, each now standing for the same exposure.

    Taken at even steps of exposure, so that who lived part of a year counts in part and no draw is needed.
    """
    lived = (
        numbers("residuals", rows, "exposure_share", highest=1.0) if "exposure_share" in rows else np.ones(len(rows))
    )
    ordered = rows[columns].astype(float).assign(lived=lived).sort_values([*columns, "lived"], ignore_index=True)
    ends = np.cumsum(ordered["lived"].to_numpy())
    if ends[-1] <= 0:
        raise InputError("residuals: exposure_share is 0 in every row; sample patients who lived in the year")
    places = np.searchsorted(ends, (np.arange(len(ends)) + 0.5) / len(ends) * ends[-1])
    return ordered.loc[places, columns].reset_index(drop=True)


def _over_mean(values: pd.Series, stratum: np.ndarray) -> np.ndarray:
    mean = values.groupby(stratum).transform("mean").to_numpy()
    return np.where(mean > 0, values.to_numpy() / np.where(mean > 0, mean, 1.0), 1.0)


def gains_of(means: np.ndarray, variant: str) -> tuple[np.ndarray, np.ndarray]:
    """Écart and évolution, by row of means: observed, expected, observed before, expected before, per year lived."""
    observed, expected, observed_before, expected_before = means.T
    ecart = expected - observed
    if variant == "difference":
        return ecart, ecart - (expected_before - observed_before)
    with np.errstate(divide="ignore", invalid="ignore"):
        return ecart, expected / expected_before * observed_before - observed


def bootstrap(arms: Arms, *, draws: int, rng: np.random.Generator) -> np.ndarray:
    """Means of `draws` resamples of the group's patients, both years of a patient together; columns as `gains_of`.

    Resamples in which a year has nobody or nothing expected (tiny groups) are left out.
    """
    table = np.column_stack(
        [arms.exposure, arms.observed, arms.expected, arms.exposure_before, arms.observed_before, arms.expected_before]
    )
    sums = np.empty((draws, table.shape[1]))
    for draw in range(draws):
        sums[draw] = table[rng.integers(len(table), size=len(table))].sum(axis=0)
    now, before = sums[:, 0], sums[:, 3]
    with np.errstate(divide="ignore", invalid="ignore"):
        means = np.column_stack([sums[:, 1] / now, sums[:, 2] / now, sums[:, 4] / before, sums[:, 5] / before])
    return means[np.isfinite(means).all(axis=1) & (means[:, 3] > 0)]


def under_no_effect(arms: Arms, reference: Strata, *, draws: int, rng: np.random.Generator) -> np.ndarray:
    """Means of `draws` groups in which nothing was done: expectations of the members, luck of reference patients.

    Each member is given, at random, both years' ratios of a reference patient of the same stratum of expected
    spending, times the member's own expected euros of each year. Columns as `gains_of`.
    """
    stratum = reference.of(arms.predicted)
    start, size = reference.start[stratum], reference.size[stratum]
    years, years_before = arms.exposure.sum(), arms.exposure_before.sum()
    means = np.empty((draws, 4))
    means[:, 1], means[:, 3] = arms.expected.sum() / years, arms.expected_before.sum() / years_before
    for draw in range(draws):
        place = start + (rng.random(len(size)) * size).astype(np.int64)
        means[draw, 0] = (arms.expected * reference.ratio[place]).sum() / years
        means[draw, 2] = (arms.expected_before * reference.ratio_before[place]).sum() / years_before
    return means


def standard_errors(arms: Arms, reference: Strata, variant: str) -> tuple[float, float]:
    """Standard errors of écart and évolution under no effect, in closed form from the strata's variances."""
    stratum = reference.of(arms.predicted)
    now = arms.expected / arms.exposure.sum()
    before = arms.expected_before / arms.exposure_before.sum()
    factor = now.sum() / before.sum() if variant == "ratio" else 1.0
    spread, spread_before, together = np.zeros((3, len(reference.size)))
    for one in range(len(reference.size)):
        span = slice(reference.start[one], reference.start[one] + reference.size[one])
        moves = np.cov(reference.ratio[span], reference.ratio_before[span], bias=True)
        spread[one], spread_before[one], together[one] = moves[0, 0], moves[1, 1], moves[0, 1]
    level = (now**2 * spread[stratum]).sum()
    evolution = level + (factor**2 * before**2 * spread_before[stratum]).sum()
    evolution -= 2 * (factor * before * now * together[stratum]).sum()
    return sqrt(level), sqrt(max(evolution, 0.0))


def pay_of(ecart: np.ndarray, evolution: np.ndarray, sharing: Sharing, factor: float) -> np.ndarray:
    """Euros that gains pay, as `gains.gains_eur` does, on arrays; factor: patients, times the quality's modulation."""
    floor = float(sharing.floor)
    weighed = float(sharing.ecart) * np.maximum(ecart, floor) + float(sharing.evolution) * np.maximum(evolution, floor)
    return weighed / float(sharing.denominator) * float(sharing.share) * factor


def mean_positive(standard_error: float) -> float:
    """Mean of max(0, Z) for a normal Z around 0: standard error / √(2π), 0.399 of it."""
    return standard_error * MEAN_OF_POSITIVE_NORMAL


def standard_error_of_mean(sd_eur: float, r2: float, patients: int) -> float:
    """Standard error of observed − expected per patient: SD × √(1 − R²) / √patients. Rule: specifications, §2.8."""
    return sd_eur * sqrt(1 - r2) / sqrt(patients)


def probability(paid: np.ndarray, computed_eur: float) -> float:
    """Probability that chance pays as much or more: (draws that do + 1) / (draws + 1), never 0."""
    return float((np.count_nonzero(paid >= computed_eur) + 1) / (len(paid) + 1))
