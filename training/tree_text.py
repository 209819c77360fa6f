"""LightGBM's text format, read and written: staircases of one feature as trees, and boosters put together."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

NEVER = 1e300
NAN_RIGHT, NAN_NONE = 8, 0


def staircase(feature: int, edges: np.ndarray, levels: np.ndarray, missing: float, counts: np.ndarray) -> str:
    """Text of a tree that reads feature number `feature` only: levels[k] between edges[k − 1] and edges[k].

    A missing value gives `missing`; `counts` holds the rows of each level, then of the missing ones.
    """
    values = np.append(levels, missing)
    left: list[int] = []
    right: list[int] = []
    threshold: list[float] = []
    size: list[int] = []

    def split(low: int, high: int) -> int:
        """Place of the node that holds levels low to high (a leaf is written ~leaf)."""
        if low == high:
            return ~low
        node, middle = len(left), (low + high) // 2
        left.append(0)
        right.append(0)
        threshold.append(0.0)
        size.append(0)
        threshold[node], size[node] = edges[middle], int(counts[low : high + 1].sum())
        left[node], right[node] = split(low, middle), split(middle + 1, high)
        return node

    left.append(0)
    right.append(~(len(values) - 1))
    threshold.append(NEVER)
    size.append(int(counts.sum()))
    left[0] = split(0, len(levels) - 1)
    return _staircase(feature, (left, right), threshold, size, (values, counts))


def scaled_trees(model_text: str, factor: float, constant: float = 0.0) -> list[str]:
    """Trees of a booster, each leaf times `factor`, and `constant` added to the first."""
    body = model_text.split("\nend of trees")[0]
    trees = [block.split("\n", 1)[1] for block in body.split("\nTree=")[1:]]
    return [_moved(tree, factor, constant if number == 0 else 0.0) for number, tree in enumerate(trees)]


def constant_tree(value: float, feature: int, rows: int) -> str:
    """Text of a tree that gives `value` to all."""
    return staircase(feature, np.array([0.0]), np.array([value, value]), value, np.array([rows, 1, 1]))


def joined(model_text: str, trees: Sequence[str]) -> str:
    """Text of a booster that holds `trees` and the columns of another one (`model_text`), with identity objective."""
    header = model_text.split("\ntree_sizes=")[0]
    header = re.sub(r"(?m)^objective=.*$", "objective=regression", header)
    blocks = [f"Tree={number}\n{tree.strip()}\n\n\n" for number, tree in enumerate(trees)]
    sizes = " ".join(str(len(block)) for block in blocks)
    return f"{header}\ntree_sizes={sizes}\n\n{''.join(blocks)}end of trees\n\nparameters:\n\nend of parameters\n"


def _moved(tree: str, factor: float, constant: float) -> str:
    def move(found: re.Match[str]) -> str:
        values = np.array(found[2].split(), dtype=float) * factor + constant
        return f"{found[1]}={' '.join(repr(float(value)) for value in values)}"

    return re.sub(r"(?m)^(leaf_value|internal_value)=(.*)$", move, tree)


def _tree(fields: Mapping[str, Sequence[float] | np.ndarray]) -> str:
    return "\n".join(f"{name}={' '.join(_written(value) for value in values)}" for name, values in fields.items())


def _written(value: float) -> str:
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(float(value))


def _staircase(
    feature: int,
    children: tuple[list[int], list[int]],
    threshold: list[float],
    size: list[int],
    leaves: tuple[np.ndarray, np.ndarray],
) -> str:
    nodes, (values, counts) = len(size), leaves
    return _tree(
        {
            "num_leaves": [len(values)],
            "num_cat": [0],
            "split_feature": [feature] * nodes,
            "split_gain": [1] * nodes,
            "threshold": threshold,
            "decision_type": [NAN_RIGHT] + [NAN_NONE] * (nodes - 1),
            "left_child": children[0],
            "right_child": children[1],
            "leaf_value": values,
            "leaf_weight": counts,
            "leaf_count": counts,
            "internal_value": [0] * nodes,
            "internal_weight": size,
            "internal_count": size,
            "is_linear": [0],
            "shrinkage": [1],
        }
    )
