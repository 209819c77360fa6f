"""Euros explained of a booster in parts: each row against every reference row, and the mean over them.

Each part compares the row x with a reference r by the interventional Shapley values phi_j of its scores, exactly
(features/tree_shapley.py), and turns them into euros by what one more unit of score is worth between both:

* identity: euro_j = phi_j;
* log: euro_j = phi_j × (ŷ − b) / (s − s_r), where ŷ and b are the part's euros of both, s and s_r their scores: since
  Σ_j phi_j = s − s_r, the euros add up to ŷ − b;
* hurdle (chance × amount): straight from the scores of the reference to those of the row, each score gets its share
  of every step (Aumann and Shapley 1974): the same rule, where the chance does not move.

The base is the mean of the references' own euros.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import lightgbm as lgb
import numpy as np
import pandas as pd
from numpy.polynomial.legendre import leggauss

from features.parts import FURTHEST_ODDS, Part, Parted, chance_of, eur_of, raw_scores

if TYPE_CHECKING:
    from features.tree_shapley import TreeShapley, Weighed

ROWS_AT_ONCE = 50_000
PAIRED_AT_ONCE = 2_000
TINY = 1e-9
# (ŷ − b) / (ln ŷ − ln b) = ∫ ŷ^t b^(1 − t) dt from 0 to 1, by Gauss and Legendre: exact to 1e-12 where ŷ / b < e^12.
FURTHEST = 12.0
PLACES, SHARES = ((numbers + shift) / 2 for numbers, shift in zip(leggauss(12), (1, 0), strict=True))
STEPS, LENGTHS = ((numbers + shift) / 2 for numbers, shift in zip(leggauss(16), (1, 0), strict=True))


@dataclass(frozen=True)
class Scored:
    """The trees of a run ready for rows, and the scores of the references."""

    booster: lgb.Booster
    shapley: TreeShapley
    references: np.ndarray

    @cached_property
    def evenly(self) -> Weighed:
        """Every reference alike, one number each."""
        count = len(self.references)
        return self.shapley.weighed(np.full((count, 1), 1 / count))

    @cached_property
    def at_places(self) -> Weighed:
        """What each reference gives the integral of a log link at its places."""
        return self.shapley.weighed(np.exp(self.references[:, None] * (1 - PLACES)) / len(self.references))

    @cached_property
    def one_by_one(self) -> Weighed:
        """Each reference a number of its own."""
        return self.shapley.weighed(np.eye(len(self.references)))


@dataclass(frozen=True)
class Explainer:
    """A booster in parts ready to be explained against reference rows; `parts`: each with its runs of trees."""

    parts: tuple[tuple[Part, tuple[Scored, ...]], ...]

    def explain(self, matrix: np.ndarray, *, threads: int = 0) -> np.ndarray:
        """Euros, shape (n, features + 1): the base (mean euros of the references) first; rows add up to `parts_eur`."""
        rows, place = merged(np.ascontiguousarray(matrix, dtype=float))
        euros = np.zeros((len(rows), rows.shape[1] + 1))
        euros[:, 0] = self.base_eur
        for start in range(0, len(rows), ROWS_AT_ONCE):
            some = slice(start, start + ROWS_AT_ONCE)
            euros[some, 1:] = self._moved(rows[some], threads)
        return euros[place]

    @property
    def base_eur(self) -> float:
        """Mean euros of the references."""
        return float(sum(eur_of(part, [run.references for run in runs]).mean() for part, runs in self.parts))

    def _moved(self, rows: np.ndarray, threads: int) -> np.ndarray:
        into = np.zeros(rows.shape)
        for part, runs in self.parts:
            scores = [raw_scores(run.booster, rows, threads) for run in runs]
            if part.link == "identity":
                runs[0].shapley.add(rows, np.ones((len(rows), 1)), runs[0].evenly, into)
            elif part.link == "log":
                _add_log(part, runs[0], (rows, scores[0]), into)
            else:
                _add_hurdle(part, runs, (rows, scores), into)
        return into


Rows = tuple[np.ndarray, np.ndarray]


def explainer_of(parted: Parted, references: np.ndarray) -> Explainer:
    """Explainer of a booster taken apart, against encoded `references`, shape (references, features).

    Build it once: reading the trees takes a tenth of a second or more. Errors: as `tree_shapley`.
    """
    from features.tree_shapley import tree_shapley  # numba takes a second to import, and is of no use to other models

    def scored(booster: lgb.Booster) -> Scored:
        return Scored(booster, tree_shapley(booster, references), raw_scores(booster, references, 1))

    return Explainer(tuple((part, tuple(map(scored, boosters))) for part, boosters in parted.parts))


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


def _add_log(part: Part, scored: Scored, rows: Rows, into: np.ndarray) -> None:
    """Pairs that the integral serves are weighed all at once; those held at `highest`, or too far apart, one by one."""
    (matrix, scores), base = rows, scored.references
    alone = (scores >= part.highest) | (scores - base.min() > FURTHEST) | (base.max() - scores > FURTHEST)
    alone |= bool((base >= part.highest).any())
    some = np.flatnonzero(~alone)
    moved = np.zeros((len(some), matrix.shape[1]))
    by_row = SHARES * np.exp(scores[some, None] * PLACES)
    scored.shapley.add(matrix[some], by_row, scored.at_places, moved)
    into[some] += moved
    for places in _at_once(np.flatnonzero(alone)):
        weights = _log_worth(scores[places, None], base, part.highest)
        into[places] += _paired(scored, matrix[places], weights)


def _log_worth(scores: np.ndarray, base: np.ndarray, highest: float) -> np.ndarray:
    """Euros per unit of score between each row and each reference, shape (n, references)."""
    way = scores - base
    rise = np.exp(np.minimum(scores, highest)) - np.exp(np.minimum(base, highest))
    level = np.where(base < highest, np.exp(np.minimum(base, highest)), 0.0)
    return np.divide(rise, way, out=np.broadcast_to(level, way.shape).copy(), where=np.abs(way) > TINY)


def _add_hurdle(
    part: Part, runs: Sequence[Scored], rows: tuple[np.ndarray, list[np.ndarray]], into: np.ndarray
) -> None:
    """On the way t from 0 to 1, y(t) = chance(t) × amount(t): the log amount is worth ∫ y dt × its way, the log odds
    ∫ y × (1 − chance) dt × theirs, by Gauss and Legendre; what rounding leaves is shared out in proportion.
    """
    matrix, scores = rows
    base = eur_of(part, [run.references for run in runs])
    for places in _at_once(np.arange(len(matrix))):
        some = [values[places] for values in scores]
        worth = _hurdle_worth(part, some, [run.references for run in runs])
        by_odds, by_amount = (_paired(run, matrix[places], each) for run, each in zip(runs, worth, strict=True))
        moved = by_odds + by_amount
        left = eur_of(part, some) - base.mean() - moved.sum(axis=1)
        size = np.abs(moved) + TINY
        into[places] += moved + size * (left / size.sum(axis=1))[:, None]


def _hurdle_worth(part: Part, scores: Sequence[np.ndarray], base: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Euros per unit of log odds, and per unit of log amount, by row and reference."""
    odds, start = (np.clip(values, -FURTHEST_ODDS, FURTHEST_ODDS) for values in (scores[0], base[0]))
    top, low = (np.minimum(values, part.highest) for values in (scores[1], base[1]))
    way, rise = odds[:, None] - start, top[:, None] - low
    by_chance, by_amount = np.zeros(way.shape), np.zeros(way.shape)
    for at, length in zip(STEPS, LENGTHS, strict=True):
        chance = chance_of(start + at * way)
        here = length * chance * np.exp(low + at * rise)
        by_amount += here
        by_chance += here * (1 - chance)
    gaps = (scores[0][:, None] - base[0], scores[1][:, None] - base[1])
    held = [_shrunk(each, gap) for each, gap in zip((way, rise), gaps, strict=True)]
    return [by_chance * held[0], by_amount * held[1]]


def _shrunk(way: np.ndarray, gap: np.ndarray) -> np.ndarray:
    """How much of a gap of scores is gone where both are held within bounds; all of it where there is none."""
    return np.divide(way, gap, out=np.ones_like(way), where=np.abs(gap) > TINY)


def _paired(scored: Scored, matrix: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean over references of weight × Shapley value; weights: (n, references)."""
    moved = np.zeros(matrix.shape)
    scored.shapley.add(matrix, weights / len(scored.references), scored.one_by_one, moved)
    return moved


def _at_once(places: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(places), PAIRED_AT_ONCE):
        yield places[start : start + PAIRED_AT_ONCE]
