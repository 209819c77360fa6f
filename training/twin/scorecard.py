"""A scorecard applied: to one patient by hand, line by line, and to a matrix at once; both give the same cents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from features.errors import RequestError
from features.versions import CardFeature
from training.twin.record import Line, Scorecard

WOMAN = "is_woman"
Patient = Mapping[str, float | str | None]


@dataclass(frozen=True)
class Score:
    """What a patient is worth: the lines that hold, and base + points, not below the floor, in cents."""

    lines: tuple[Line, ...]
    cents: int

    @property
    def points_eur(self) -> int:
        """Sum of the points."""
        return sum(line.points_eur for line in self.lines)


def score(scorecard: Scorecard, patient: Patient) -> Score:
    """The amount of one patient, given by feature (category as text), added as on paper.

    cents = max(base + 100 × Σ points of the lines that hold, floor). Errors: RequestError for a feature that the
    scorecard reads and the patient lacks.
    """
    held = tuple(line for line in scorecard.lines if _holds(line, patient))
    cents = scorecard.base_cents + 100 * sum(line.points_eur for line in held)
    return Score(held, cents if scorecard.floor_cents is None else max(cents, scorecard.floor_cents))


def amounts_eur(scorecard: Scorecard, features: Sequence[CardFeature], matrix: np.ndarray) -> np.ndarray:
    """Euros of each row of an encoded matrix (n, features), as `score` gives them one by one."""
    points = np.zeros(len(matrix), dtype=np.int64)
    for line in scorecard.lines:
        points[line_mask(line, features, matrix)] += line.points_eur
    cents = scorecard.base_cents + 100 * points
    return (cents if scorecard.floor_cents is None else np.maximum(cents, scorecard.floor_cents)) / 100


def line_mask(line: Line, features: Sequence[CardFeature], matrix: np.ndarray) -> np.ndarray:
    """True for the rows of an encoded matrix for which a line holds."""
    names = [feature.name for feature in features]
    place = names.index(line.feature)
    values = matrix[:, place]
    if line.category is not None:
        held = values == features[place].categories.index(line.category)
    else:
        known = np.where(np.isnan(values), missing_as(features[place]), values)
        held = np.ones(len(matrix), dtype=bool)
        held &= known >= line.low if line.low is not None else True
        held &= known < line.below if line.below is not None else True
    if line.is_woman is not None:
        held &= (matrix[:, names.index(WOMAN)] == 1) == line.is_woman
    return held


def missing_as(feature: CardFeature) -> float:
    """What a missing number counts as: the lowest that is accepted (0 for a flag)."""
    return 0.0 if feature.kind == "flag" or feature.low is None else feature.low


def _holds(line: Line, patient: Patient) -> bool:
    value = _value(line.feature, patient)
    if line.is_woman is not None and (_value(WOMAN, patient) == 1) != line.is_woman:
        return False
    if line.category is not None:
        return value == line.category
    known = float("-inf") if value is None else float(value)
    return (line.low is None or known >= line.low) and (line.below is None or known < line.below)


def _value(name: str, patient: Patient) -> float | str | None:
    if name not in patient:
        raise RequestError(f"feature {name!r} is missing; the scorecard reads it: give it (null where not known)")
    return patient[name]
