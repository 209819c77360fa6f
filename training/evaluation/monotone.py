"""Proof on the trees themselves that raising a feature never lowers (or never raises) what is expected.

A tree is monotone in a feature when no two of its leaves break it: of two leaves that one patient can reach by
changing that feature alone, the one of higher values is not lower. A sum of such trees, times a positive factor,
floored, through a rising link, is monotone as well, and so is a product of such parts that are not negative (a
hurdle). Every pair of leaves is looked at: no sampling.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import lightgbm as lgb
import numpy as np

from training.evaluation.record import MonotoneRow
from training.tree_text import NEVER

Interval = tuple[float, float, bool]
WHOLE: Interval = (-np.inf, np.inf, True)
SLACK = 1e-12


@dataclass(frozen=True)
class Leaf:
    """A leaf: its value, and the values of each split feature that reach it: (above, up to, missing as well)."""

    value: float
    box: Mapping[int, Interval] = field(default_factory=dict)


def monotone_rows(
    booster: lgb.Booster, names: list[str], directions: Mapping[str, int], *, labels: Mapping[str, tuple[str, str]]
) -> tuple[MonotoneRow, ...]:
    """One row per feature with a direction: pairs of leaves checked, pairs that break it, the worst by how much.

    `worst_eur` is in the unit of the trees (euros before the factor; log for a log link). Errors: ValueError for a
    split that is not a threshold.
    """
    forest = [list(_leaves(tree["tree_structure"])) for tree in booster.dump_model()["tree_info"]]
    rows = []
    for name, direction in directions.items():
        if not direction:
            continue
        place = names.index(name)
        found = [(len(gaps), sum(gap > SLACK for gap in gaps), max(gaps, default=0.0))
                 for gaps in (broken_by(leaves, place, direction) for leaves in forest)]  # fmt: skip
        french, english = labels.get(name, (name, name))
        rows.append(
            MonotoneRow(
                feature=name,
                label_fr=french,
                label_en=english,
                direction=direction,
                trees=sum(pairs > 0 for pairs, _, _ in found),
                pairs=sum(pairs for pairs, _, _ in found),
                broken=sum(broken for _, broken, _ in found),
                worst_eur=max((worst for _, _, worst in found), default=0.0),
            )
        )
    return tuple(rows)


def broken_by(leaves: list[Leaf], feature: int, direction: int) -> list[float]:
    """By how much each comparable pair of leaves breaks the direction (0 where it does not).

    A leaf that missing values alone reach (beyond `NEVER`) is neither above nor below another.
    """
    gaps = []
    for one, other in combinations(leaves, 2):
        first, second = one.box.get(feature, WHOLE), other.box.get(feature, WHOLE)
        if first[:2] == second[:2] or max(first[0], second[0]) >= NEVER or not _meet(one, other, feature):
            continue
        low, high = (one, other) if first[0] < second[0] or first[1] < second[1] else (other, one)
        gaps.append(max(direction * (low.value - high.value), 0.0))
    return gaps


def _meet(one: Leaf, other: Leaf, feature: int) -> bool:
    """Whether some values of the other features reach both leaves."""
    for place in one.box.keys() & other.box.keys():
        (low, high, missing), (other_low, other_high, other_missing) = one.box[place], other.box[place]
        is_shared = max(low, other_low) < min(high, other_high, NEVER)
        if place != feature and not (is_shared or (missing and other_missing)):
            return False
    return True


def _leaves(node: Mapping[str, Any], box: Mapping[int, Interval] | None = None) -> Iterator[Leaf]:
    box = box or {}
    if "split_feature" not in node:
        yield Leaf(float(node["leaf_value"]), box)
        return
    if node["decision_type"] != "<=":
        raise ValueError(f"a split by {node['decision_type']!r} cannot be ordered; train on ranks, not on categories")
    place, threshold = int(node["split_feature"]), float(node["threshold"])
    low, high, missing = box.get(place, WHOLE)
    missing_left = node["default_left"] if node["missing_type"] == "NaN" else threshold >= 0
    left = (low, min(high, threshold), missing and missing_left)
    right = (max(low, threshold), high, missing and not missing_left)
    yield from _leaves(node["left_child"], {**box, place: left})
    yield from _leaves(node["right_child"], {**box, place: right})
