"""Shapley values of boosted trees as LightGBM's pred_contrib gives them, many rows at once, to rounding.

A tree that does not know a feature goes both ways, by the shares of its training rows. For a leaf whose path splits
on d features, let z_j be the share of the training rows that the splits on feature j let through, A the features whose
splits the row passes, and B the others (b of them). With j in A, the leaf's value is given to j in the proportion

    (1 − z_j) × Π over B of z × ∫ (1 − t)^b × Π over A without j of (t + z_k (1 − t)) dt   from 0 to 1,

and to each of B in − Π over B of z × ∫ (1 − t)^(b − 1) × Π over A of (t + z_k (1 − t)) dt: polynomials of degree d − 1,
which Gauss and Legendre integrate exactly in d / 2 points, all terms positive (Yu and others 2022 evaluate them alike).
What a tree says depends on the directions that a row takes at its nodes alone: each mix of them is worked out once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np
from numpy.polynomial.legendre import leggauss

from features.errors import RuleError
from features.grove import failed_by
from features.trees import Path, Tree, compiled, distinct, is_in, slots_of, told_apart, trees_of, words_of


@dataclass(frozen=True)
class Paths:
    """Paths of a tree, leaf after leaf.

    The splits of leaf i are from `splits_end[i - 1]` to `splits_end[i]`: node, way (1: left) and number of the feature
    among those of the path; the features from `ends[i - 1]` to `ends[i]`: their place in `tree.used`, and the `shares`
    of the training rows that they let through.
    """

    tree: Tree
    splits: np.ndarray
    splits_end: np.ndarray
    places: np.ndarray
    shares: np.ndarray
    ends: np.ndarray

    def contributions(self, ways: np.ndarray) -> np.ndarray:
        """Contributions of each feature in `tree.used`, shape (n, used), for ways (nodes, n)."""
        longest = int(np.diff(self.ends, prepend=0).max())
        points, weights = (
            (numbers + shift) / 2 for numbers, shift in zip(leggauss((longest + 1) // 2), (1, 0), strict=True)
        )
        factors = points + self.shares[:, None] * (1 - points)
        return _contributions(
            ways, self.splits, self.splits_end, self.places, self.shares, self.ends, self.tree.values, factors,
            1 / factors, 1 - points, weights, len(self.tree.used),
        )  # fmt: skip


@dataclass(frozen=True)
class PathShapley:
    """The trees of a booster ready for rows; `base` is their mean over the training rows."""

    trees: tuple[Paths, ...]
    base: float

    def explain(self, matrix: np.ndarray) -> np.ndarray:
        """Contributions, shape (n, features + 1), base last, of an encoded matrix: those of `pred_contrib`."""
        rows = np.ascontiguousarray(matrix, dtype=float)
        into = np.zeros((len(rows), rows.shape[1] + 1))
        into[:, -1] = self.base
        columns = np.ascontiguousarray(rows.T)
        for paths in self.trees:
            ways = paths.tree.ways(columns)
            kinds, first = distinct(ways)
            _add(into, paths.tree.used, paths.contributions(ways[:, first]), kinds)
        return into


def path_shapley(booster: lgb.Booster) -> PathShapley:
    """The trees of a booster. Errors: RuleError for trees on categories, or whose mean is taken (random forests)."""
    model = booster.dump_model()
    if model["average_output"]:
        raise RuleError("the trees are averaged, not added up; train boosted trees")
    infos = [info["tree_structure"] for info in model["tree_info"]]
    base = sum(info["leaf_value"] for info in infos if "split_index" not in info)
    trees = list(trees_of(booster))
    return PathShapley(tuple(map(_paths, trees)), base + sum(map(_mean, trees)))


def _mean(tree: Tree) -> float:
    """Mean value of the training rows of a tree."""
    return float((tree.values * tree.leaf_rows).sum() / tree.leaf_rows.sum())


def _paths(tree: Tree) -> Paths:
    paths = tree.paths()
    return Paths(
        tree,
        np.array([split for path in paths for split in path.splits], dtype=np.int64),
        np.cumsum([len(path.splits) for path in paths]),
        np.array([feature for path in paths for feature in path.features], dtype=np.int64),
        np.concatenate([_shares(tree, path) for path in paths]),
        np.cumsum([len(path.features) for path in paths]),
    )


def _shares(tree: Tree, path: Path) -> np.ndarray:
    """Shares of the training rows that the splits on each feature of a path let through."""
    found = np.ones(len(path.features))
    for node, way, place in path.splits:
        child = tree.children[node, way]
        found[place] *= (tree.leaf_rows[-1 - child] if child < 0 else tree.node_rows[child]) / tree.node_rows[node]
    return found


@compiled
def _contributions(
    ways: Any, splits: Any, splits_end: Any, places: Any, shares: Any, ends: Any, values: Any, factors: Any,
    inverses: Any, rest: Any, weights: Any, used: int,
) -> Any:  # fmt: skip
    count = ways.shape[1]
    found, given, products = np.zeros((count, used)), np.empty((count, used)), np.empty(len(weights))
    kinds, first, slots = np.empty(count, dtype=np.int32), np.empty(count, dtype=np.int32), slots_of(count)
    words, start, split = np.empty((words_of(used), count), dtype=np.int64), 0, 0
    for leaf in range(len(values)):
        mine = failed_by(splits[split : splits_end[leaf]], ways, words)
        some, own = (start, ends[leaf]), places[start : ends[leaf]]
        for case in range(told_apart(mine, kinds, first, slots)):
            _leaf(mine[:, first[case]], shares, some, values[leaf], factors, inverses, rest, weights, products,
                  given[case])  # fmt: skip
        for row in range(count):
            for place in range(len(own)):
                found[row, own[place]] += given[kinds[row], place]
        start, split = ends[leaf], splits_end[leaf]
    return found


@compiled
def _leaf(
    mine: Any, shares: Any, some: Any, value: float, factors: Any, inverses: Any, rest: Any, weights: Any,
    products: Any, into: Any,
) -> None:  # fmt: skip
    """Share the value of a leaf out between the features of its path (`some`: the first of them, and their end), of
    which a row fails `mine`.
    """
    first, end = some
    outside = 1.0
    products[:] = weights
    for at in range(first, end):
        if is_in(at - first, mine):
            outside *= shares[at]
            for point in range(len(products)):
                products[point] *= rest[point]
        else:
            for point in range(len(products)):
                products[point] *= factors[at, point]
    missed = 0.0
    for point in range(len(products)):
        missed += products[point] / rest[point]
    for at in range(first, end):
        passed = 0.0
        for point in range(len(products)):
            passed += products[point] * inverses[at, point]
        is_out = is_in(at - first, mine)
        into[at - first] = value * outside * (-missed if is_out else (1 - shares[at]) * passed)


@compiled
def _add(into: Any, used: Any, contributions: Any, taken: Any) -> None:
    for row in range(len(taken)):
        for feature in range(len(used)):
            into[row, used[feature]] += contributions[taken[row], feature]
