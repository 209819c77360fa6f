"""Some trees laid out leaf by leaf in flat arrays, and what each leaf gives the features of its path.

A leaf looks at a row through the features of its path alone: each passes all its splits there, or not. Rows that pass
the same features are one case of the leaf, and so are references: a leaf of d features has few cases, however many
rows come. What a case gets from all references is worked out once, and added to the rows that are of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from features.compiled import compiled
from features.tree_kernels import Grove, failed_by, kinds_of, words_of
from features.trees import Tree


def grove_of(trees: Sequence[Tree], references: np.ndarray) -> Grove:
    """The trees (one or more), with the cases of the references, whose columns are (features, references)."""
    by_tree = [tree.paths() for tree in trees]
    paths = [path for some in by_tree for path in some]
    splits = [np.array(path.splits, dtype=np.int64) for path in paths]
    longest = max(len(path.features) for path in paths)
    ways = [way for tree, some in zip(trees, by_tree, strict=True) for way in [tree.ways(references)] * len(some)]
    failed, case_of = [], []
    for taken, way in zip(splits, ways, strict=True):
        found = failed_by(taken, way, np.empty((words_of(longest), references.shape[1]), dtype=np.int64))
        kinds, first = kinds_of(found)
        failed.append(np.ascontiguousarray(found[:, first].T))
        case_of.append(kinds)
    return Grove(
        *laid([tree.feature for tree in trees]),
        np.concatenate([tree.threshold for tree in trees]),
        np.concatenate([tree.missing for tree in trees]),
        *laid([tree.values for tree in trees]),
        *laid([tree.used for tree in trees]),
        *laid(splits),
        *laid([np.array(path.features, dtype=np.int64) for path in paths]),
        *laid(failed),
        np.stack(case_of),
        longest,
    )


def summed(grove: Grove, by_reference: np.ndarray) -> np.ndarray:
    """The numbers (references, q) of the references of each case, added up: shape (cases of all leaves, q)."""
    return np.asarray(_summed(grove.cases_at, grove.case_of, by_reference))


def laid(parts: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Where each part starts, and the last one ends; the parts, one after the other."""
    return _ends([len(part) for part in parts]), np.concatenate(parts)


def _ends(lengths: Sequence[int]) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


@compiled
def _summed(cases_at: Any, case_of: Any, by_reference: Any) -> Any:
    found = np.zeros((cases_at[-1], by_reference.shape[1]))
    for leaf in range(len(case_of)):
        for reference in range(len(by_reference)):
            found[cases_at[leaf] + case_of[leaf, reference]] += by_reference[reference]
    return found
