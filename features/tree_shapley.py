"""Interventional Shapley values of boosted trees against reference rows, exactly, each pair weighed.

For a row x and a reference r a leaf is reached by every mix of their values that its path allows; features of the
path that only x satisfies (a of them) and only r satisfies (b) share the leaf's value by the weights of Shapley:
(a − 1)! b! / (a + b)! to each of the first, − a! (b − 1)! / (a + b)! to each of the others. What a tree says depends on
the directions that a row takes at its nodes alone, so that each pair of directions is worked out once, however many
rows and references take them. The weight of a pair is Σ over q of (a number of the row) × (a number of the reference):
the references are summed up before any row is looked at. Trees of one feature each leave nothing to share: they are
summed up to one step function per feature (features/stairs.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import factorial
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd

from features.stairs import Stairs, stairs_of
from features.trees import Tree, compiled, trees_of

WORD = 62
FEW = 50  # rows too few for what they share to be worth the search


@cache
def shares(most: int) -> np.ndarray:
    """At [a, b], the share of a feature among a that only the row satisfies, beside b that only the reference does.

    `most`: features that a path may hold.
    """
    sizes = range(most + 1)
    return np.array([[factorial(max(a - 1, 0)) * factorial(b) / factorial(a + b) for b in sizes] for a in sizes])


@dataclass(frozen=True)
class Seen:
    """A tree with the directions of its references: those that differ (`ways`), and which each reference takes."""

    tree: Tree
    ways: np.ndarray
    taken: np.ndarray


@dataclass(frozen=True)
class TreeShapley:
    """Trees and references, ready for rows: `seen` of two features or more, `stairs` of one.

    `theirs`: what the stairs give the references, shape (references, features of the stairs).
    """

    seen: tuple[Seen, ...]
    stairs: Stairs
    theirs: np.ndarray

    def add(self, matrix: np.ndarray, by_row: np.ndarray, by_reference: np.ndarray, into: np.ndarray) -> None:
        """Add Σ over references of weight × Shapley value, by row and feature, to `into` (n, features).

        weight = by_row (n, q) · by_reference (references, q).
        """
        whole, crossed = by_reference.sum(axis=0), by_reference.T @ self.theirs
        _add_stairs(into, self.stairs.used, self.stairs.levels_of(matrix), by_row, whole, crossed)
        for seen in self.seen:
            tree, ways = seen.tree, seen.tree.ways(matrix)
            taken = np.arange(len(ways))
            if len(ways) > FEW:
                ways, taken = distinct(ways)
            summed = _summed(by_reference, seen.taken, len(seen.ways))
            used = len(tree.used)
            shapley = _shapley(tree.children, tree.local, tree.values, shares(used), ways, seen.ways, summed, used)
            _accumulate(into, tree.used, shapley, taken, by_row)


def tree_shapley(booster: lgb.Booster, references: np.ndarray) -> TreeShapley:
    """The trees of a booster and encoded `references`, shape (references, features).

    Errors: RuleError for trees that split on categories or treat zeros as missing, which our encodings never give.
    """
    rows = np.ascontiguousarray(references, dtype=float)
    trees = list(trees_of(booster))
    stairs = stairs_of([tree for tree in trees if len(tree.used) == 1])
    seen = tuple(Seen(tree, *distinct(tree.ways(rows))) for tree in trees if len(tree.used) > 1)
    return TreeShapley(seen, stairs, stairs.levels_of(rows))


def distinct(ways: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The directions that differ, in order of appearance, and which one each row takes."""
    codes = np.zeros(len(ways), dtype=np.int64)
    for start in range(0, ways.shape[1], WORD):
        word = ways[:, start : start + WORD]
        bits = word.astype(np.int64) @ (np.int64(1) << np.arange(word.shape[1], dtype=np.int64))
        part, values = pd.factorize(bits)
        codes = pd.factorize(codes * len(values) + part)[0]
    first = np.flatnonzero(~pd.Series(codes).duplicated())
    return np.ascontiguousarray(ways[first]), codes


@compiled
def _summed(by_reference: Any, taken: Any, count: int) -> Any:
    """The numbers of the references that take the same directions."""
    found = np.zeros((count, by_reference.shape[1]))
    for reference in range(len(taken)):
        found[taken[reference]] += by_reference[reference]
    return found


