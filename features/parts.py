"""Expected euros of a booster whose trees stand in parts, each with its own link, and their explanation.

expected = Σ over parts of inverse_link(Σ of the part's trees); the parts follow each other in one booster.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import lightgbm as lgb
import msgspec
import numpy as np

HIGHEST_LOG = 80.0
FURTHEST_ODDS = 30.0
TINY = 1e-9
NODES = 16


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A run of `trees` trees with the link "identity", "log" or "hurdle"; a log score is held at `highest`.

    A log link extrapolates: beyond what training knew, the score stays. A hurdle is a chance times an amount: its
    first `chance` trees give the log odds of any spending, the others the log of the amount, held at `highest`.
    """

    link: str
    trees: int
    highest: float = HIGHEST_LOG
    chance: int = 0


def parts_eur(booster: lgb.Booster, parts: Sequence[Part], matrix: np.ndarray, *, threads: int = 0) -> np.ndarray:
    """Sum of the parts, shape (n,), of an encoded matrix (n, features); before factor, shift and floor."""
    total = np.zeros(len(matrix))
    for part, start in _placed(parts):
        score = _asked(booster, matrix, (start + part.chance, part.trees - part.chance), threads, raw_score=True)
        if part.link == "identity":
            total += score
            continue
        euros = np.exp(np.minimum(score, part.highest))
        if part.link == "hurdle":
            euros *= _chance(_asked(booster, matrix, (start, part.chance), threads, raw_score=True))
        total += euros
    return total


def explain_parts(
    booster: lgb.Booster, parts: Sequence[Part], matrix: np.ndarray, references: np.ndarray, *, threads: int = 0
) -> np.ndarray:
    """Euros, shape (n, features + 1), base first; each row adds up to `parts_eur`.

    An identity part gives its Shapley values. A log part compares the row with each reference row r, and takes the
    mean over them: euro_j = (phi_j − phi_j(r)) × (ŷ − b_r) / Σ_k (phi_k − phi_k(r)), where b_r is the part's euros
    of the reference: the euros add up, and the base is mean b_r. A hurdle goes straight from the scores of the
    reference to those of the row and gives each feature its share of every step (Aumann and Shapley 1974): the
    same rule, where the chance does not move.
    """
    euros = np.zeros((len(matrix), matrix.shape[1] + 1))
    for part, start in _placed(parts):
        run = (start + part.chance, part.trees - part.chance)
        phi = _asked(booster, matrix, run, threads, pred_contrib=True)
        if part.link == "identity":
            euros += np.column_stack([phi[:, -1], phi[:, :-1]])
            continue
        reference = _asked(booster, references, run, threads, pred_contrib=True)
        if part.link == "log":
            euros += _log_split(phi, reference, part.highest)
            continue
        odds = [
            _asked(booster, rows, (start, part.chance), threads, pred_contrib=True) for rows in (matrix, references)
        ]
        euros += _hurdle_split(odds, [phi, reference], part.highest)
    return euros


def _asked(booster: lgb.Booster, matrix: np.ndarray, run: tuple[int, int], threads: int, **wanted: bool) -> np.ndarray:
    """What `run` (first tree, number of trees) of the booster says of rows."""
    asked: dict[str, Any] = {"start_iteration": run[0], "num_iteration": run[1], "num_threads": threads, **wanted}
    return np.asarray(booster.predict(matrix, **asked))


def _chance(odds: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-np.clip(odds, -FURTHEST_ODDS, FURTHEST_ODDS))))


def _log_split(phi: np.ndarray, reference: np.ndarray, highest: float) -> np.ndarray:
    """A row held at `highest` has its differences drawn in proportion, so that they add up all the same."""
    euros = np.zeros(phi.shape)
    log_expected, log_base = (np.minimum(values.sum(axis=1), highest) for values in (phi, reference))
    for of_reference, base in zip(reference, log_base, strict=True):
        ratio = log_expected - base
        safe = np.where(ratio == 0, 1.0, ratio)
        slope = np.exp(base) * np.where(ratio == 0, 1.0, np.expm1(safe) / safe)
        euros[:, 0] += np.exp(base)
        euros[:, 1:] += _differences(phi, of_reference, ratio) * slope[:, None]
    return euros / len(reference)


def _hurdle_split(odds: Sequence[np.ndarray], phi: Sequence[np.ndarray], highest: float) -> np.ndarray:
    """odds, phi: contributions to both scores, of the rows and of the references.

    On the way t from 0 to 1, y(t) = chance(t) × amount(t); a feature gets its part of the log amount's way times
    ∫ y dt, and of the log odds' way times ∫ y × (1 − chance) dt, by Gauss and Legendre; what rounding leaves is
    shared out in proportion.
    """
    euros = np.zeros(phi[0].shape)
    ends = [np.clip(values.sum(axis=1), -FURTHEST_ODDS, FURTHEST_ODDS) for values in odds]
    tops = [np.minimum(values.sum(axis=1), highest) for values in phi]
    places, shares = np.polynomial.legendre.leggauss(NODES)
    for number in range(len(phi[1])):
        way, rise = ends[0] - ends[1][number], tops[0] - tops[1][number]
        by_chance, by_amount = np.zeros(len(way)), np.zeros(len(way))
        for at, share in zip((places + 1) / 2, shares / 2, strict=True):
            chance = _chance(ends[1][number] + at * way)
            here = share * chance * np.exp(tops[1][number] + at * rise)
            by_amount += here
            by_chance += here * (1 - chance)
        base = float(_chance(ends[1][number]) * np.exp(tops[1][number]))
        mine = _differences(odds[0], odds[1][number], way) * by_chance[:, None]
        mine += _differences(phi[0], phi[1][number], rise) * by_amount[:, None]
        left = _chance(ends[0]) * np.exp(tops[0]) - base - mine.sum(axis=1)
        size = np.abs(mine) + TINY
        euros[:, 0] += base
        euros[:, 1:] += mine + size * (left / size.sum(axis=1))[:, None]
    return euros / len(phi[1])


def _differences(phi: np.ndarray, of_reference: np.ndarray, way: np.ndarray) -> np.ndarray:
    """Differences of contributions with a reference row, drawn in proportion so that they add up to `way`."""
    differences = phi[:, :-1] - of_reference[:-1]
    whole = differences.sum(axis=1)
    drawn = np.divide(way, whole, out=np.ones_like(whole), where=np.abs(whole) > TINY)
    return np.asarray(differences * drawn[:, None])


def _placed(parts: Sequence[Part]) -> Iterator[tuple[Part, int]]:
    start = 0
    for part in parts:
        yield part, start
        start += part.trees
