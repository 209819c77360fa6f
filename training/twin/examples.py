"""Fictional patients for the page, typical of a group of people: never the row of anyone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from features.versions import CardFeature
from training.balance import weighted_quantile
from training.evaluate import SMALLEST_CELL
from training.population import Rows
from training.twin.record import Scorecard
from training.twin.scorecard import WOMAN, line_mask
from training.twin.steps import AGE, ILLNESS, filled_matrix

ALD = "ald_count"
Values = dict[str, float | str]


def typical_patients(
    scorecard: Scorecard, features: Sequence[CardFeature], rows: Rows
) -> list[tuple[str, int, Values, np.ndarray]]:
    """Name, people of the group, values by feature and encoded row of two typical patients.

    The first stands for women of 30 to 59; the second for men of 70 to 84 with an ALD who have the illness of the
    scorecard that is most frequent among them. Each value is the group's most frequent one, or the median of a
    number; a group of fewer than 11 people is replaced by the whole population.
    """
    found = []
    for name, held in (("first", _first(rows)), ("second", _second(scorecard, features, rows))):
        people = len(set(rows.patients[held]))
        group = held if people >= SMALLEST_CELL else np.ones(len(held), dtype=bool)
        row = _typical(features, rows.matrix[group], rows.exposure[group])
        found.append((name, len(set(rows.patients[group])), _values(features, row), row))
    return found


def _first(rows: Rows) -> np.ndarray:
    return _is(rows, WOMAN, 1, 1) & _is(rows, AGE, 30, 59)


def _second(scorecard: Scorecard, features: Sequence[CardFeature], rows: Rows) -> np.ndarray:
    held = _is(rows, WOMAN, 0, 0) & _is(rows, AGE, 70, 84) & _is(rows, ALD, 1, np.inf)
    kinds = {feature.name: feature for feature in features}
    ill = [
        line_mask(line, features, rows.matrix) & held
        for line in scorecard.lines
        if kinds[line.feature].kind == "flag" and kinds[line.feature].family in ILLNESS
    ]
    return max(ill, key=lambda mask: float(rows.exposure[mask].sum()), default=held)


def _is(rows: Rows, name: str, low: float, high: float) -> np.ndarray:
    if name not in rows.names:
        return np.ones(len(rows.patients), dtype=bool)
    values = rows.matrix[:, rows.names.index(name)]
    return (values >= low) & (values <= high)


def _typical(features: Sequence[CardFeature], matrix: np.ndarray, weight: np.ndarray) -> np.ndarray:
    filled = filled_matrix(features, matrix)
    row = np.empty(len(features))
    for place, feature in enumerate(features):
        values = filled[:, place]
        if feature.kind == "category":
            ranks = np.maximum(values, 0).astype(int)
            row[place] = np.argmax(np.bincount(ranks, weight, minlength=len(feature.categories)))
        elif feature.kind == "flag":
            row[place] = float(np.average(values, weights=weight) > 0.5)
        else:
            median = weighted_quantile(values, weight, 0.5)
            row[place] = median if median.is_integer() else float(f"{median:.2g}")  # an exact amount is someone's
    return row


def _values(features: Sequence[CardFeature], row: np.ndarray) -> Values:
    return {
        feature.name: feature.categories[int(value)] if feature.kind == "category" else float(value)
        for feature, value in zip(features, row, strict=True)
    }
