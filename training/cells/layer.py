"""Corrections by cell, in euros per patient, that make cells and total right after the floor.

expected = max(e + Σ over partitions of the correction of the row's level + a constant, floor), e in euros before the
floor. The corrections are the minimum of a convex function whose slope, for a level, is

Σ of its rows w × (expected − observed) + λ × correction,

so that where λ is 0 the level's euros are those observed, floor included, and those of all rows always are. λ is that
of credibility (Bühlmann): Z = n / (n + λ), λ = variance of a row / variance of a true gap.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pandas as pd
import scipy.sparse as sp

from training.cells.declare import Cells, ordered_levels
from training.evaluate import SMALLEST_CELL

BELIEVED_GAP = 0.03
FEWEST_PATIENTS = 100
STEPS = 100
SETTLED = 1e-9
HALVINGS = 40


@dataclass(frozen=True)
class Rule:
    """How far cells are trusted.

    fewest_patients: levels with fewer are not corrected (never under 11); believed_gap: what a cell may truly be off,
    as a share of the mean: the smaller, the more gaps are put down to chance. None trusts every gap whole.
    """

    fewest_patients: int = FEWEST_PATIENTS
    believed_gap: float | None = BELIEVED_GAP


@dataclass(frozen=True)
class FitRows:
    """Rows that a layer is fitted on: euros expected before the floor and observed, weight, person, floor."""

    before_floor: np.ndarray
    spent_eur: np.ndarray
    weight: np.ndarray
    patients: np.ndarray
    floor: float | None = None

    @property
    def expected(self) -> np.ndarray:
        """Expected euros, the floor applied."""
        return floored(self.before_floor, self.floor)


@dataclass(frozen=True)
class Layer:
    """Correction of every level (euros per patient and year), constant, and how they were found.

    credibility: Z of each level (1 where its gap is taken whole, 0 where it is not corrected); tied: levels held
    together because the correction would otherwise break a direction of the catalogue; steps: of Newton's method;
    left_eur: largest sum that a level is off what it should be; is_settled: it is nil.
    """

    cells: tuple[Cells, ...]
    euros: tuple[np.ndarray, ...]
    constant_eur: float
    credibility: tuple[np.ndarray, ...]
    tied: tuple[tuple[int, ...], ...] = ()
    steps: int = 0
    left_eur: float = 0.0
    is_settled: bool = True

    def of(self, matrix: np.ndarray) -> np.ndarray:
        """Euros added to each row of an encoded matrix, before the floor."""
        return self.of_codes([cells.codes(matrix) for cells in self.cells], len(matrix))

    def of_codes(self, codes: Sequence[np.ndarray], rows: int) -> np.ndarray:
        """The same from the level of each row in each partition."""
        added = np.full(rows, self.constant_eur)
        for euros, code in zip(self.euros, codes, strict=True):
            added += euros[code]
        return added


@dataclass(frozen=True)
class _Problem:
    """Indicators of the levels (sparse), first column the constant; what rows and levels must give."""

    design: sp.csr_array
    rows: FitRows
    penalty: np.ndarray
    scale: float


def floored(euros: np.ndarray, floor: float | None) -> np.ndarray:
    """Euros, not below the floor where there is one."""
    return euros if floor is None else np.maximum(euros, floor)


def fit_layer(
    cells: Sequence[Cells],
    codes: Sequence[np.ndarray],
    *,
    rows: FitRows,
    rule: Rule | None = None,
    directions: Mapping[int, int] | None = None,
) -> Layer:
    """The layer of `cells` on `rows`, whose levels are `codes` (one array per partition).

    `directions`: +1 or -1 by feature number, which the corrections do not break. A level of too few patients is not
    corrected. Where a correction would break a direction, the two levels are held together, and all is solved again,
    until none does.
    """
    problem, parts = _stated(cells, codes, rows, rule or Rule())
    pairs = [
        (part.start + low, part.start + high)
        for part, one in zip(parts, cells, strict=True)
        for low, high in ordered_levels(one, directions or {})
    ]
    found, groups, steps, left = _ordered(problem, pairs)
    mass = np.asarray(problem.design.T @ rows.weight)
    is_held = np.bincount(groups)[groups] > 1
    return Layer(
        cells=tuple(cells),
        euros=tuple(found[part] for part in parts),
        constant_eur=float(found[0]),
        credibility=tuple((mass / np.maximum(mass + problem.penalty, 1e-300))[part] for part in parts),
        tied=tuple(tuple(np.flatnonzero(is_held[part]).tolist()) for part in parts),
        steps=steps,
        left_eur=left,
        is_settled=left <= SETTLED * problem.scale,
    )


def _stated(
    cells: Sequence[Cells], codes: Sequence[np.ndarray], rows: FitRows, rule: Rule
) -> tuple[_Problem, list[slice]]:
    """Indicators (the constant first) and penalties; the columns of each partition."""
    people = pd.factorize(rows.patients)[0]
    starts = np.cumsum([1, *(len(one.levels) for one in cells)])
    parts = [slice(int(start), int(stop)) for start, stop in pairwise(starts)]
    counts = [_people_by(code, people, len(one.levels)) for code, one in zip(codes, cells, strict=True)]
    places = np.stack([np.zeros(len(rows.weight), dtype=np.int64), *codes], axis=1) + np.append(0, starts[:-1])
    ends = np.arange(0, places.size + 1, places.shape[1])
    design = sp.csr_array((np.ones(places.size), places.ravel(), ends), shape=(len(places), int(starts[-1])))
    scale = max(abs(float(rows.weight @ rows.spent_eur)), 1e-300)
    is_small = np.concatenate([[0], *counts])[1:] < max(rule.fewest_patients, SMALLEST_CELL)
    whole = _Problem(design, rows, np.append(0.0, np.where(is_small, np.inf, 0.0)), scale)
    if rule.believed_gap is None:
        return whole, parts
    effects = _solved(whole, np.arange(len(whole.penalty)))[0]
    least = rule.believed_gap * float(np.average(rows.spent_eur, weights=rows.weight))
    known = zip(codes, counts, parts, strict=True)
    pulls = [penalties(code, rows, (effects[part], count), least=least) for code, count, part in known]
    return replace(whole, penalty=whole.penalty + np.concatenate([[0.0], *pulls])), parts


def penalties(codes: np.ndarray, rows: FitRows, known: tuple[np.ndarray, np.ndarray], *, least: float) -> np.ndarray:
    """λ of each level of a partition, in patient-years: what draws its correction to 0.

    λ = s² / τ²: s² the variance of observed − expected in the level, τ² that of true corrections between levels: what
    those found without λ (`known`, with the patients of each level) show beyond chance, and least² at least.
    """
    effects, counts = known
    w, gap, levels = rows.weight, rows.spent_eur - rows.expected, len(counts)
    mass = np.bincount(codes, w, levels)
    safe = np.maximum(mass, 1e-300)
    inner = np.bincount(codes, w * gap**2, levels) / safe - (np.bincount(codes, w * gap, levels) / safe) ** 2
    away = effects - mass @ effects / mass.sum()
    beyond = (away**2 - inner / np.maximum(counts, 1))[effects != 0]
    between = float(beyond.mean()) if len(beyond) else 0.0
    return inner / max(between, least**2, 1e-300)


def _people_by(codes: np.ndarray, people: np.ndarray, levels: int) -> np.ndarray:
    """Patients of each level, each counted once."""
    seen = np.bincount(people * levels + codes, minlength=levels * (int(people.max(initial=0)) + 1))
    return (seen.reshape(-1, levels) > 0).sum(axis=0)


def _ordered(problem: _Problem, pairs: Sequence[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray, int, float]:
    """Corrections that break no pair, the group of each level, steps taken and what is left."""
    groups = np.arange(len(problem.penalty))
    steps = 0
    while True:
        found, taken, left = _solved(problem, groups)
        steps += taken
        falls = [(float(found[low] - found[high]), low, high) for low, high in pairs]
        worst, low, high = max(falls, default=(0.0, 0, 0))
        if worst <= SETTLED * max(float(np.abs(found).max()), 1e-300):
            return found, groups, steps, left
        groups = np.where(groups == groups[high], groups[low], groups)


def _solved(problem: _Problem, groups: np.ndarray) -> tuple[np.ndarray, int, float]:
    """Corrections of the levels (those of a group alike), steps of Newton's method, and the largest slope left."""
    names, group = np.unique(groups, return_inverse=True)
    gather = sp.csr_array((np.ones(len(group)), (np.arange(len(group)), group)), shape=(len(group), len(names)))
    trusted = np.isfinite(problem.penalty)
    free = np.bincount(group[trusted], minlength=len(names)) > 0
    penalty = np.bincount(group, np.where(trusted, problem.penalty, 0.0))
    whole = _Convex(sp.csr_array(problem.design @ gather)[:, free], problem.rows, penalty[free])
    found, taken = np.zeros(int(free.sum())), 0
    while (left := float(np.abs(whole.slope(found)).max())) > SETTLED * problem.scale and taken < STEPS:
        moved = whole.moved(found)
        if moved is None:
            break
        found, taken = moved, taken + 1
    every = np.zeros(len(names))
    every[free] = found
    return every[group], taken, left


