"""A typical patient of the same age and sex, from what is at hand, with the way it was made.

reference: the middle of the card's reference patients of that age and sex; decision: the middle of the other rows of
the decision; bare: no such group of 11 patients, so a patient for whom nothing is recorded but age and sex.
The middle: median of a number, most frequent answer of a flag or category. Age and sex stay the patient's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from features.versions import CardFeature
from serving.auditing.cases import Case

FAMILY = "age_sex"
YEARS = 5.0
SMALLEST = 11
REFERENCE, DECISION, BARE = "reference", "decision", "bare"


@dataclass(frozen=True)
class Typical:
    """Encoded characteristics, shape (1, features); how they were found, and among how many patients."""

    matrix: np.ndarray
    source: str
    patients: int


def typical_of(case: Case) -> Typical:
    """The typical patient of a case."""
    card, row = case.scorer.card, case.matrix[0]
    references = np.array(card.reference_rows, dtype=float).reshape(-1, len(card.features))
    others = np.delete(case.part.matrix, case.number, axis=0)
    for source, rows in ((REFERENCE, references), (DECISION, others)):
        peers = rows[alike(rows, row, card.features)]
        if len(peers) >= SMALLEST:
            return Typical(_own(middle(peers, card.features), row, card.features), source, len(peers))
    return Typical(_own(bare(card.features), row, card.features), BARE, 0)


def alike(rows: np.ndarray, row: np.ndarray, features: Sequence[CardFeature]) -> np.ndarray:
    """Which rows are of the same sex, and of an age at most five years away."""
    held = np.ones(len(rows), dtype=bool)
    for place, feature in enumerate(features):
        if feature.family == FAMILY:
            width = YEARS if feature.kind == "number" else 0.0
            given, own = rows[:, place], row[place]
            held &= np.isnan(given) if np.isnan(own) else np.abs(given - own) <= width
    return held


def middle(rows: np.ndarray, features: Sequence[CardFeature]) -> np.ndarray:
    """The middle value of each characteristic; missing where it is missing for most and may be."""
    return np.array([_middle(rows[:, place], feature) for place, feature in enumerate(features)])


def bare(features: Sequence[CardFeature]) -> np.ndarray:
    """No for every flag, the lowest of zero and beyond for numbers, the middle of the categories that are known."""
    return np.array([_least(feature) for feature in features])


def _own(values: np.ndarray, row: np.ndarray, features: Sequence[CardFeature]) -> np.ndarray:
    is_own = np.array([feature.family == FAMILY for feature in features])
    return np.where(is_own, row, values).reshape(1, -1)


def _middle(values: np.ndarray, feature: CardFeature) -> float:
    known = values[~np.isnan(values)]
    if not len(known) or (feature.nullable and 2 * len(known) < len(values)):
        return np.nan if feature.nullable else _least(feature)
    if feature.kind == "number":
        return float(np.quantile(known, 0.5, method="lower"))
    found, counts = np.unique(known, return_counts=True)
    return float(found[np.argmax(counts)])


def _least(feature: CardFeature) -> float:
    if feature.kind == "category":
        known = [rank for rank, text in enumerate(feature.categories) if text != "missing"]
        return float(known[len(known) // 2]) if known else 0.0
    low = -np.inf if feature.low is None else feature.low
    high = np.inf if feature.high is None else feature.high
    return float(min(max(0.0, low), high))
