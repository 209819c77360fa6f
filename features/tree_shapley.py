"""Interventional Shapley values of boosted trees against reference rows, exactly, each pair weighed.

For a row x and a reference r a leaf is reached by every mix of their values that its path allows; features of the
path that only x satisfies (a of them) and only r satisfies (b) share the leaf's value by the weights of Shapley:
(a − 1)! b! / (a + b)! to each of the first, − a! (b − 1)! / (a + b)! to each of the others. Which features of its path
a row passes is all that a leaf asks of it, so that each case is worked out once, however many rows and references are
of it (features/grove.py). The weight of a pair is Σ over q of (a number of the row) × (a number of the reference): the
references are summed up before any row is looked at. Trees of one feature each leave nothing to share: they are
summed up to one step function per feature (features/stairs.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import factorial
from typing import Any

import lightgbm as lgb
import numpy as np

from features.compiled import compiled
from features.grove import grove_of, summed
from features.stairs import Stairs, stairs_of
from features.tree_kernels import Grove, add_trees
from features.trees import Tree, trees_of

TREES_AT_ONCE = 64  # in one compiled call: what Python adds to each is small, and so is what they hold


@cache
def shares(most: int) -> np.ndarray:
    """At [a, b], the share of a feature among a that only the row satisfies, beside b that only the reference does.

    `most`: features that a path may hold.
    """
    sizes = range(most + 1)
    return np.array([[factorial(max(a - 1, 0)) * factorial(b) / factorial(a + b) for b in sizes] for a in sizes])


@dataclass(frozen=True)
class Weighed:
    """Numbers of the references, shape (references, q), as trees ask for them: summed up by case, grove by grove."""

    numbers: np.ndarray
    sums: tuple[np.ndarray, ...]


@dataclass(frozen=True)
class TreeShapley:
    """Trees and references, ready for rows: `groves` of trees of two features or more, `stairs` of one.

    `theirs`: what the stairs give the references, shape (references, features of the stairs).
    """

    groves: tuple[Grove, ...]
    stairs: Stairs
    theirs: np.ndarray

    def weighed(self, by_reference: np.ndarray) -> Weighed:
        """The numbers of the references (references, q) made ready, for whoever asks more than once."""
        return Weighed(by_reference, tuple(summed(grove, by_reference) for grove in self.groves))

    def add(self, matrix: np.ndarray, by_row: np.ndarray, by_reference: np.ndarray | Weighed, into: np.ndarray) -> None:
        """Add Σ over references of weight × Shapley value, by row and feature, to `into` (n, features).

        weight = by_row (n, q) · by_reference (references, q).
        """
        numbers = by_reference.numbers if isinstance(by_reference, Weighed) else by_reference
        whole, crossed = numbers.sum(axis=0), numbers.T @ self.theirs
        _add_stairs(into, self.stairs.used, self.stairs.levels_of(matrix), by_row, whole, crossed)
        columns = np.ascontiguousarray(matrix.T)
        for place, grove in enumerate(self.groves):
            sums = by_reference.sums[place] if isinstance(by_reference, Weighed) else summed(grove, numbers)
            add_trees(grove, columns, by_row, sums, shares(grove.longest), into)


def tree_shapley(booster: lgb.Booster, references: np.ndarray) -> TreeShapley:
    """The trees of a booster and encoded `references`, shape (references, features).

    Errors: RuleError for trees that split on categories or treat zeros as missing, which our encodings never give.
    """
    return shapley_of(list(trees_of(booster)), references)


def shapley_of(trees: list[Tree], references: np.ndarray) -> TreeShapley:
    """The trees, and the references."""
    columns = np.ascontiguousarray(references.T, dtype=float)
    stairs = stairs_of([tree for tree in trees if len(tree.used) == 1])
    several = [tree for tree in trees if len(tree.used) > 1]
    starts = range(0, len(several), TREES_AT_ONCE)
    groves = tuple(grove_of(several[start : start + TREES_AT_ONCE], columns) for start in starts)
    return TreeShapley(groves, stairs, stairs.levels_of(references))


@compiled
def _add_stairs(into: Any, used: Any, mine: Any, by_row: Any, whole: Any, crossed: Any) -> None:
    """Level of the row × weights of all references − Σ over references of weight × level of the reference."""
    for row in range(len(mine)):
        for q in range(by_row.shape[1]):
            weight = by_row[row, q]
            for place in range(len(used)):
                into[row, used[place]] += weight * (mine[row, place] * whole[q] - crossed[q, place])
