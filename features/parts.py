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
TINY = 1e-9


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A run of `trees` trees with the link "identity" or "log"; the score of a log link is held at `highest`.

    A log link extrapolates: beyond what training knew, the score stays.
    """

    link: str
    trees: int
    highest: float = HIGHEST_LOG


def parts_eur(booster: lgb.Booster, parts: Sequence[Part], matrix: np.ndarray, *, threads: int = 0) -> np.ndarray:
    """Sum of the parts, shape (n,), of an encoded matrix (n, features); before factor, shift and floor."""
    total = np.zeros(len(matrix))
    for part, start in _placed(parts):
        raw = booster.predict(
            matrix, start_iteration=start, num_iteration=part.trees, raw_score=True, num_threads=threads
        )
        total += np.asarray(raw) if part.link == "identity" else np.exp(np.minimum(np.asarray(raw), part.highest))
    return total


def explain_parts(
    booster: lgb.Booster, parts: Sequence[Part], matrix: np.ndarray, references: np.ndarray, *, threads: int = 0
) -> np.ndarray:
    """Euros, shape (n, features + 1), base first; each row adds up to `parts_eur`.

    An identity part gives its Shapley values. A log part compares the row with each reference row r, and takes the
    mean over them: euro_j = (phi_j − phi_j(r)) × (ŷ − b_r) / Σ_k (phi_k − phi_k(r)), where b_r is the part's euros
    of the reference: the euros add up, and the base is mean b_r.
    """
    euros = np.zeros((len(matrix), matrix.shape[1] + 1))
    for part, start in _placed(parts):
        asked: dict[str, Any] = {
            "start_iteration": start,
            "num_iteration": part.trees,
            "pred_contrib": True,
            "num_threads": threads,
        }
        phi = np.asarray(booster.predict(matrix, **asked))
        if part.link == "identity":
            euros += np.column_stack([phi[:, -1], phi[:, :-1]])
        else:
            euros += _log_split(phi, np.asarray(booster.predict(references, **asked)), part.highest)
    return euros


def _log_split(phi: np.ndarray, reference: np.ndarray, highest: float) -> np.ndarray:
    """A row held at `highest` has its differences drawn in proportion, so that they add up all the same."""
    euros = np.zeros(phi.shape)
    log_expected, log_base = (np.minimum(values.sum(axis=1), highest) for values in (phi, reference))
    for of_reference, base in zip(reference, log_base, strict=True):
        ratio = log_expected - base
        safe = np.where(ratio == 0, 1.0, ratio)
        slope = np.exp(base) * np.where(ratio == 0, 1.0, np.expm1(safe) / safe)
        euros[:, 0] += np.exp(base)
        differences = phi[:, :-1] - of_reference[:-1]
        whole = differences.sum(axis=1)
        drawn = np.divide(ratio, whole, out=np.ones_like(whole), where=np.abs(whole) > TINY)
        euros[:, 1:] += differences * (slope * drawn)[:, None]
    return euros / len(reference)


def _placed(parts: Sequence[Part]) -> Iterator[tuple[Part, int]]:
    start = 0
    for part in parts:
        yield part, start
        start += part.trees
