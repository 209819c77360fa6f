"""Expected euros of a booster whose trees stand in parts, each with its own link.

expected = Σ over parts of inverse_link(Σ of the part's trees); the parts follow each other in one booster.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True)
class Parted:
    """A booster taken apart: each part with a booster of its own for each run of trees (of a hurdle: log odds, amount).

    One booster asked for a run of its trees by two threads gives either the other's: the run is kept in the booster.
    """

    parts: tuple[tuple[Part, tuple[lgb.Booster, ...]], ...]

    def expected_eur(self, matrix: np.ndarray, *, threads: int = 0) -> np.ndarray:
        """Sum of the parts, shape (n,), of an encoded matrix (n, features); before factor, shift and floor."""
        total = np.zeros(len(matrix))
        for part, boosters in self.parts:
            total += eur_of(part, [raw_scores(booster, matrix, threads) for booster in boosters])
        return total


def taken_apart(booster: lgb.Booster, parts: Sequence[Part]) -> Parted:
    """The booster of each run of trees; without parts, the whole booster with a log link."""
    if not parts:
        return Parted(((Part("log", booster.num_trees()), (booster,)),))
    found, start = [], 0
    for part in parts:
        runs = [(start, part.chance), (start + part.chance, part.trees - part.chance)]
        found.append((part, tuple(_run(booster, first, count) for first, count in runs if count)))
        start += part.trees
    return Parted(tuple(found))


def parts_eur(booster: lgb.Booster, parts: Sequence[Part], matrix: np.ndarray, *, threads: int = 0) -> np.ndarray:
    """As `Parted.expected_eur`, of a booster that is asked once."""
    return taken_apart(booster, parts).expected_eur(matrix, threads=threads)


def eur_of(part: Part, scores: Sequence[np.ndarray]) -> np.ndarray:
    """Euros of a part from the scores of its runs."""
    if part.link == "identity":
        return scores[0]
    euros = np.exp(np.minimum(scores[-1], part.highest))
    return euros * chance_of(scores[0]) if part.link == "hurdle" else euros


def raw_scores(booster: lgb.Booster, matrix: np.ndarray, threads: int) -> np.ndarray:
    """Sum of the leaves of rows, shape (n,)."""
    return np.asarray(booster.predict(matrix, raw_score=True, num_threads=threads))


def chance_of(odds: np.ndarray) -> np.ndarray:
    """The chance of log odds, held where they leave no doubt."""
    return np.asarray(1 / (1 + np.exp(-np.clip(odds, -FURTHEST_ODDS, FURTHEST_ODDS))))


def _run(booster: lgb.Booster, first: int, count: int) -> lgb.Booster:
    return lgb.Booster(model_str=booster.model_to_string(start_iteration=first, num_iteration=count))