@compiled
def _shapley(children: Any, local: Any, values: Any, share: Any, ways: Any, others: Any, summed: Any, used: int) -> Any:
    """Shapley values times the numbers of the references: by directions of rows, feature of the tree, and q."""
    found = np.zeros((len(ways), used, summed.shape[1]))
    order = np.arange(len(others))
    side, path = np.zeros(used, dtype=np.int8), np.empty(used, dtype=np.int64)
    later = np.empty((2 * len(local) + 3, 6), dtype=np.int64)
    total = np.empty(summed.shape[1])
    for row in range(len(ways)):
        order[:] = np.arange(len(others))  # the same sums in the same order, whatever row came before
        _walk(children, local, values, share, ways[row], others, summed, found[row], order, side, path, later, total)
    return found


@compiled
def _walk(
    children: Any, local: Any, values: Any, share: Any, mine: Any, theirs: Any, summed: Any, into: Any, order: Any,
    side: Any, path: Any, later: Any, total: Any,
) -> None:  # fmt: skip
    """Every leaf that a mix of a row and of some references reaches, shared out to `into`, all references together.

    `order`: the references, of which a stretch goes each way; `side`: 1 where the path holds a feature to mine, 2 to
    theirs; `path`: those features in order; `later`: ways not gone yet (node, stretch, length of the path, feature
    held from there on, and to whom).
    """
    length, waiting = 0, _put(later, 0, 0, 0, len(order), 0, 0, 0)
    while waiting:
        waiting -= 1
        node, low, high, kept, held, to = later[waiting]
        while length > kept:
            length -= 1
            side[path[length]] = 0
        if to:
            side[held], path[length] = to, held
            length += 1
        if node < 0:
            _share_out(values[-1 - node], share, side, path[:length], summed, order[low:high], into, total)
            continue
        feature, way = local[node], mine[node]
        same, other = children[node, way], children[node, 1 - way]
        if side[feature] == 1:
            waiting = _put(later, waiting, same, low, high, length, 0, 0)
            continue
        middle = _parted(order, low, high, theirs, node, way)
        if middle > low:
            waiting = _put(later, waiting, same, low, middle, length, 0, 0)
        if middle < high:
            free = side[feature] == 0
            waiting = _put(later, waiting, other, middle, high, length, feature, 2 * free)
            if free:
                waiting = _put(later, waiting, same, middle, high, length, feature, 1)
    for place in range(length):
        side[path[place]] = 0


@compiled
def _put(
    later: Any, waiting: int, node: int, low: int, high: int, length: int, held: int, to: int
) -> int:  # fmt: skip
    for place, value in enumerate((node, low, high, length, held, to)):
        later[waiting, place] = value
    return waiting + 1


@compiled
def _parted(order: Any, low: int, high: int, theirs: Any, node: int, way: int) -> int:
    """Where the references end that go `way`, once they stand first in the stretch."""
    for place in range(low, high):
        if theirs[order[place], node] == way:
            order[place], order[low] = order[low], order[place]
            low += 1
    return low


@compiled
def _share_out(
    value: float, share: Any, side: Any, path: Any, summed: Any, some: Any, into: Any, total: Any
) -> None:  # fmt: skip
    total[:] = 0.0
    for reference in some:
        for q in range(len(total)):
            total[q] += summed[reference, q]
    mine = 0
    for feature in path:
        mine += side[feature] == 1
    theirs = len(path) - mine
    for feature in path:
        part = value * share[mine, theirs] if side[feature] == 1 else -value * share[theirs, mine]
        for q in range(len(total)):
            into[feature, q] += part * total[q]


@compiled
def _add_stairs(into: Any, used: Any, mine: Any, by_row: Any, whole: Any, crossed: Any) -> None:
    """Level of the row × weights of all references − Σ over references of weight × level of the reference."""
    for row in range(len(mine)):
        for q in range(by_row.shape[1]):
            weight = by_row[row, q]
            for place in range(len(used)):
                into[row, used[place]] += weight * (mine[row, place] * whole[q] - crossed[q, place])


@compiled
def _accumulate(into: Any, used: Any, shapley: Any, taken: Any, by_row: Any) -> None:
    for row in range(len(taken)):
        for feature in range(len(used)):
            total = 0.0
            for q in range(by_row.shape[1]):
                total += by_row[row, q] * shapley[taken[row], feature, q]
            into[row, used[feature]] += total
