"""Several models of one table, weighed out of fold, as the parts of one booster.

Members (training/members.py): additive formulas by least squares, with a log link and as a hurdle (chance × amount);
trees on squared error, on Tweedie and on gamma deviance. Some stand a second time with sharpened scores: the least
absolute error with a right total is a quantile, which is further from the mean than the expectation where chances
differ. Weights are 0 or more, sum to 1, and least (squared error + absolute error + Tweedie deviance, each on its
own scale).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import lightgbm as lgb
import numpy as np
from scipy.optimize import minimize

from features.parts import Part, parts_eur
from training.basis import extended, learn_basis
from training.big.columns import Matrix
from training.members import Member, Table, boosted, chances, formula, hurdle, member, sharpened
from training.tree_text import joined, scaled_trees
from training.trees import balance_cells

SMALLEST_WEIGHT = 0.03
EVENNESS = 0.05
SHARPER, CHANCE_SHARPER = 1.25, 1.5
LOWEST_SHARE = 0.02
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
PATIENCE = 30
MANY_ROWS = 20_000
FEWEST_OF_EACH = 100
DEEPER: Mapping[str, object] = {"extra_trees": False, "max_depth": 6, "num_leaves": 15}
TWEEDIE: Mapping[str, object] = {"objective": "tweedie", "tweedie_variance_power": 1.5, **DEEPER}
DEEP: Mapping[str, object] = {
    "num_iterations": 150,
    "learning_rate": 0.1,
    "num_leaves": 63,
    "max_depth": -1,
    "lambda_l2": 0.0,
    "extra_trees": False,
    "feature_fraction": 1.0,
    "bagging_fraction": 1.0,
    "bagging_freq": 0,
    "early_stopping_round": None,
}
MOST_DRIFT = 0.03
GAMMA: Mapping[str, object] = {"objective": "tweedie", "tweedie_variance_power": 1.95, **DEEPER}


@dataclass(frozen=True)
class Blend:
    """Text of the booster, its parts, and the weight of each member by name."""

    text: str
    parts: tuple[Part, ...]
    weights: Mapping[str, float]


def blend(table: Table, parameters: Mapping[str, object], names: list[str]) -> Blend:
    """The members fitted, weighed, completed and joined."""
    members = _members(table, parameters, names)
    expected = np.column_stack([each.out_of_fold for each in members.values()])
    drift = np.array([each.drift for each in members.values()])
    weights = weights_of(expected, table.y, table.weight, drift=drift)
    rest = rest_of(table, expected @ weights)
    if rest is not None:
        members["rest"], weights = rest[0], np.append(weights, rest[1])
    alone = {**parameters, "objective": "regression", "num_iterations": 1, "early_stopping_round": None}
    plain = lgb.Dataset(table.codes, table.y, feature_name=names)
    frame = lgb.train(alone, plain).model_to_string()
    return _joined(frame, members, weights)


def rest_of(table: Table, expected: np.ndarray) -> tuple[Member, float] | None:
    """Least squares of what `expected` leaves (out of fold) on long tails, and how much of it to add.

    Leaves hold many rows and a log link is held at its top, so that the highest values of past spending and the like
    count for too little; the terms are 0 for 98 % of the rows, which they leave as they are. None where no share of
    it lessens the loss.
    """
    basis = extended(learn_basis(table.matrix, table.codes, table.shape, kind="tails"))
    if not basis.terms:
        return None
    left = formula(replace(table, y=table.y - expected), basis, "identity")
    lowest = 0.0 if (table.y >= 0).all() else -np.inf
    losses = [_loss(np.maximum(expected + share * left.expected, lowest), table) for share in SHARES]
    share = SHARES[int(np.argmin(losses))]
    return (Member("identity", left.expected, np.inf, lambda factor: left.trees(factor, 0.0)), share) if share else None


def _members(table: Table, parameters: Mapping[str, object], names: list[str]) -> dict[str, Member]:
    bent, straight = (learn_basis(table.matrix, table.codes, table.shape, kind=kind) for kind in ("bent", "straight"))
    identity = {
        "squares": boosted(table, parameters, names),
        "deep_squares": boosted(table, {**parameters, **DEEP}, names),
        "linear": formula(table, extended(bent), "identity"),
        "linear_straight": formula(table, extended(straight), "identity"),
    }
    members = {name: member(table, scored, "identity") for name, scored in identity.items()}
    if (table.y < 0).any() or not table.weight @ table.y > 0:
        return members
    logs = {
        "tweedie": boosted(table, {**parameters, **TWEEDIE}, names),
        "gamma": boosted(table, {**parameters, **GAMMA}, names),
        "deep": boosted(table, {**parameters, **TWEEDIE, **DEEP}, names),
        "log_linear": formula(table, bent, "log"),
        "log_straight": formula(table, straight, "log"),
    }
    logs |= {f"{name}_sharp": sharpened(logs[name], SHARPER, "log") for name in ("tweedie", "log_linear")}
    members |= {name: member(table, scored, "log") for name, scored in logs.items()}
    some = table.y > 0
    if min(some.sum(), (~some).sum()) < FEWEST_OF_EACH:
        return members
    chance, amount = (formula(rows, bent, kind, chosen=only) for rows, kind, only in _two_parts(table))
    members["hurdle"] = hurdle(table, chance, amount)
    members["hurdle_sharp"] = hurdle(table, sharpened(chance, CHANCE_SHARPER, "logit"), amount)
    chance, amount = (formula(rows, straight, kind, chosen=only) for rows, kind, only in _two_parts(table))
    return members | {"hurdle_straight": hurdle(table, chance, amount)}


def _two_parts(table: Table) -> list[tuple[Table, str, np.ndarray | None]]:
    """Chance of any spending, then amount of those who have some: table, kind of formula, rows."""
    return [(chances(table), "logit", None), (table, "gamma", table.y > 0)]


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
    matrix: Matrix,
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


def weights_of(
    expected: np.ndarray, y: np.ndarray, weight: np.ndarray, *, drift: np.ndarray | None = None
) -> np.ndarray:
    """Weights of the columns of `expected` (out of fold), drawn slightly to equal ones; they sum to 1.

    `drift` of each column (see Member): the whole is within `MOST_DRIFT` of 1, so that bringing the training total
    right does not put that of new rows wrong.
    """
    count = expected.shape[1]
    even = np.full(count, 1 / count)
    if count == 1 or np.ptp(y[weight > 0]) == 0:
        return even
    scaled = _losses(y, weight)

    def loss(share: np.ndarray) -> tuple[float, np.ndarray]:
        found = [(each(expected @ share, y, weight), scale) for each, scale in scaled]
        value = sum(one / scale for (one, _), scale in found)
        slope = sum(expected.T @ (one / scale) for (_, one), scale in found)
        return value + pull * float(((share - even) ** 2).sum()), slope + 2 * pull * (share - even)

    losses = [sum(each(c, y, weight)[0] / scale for each, scale in scaled[:2]) for c in expected.T]
    pull = EVENNESS * max(1 - min(losses) / 2, 1e-3)
    total = {"type": "eq", "fun": lambda share: share.sum() - 1, "jac": lambda share: np.ones(count)}
    limits = [total] if drift is None else [total, *_within(drift)]
    found = minimize(loss, even, jac=True, bounds=[(0, 1)] * count, constraints=limits, method="SLSQP").x
    kept = np.where(found >= SMALLEST_WEIGHT, found, 0.0)
    return kept / kept.sum() if kept.sum() > 0 else even


def _within(drift: np.ndarray) -> list[dict[str, object]]:
    """Constraints that hold drift · share within `MOST_DRIFT` of 1."""
    return [
        {
            "type": "ineq",
            "fun": lambda share, by=by: MOST_DRIFT - by * (drift @ share - 1),
            "jac": lambda _, by=by: -by * drift,
        }
        for by in (1.0, -1.0)
    ]


def _losses(y: np.ndarray, weight: np.ndarray) -> list[tuple[Callable[..., tuple[float, np.ndarray]], float]]:
    """Losses and their scales: that of the mean for all, less that of the truth."""
    mean = np.full(len(y), np.average(y, weights=weight))
    losses = [_squares, _distances, *([_deviance] if (y >= 0).all() else [])]
    return [(each, each(mean, y, weight)[0] - each(y, y, weight)[0]) for each in losses]


def _loss(expected: np.ndarray, table: Table) -> float:
    y, weight = table.y, table.weight
    return float(sum(each(expected, y, weight)[0] / scale for each, scale in _losses(y, weight)))


def _squares(expected: np.ndarray, y: np.ndarray, weight: np.ndarray) -> tuple[float, np.ndarray]:
    """Loss and its slope by row, as the next two."""
    gap = y - expected
    return float(weight @ gap**2), -2 * weight * gap


def _distances(expected: np.ndarray, y: np.ndarray, weight: np.ndarray) -> tuple[float, np.ndarray]:
    gap = y - expected
    return float(weight @ np.abs(gap)), -weight * np.sign(gap)


def _deviance(expected: np.ndarray, y: np.ndarray, weight: np.ndarray) -> tuple[float, np.ndarray]:
    """Of a Tweedie law of power 1.5; an expectation under a fiftieth of the mean counts as that."""
    lowest = LOWEST_SHARE * np.average(y, weights=weight)
    held = np.maximum(expected, lowest)
    slope = np.where(expected > lowest, held**-0.5 - y * held**-1.5, 0.0)
    return float(weight @ (2 * y * held**-0.5 + 2 * held**0.5)), weight * slope


def _joined(frame: str, members: Mapping[str, Member], weights: np.ndarray) -> Blend:
    """Identity members in one part, each of the others in its own."""
    shares = {name: float(share) for name, share in zip(members, weights, strict=True) if share > 0}
    straight = [
        t for name, share in shares.items() if members[name].link == "identity" for t in members[name].trees(share)
    ]
    runs = [(Part("identity", len(straight)), straight)] if straight else []
    for name, share in shares.items():
        mine = members[name]
        if mine.link != "identity":
            trees = [*mine.chance, *mine.trees(share)]
            highest = float(np.log(max(mine.highest * share, 1e-300)))
            runs.append((Part(mine.link, len(trees), highest, len(mine.chance)), trees))
    text = joined(frame, [tree for _, trees in runs for tree in trees])
    return Blend(text, tuple(part for part, _ in runs), shares)
