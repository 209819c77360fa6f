"""Trees of a booster as arrays, and the directions that rows take in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np
from numba import njit

from features.errors import RuleError

RIGHT, LEFT, AS_ZERO = 0, 1, 2


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """By numba, kept on disk for the next process where a folder can be written."""
    try:
        return njit(nogil=True, cache=True)(function)
    except RuntimeError:
        return njit(nogil=True)(function)


@dataclass(frozen=True)
class Tree:
    """One tree: by node its feature, threshold, both children (−1 − leaf) and way of a missing value; leaf values.

    `used`: the features it splits on, ascending; `local`: by node, the place of its feature among them.
    """

    feature: np.ndarray
    threshold: np.ndarray
    children: np.ndarray
    missing: np.ndarray
    values: np.ndarray
    used: np.ndarray
    local: np.ndarray

    def ways(self, matrix: np.ndarray) -> np.ndarray:
        """1 where a row goes left, by row and node, shape (n, nodes)."""
        return np.asarray(_ways(matrix, self.feature, self.threshold, self.missing))

    def at(self, points: np.ndarray) -> np.ndarray:
        """What a tree of one feature says where that has these values, shape (n,)."""
        ways = _ways(points[:, None], self.local, self.threshold, self.missing)
        return np.asarray(_followed(ways, self.children, self.values))


def trees_of(booster: lgb.Booster) -> Iterator[Tree]:
    """The trees that split. Errors: RuleError."""
    for info in booster.dump_model()["tree_info"]:
        if "split_index" in info["tree_structure"]:
            yield _tree(info)


def _tree(info: dict[str, Any]) -> Tree:
    count = info["num_leaves"]
    feature, threshold = np.zeros(count - 1, dtype=np.int64), np.zeros(count - 1)
    children, missing = np.zeros((count - 1, 2), dtype=np.int64), np.zeros(count - 1, dtype=np.int8)
    values = np.zeros(count)
    waiting = [info["tree_structure"]]
    while waiting:
        node = waiting.pop()
        if "split_index" not in node:
            values[node.get("leaf_index", 0)] = node["leaf_value"]
            continue
        at = node["split_index"]
        missing[at] = _missing(node)
        feature[at], threshold[at] = node["split_feature"], node["threshold"]
        for side, child in ((RIGHT, node["right_child"]), (LEFT, node["left_child"])):
            children[at, side] = child.get("split_index", -1 - child.get("leaf_index", 0))
            waiting.append(child)
    used, local = np.unique(feature, return_inverse=True)
    return Tree(feature, threshold, children, missing, values, used, local)


def _missing(node: dict[str, Any]) -> int:
    if node["decision_type"] != "<=" or node["missing_type"] == "Zero":
        raise RuleError("a tree splits on categories or on zeros as missing; train it on encoded numbers")
    if node["missing_type"] == "None":
        return AS_ZERO
    return LEFT if node["default_left"] else RIGHT


@compiled
def _ways(matrix: Any, feature: Any, threshold: Any, missing: Any) -> Any:
    found = np.empty((len(matrix), len(feature)), dtype=np.int8)
    for row in range(len(matrix)):
        for node in range(len(feature)):
            value = matrix[row, feature[node]]
            if np.isnan(value) and missing[node] != AS_ZERO:
                found[row, node] = missing[node]
            else:
                found[row, node] = (0.0 if np.isnan(value) else value) <= threshold[node]
    return found


@compiled
def _followed(ways: Any, children: Any, values: Any) -> Any:
    """The leaf value that each row's directions lead to."""
    found = np.empty(len(ways))
    for row in range(len(ways)):
        node = 0
        while node >= 0:
            node = children[node, ways[row, node]]
        found[row] = values[-1 - node]
    return found