@dataclass(frozen=True)
class _Convex:
    """Σ w (h(score) − observed × score) + ½ Σ λ correction², where h' = max(score, floor)."""

    design: sp.csr_array
    rows: FitRows
    penalty: np.ndarray

    def height(self, found: np.ndarray) -> float:
        """Value at these corrections."""
        score, floor = self._score(found), self.rows.floor
        above = score**2 / 2 if floor is None else np.where(score > floor, (score**2 + floor**2) / 2, floor * score)
        return float(self.rows.weight @ (above - self.rows.spent_eur * score) + self.penalty @ found**2 / 2)

    def slope(self, found: np.ndarray) -> np.ndarray:
        """By correction: euros expected less euros observed, and the pull of λ."""
        gap = floored(self._score(found), self.rows.floor) - self.rows.spent_eur
        return np.asarray(self.design.T @ (self.rows.weight * gap) + self.penalty * found)

    def moved(self, found: np.ndarray) -> np.ndarray | None:
        """One step of Newton's method, or its first half, quarter… that lowers value or slope; None where none does."""
        floor, weight = self.rows.floor, self.rows.weight
        active = weight if floor is None else weight * (self._score(found) >= floor)
        curve = (self.design.T @ self.design.multiply(active[:, None])).toarray() + np.diag(self.penalty)
        flat = np.flatnonzero(np.diag(curve) <= 0)  # every row at the floor: the way up is as if none were
        curve[flat, flat] = np.asarray(self.design.T @ weight)[flat]
        slope = self.slope(found)
        move = -np.linalg.lstsq(curve, slope, rcond=1e-12)[0]
        start, steepest = self.height(found), np.abs(slope).max()
        for share in 0.5 ** np.arange(HALVINGS):
            there = found + share * move
            # beyond the precision of the value, the slope alone tells
            if self.height(there) < start or np.abs(self.slope(there)).max() < steepest:
                return there
        return None

    def _score(self, found: np.ndarray) -> np.ndarray:
        return np.asarray(self.rows.before_floor + self.design @ found)
