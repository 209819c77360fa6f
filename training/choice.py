"""Several models of one table, weighed out of fold, as the parts of one booster.

Members: an additive formula by least squares and one with a log link; trees on squared error, on Tweedie and on
gamma deviance. Weights are 0 or more, sum to 1, and least (squared error / variance + absolute error / deviation).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import cast

import lightgbm as lgb
import numpy as np
from scipy.optimize import minimize

from features.parts import Part, parts_eur
from training.basis import Basis, edges_of, learn_basis
from training.linear_part import chosen_penalty, evaluate, least_squares, log_formula
from training.tree_text import constant_tree, joined, scaled_trees, staircase
from training.trees import balance_cells

SMALLEST_WEIGHT = 0.03
EVENNESS = 0.1
ROWS_ABOVE = 5
BEYOND = 1.2
PENALTY_ROWS = 10_000
PATIENCE = 30
MANY_ROWS = 20_000
DEEPER = {"extra_trees": False, "max_depth": 6, "num_leaves": 15}
TREES: Mapping[str, Mapping[str, object]] = {
    "squares": {"objective": "regression"},
    "tweedie": {"objective": "tweedie", "tweedie_variance_power": 1.5, **DEEPER},
    "gamma": {"objective": "tweedie", "tweedie_variance_power": 1.95, **DEEPER},
}


@dataclass(frozen=True)
class Table:
    """Encoded rows, capped target, weight, and the folds as masks of held-out rows."""

    matrix: np.ndarray
    y: np.ndarray
    weight: np.ndarray
    folds: Sequence[np.ndarray]


@dataclass(frozen=True)
class Columns:
    """By number: columns of few unordered `levels`, what the ranks of others stand for, and the monotone ones."""

    levels: frozenset[int]
    values: Mapping[int, np.ndarray]
    bound: AbstractSet[int]


@dataclass(frozen=True)
class Member:
    """A model fitted on all rows: its link, its expectations out of fold, and its trees times a factor."""

    link: str
    out_of_fold: np.ndarray
    highest: float
    trees: Callable[[float], list[str]]


@dataclass(frozen=True)
class Blend:
    """Text of the booster, its parts, and the weight of each member by name."""

    text: str
    parts: tuple[Part, ...]
    weights: Mapping[str, float]


def blend(
    table: Table,
    parameters: Mapping[str, object],
    names: list[str],
    *,
    columns: Columns,
) -> Blend:
    """The members fitted, weighed and joined; formulas are left out where a column is monotone."""
    positive = bool((table.y >= 0).all()) and float(table.weight @ table.y) > 0
    kinds = [kind for kind in TREES if positive or kind == "squares"]
    members = {kind: boosted(table, {**parameters, **TREES[kind]}, names) for kind in kinds}
    if not columns.bound:
        every = frozenset(range(table.matrix.shape[1]))
        bent = learn_basis(table.matrix, columns.levels, columns.values, frozenset())
        members["linear"] = additive(table, bent, "identity")
        if positive:
            straight = learn_basis(table.matrix, columns.levels, columns.values, every)
            members["log_linear"] = additive(table, bent, "log")
            members["log_straight"] = additive(table, straight, "log")
    weights = weights_of(np.column_stack([member.out_of_fold for member in members.values()]), table.y, table.weight)
    alone = {**parameters, "objective": "regression", "num_iterations": 1, "early_stopping_round": None}
    plain = lgb.Dataset(table.matrix, table.y, feature_name=names)
    frame = lgb.train(alone, plain).model_to_string()
    return _joined(frame, members, weights, table)


def folds_of(rows: int, groups: object, seed: int) -> list[np.ndarray]:
    """Masks of held-out rows, five (three of a large table), which never split a group (a label per row)."""
    codes = np.arange(rows) if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
    count = int(codes.max()) + 1
    folds = min(5 if rows < MANY_ROWS else 3, count)
    if folds < 2:
        raise ValueError("a blend needs at least two groups (or rows) to hold one out; give more data")
    place = np.random.default_rng(seed).permutation(count) % folds
    return [place[codes] == fold for fold in range(folds)]


def with_cells(
    found: Blend,
    matrix: np.ndarray,
    truth: tuple[np.ndarray, np.ndarray],
    parameters: Mapping[str, object],
    *,
    cells: Sequence[int],
) -> Blend:
    """The blend with one more identity part: trees on what it leaves of (y, weight) in large cells of `cells`."""
    y, weight = truth
    booster = lgb.Booster(model_str=found.text)
    left = y - parts_eur(booster, found.parts, matrix)
    alone = {**parameters, "num_iterations": 1, "early_stopping_round": None}
    data = lgb.Dataset(
        matrix, left, weight=weight, feature_name=booster.feature_name(), params=alone, free_raw_data=False
    )
    grown = balance_cells(lgb.train(alone, data), data, left, alone, columns=cells)
    text = grown.model_to_string()
    added = scaled_trees(text, 1.0)
    whole = joined(found.text, [*added, *scaled_trees(found.text, 1.0)])
    return Blend(whole, (Part("identity", len(added)), *found.parts), found.weights)


def weights_of(expected: np.ndarray, y: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Weights of the columns of `expected` (out of fold), drawn slightly to equal ones; they sum to 1."""
    count = expected.shape[1]
    even = np.full(count, 1 / count)
    mean = np.average(y, weights=weight)
    square, distance = weight @ (y - mean) ** 2, weight @ np.abs(y - mean)
    if count == 1 or square == 0:
        return even
    best = 1 - min(
        float(weight @ (y - column) ** 2 / square + weight @ np.abs(y - column) / distance) / 2 for column in expected.T
    )
    pull = EVENNESS * max(best, 1e-3)

    def loss(share: np.ndarray) -> tuple[float, np.ndarray]:
        gap = y - expected @ share
        value = weight @ gap**2 / square + weight @ np.abs(gap) / distance + pull * ((share - even) ** 2).sum()
        slope = -2 * (expected.T @ (weight * gap)) / square - expected.T @ (weight * np.sign(gap)) / distance
        return float(value), slope + 2 * pull * (share - even)

    total = {"type": "eq", "fun": lambda share: share.sum() - 1, "jac": lambda share: np.ones(count)}
    found = minimize(loss, even, jac=True, bounds=[(0, 1)] * count, constraints=total, method="SLSQP").x
    kept = np.where(found >= SMALLEST_WEIGHT, found, 0.0)
    return kept / kept.sum() if kept.sum() > 0 else even


