"""Trees of one feature each, summed up: one step function per feature."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from features.trees import Tree


@dataclass(frozen=True)
class Stairs:
    """By feature of `used`: `edges` ascending, `levels` (one more; an edge is of the level below), and `missing`."""

    used: np.ndarray
    edges: tuple[np.ndarray, ...]
    levels: tuple[np.ndarray, ...]
    missing: np.ndarray

    def levels_of(self, matrix: np.ndarray) -> np.ndarray:
        """What each feature of `used` adds, shape (n, used), of an encoded matrix (n, features)."""
        found = np.empty((len(matrix), len(self.used)))
        for place, feature in enumerate(self.used):
            column = matrix[:, feature]
            level = self.levels[place][np.searchsorted(self.edges[place], column)]
            found[:, place] = np.where(np.isnan(column), self.missing[place], level)
        return found


def stairs_of(trees: Iterable[Tree]) -> Stairs:
    """The step functions of trees of one feature each."""
    by_feature: dict[int, list[Tree]] = {}
    for tree in trees:
        by_feature.setdefault(int(tree.used[0]), []).append(tree)
    used = sorted(by_feature)
    edges = tuple(np.unique(np.concatenate([tree.threshold for tree in by_feature[feature]])) for feature in used)
    points = [np.append(known, [np.inf, np.nan]) for known in edges]
    sums = [sum(tree.at(at) for tree in by_feature[feature]) for feature, at in zip(used, points, strict=True)]
    return Stairs(
        np.array(used, dtype=np.int64),
        edges,
        tuple(np.asarray(found)[:-1] for found in sums),
        np.array([np.asarray(found)[-1] for found in sums]),
    )
