"""Trees of a booster as arrays, and the directions that rows take in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import lightgbm as lgb
import numpy as np

from features.compiled import compiled
from features.errors import RuleError
from features.tree_kernels import AS_ZERO, LEFT, ways_of

RIGHT = 0


class Path(NamedTuple):
    """The way to a leaf: its features (places in the tree's `used`), and its splits: node, way, place among them."""

    features: list[int]
    splits: list[tuple[int, int, int]]


@dataclass(frozen=True)
class Tree:
    """One tree: by node its feature, threshold, both children (−1 − leaf) and way of a missing value; leaf values.

    `node_rows`, `leaf_rows`: how many rows training brought there.
    """

    feature: np.ndarray
    threshold: np.ndarray
    children: np.ndarray
    missing: np.ndarray
    values: np.ndarray
    node_rows: np.ndarray
    leaf_rows: np.ndarray

    @cached_property
    def used(self) -> np.ndarray:
        """The features that the tree splits on, ascending."""
        return np.unique(self.feature)

    @cached_property
    def local(self) -> np.ndarray:
        """By node, the place of its feature in `used`."""
        return np.searchsorted(self.used, self.feature)

    def ways(self, columns: np.ndarray) -> np.ndarray:
        """1 where a row goes left, shape (nodes, n), of the columns (features, n) of an encoded matrix."""
        return np.asarray(ways_of(columns, self.feature, self.threshold, self.missing))

    def at(self, points: np.ndarray) -> np.ndarray:
        """What a tree of one feature says where that has these values, shape (n,)."""
        ways = ways_of(points[None, :], self.local, self.threshold, self.missing)
        return np.asarray(_followed(ways, self.children, self.values))

    def paths(self) -> list[Path]:
        """By leaf, the way to it from the root."""
        found: dict[int, Path] = {}
        waiting = [(0, Path([], []))]
        while waiting:
            node, path = waiting.pop()
            if node < 0:
                found[-1 - node] = path
                continue
            feature = int(self.local[node])
            features = path.features if feature in path.features else [*path.features, feature]
            for way in (RIGHT, LEFT):
                split = (node, way, features.index(feature))
                waiting.append((int(self.children[node, way]), Path(features, [*path.splits, split])))
        return [found[leaf] for leaf in range(len(self.values))]


def trees_of(booster: lgb.Booster) -> Iterator[Tree]:
    """The trees that split. Errors: RuleError."""
    for info in booster.dump_model()["tree_info"]:
        if "split_index" in info["tree_structure"]:
            yield _tree(info)


def _tree(info: dict[str, Any]) -> Tree:
    count = info["num_leaves"]
    feature, threshold = np.zeros(count - 1, dtype=np.int64), np.zeros(count - 1)
    children, missing = np.zeros((count - 1, 2), dtype=np.int64), np.zeros(count - 1, dtype=np.int8)
    values, node_rows, leaf_rows = np.zeros(count), np.zeros(count - 1, dtype=np.int64), np.zeros(count, dtype=np.int64)
    waiting = [info["tree_structure"]]
    while waiting:
        node = waiting.pop()
        if "split_index" not in node:
            leaf = node.get("leaf_index", 0)
            values[leaf], leaf_rows[leaf] = node["leaf_value"], node["leaf_count"]
            continue
        at = node["split_index"]
        missing[at], node_rows[at] = _missing(node), node["internal_count"]
        feature[at], threshold[at] = node["split_feature"], node["threshold"]
        for side, child in ((RIGHT, node["right_child"]), (LEFT, node["left_child"])):
            children[at, side] = child.get("split_index", -1 - child.get("leaf_index", 0))
            waiting.append(child)
    return Tree(feature, threshold, children, missing, values, node_rows, leaf_rows)


def _missing(node: dict[str, Any]) -> int:
    if node["decision_type"] != "<=" or node["missing_type"] == "Zero":
        raise RuleError("a tree splits on categories or on zeros as missing; train it on encoded numbers")
    if node["missing_type"] == "None":
        return AS_ZERO
    return LEFT if node["default_left"] else RIGHT


@compiled
def _followed(ways: Any, children: Any, values: Any) -> Any:
    """The leaf value that each row's directions lead to."""
    found = np.empty(ways.shape[1])
    for row in range(len(found)):
        node = 0
        while node >= 0:
            node = children[node, ways[node, row]]
        found[row] = values[-1 - node]
    return found
