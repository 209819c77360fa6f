"""What a blend learns on beyond some rows: formulas, numbers of trees and weights on a sample, trees on all rows.

A formula of a few hundred terms is settled by a few hundred thousand rows, and its design takes 2.4 kB per row;
trees go on learning from more, and take 150 bytes. The sample is of whole groups (all the years of a patient).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import lightgbm as lgb
import numpy as np
import pyarrow as pa

from training.big.columns import Matrix, dense, rows_at

MOST_ROWS = 200_000
SMALLEST_LEAF = 11

Grow = Callable[[Mapping[str, object]], lgb.Booster]
Truth = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Learnt:
    """What a blend is fitted on: table as given, its matrix, truth (target, weight), capped target, groups; and where
    they are a sample, how to grow trees on all rows, and the share of the rows that it is."""

    X: Any
    matrix: Matrix
    truth: Truth
    capped: np.ndarray
    groups: Any
    grow: Grow | None = None
    share: float = 1.0

    def parameters(self, asked: Mapping[str, object]) -> dict[str, Any]:
        """LightGBM's parameters, with leaves of as large a share of the rows as they are of all."""
        if self.grow is None:
            return dict(asked)
        rows = round(cast(int, asked["min_data_in_leaf"]) * self.share)
        return {**asked, "min_data_in_leaf": max(rows, SMALLEST_LEAF)}


def sampled(whole: Learnt, parameters: Mapping[str, object], names: list[str]) -> Learnt:
    """`whole` with a matrix of float64; of compact columns (an Arrow table) of over `MOST_ROWS` rows, a sample of it.

    `parameters` are those of the trees on all rows, with the seed that draws the sample.
    """
    rows = len(whole.capped)
    if not isinstance(whole.X, pa.Table):
        return whole
    if rows <= MOST_ROWS:
        return Learnt(whole.X, dense(whole.matrix), whole.truth, whole.capped, whole.groups)
    labels = np.arange(rows) if whole.groups is None else np.asarray(whole.groups)
    places = some_groups(labels, MOST_ROWS, seed=cast(int, parameters["seed"]))
    some = rows_at(whole.X, places)
    y, weight = whole.truth
    grow, truth = _on_all(whole, parameters, names), (y[places], weight[places])
    return Learnt(some, dense(some), truth, whole.capped[places], labels[places], grow, len(places) / rows)


def some_groups(labels: np.ndarray, most: int, *, seed: int) -> np.ndarray:
    """Places, ascending, of the rows of groups drawn at random, about `most` of them; all where there are no more."""
    if len(labels) <= most:
        return np.arange(len(labels))
    codes = np.unique(labels, return_inverse=True)[1]
    count = int(codes.max()) + 1
    place = np.random.default_rng(seed).permutation(count)
    return np.flatnonzero(place[codes] < max(round(count * most / len(labels)), 1))


def _on_all(whole: Learnt, parameters: Mapping[str, object], names: list[str]) -> Grow:
    """Trees on all rows, binned once for all the boosters of a blend."""
    fixed = {"min_data_in_leaf": parameters["min_data_in_leaf"], "feature_pre_filter": False}
    asked: dict[str, Any] = {**parameters, **fixed}
    data = lgb.Dataset(whole.matrix, whole.capped, weight=whole.truth[1], feature_name=names, params=asked)
    return lambda settings: lgb.train({**settings, **fixed}, data)
