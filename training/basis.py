"""Functions of one feature each, from which an additive formula is made: numbers, bends, levels, missing.

A sum of such functions is a sum of staircases, one per feature, and so can be kept as trees.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

COLUMNS = 300
LEVELS = 12
STEPS = 160
BENDS = 4
BEND_SCALE = 0.5


@dataclass(frozen=True)
class Term:
    """A function of feature number `feature`: kind "missing", "number", "log", "level" (at) or "bend" (above at)."""

    feature: int
    kind: str
    at: float = 0.0


@dataclass(frozen=True)
class Basis:
    """Terms, standardised on the training rows; `values` gives the number that each rank of a category stands for."""

    terms: tuple[Term, ...]
    filled: np.ndarray
    low: np.ndarray
    high: np.ndarray
    mean: np.ndarray
    scale: np.ndarray
    values: Mapping[int, np.ndarray]

    def design(self, matrix: np.ndarray) -> np.ndarray:
        """Standardised terms, shape (n, terms), of an encoded matrix."""
        return (_raw(self, matrix) - self.mean) * self.scale

    def of_feature(self, feature: int, column: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
        """What feature number `feature` adds to the formula, for values of it."""
        total = np.zeros(len(column))
        for number, term in enumerate(self.terms):
            if term.feature == feature:
                total += (_term(self, term, column) - self.mean[number]) * self.scale[number] * coefficients[number]
        return total


def learn_basis(
    matrix: np.ndarray, levels: frozenset[int], values: Mapping[int, np.ndarray], straight: frozenset[int]
) -> Basis:
    """Basis of an encoded matrix; `levels` are features of few unordered levels, `straight` those without bends."""
    with np.errstate(all="ignore"):
        seen = ~np.isnan(matrix)
        low = np.where(seen, matrix, np.inf).min(axis=0)
        high = np.where(seen, matrix, -np.inf).max(axis=0)
        filled = np.where(seen, matrix, 0).sum(axis=0) / np.maximum(seen.sum(axis=0), 1)
    each = max(COLUMNS // matrix.shape[1], 1)
    terms = tuple(
        term
        for feature in range(matrix.shape[1])
        for term in _terms(
            feature,
            matrix[:, feature],
            each=each,
            is_level=feature in levels,
            is_straight=feature in straight,
            ranked=feature in values,
        )
    )
    blank = np.zeros(len(terms))
    basis = Basis(terms, filled, low, high, blank, blank + 1, values)
    raw = _raw(basis, matrix)
    spread = raw.std(axis=0)
    bends = np.array([BEND_SCALE if term.kind in ("bend", "log") else 1.0 for term in terms])
    flat = spread <= 1e-9 * (1 + np.abs(raw).max(axis=0, initial=0))
    return Basis(
        terms, filled, low, high, raw.mean(axis=0), np.where(flat, 0, bends / np.where(flat, 1, spread)), values
    )


def edges_of(column: np.ndarray) -> np.ndarray:
    """Thresholds of a staircase: between all values where they are few, else by rank and by value, half each."""
    known = np.unique(column[~np.isnan(column)])
    if len(known) > STEPS:
        by_rank = known[np.linspace(0, len(known) - 1, STEPS // 2).astype(int)]
        by_row = np.quantile(column[~np.isnan(column)], np.linspace(0, 1, STEPS // 2))
        by_value = np.linspace(known[0], known[-1], STEPS // 2)
        return np.unique(np.concatenate([by_rank, by_row, by_value]))[1:-1]
    return (known[1:] + known[:-1]) / 2


def _terms(
    feature: int, column: np.ndarray, *, each: int, is_level: bool, is_straight: bool, ranked: bool
) -> list[Term]:
    known = column[~np.isnan(column)]
    terms = [Term(feature, "missing")] if len(known) < len(column) else []
    distinct = np.unique(known)
    if len(distinct) < 2:
        return terms
    if is_level:
        return terms + [Term(feature, "level", value) for value in distinct]
    terms.append(Term(feature, "number"))
    if len(distinct) == 2 or is_straight:
        return terms
    if ranked:
        return [*terms, Term(feature, "log")]
    many_zeros = float((known == 0).mean()) > 0.2
    if distinct[0] >= 0 and distinct[-1] > 8 * known.mean():
        terms.append(Term(feature, "log"))
    if many_zeros:
        terms.append(Term(feature, "level", 0.0))
    count = min(BENDS, each - 2)
    body = known[known != 0] if many_zeros else known
    shares = (np.arange(count) + 1) / (count + 1)
    places = np.unique(np.quantile(body, shares)) if count > 0 else body[:0]
    return terms + [Term(feature, "bend", at) for at in places if distinct[0] < at < distinct[-1]]


def _raw(basis: Basis, matrix: np.ndarray) -> np.ndarray:
    columns = [_term(basis, term, matrix[:, term.feature]) for term in basis.terms]
    return np.column_stack(columns) if columns else np.zeros((len(matrix), 0))


def _term(basis: Basis, term: Term, column: np.ndarray) -> np.ndarray:
    feature = term.feature
    missing = np.isnan(column)
    if term.kind == "missing":
        return missing.astype(float)
    number = np.clip(np.where(missing, basis.filled[feature], column), basis.low[feature], basis.high[feature])
    if feature in basis.values:
        number = np.interp(number, np.arange(len(basis.values[feature])), basis.values[feature])
    if term.kind == "number":
        return number
    if term.kind == "log":
        return np.log(np.maximum(number, 1e-3)) if feature in basis.values else np.log1p(number)
    return ((column == term.at) if term.kind == "level" else np.maximum(number - term.at, 0)).astype(float)
