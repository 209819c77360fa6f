"""Some trees laid out leaf by leaf in flat arrays, and what each leaf gives the features of its path.

A leaf looks at a row through the features of its path alone: each passes all its splits there, or not. Rows that pass
the same features are one case of the leaf, and so are references: a leaf of d features has few cases, however many
rows come. What a case gets from all references is worked out once, and added to the rows that are of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from features.trees import WORD, Tree, compiled, distinct, is_in, kinds_of, slots_of, told_apart, ways_of, words_of


class Grove(NamedTuple):
    """Trees one after the other. What is of tree, leaf or path i lies from `…_at[i]` to `…_at[i + 1]`.

    `nodes_at`, `leaves_at`, `used_at`: by tree, its nodes (feature, threshold, missing), its leaves (values) and the
    features that it uses. By leaf, `splits_at`: its splits (node of the tree, way, place in the path); `path_at`: the
    features of its path (their place in the tree's `used`); `cases_at`: the cases of the references, with the bits of
    the features that each fails. `case_of`: by leaf and reference, its case. `longest`: features of a path, at most.
    """

    nodes_at: np.ndarray
    feature: np.ndarray
    threshold: np.ndarray
    missing: np.ndarray
    leaves_at: np.ndarray
    values: np.ndarray
    used_at: np.ndarray
    used: np.ndarray
    splits_at: np.ndarray
    splits: np.ndarray
    path_at: np.ndarray
    path: np.ndarray
    cases_at: np.ndarray
    failed: np.ndarray
    case_of: np.ndarray
    longest: int


def grove_of(trees: Sequence[Tree], references: np.ndarray) -> Grove:
    """The trees (one or more), with the cases of the references, whose columns are (features, references)."""
    by_tree = [tree.paths() for tree in trees]
    paths = [path for some in by_tree for path in some]
    splits = [np.array(path.splits, dtype=np.int64) for path in paths]
    ways = [tree.ways(references) for tree, some in zip(trees, by_tree, strict=True) for _ in some]
    longest = max(len(path.features) for path in paths)
    failed, case_of = [], []
    for taken, way in zip(splits, ways, strict=True):
        found = failed_by(taken, way, np.empty((words_of(longest), references.shape[1]), dtype=np.int64))
        kinds, first = kinds_of(found)
        failed.append(np.ascontiguousarray(found[:, first].T))
        case_of.append(kinds)
    return Grove(
        *_laid([tree.feature for tree in trees]),
        np.concatenate([tree.threshold for tree in trees]),
        np.concatenate([tree.missing for tree in trees]),
        *_laid([tree.values for tree in trees]),
        *_laid([tree.used for tree in trees]),
        *_laid(splits),
        *_laid([np.array(path.features, dtype=np.int64) for path in paths]),
        *_laid(failed),
        np.stack(case_of),
        longest,
    )


def _laid(parts: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    return _ends([len(part) for part in parts]), np.concatenate(parts)


def _ends(lengths: Sequence[int]) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


@compiled
def summed(grove: Any, by_reference: Any) -> Any:
    """The numbers (references, q) of the references of each case, added up: shape (cases of all leaves, q)."""
    found = np.zeros((grove.cases_at[-1], by_reference.shape[1]))
    for leaf in range(len(grove.values)):
        for reference in range(len(by_reference)):
            found[grove.cases_at[leaf] + grove.case_of[leaf, reference]] += by_reference[reference]
    return found


@compiled
def add_trees(grove: Any, columns: Any, by_row: Any, sums: Any, share: Any, into: Any) -> None:
    """Add what the trees give each row and feature to `into` (n, features); columns (features, n), by_row (n, q),
    `sums` of the cases of the references.
    """
    for tree in range(len(grove.leaves_at) - 1):
        low, high = grove.nodes_at[tree], grove.nodes_at[tree + 1]
        ways = ways_of(columns, grove.feature[low:high], grove.threshold[low:high], grove.missing[low:high])
        kinds, first = distinct(ways)
        used = grove.used[grove.used_at[tree] : grove.used_at[tree + 1]]
        moved = np.zeros((len(first), len(used), by_row.shape[1]))
        _add_leaves(grove, tree, ways[:, first], sums, share, moved)
        _add_rows(used, kinds, by_row, moved, into)


@compiled
def _add_leaves(grove: Any, tree: int, ways: Any, sums: Any, share: Any, moved: Any) -> None:
    """Add what each leaf of a tree gives rows of these ways (nodes, n) to `moved` (n, features used, q)."""
    count = ways.shape[1]
    kinds, first, slots = np.empty(count, dtype=np.int32), np.empty(count, dtype=np.int32), slots_of(count)
    words = np.empty((grove.failed.shape[1], count), dtype=np.int64)
    given, is_met = np.empty((count, grove.longest, sums.shape[1])), np.empty(count, dtype=np.bool_)
    for leaf in range(grove.leaves_at[tree], grove.leaves_at[tree + 1]):
        path = grove.path[grove.path_at[leaf] : grove.path_at[leaf + 1]]
        low, high = grove.cases_at[leaf], grove.cases_at[leaf + 1]
        mine = failed_by(grove.splits[grove.splits_at[leaf] : grove.splits_at[leaf + 1]], ways, words)
        for case in range(told_apart(mine, kinds, first, slots)):
            own, to = mine[:, first[case]], given[case, : len(path)]
            is_met[case] = _give(grove.values[leaf], own, grove.failed[low:high], sums[low:high], share, to)
        _add_given(moved, given, path, kinds, is_met)


@compiled
def _add_given(moved: Any, given: Any, path: Any, kinds: Any, is_met: Any) -> None:
    """Add to every row what its case is given; four numbers at once where there are four, as processors add."""
    count = moved.shape[2]
    fours = count - count % 4
    for row in range(len(kinds)):
        if not is_met[kinds[row]]:
            continue
        for place in range(len(path)):
            into, numbers = moved[row, path[place]], given[kinds[row], place]
            for q in range(0, fours, 4):
                one, two = into[q] + numbers[q], into[q + 1] + numbers[q + 1]
                three, four = into[q + 2] + numbers[q + 2], into[q + 3] + numbers[q + 3]
                into[q], into[q + 1], into[q + 2], into[q + 3] = one, two, three, four
            for q in range(fours, count):
                into[q] += numbers[q]


@compiled
def failed_by(splits: Any, ways: Any, into: Any) -> Any:
    """`into` (words, n), once it holds the bits of the features of a path of which rows of these ways fail a split."""
    into[:] = 0
    for split in range(len(splits)):
        node, way = splits[split, 0], splits[split, 1]
        word, shift = splits[split, 2] // WORD, splits[split, 2] % WORD
        for row in range(ways.shape[1]):
            into[word, row] |= np.int64(ways[node, row] != way) << shift
    return into


@compiled
def _give(value: float, mine: Any, theirs: Any, sums: Any, share: Any, into: Any) -> bool:
    """Whether a row that fails `mine` reaches a leaf mixed with any reference; if so `into` (features of the path, q)
    is what each feature gets of the leaf's value, against each case of the references (`theirs`).
    """
    is_met, other = False, _ones(mine)
    for case in range(len(theirs)):
        together = 0
        for word in range(len(mine)):
            together |= mine[word] & theirs[case, word]
        if together:
            continue
        if not is_met:
            into[:] = 0.0
            is_met = True
        alone = _ones(theirs[case])
        for place in range(len(into)):
            part = 0.0
            if is_in(place, theirs[case]):
                part = value * share[alone, other]
            elif is_in(place, mine):
                part = -value * share[other, alone]
            if part:
                for q in range(sums.shape[1]):
                    into[place, q] += part * sums[case, q]
    return is_met


@compiled
def _ones(words: Any) -> int:
    count = 0
    for word in words:
        while word:
            word &= word - 1
            count += 1
    return count


@compiled
def _add_rows(used: Any, kinds: Any, by_row: Any, moved: Any, into: Any) -> None:
    for row in range(len(kinds)):
        for place in range(len(used)):
            total = 0.0
            for q in range(by_row.shape[1]):
                total += by_row[row, q] * moved[kinds[row], place, q]
            into[row, used[place]] += total
