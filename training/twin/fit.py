"""The scorecard closest to a model: few columns chosen one by one, signs held, whole euros, the total made right.

A distillation: what is fitted is the model's expected euros, not what was spent. Least squares, weighted, under signs;
columns enter where they bring the fit closest, then each is exchanged where another does better.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import lsq_linear

from features.versions import CardFeature
from training.twin.lines import lines_of
from training.twin.record import Scorecard
from training.twin.scorecard import amounts_eur
from training.twin.steps import Step, candidate_steps, filled_matrix

SCREENED = 8
BLOCK = 20_000
SWEEPS = 2
LEAST_GAIN = 1e-5


@dataclass(frozen=True)
class Sums:
    """Weighted, centred sums of the candidate columns: their products, those with the target, its spread."""

    gram: np.ndarray
    target: np.ndarray
    spread: float
    low: np.ndarray
    high: np.ndarray


@dataclass(frozen=True)
class Fitted:
    """A scorecard, and the R² against the model reached with 1, 2, … columns."""

    scorecard: Scorecard
    path_r2: tuple[float, ...]


def fit_scorecard(
    features: Sequence[CardFeature],
    matrix: np.ndarray,
    expected_eur: np.ndarray,
    people: tuple[np.ndarray, np.ndarray],
    *,
    terms: int,
    floor_eur: float | None,
) -> Fitted:
    """The scorecard of at most `terms` columns for what the model expects of encoded rows; people: patients, weight.

    Σ weight × amount = Σ weight × expected, to half a cent per patient and year (the base takes up what rounding to
    whole euros leaves).
    """
    patients, weight = people
    names, filled = [feature.name for feature in features], filled_matrix(features, matrix)
    steps = candidate_steps(features, filled, patients)
    sums = _sums(steps, names, filled, expected_eur, weight)
    chosen, path = select(sums, terms)
    coefficients, _ = solved(sums, chosen)
    picked = [(steps[place], float(value)) for place, value in zip(chosen, coefficients, strict=True)]
    floor = None if floor_eur is None else round(100 * floor_eur)
    scorecard = Scorecard(base_cents=0, floor_cents=floor, lines=lines_of(picked, features, matrix, people))
    base = _base_cents(scorecard, features, matrix, expected_eur, weight)
    return Fitted(Scorecard(base_cents=base, floor_cents=floor, lines=scorecard.lines), path)


def select(sums: Sums, terms: int) -> tuple[list[int], tuple[float, ...]]:
    """Places of the chosen columns, and R² after each was added (before exchanges)."""
    chosen: list[int] = []
    path: list[float] = []
    gained = 0.0
    while len(chosen) < terms and sums.spread > 0:
        place, value = _best(sums, chosen)
        if place is None or value - gained <= LEAST_GAIN * sums.spread:
            break
        chosen.append(place)
        gained = value
        path.append(gained / sums.spread)
    for _ in range(SWEEPS):
        before = gained
        for place in chosen:
            rest = [other for other in chosen if other != place]
            other, value = _best(sums, rest)
            if other is not None and value > gained + LEAST_GAIN * sums.spread:
                chosen, gained = [*rest, other], value
        if gained <= before:
            break
    return [place for place, value in zip(chosen, solved(sums, chosen)[0], strict=True) if value], tuple(path)


def solved(sums: Sums, chosen: Sequence[int]) -> tuple[np.ndarray, float]:
    """Coefficients of some columns under their signs, and the squared error that they take away."""
    if not len(chosen):
        return np.zeros(0), 0.0
    places = list(chosen)
    gram, target = sums.gram[np.ix_(places, places)], sums.target[places]
    root = np.linalg.cholesky(gram + 1e-9 * np.trace(gram) / len(places) * np.eye(len(places))).T
    bounds = (sums.low[places], sums.high[places])
    found = np.asarray(lsq_linear(root, np.linalg.solve(root.T, target), bounds=bounds, method="bvls").x)
    return found, float(2 * target @ found - found @ gram @ found)


def _best(sums: Sums, chosen: Sequence[int]) -> tuple[int | None, float]:
    """The column that brings most beside those chosen, and the squared error taken away with it."""
    coefficients, gained = solved(sums, chosen)
    slope = sums.target - sums.gram[:, list(chosen)] @ coefficients if len(chosen) else sums.target
    allowed = np.where(slope > 0, sums.high, -sums.low) > 0
    allowed[list(chosen)] = False
    gains = np.where(allowed, slope**2 / np.diag(sums.gram), 0.0)
    best, place = gained, None
    for other in np.argsort(-gains, kind="stable")[:SCREENED]:
        if gains[other] > 0:
            value = solved(sums, [*chosen, int(other)])[1]
            if value > best:
                best, place = value, int(other)
    return place, best


def _sums(
    steps: Sequence[Step], names: Sequence[str], filled: np.ndarray, target: np.ndarray, weight: np.ndarray
) -> Sums:
    count = len(steps)
    gram, cross, means = np.zeros((count, count)), np.zeros(count), np.zeros(count)
    total, mean = float(weight.sum()), float(np.average(target, weights=weight))
    for start in range(0, len(filled), BLOCK):
        rows = slice(start, start + BLOCK)
        block = np.column_stack([step.column(names, filled[rows]) for step in steps]).astype(float)
        weighted = block * weight[rows, None]
        gram += weighted.T @ block
        cross += weighted.T @ (target[rows] - mean)
        means += weighted.sum(axis=0)
    low = np.array([-np.inf if step.sign <= 0 else 0.0 for step in steps])
    high = np.array([np.inf if step.sign >= 0 else 0.0 for step in steps])
    spread = float(weight @ (target - mean) ** 2)
    return Sums(gram - np.outer(means, means) / total, cross, spread, low, high)


def _base_cents(
    scorecard: Scorecard, features: Sequence[CardFeature], matrix: np.ndarray, target: np.ndarray, weight: np.ndarray
) -> int:
    """Base such that Σ weight × max(base + points, floor) = Σ weight × target, to the nearest cent.

    The sum rises with the base at the weight of the rows above the floor: Newton's steps reach it exactly.
    """
    points = amounts_eur(Scorecard(base_cents=0, lines=scorecard.lines), features, matrix)
    floor = -np.inf if scorecard.floor_cents is None else scorecard.floor_cents / 100
    wanted = float(weight @ target)
    base = float(np.average(target - points, weights=weight))
    for _ in range(100):
        above = base + points > floor
        gap = wanted - float(weight @ np.maximum(base + points, floor))
        if abs(gap) <= 1e-9 * max(wanted, 1.0) or not above.any():
            break
        base += gap / float(weight[above].sum())
    return round(100 * base)
