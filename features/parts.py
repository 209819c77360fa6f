"""Expected euros of a booster whose trees stand in parts, each with its own link.

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
    for part, start in placed(parts):
        score = raw_scores(booster, matrix, (start + part.chance, part.trees - part.chance), threads)
        if part.link == "identity":
            total += score
            continue
        euros = np.exp(np.minimum(score, part.highest))
        if part.link == "hurdle":
            euros *= chance_of(raw_scores(booster, matrix, (start, part.chance), threads))
        total += euros
    return total


def placed(parts: Sequence[Part]) -> Iterator[tuple[Part, int]]:
    """Each part with the place of its first tree."""
    start = 0
    for part in parts:
        yield part, start
        start += part.trees


def raw_scores(booster: lgb.Booster, matrix: np.ndarray, run: tuple[int, int], threads: int) -> np.ndarray:
    """What `run` (first tree, number of trees) of the booster says of rows, shape (n,)."""
    asked: dict[str, Any] = {"start_iteration": run[0], "num_iteration": run[1], "num_threads": threads}
    return np.asarray(booster.predict(matrix, raw_score=True, **asked))


def chance_of(odds: np.ndarray) -> np.ndarray:
    """The chance of log odds, held where they leave no doubt."""
    return np.asarray(1 / (1 + np.exp(-np.clip(odds, -FURTHEST_ODDS, FURTHEST_ODDS))))