def boosted(table: Table, parameters: Mapping[str, object], names: list[str]) -> Member:
    """Trees stopped on the mean curve of the folds, then grown on all rows."""
    link = "identity" if parameters["objective"] == "regression" else "log"
    data = lgb.Dataset(table.matrix, table.y, weight=table.weight, feature_name=names, params=dict(parameters))
    splits = [(np.flatnonzero(~held).tolist(), np.flatnonzero(held).tolist()) for held in table.folds]
    grown = cast(lgb.CVBooster, lgb.cv(dict(parameters), data, folds=splits, return_cvbooster=True)["cvbooster"])
    trees = max(int(grown.best_iteration), 1)
    expected = np.empty(len(table.y))
    for booster, held in zip(grown.boosters, table.folds, strict=True):
        expected[held] = booster.predict(table.matrix[held], num_iteration=trees)
    alone = {**parameters, "early_stopping_round": None, "num_iterations": trees}
    text = lgb.train(
        alone, lgb.Dataset(table.matrix, table.y, weight=table.weight, feature_name=names)
    ).model_to_string()
    highest = _highest(expected)
    expected = np.minimum(expected, highest) if link == "log" else expected
    share = _total_factor(table, expected)
    return Member(link, expected * share, highest * share, lambda factor: _weighted(text, factor * share, link))


