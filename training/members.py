"""Members of a blend: models of one table, each with its expectations out of fold and its trees."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

import lightgbm as lgb
import numpy as np

from training.basis import Basis, Shape, edges_of
from training.linear_part import (
    STEPS,
    Design,
    Fit,
    chance_formula,
    chosen_penalty,
    evaluate,
    gamma_formula,
    least_squares,
    log_formula,
)
from training.tree_text import constant_tree, scaled_trees, staircase

ROWS_ABOVE = 5
BEYOND = 1.2
PENALTY_ROWS = 10_000
FITS: Mapping[str, Fit] = {
    "identity": least_squares,
    "log": log_formula,
    "gamma": gamma_formula,
    "logit": chance_formula,
}


@dataclass(frozen=True)
class Table:
    """Encoded rows (ranks of many levels drawn out of fold), the same with plain ranks (`codes`), capped target,
    weight, the folds as masks of held-out rows, what the columns are, and where these rows are a sample (see
    training/big/sample.py), how trees grow on all rows."""

    matrix: np.ndarray
    codes: np.ndarray
    y: np.ndarray
    weight: np.ndarray
    folds: Sequence[np.ndarray]
    shape: Shape = field(default_factory=Shape)
    grow: Callable[[Mapping[str, object]], lgb.Booster] | None = None


@dataclass(frozen=True)
class Member:
    """A model fitted on all rows: link, expectations out of fold, highest amount, its trees times a factor.

    A hurdle has the trees of its `chance` besides. `drift`: total of the rows that it was fitted on, once the total
    out of fold is right, over the true one; trees that know their rows too well under a log link are above 1.
    """

    link: str
    out_of_fold: np.ndarray
    highest: float
    trees: Callable[[float], list[str]]
    chance: tuple[str, ...] = ()
    drift: float = 1.0


@dataclass(frozen=True)
class Scored:
    """A model on the scale of its link: expectations out of fold, its trees with a constant added, and what it expects
    of the rows that it was fitted on (None: as much in total)."""

    expected: np.ndarray
    trees: Callable[[float, float], list[str]]
    seen: np.ndarray | None = None


def member(table: Table, scored: Scored, link: str) -> Member:
    """The member of a model: held where a log link is not followed further, and with the right total out of fold."""
    highest = highest_of(scored.expected)
    expected = np.minimum(scored.expected, highest) if link == "log" else scored.expected
    share = total_factor(table, expected)
    drift = 1.0
    if link == "log" and scored.seen is not None:
        drift = share * float(table.weight @ np.minimum(scored.seen, highest)) / float(table.weight @ table.y)
    return Member(
        link, expected * share, highest * share, lambda factor: _times(scored, factor * share, link), drift=drift
    )


def hurdle(table: Table, chance: Scored, amount: Scored) -> Member:
    """The member chance × amount, of two models."""
    highest = highest_of(amount.expected)
    expected = chance.expected * np.minimum(amount.expected, highest)
    share = total_factor(table, expected)
    return Member(
        "hurdle",
        expected * share,
        highest * share,
        lambda factor: _times(amount, factor * share, "log"),
        tuple(chance.trees(1.0, 0.0)),
    )


def sharpened(scored: Scored, by: float, link: str) -> Scored:
    """A model whose scores (logs or log odds) are taken `by` times."""
    expected = scored.expected**by
    if link == "logit":
        expected = expected / (expected + (1 - scored.expected) ** by)
    seen = None if scored.seen is None else scored.seen**by
    return Scored(expected, lambda factor, constant: scored.trees(by * factor, constant), seen)


def boosted(table: Table, parameters: Mapping[str, object], names: list[str]) -> Scored:
    """Trees stopped on the mean curve of the folds (all of them without early stopping), then grown on all rows."""
    settings = dict(parameters)

    def data(asked: dict[str, object]) -> lgb.Dataset:
        return lgb.Dataset(table.matrix, table.y, weight=table.weight, feature_name=names, params=asked)

    splits = [(np.flatnonzero(~held).tolist(), np.flatnonzero(held).tolist()) for held in table.folds]
    grown = cast(lgb.CVBooster, lgb.cv(settings, data(settings), folds=splits, return_cvbooster=True)["cvbooster"])
    stops = settings.get("early_stopping_round")
    trees = max(int(grown.best_iteration), 1) if stops else int(cast(int, settings["num_iterations"]))
    expected = np.empty(len(table.y))
    for booster, held in zip(grown.boosters, table.folds, strict=True):
        expected[held] = booster.predict(table.matrix[held], num_iteration=trees)
    alone = {**settings, "early_stopping_round": None, "num_iterations": trees}
    whole = table.grow(alone) if table.grow else lgb.train(alone, data(alone))
    text, seen = whole.model_to_string(), np.asarray(whole.predict(table.matrix))
    return Scored(expected, lambda factor, constant: scaled_trees(text, factor, constant), seen)


def formula(table: Table, basis: Basis, kind: str, *, chosen: np.ndarray | None = None) -> Scored:
    """The additive formula of a kind (of `FITS`), its penalty chosen out of fold, as one staircase per feature."""
    chosen = np.ones(len(table.y), dtype=bool) if chosen is None else chosen
    fit, link = FITS[kind], "log" if kind == "gamma" else kind
    design = basis.design(table.matrix, table.codes)
    penalty = _penalty(fit, design, table, chosen, link)
    expected = np.empty(len(table.y))
    found = fit(design.rows(chosen), (table.y[chosen], table.weight[chosen]), penalty, None, STEPS)
    for held in table.folds:
        known = chosen & ~held
        without = fit(design.rows(known), (table.y[known], table.weight[known]), penalty, found, STEPS)
        expected[held] = evaluate(without, design.rows(held), link)

    def trees(factor: float, constant: float) -> list[str]:
        stairs = [_stairs(table, basis, factor * found[1:], number) for number in range(table.matrix.shape[1])]
        whole = constant_tree(factor * found[0] + constant, 0, len(table.y))
        return [whole, *(stair for stair in stairs if stair)]

    return Scored(expected, trees)


def chances(table: Table) -> Table:
    """The table whose target is 1 where there is any spending, else 0."""
    return replace(table, y=(table.y > 0).astype(float))


def total_factor(table: Table, expected: np.ndarray) -> float:
    """What brings the expectations out of fold to the total; 1 where that has no meaning."""
    total, mine = float(table.weight @ table.y), float(table.weight @ expected)
    return total / mine if (table.y >= 0).all() and total > 0 and mine > 0.2 * total else 1.0


def highest_of(expected: np.ndarray) -> float:
    """`BEYOND` times the expectation out of fold that `ROWS_ABOVE` rows reach: a log link is not followed further."""
    return BEYOND * float(np.sort(expected)[-min(ROWS_ABOVE, len(expected))])


def _times(scored: Scored, factor: float, link: str) -> list[str]:
    return scored.trees(factor, 0.0) if link == "identity" else scored.trees(1.0, float(np.log(factor)))


def _penalty(fit: Fit, design: Design, table: Table, chosen: np.ndarray, link: str) -> float:
    rows = np.flatnonzero(chosen)
    some = rows[np.linspace(0, len(rows) - 1, min(len(rows), PENALTY_ROWS)).astype(int)]
    folds = [held[some] for held in table.folds]
    return chosen_penalty(fit, design.rows(some), (table.y[some], table.weight[some]), folds=folds, link=link)


def _stairs(table: Table, basis: Basis, coefficients: np.ndarray, feature: int) -> str | None:
    column = table.codes[:, feature]
    known = column[~np.isnan(column)]
    if not len(known):
        return None
    ranked = feature in table.shape.values
    edges = (
        np.arange(len(table.shape.values[feature]) - 1) + 0.5
        if ranked
        else edges_of(column, basis.low[feature], basis.high[feature])
    )
    place = np.searchsorted(edges, known, side="left")
    counts = np.bincount(place, minlength=len(edges) + 1)
    ends = np.concatenate([[basis.low[feature]], edges, [basis.high[feature]]])
    middle = np.bincount(place, known, minlength=len(counts)) / np.maximum(counts, 1)
    middle = np.where(counts > 0, middle, (ends[1:] + ends[:-1]) / 2)
    middle = np.round(middle) if ranked else middle
    levels = basis.of_feature(feature, middle, coefficients)
    missing = float(basis.of_feature(feature, np.array([np.nan]), coefficients)[0])
    if not np.ptp(np.append(levels, missing)):
        return None
    rows = np.append(counts, len(column) - len(known))
    return staircase(feature, edges, levels, missing, np.maximum(rows, 1))
