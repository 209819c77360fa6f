"""A layer as trees of the same booster, one per partition: euros stay additive, and nothing else scores."""

from __future__ import annotations

import msgspec
import numpy as np

from features.errors import InputError
from features.parts import Part
from features.scoring import Scorer
from features.versions import Card, sha256
from training.cells.declare import Cells, Tree
from training.cells.layer import Layer
from training.tree_text import constant_tree, joined, scaled_trees

NAN_LOW, NAN_HIGH = 10, 8  # LightGBM's decision types: threshold, missing is NaN, and goes left or right


def with_layer(scorer: Scorer, layer: Layer, matrix: np.ndarray) -> tuple[Card, str]:
    """Card and text of the version with the layer as trees; `matrix` gives the rows that each leaf holds.

    The trees hold corrections / balance factor, which multiplies them again. The factor and the floor stay. An identity
    model keeps its link; others get one more identity part. Errors: InputError for a factor of 0.
    """
    card, text = scorer.card, scorer.booster.model_to_string()
    if not card.balance_factor > 0:
        raise InputError(f"{card.model} version {card.version}: its balance factor is 0, nothing can be balanced")
    added = layer_trees(layer, 1 / card.balance_factor, matrix)
    kept = scaled_trees(text, 1.0)
    whole = joined(text, [*added, *kept])
    first = Part("identity", len(added))
    if card.parts:
        card = msgspec.structs.replace(card, parts=(first, *card.parts))
    elif card.link == "log":
        card = msgspec.structs.replace(card, link="parts", parts=(first, Part("log", len(kept))))
    return msgspec.structs.replace(card, model_sha256=sha256(whole.encode())), whole


def layer_trees(layer: Layer, factor: float, matrix: np.ndarray) -> list[str]:
    """Text of the trees of a layer, every correction times `factor`; the constant first."""
    trees = [constant_tree(layer.constant_eur * factor, 0, len(matrix))]
    for cells, euros in zip(layer.cells, layer.euros, strict=True):
        if np.any(euros) and not isinstance(cells.tree, int):
            trees.append(cells_tree(cells, euros * factor, matrix))
    return trees


def cells_tree(cells: Cells, values: np.ndarray, matrix: np.ndarray) -> str:
    """Text of the tree of a partition, with the value of each level and the rows of each node."""
    nodes: list[tuple[int, float, int, int]] = []  # feature, threshold, decision type, rows
    children: list[tuple[int, int]] = []
    leaves: list[tuple[float, int]] = []

    def grow(tree: Tree, rows: np.ndarray) -> tuple[int, int]:
        """Number of the node (~number of a leaf), and its rows."""
        if isinstance(tree, int):
            leaves.append((float(values[tree]), max(len(rows), 1)))
            return ~(len(leaves) - 1), leaves[-1][1]
        column = matrix[rows, tree.feature]
        low = (column <= tree.threshold) | (np.isnan(column) & tree.missing_low)
        place = len(nodes)
        nodes.append((tree.feature, tree.threshold, NAN_LOW if tree.missing_low else NAN_HIGH, 0))
        children.append((0, 0))
        left, right = grow(tree.low, rows[low]), grow(tree.high, rows[~low])
        children[place] = left[0], right[0]
        nodes[place] = (*nodes[place][:3], left[1] + right[1])
        return place, left[1] + right[1]

    grow(cells.tree, np.arange(len(matrix)))
    return _written(nodes, children, leaves)


def _written(
    nodes: list[tuple[int, float, int, int]], children: list[tuple[int, int]], leaves: list[tuple[float, int]]
) -> str:
    feature, threshold, decision, size = zip(*nodes, strict=True)
    left, right = zip(*children, strict=True)
    value, count = zip(*leaves, strict=True)
    fields: dict[str, tuple[float, ...]] = {
        "num_leaves": (len(leaves),), "num_cat": (0,), "split_feature": feature, "split_gain": (1,) * len(nodes),
        "threshold": threshold, "decision_type": decision, "left_child": left, "right_child": right,
        "leaf_value": value, "leaf_weight": count, "leaf_count": count, "internal_value": (0,) * len(nodes),
        "internal_weight": size, "internal_count": size, "is_linear": (0,), "shrinkage": (1,),
    }  # fmt: skip
    return "\n".join(f"{name}={' '.join(repr(number) for number in numbers)}" for name, numbers in fields.items())