def additive(table: Table, basis: Basis, link: str) -> Member:
    """The additive formula with the penalty chosen out of fold, kept as one staircase per feature."""
    fit = log_formula if link == "log" else least_squares
    design = basis.design(table.matrix)
    some = np.linspace(0, len(table.y) - 1, min(len(table.y), PENALTY_ROWS)).astype(int)
    folds = [held[some] for held in table.folds]
    penalty = chosen_penalty(fit, design[some], table.y[some], table.weight[some], folds=folds, link=link)
    expected = np.empty(len(table.y))
    for held in table.folds:
        found = fit(design[~held], table.y[~held], table.weight[~held], penalty)
        expected[held] = evaluate(found, design[held], link)
    found = fit(design, table.y, table.weight, penalty)
    highest = _highest(expected)
    expected = np.minimum(expected, highest) if link == "log" else expected
    share = _total_factor(table, expected)

    def trees(factor: float) -> list[str]:
        factor, rows = factor * share, len(table.y)
        times, constant = (factor, found[0] * factor) if link == "identity" else (1.0, found[0] + np.log(factor))
        stairs = [_stairs(table, basis, times * found[1:], number) for number in range(table.matrix.shape[1])]
        return [constant_tree(constant, 0, rows), *(stair for stair in stairs if stair)]

    return Member(link, expected * share, highest * share, trees)


def _stairs(table: Table, basis: Basis, coefficients: np.ndarray, feature: int) -> str | None:
    mine = [number for number, term in enumerate(basis.terms) if term.feature == feature]
    column = table.matrix[:, feature]
    known = column[~np.isnan(column)]
    if not mine or not np.any(coefficients[mine]) or not len(known):
        return None
    edges = edges_of(column)
    place = np.searchsorted(edges, known, side="left")
    counts = np.bincount(place, minlength=len(edges) + 1)
    ends = np.concatenate([[known.min()], edges, [known.max()]])
    middle = np.bincount(place, known, minlength=len(counts)) / np.maximum(counts, 1)
    middle = np.where(counts > 0, middle, (ends[1:] + ends[:-1]) / 2)
    levels = basis.of_feature(feature, middle, coefficients)
    missing = float(basis.of_feature(feature, np.array([np.nan]), coefficients)[0])
    rows = np.append(counts, len(column) - len(known))
    return staircase(feature, edges, levels, missing, np.maximum(rows, 1))


def _joined(frame: str, members: Mapping[str, Member], weights: np.ndarray, table: Table) -> Blend:
    """Identity members in one part, each member of a log link in its own."""
    shares = {name: float(share) for name, share in zip(members, weights, strict=True) if share > 0}
    straight = [
        t for name, share in shares.items() if members[name].link == "identity" for t in members[name].trees(share)
    ]
    runs = [(Part("identity", len(straight)), straight)] if straight else []
    for name, share in shares.items():
        if members[name].link == "log":
            trees = members[name].trees(share)
            highest = float(np.log(max(members[name].highest * share, 1e-300)))
            runs.append((Part("log", len(trees), highest), trees))
    text = joined(frame, [tree for _, trees in runs for tree in trees])
    return Blend(text, tuple(part for part, _ in runs), shares)


def _weighted(text: str, factor: float, link: str) -> list[str]:
    return scaled_trees(text, factor) if link == "identity" else scaled_trees(text, 1.0, float(np.log(factor)))


def _total_factor(table: Table, expected: np.ndarray) -> float:
    """What brings the expectations out of fold to the total; 1 where that has no meaning."""
    total, mine = float(table.weight @ table.y), float(table.weight @ expected)
    return total / mine if (table.y >= 0).all() and total > 0 and mine > 0.2 * total else 1.0


def _highest(expected: np.ndarray) -> float:
    """`BEYOND` times the expectation out of fold that `ROWS_ABOVE` rows reach: a log link is not followed further."""
    return BEYOND * float(np.sort(expected)[-min(ROWS_ABOVE, len(expected))])
