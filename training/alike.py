"""Rows alike to a model answered once: the same side of every threshold of its trees, so the same answer.

What was answered is kept for the batches that follow, up to a number of rows; beyond it, the first ones seen stay.
A hash finds a row and its bins are compared, number by number: nothing is merged by chance.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np

from features.compiled import compiled
from features.trees import trees_of

MISSING = np.iinfo(np.uint16).max
ODD = np.uint64(0x9E3779B97F4A7C15)
Answer = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Bins:
    """The features that the trees split on (`used`), and their thresholds: those of the i-th end at `ends[i]`."""

    used: np.ndarray
    thresholds: np.ndarray
    ends: np.ndarray


@dataclass(frozen=True)
class Memory:
    """Answers by row of bins, in order of appearance; `count` (one number) holds how many there are.

    `answers` is (rows, width). The first `kept` rows stay from batch to batch; those after them are of one batch.
    """

    bins: Bins
    kept: int
    codes: np.ndarray
    slots: np.ndarray
    answers: np.ndarray
    count: np.ndarray


def bins_of(booster: lgb.Booster) -> Bins:
    """The bins of a booster. Errors: RuleError for trees that split on categories, which our encodings never give."""
    found: dict[int, set[float]] = {}
    for tree in trees_of(booster):
        for feature, threshold in zip(tree.feature.tolist(), tree.threshold.tolist(), strict=True):
            found.setdefault(feature, set()).add(threshold)
    used = sorted(found)
    thresholds = [sorted(found[feature]) for feature in used]
    return Bins(
        np.array(used, dtype=np.int64),
        np.array([value for values in thresholds for value in values], dtype=float),
        np.cumsum([len(values) for values in thresholds], dtype=np.int64),
    )


def memory(booster: lgb.Booster, width: int, *, kept: int, batch: int) -> Memory:
    """An empty memory of answers of `width` numbers, for batches of at most `batch` rows."""
    bins, rows = bins_of(booster), kept + batch
    slots = np.full(1 << int(2 * rows - 1).bit_length(), -1, dtype=np.int32)
    codes = np.zeros((rows, len(bins.used)), dtype=np.uint16)
    return Memory(bins, kept, codes, slots, np.empty((rows, width)), np.zeros(1, dtype=np.int64))


def recalled(known: Memory, matrix: np.ndarray, answer: Answer) -> Iterator[tuple[slice, np.ndarray]]:
    """Stretches of an encoded matrix (n, features), in order, and for each row where it stands in `known.answers`.

    `answer` is asked once for the rows not yet known of a stretch, shape (m, features), and says (m, width). Use each
    stretch before the next is asked for.
    """
    most = len(known.codes) - known.kept
    for start in range(0, len(matrix), most):
        rows = np.ascontiguousarray(matrix[start : start + most])
        first = int(known.count[0])
        place, fresh = _placed(rows, known)
        if len(fresh):
            known.answers[first : first + len(fresh)] = answer(rows[fresh])
        yield slice(start, start + len(rows)), place
        _forget(known.codes, known.slots, known.count, known.kept)


def _placed(rows: np.ndarray, known: Memory) -> tuple[np.ndarray, np.ndarray]:
    place, fresh = np.empty(len(rows), dtype=np.int64), np.empty(len(rows), dtype=np.int64)
    bins = known.bins
    count = _place(rows, bins.used, bins.thresholds, bins.ends, known.codes, known.slots, known.count, place, fresh)
    return place, fresh[:count]


@compiled
def _place(
    rows: Any, used: Any, thresholds: Any, ends: Any, codes: Any, slots: Any, count: Any, place: Any, fresh: Any
) -> int:  # fmt: skip
    """How many rows were not known; they are listed in `fresh`, and `place` says where each row stands."""
    found, wrap, mine = 0, len(slots) - 1, np.empty(len(used), dtype=np.uint16)
    for row in range(len(rows)):
        mixed = np.uint64(0)
        for column in range(len(used)):
            mine[column] = _bin(rows[row, used[column]], thresholds, ends[column - 1] if column else 0, ends[column])
            mixed = (mixed ^ np.uint64(mine[column])) * ODD
            mixed ^= mixed >> np.uint64(29)
        slot = np.int64(mixed & np.uint64(wrap))
        while slots[slot] >= 0 and not _same(codes[slots[slot]], mine):
            slot = (slot + 1) & wrap
        if slots[slot] < 0:
            slots[slot] = count[0]
            codes[count[0]] = mine
            fresh[found] = row
            count[0] += 1
            found += 1
        place[row] = slots[slot]
    return found


@compiled
def _bin(value: float, thresholds: Any, start: int, end: int) -> int:
    """Thresholds below the value: a tree goes left where value <= threshold."""
    if np.isnan(value):
        return MISSING
    low, high = start, end
    while low < high:
        middle = (low + high) // 2
        if thresholds[middle] < value:
            low = middle + 1
        else:
            high = middle
    return low - start


@compiled
def _same(one: Any, other: Any) -> bool:
    column = 0
    while column < len(one) and one[column] == other[column]:
        column += 1
    return column == len(one)


@compiled
def _forget(codes: Any, slots: Any, count: Any, kept: int) -> None:
    """Drop the rows beyond `kept`, the last one first: each slot is then as it was before."""
    wrap = len(slots) - 1
    while count[0] > kept:
        count[0] -= 1
        mixed = np.uint64(0)
        for code in codes[count[0]]:
            mixed = (mixed ^ np.uint64(code)) * ODD
            mixed ^= mixed >> np.uint64(29)
        slot = np.int64(mixed & np.uint64(wrap))
        while slots[slot] != count[0]:
            slot = (slot + 1) & wrap
        slots[slot] = -1
