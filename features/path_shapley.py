"""Shapley values of boosted trees as LightGBM's pred_contrib gives them, many rows at once, to rounding.

A tree that does not know a feature goes both ways, by the shares of its training rows. For a leaf whose path splits
on d features, let z_j be the share of the training rows that the splits on feature j let through, A the features whose
splits the row passes, and B the others (b of them). With j in A, the leaf's value is given to j in the proportion

    (1 − z_j) × Π over B of z × ∫ (1 − t)^b × Π over A without j of (t + z_k (1 − t)) dt   from 0 to 1,

and to each of B in − Π over B of z × ∫ (1 − t)^(b − 1) × Π over A of (t + z_k (1 − t)) dt: polynomials of degree d − 1,
which Gauss and Legendre integrate exactly in d / 2 points, all terms positive (Yu and others 2022 evaluate them alike).
Which features of its path a row passes is all that a leaf asks of it: each case is worked out once, however many rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np
from numpy.polynomial.legendre import leggauss

from features.compiled import compiled
from features.errors import RuleError
from features.grove import laid
from features.tree_kernels import contributions, distinct
from features.trees import Path, Tree, trees_of


@dataclass(frozen=True)
class Paths:
    """Paths of a tree, leaf after leaf, and what the integral needs at each of its points.

    What is of leaf i lies from `…_at[i]` to `…_at[i + 1]`: its splits (node, way and place in the path), and the
    features of its path (place in `tree.used`), each with the share `shares` of the training rows that it lets
    through. By feature of a path and point t: `factors`, t + z (1 − t). By point: `rest`, 1 − t, and its weight.
    """

    tree: Tree
    splits_at: np.ndarray
    splits: np.ndarray
    path_at: np.ndarray
    path: np.ndarray
    shares: np.ndarray
    factors: np.ndarray
    rest: np.ndarray
    weights: np.ndarray

    def contributions(self, ways: np.ndarray) -> np.ndarray:
        """Contributions of each feature in `tree.used`, shape (n, used), for ways (nodes, n)."""
        return np.asarray(
            contributions(
                ways, self.splits_at, self.splits, self.path_at, self.path, self.shares, self.tree.values,
                self.factors, self.rest, self.weights, len(self.tree.used),
            )
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
            _add_kinds(into, paths.tree.used, paths.contributions(ways[:, first]), kinds)
        return into


def path_shapley(booster: lgb.Booster) -> PathShapley:
    """The trees of a booster. Errors: RuleError for trees on categories, or whose mean is taken (random forests)."""
    model = booster.dump_model()
    if model["average_output"]:
        raise RuleError("the trees are averaged, not added up; train boosted trees")
    infos = [info["tree_structure"] for info in model["tree_info"]]
    base = sum(info["leaf_value"] for info in infos if "split_index" not in info)
    trees = list(trees_of(booster))
    return PathShapley(tuple(map(paths_of, trees)), base + sum(map(_mean, trees)))


def _mean(tree: Tree) -> float:
    """Mean value of the training rows of a tree."""
    return float((tree.values * tree.leaf_rows).sum() / tree.leaf_rows.sum())


def paths_of(tree: Tree) -> Paths:
    """The paths of a tree. Errors: RuleError where a node holds no training row."""
    if not tree.node_rows.all():
        raise RuleError("a node of a tree holds no training row; train the trees again, without copying them")
    paths = tree.paths()
    shares = np.concatenate([_shares(tree, path) for path in paths])
    count = (max(len(path.features) for path in paths) + 1) // 2
    points, weights = ((numbers + shift) / 2 for numbers, shift in zip(leggauss(count), (1, 0), strict=True))
    return Paths(
        tree,
        *laid([np.array(path.splits, dtype=np.int64) for path in paths]),
        *laid([np.array(path.features, dtype=np.int64) for path in paths]),
        shares,
        points + shares[:, None] * (1 - points),
        1 - points,
        weights,
    )


def _shares(tree: Tree, path: Path) -> np.ndarray:
    """Shares of the training rows that the splits on each feature of a path let through."""
    found = np.ones(len(path.features))
    for node, way, place in path.splits:
        child = tree.children[node, way]
        found[place] *= (tree.leaf_rows[-1 - child] if child < 0 else tree.node_rows[child]) / tree.node_rows[node]
    return found


@compiled
def _add_kinds(into: Any, used: Any, contributions: Any, taken: Any) -> None:
    for row in range(len(taken)):
        for feature in range(len(used)):
            into[row, used[feature]] += contributions[taken[row], feature]
