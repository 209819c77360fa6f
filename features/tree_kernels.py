"""What walks trees, compiled by numba: all of it in one file, since a file is what the kept compilation is checked by.

Compiled code holds that of what it calls: a change in another file would not be seen.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from features.compiled import compiled

LEFT, AS_ZERO = 1, 2
WORD = 62  # bits of a word that are used
ODD = np.int64(-7046029254386353131)


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
        slot = (mixed * ODD >> 32) & wrap  # the middle of a product knows of every bit
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
    given, is_met = np.empty((count, grove.longest + 1, sums.shape[1])), np.empty(count, dtype=np.bool_)
    for leaf in range(grove.leaves_at[tree], grove.leaves_at[tree + 1]):
        path = grove.path[grove.path_at[leaf] : grove.path_at[leaf + 1]]
        low, high = grove.cases_at[leaf], grove.cases_at[leaf + 1]
        mine = failed_by(grove.splits[grove.splits_at[leaf] : grove.splits_at[leaf + 1]], ways, words)
        for case in range(told_apart(mine, kinds, first, slots)):
            own, to = mine[:, first[case]], given[case, : len(path) + 1]
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
def _give(value: float, mine: Any, theirs: Any, sums: Any, share: Any, into: Any) -> bool:
    """Whether a row that fails `mine` reaches a leaf mixed with any reference; if so `into` (features of the path, q)
    is what each feature gets of the leaf's value, against each case of the references (`theirs`).

    The last row of `into` is room: what each feature that the row fails gets, the same for all of them.
    """
    is_met, other, lost = False, _ones(mine), len(into) - 1
    for case in range(len(theirs)):
        together = 0
        for word in range(len(mine)):
            together |= mine[word] & theirs[case, word]
        if together:
            continue
        if not is_met:
            into[:] = 0.0
            is_met = True
        own = theirs[case]
        alone = _ones(own)
        won, part = value * share[alone, other], value * share[other, alone]
        for q in range(sums.shape[1]):
            into[lost, q] -= part * sums[case, q]
        for place in range(lost):
            if is_in(place, own):
                for q in range(sums.shape[1]):
                    into[place, q] += won * sums[case, q]
    if is_met and other:
        for place in range(lost):
            if is_in(place, mine):
                into[place] = into[lost]
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


@compiled
def contributions(
    ways: Any, splits_at: Any, splits: Any, path_at: Any, path: Any, shares: Any, values: Any, factors: Any, rest: Any,
    weights: Any, used: int,
) -> Any:  # fmt: skip
    """What a tree gives rows of these ways (nodes, n) by path-dependent values, shape (n, features used)."""
    count = ways.shape[1]
    found, given, products = np.zeros((count, used)), np.empty((count, used)), np.empty(len(weights))
    kinds, first, slots = np.empty(count, dtype=np.int32), np.empty(count, dtype=np.int32), slots_of(count)
    words = np.empty((words_of(used), count), dtype=np.int64)
    for leaf in range(len(values)):
        mine = failed_by(splits[splits_at[leaf] : splits_at[leaf + 1]], ways, words)
        low, high = path_at[leaf], path_at[leaf + 1]
        for case in range(told_apart(mine, kinds, first, slots)):
            products[:] = weights
            _leaf(values[leaf], mine[:, first[case]], shares[low:high], factors[low:high], rest, products, given[case])
        for row in range(count):
            for place in range(high - low):
                found[row, path[low + place]] += given[kinds[row], place]
    return found


@compiled
def _leaf(value: float, mine: Any, shares: Any, factors: Any, rest: Any, products: Any, into: Any) -> None:
    """Share the value of a leaf out between the features of its path, of which a row fails `mine`.

    `products`: the weights of the points of the integral; what they are multiplied with stays in them.
    """
    outside, missed = 1.0, 0.0
    for place in range(len(shares)):
        is_out = is_in(place, mine)
        outside *= shares[place] if is_out else 1.0
        for point in range(len(products)):
            products[point] *= rest[point] if is_out else factors[place, point]
    for point in range(len(products)):
        missed += products[point] / rest[point]
    for place in range(len(shares)):
        passed = 0.0
        for point in range(len(products)):
            passed += products[point] / factors[place, point]
        into[place] = value * outside * (-missed if is_in(place, mine) else (1 - shares[place]) * passed)
