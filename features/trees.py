"""Trees of a booster as arrays, and the directions that rows take in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import lightgbm as lgb
import numpy as np
from numba import njit

from features.errors import RuleError

RIGHT, LEFT, AS_ZERO = 0, 1, 2
WORD = 62  # bits of a word that are used
ODD = np.int64(-7046029254386353131)


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """By numba, kept on disk for the next process where a folder can be written."""
    try:
        return njit(nogil=True, cache=True)(function)
    except RuntimeError:
        return njit(nogil=True)(function)


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
def ways_of(columns: Any, feature: Any, threshold: Any, missing: Any) -> Any:
    """1 where a row goes left, by node and row."""
    rows = columns.shape[1]
    found = np.empty((len(feature), rows), dtype=np.int8)
    for node in range(len(feature)):
        column, most = columns[feature[node]], threshold[node]
        of_missing = missing[node] == LEFT or (missing[node] == AS_ZERO and most >= 0)
        for row in range(rows):
            found[node, row] = column[row] <= most or (of_missing and column[row] != column[row])
    return found


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


@compiled
def distinct(bits: Any) -> Any:
    """Columns of bits (k, n) that differ: the kind of each, in order of appearance, and the first of each kind."""
    words = np.zeros((words_of(len(bits)), bits.shape[1]), dtype=np.int64)
    for bit in range(len(bits)):
        word, shift = bit // WORD, bit % WORD
        for place in range(bits.shape[1]):
            words[word, place] |= np.int64(bits[bit, place]) << shift
    return kinds_of(words)


@compiled
def kinds_of(words: Any) -> Any:
    """As `distinct`, of columns of words (words, n)."""
    count = words.shape[1]
    kinds, first = np.empty(count, dtype=np.int32), np.empty(count, dtype=np.int32)
    return kinds, first[: told_apart(words, kinds, first, slots_of(count))]


@compiled
def words_of(bits: int) -> int:
    """Words that hold so many bits."""
    return max(1, (bits + WORD - 1) // WORD)


@compiled
def is_in(bit: int, words: Any) -> bool:
    """Whether a bit is set."""
    return (words[bit // WORD] >> (bit % WORD)) & 1 == 1


@compiled
def slots_of(count: int) -> Any:
    """Room to tell so many columns apart: a power of two, half of it free."""
    size = 2
    while size < 2 * count:
        size *= 2
    return np.empty(size, dtype=np.int32)


@compiled
def told_apart(words: Any, kinds: Any, first: Any, slots: Any) -> int:
    """How many kinds of columns there are; each kind and the first of it as `distinct` says, into arrays of length n.

    A hash finds a kind, and its words are compared: nothing is merged by chance.
    """
    slots[:] = -1
    count, wrap = 0, len(slots) - 1
    for place in range(words.shape[1]):
        mixed = np.int64(0)
        for word in range(len(words)):
            mixed = (mixed ^ words[word, place]) * ODD
            mixed ^= mixed >> 29
        slot = mixed & wrap
        while slots[slot] >= 0 and not _same(words, first[slots[slot]], place):
            slot = (slot + 1) & wrap
        if slots[slot] < 0:
            slots[slot] = count
            first[count] = place
            count += 1
        kinds[place] = slots[slot]
    return count


@compiled
def _same(words: Any, one: int, other: int) -> bool:
    word = 0
    while word < len(words) and words[word, one] == words[word, other]:
        word += 1
    return word == len(words)
