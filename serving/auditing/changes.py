"""What would change an expected amount: one characteristic at a time, within the range that the card declares."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from features.versions import CardFeature
from serving.auditing.cases import Case

STEPS = 21
VISIBLE_EUR = 0.005


@dataclass(frozen=True)
class Change:
    """The value of a characteristic that gives the least, and the most, all else as it is; euros expected then."""

    feature: CardFeature
    value: float
    least: float
    least_eur: float
    most: float
    most_eur: float

    @property
    def spread_eur(self) -> float:
        """Euros between the two."""
        return self.most_eur - self.least_eur


@dataclass(frozen=True)
class Changes:
    """Every characteristic that moves the amount, the furthest first; labels of those that do not, or have no range."""

    expected_eur: float
    moving: tuple[Change, ...]
    still: tuple[CardFeature, ...]
    unbounded: tuple[CardFeature, ...]


def changes_of(case: Case) -> Changes:
    """What each characteristic alone would change, computed by the version that decided."""
    row, features = case.matrix[0], case.scorer.card.features
    tried = [(place, value) for place, feature in enumerate(features) for value in values_to_try(feature, row[place])]
    matrix = np.repeat(case.matrix, len(tried) + 1, axis=0)
    for line, (place, value) in enumerate(tried, start=1):
        matrix[line, place] = value
    euros = case.scorer.predict(matrix)
    moving: list[Change] = []
    still: list[Change] = []
    for place, feature in enumerate(features):
        own = [(value, euros[line]) for line, (at, value) in enumerate(tried, start=1) if at == place]
        if not own:
            continue
        own.insert(0, (row[place], euros[0]))
        least, most = min(own, key=lambda pair: pair[1]), max(own, key=lambda pair: pair[1])
        found = Change(feature, row[place], float(least[0]), float(least[1]), float(most[0]), float(most[1]))
        (moving if found.spread_eur >= VISIBLE_EUR else still).append(found)
    moving.sort(key=lambda one: -one.spread_eur)
    tried_places = {place for place, _ in tried}
    unbounded = tuple(feature for place, feature in enumerate(features) if place not in tried_places)
    return Changes(float(euros[0]), tuple(moving), tuple(one.feature for one in still), unbounded)


def values_to_try(feature: CardFeature, own: float) -> list[float]:
    """Other values that the card declares: the other answer, the other categories, 21 places along the range."""
    return [value for value in _declared(feature) if value != own]


def _declared(feature: CardFeature) -> Iterator[float]:
    if feature.kind == "flag":
        yield from (0.0, 1.0)
    elif feature.kind == "category":
        yield from map(float, range(len(feature.categories)))
    elif feature.low is not None and feature.high is not None:
        places = np.linspace(feature.low, feature.high, STEPS)
        is_whole = feature.low == int(feature.low) and feature.high == int(feature.high)
        yield from np.unique(np.round(places) if is_whole else places).tolist()
