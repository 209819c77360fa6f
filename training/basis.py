"""Functions of one feature each, from which an additive formula is made: numbers, bends, levels, missing.

A sum of such functions is a sum of staircases, one per feature, and so can be kept as trees.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
from scipy.sparse import csr_array, hstack

from training.linear_part import Design

COLUMNS = 300
ROWS_OF_LEVEL, MOST_LEVELS = 5, 1200
LEVELS = 12
STEPS = 160
BEYOND, FEW_VALUES = 17, 12
BENDS = 4
BEND_SCALE = 0.5
LONG_TAIL, TAIL = 8, 0.98


@dataclass(frozen=True)
class Term:
    """A function of feature number `feature`, by `kind`; `sign` is that of its coefficient, 0 where it is free.

    Kinds: "missing", "number", "log", "level" (at), "above" (above at), "bend" (x − at, between at and `upto`).
    """

    feature: int
    kind: str
    at: float = 0.0
    upto: float = np.inf
    sign: int = 0


@dataclass(frozen=True)
class Shape:
    """What the columns are, by number: few unordered `levels`, what the ranks of others stand for, directions."""

    levels: frozenset[int] = frozenset()
    values: Mapping[int, np.ndarray] = field(default_factory=dict)
    directions: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Basis:
    """Terms, standardised on the training rows, and `many`: by ranked feature, the ranks that have a term each."""

    terms: tuple[Term, ...]
    filled: np.ndarray
    low: np.ndarray
    high: np.ndarray
    mean: np.ndarray
    scale: np.ndarray
    shape: Shape
    many: Mapping[int, np.ndarray]

    def design(self, matrix: np.ndarray, codes: np.ndarray) -> Design:
        """Standardised terms of an encoded matrix; `codes` holds the ranks that training did not draw out of fold."""
        signs = np.array([term.sign for term in self.terms] + [0] * self._levels)
        levels = [_indicators(codes[:, feature], ranks) for feature, ranks in self.many.items()]
        wide = hstack(levels, format="csr") if levels else csr_array((len(matrix), 0))
        return Design((_raw(self, matrix) - self.mean) * self.scale, wide, signs)

    def of_feature(self, feature: int, column: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
        """What feature number `feature` adds to the formula, for values of it."""
        total = np.zeros(len(column))
        for number, term in enumerate(self.terms):
            if term.feature == feature:
                total += (_term(self, term, column) - self.mean[number]) * self.scale[number] * coefficients[number]
        start = len(self.terms)
        for other, ranks in self.many.items():
            if other == feature:
                total += _indicators(column, ranks) @ coefficients[start : start + len(ranks)]
            start += len(ranks)
        return total

    @property
    def _levels(self) -> int:
        return sum(len(ranks) for ranks in self.many.values())


def extended(basis: Basis) -> Basis:
    """The basis followed beyond what training knew, by as much again; below too where there are negative values."""
    ranked = np.array([feature in basis.shape.values for feature in range(len(basis.low))])
    span = np.where(ranked | (basis.high <= basis.low), 0, basis.high - basis.low)
    return replace(basis, high=basis.high + span, low=basis.low - np.where(basis.low < 0, span, 0))


def learn_basis(matrix: np.ndarray, codes: np.ndarray, shape: Shape, *, kind: str = "bent") -> Basis:
    """Basis of an encoded matrix; `codes`: ranks not drawn out of fold.

    kind: "bent", "straight" (a number is one term) or "tails" (only what lies above the high ends of long tails).
    """
    with np.errstate(all="ignore"):
        seen = ~np.isnan(matrix)
        low = np.where(seen, matrix, np.inf).min(axis=0)
        high = np.where(seen, matrix, -np.inf).max(axis=0)
        filled = np.where(seen, matrix, 0).sum(axis=0) / np.maximum(seen.sum(axis=0), 1)
    each = max(COLUMNS // matrix.shape[1], 1)
    terms = tuple(
        term
        for feature in range(matrix.shape[1])
        for term in (
            _tail(feature, matrix[:, feature], shape)
            if kind == "tails"
            else _terms(feature, matrix[:, feature], shape, each=each, is_straight=kind == "straight")
        )
    )
    blank = np.zeros(len(terms))
    basis = Basis(terms, filled, low, high, blank, blank + 1, shape, {} if kind == "tails" else _frequent(codes, shape))
    raw = _raw(basis, matrix)
    spread = raw.std(axis=0)
    bends = np.array([BEND_SCALE if term.kind in ("bend", "log") else 1.0 for term in terms])
    flat = spread <= 1e-9 * (1 + np.abs(raw).max(axis=0, initial=0))
    return replace(basis, mean=raw.mean(axis=0), scale=np.where(flat, 0, bends / np.where(flat, 1, spread)))


def _frequent(codes: np.ndarray, shape: Shape) -> dict[int, np.ndarray]:
    """By ranked feature, the ranks of enough rows: the most frequent ones, shared out evenly among features."""
    most = MOST_LEVELS // max(len(shape.values), 1)
    chosen = {}
    for feature, values in shape.values.items():
        known = codes[:, feature][~np.isnan(codes[:, feature])].astype(int)
        rows = np.bincount(known, minlength=len(values))
        order = np.argsort(-rows, kind="stable")[:most]
        chosen[feature] = np.sort(order[rows[order] >= ROWS_OF_LEVEL])
    return chosen


def _indicators(column: np.ndarray, ranks: np.ndarray) -> csr_array:
    """One column per rank: 1 where a row has it."""
    place = np.searchsorted(ranks, np.where(np.isnan(column), -1, column))
    place = np.minimum(place, max(len(ranks) - 1, 0))
    rows = np.flatnonzero(ranks[place] == column) if len(ranks) else np.zeros(0, dtype=int)
    return csr_array((np.ones(len(rows)), (rows, place[rows])), shape=(len(column), len(ranks)))


def edges_of(column: np.ndarray, low: float, high: float) -> np.ndarray:
    """Thresholds of a staircase from `low` to `high`: between all values where they are few, else by rank and by
    value, half each; evenly beyond the values."""
    known = np.unique(column[~np.isnan(column)])
    beyond = [np.linspace(low, known[0], BEYOND)[1:], np.linspace(known[-1], high, BEYOND)[:-1]]
    outside = [steps for steps in beyond if len(known) > FEW_VALUES and np.ptp(steps)]
    if len(known) > STEPS:
        by_rank = known[np.linspace(0, len(known) - 1, STEPS // 2).astype(int)]
        by_row = np.quantile(column[~np.isnan(column)], np.linspace(0, 1, STEPS // 2))
        by_value = np.linspace(known[0], known[-1], STEPS // 2)
        inside = np.concatenate([by_rank, by_row, by_value])
        return np.unique(np.concatenate([inside[inside < known[-1]], *outside]))
    return np.unique(np.concatenate([(known[1:] + known[:-1]) / 2, *outside]))


def _terms(feature: int, column: np.ndarray, shape: Shape, *, each: int, is_straight: bool) -> list[Term]:
    known = column[~np.isnan(column)]
    terms = [Term(feature, "missing")] if len(known) < len(column) else []
    distinct, sign = np.unique(known), shape.directions.get(feature, 0)
    if len(distinct) < 2:
        return terms
    if feature in shape.levels and not sign:
        return terms + [Term(feature, "level", value) for value in distinct]
    number = Term(feature, "number", sign=sign)
    if len(distinct) == 2 or is_straight:
        return [*terms, number]
    if feature in shape.values:
        return [*terms, number, Term(feature, "log", sign=sign)]
    many_zeros = float((known == 0).mean()) > 0.2
    if distinct[0] >= 0 and distinct[-1] > LONG_TAIL * known.mean():
        terms.append(Term(feature, "log", sign=sign))
    if many_zeros:
        terms.append(Term(feature, "level", 0.0) if not sign else Term(feature, "above", 0.0, sign=sign))
    count = min(BENDS, each - 2)
    body = known[known != 0] if many_zeros else known
    shares = (np.arange(count) + 1) / (count + 1)
    places = np.unique(np.quantile(body, shares)) if count > 0 else body[:0]
    inner = [at for at in places if distinct[0] < at < distinct[-1]]
    if not sign:
        return [*terms, number, *(Term(feature, "bend", at) for at in inner)]
    ends = [distinct[0], *inner, np.inf]
    return terms + [Term(feature, "bend", at, upto, sign) for at, upto in pairwise(ends)]


def _tail(feature: int, column: np.ndarray, shape: Shape) -> list[Term]:
    known = column[~np.isnan(column)]
    distinct, sign = np.unique(known), shape.directions.get(feature, 0)
    if feature in shape.values or feature in shape.levels or len(distinct) <= FEW_VALUES:
        return []
    if distinct[0] < 0 or distinct[-1] <= LONG_TAIL * known.mean():
        return []
    at = float(np.quantile(known, TAIL))
    return [Term(feature, "bend", at, sign=sign)] if at < distinct[-1] else []


def _raw(basis: Basis, matrix: np.ndarray) -> np.ndarray:
    columns = [_term(basis, term, matrix[:, term.feature]) for term in basis.terms]
    return np.column_stack(columns) if columns else np.zeros((len(matrix), 0))


def _term(basis: Basis, term: Term, column: np.ndarray) -> np.ndarray:
    feature, values = term.feature, basis.shape.values
    missing = np.isnan(column)
    if term.kind == "missing":
        return missing.astype(float)
    number = np.clip(np.where(missing, basis.filled[feature], column), basis.low[feature], basis.high[feature])
    if feature in values:
        number = np.interp(number, np.arange(len(values[feature])), values[feature])
    if term.kind == "number":
        return number
    if term.kind == "log":
        return np.log(np.maximum(number, 1e-3)) if feature in values else np.log1p(number)
    if term.kind in ("level", "above"):
        return ((column == term.at) if term.kind == "level" else (column > term.at)).astype(float)
    return np.clip(number - term.at, 0, term.upto - term.at)
