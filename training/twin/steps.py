"""What a scorecard may be made of: one column per figure, each with at least 11 people on both sides.

A number gives a column per threshold ("age 65 or more"), a flag one, a category one per level; age gives the same
thresholds for women alone. Directions: as the catalogue says; and no illness takes euros away, since a line that
reads "one more illness, less money" could be published by nobody.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from features.versions import CardFeature
from training.evaluate import SMALLEST_CELL
from training.twin.scorecard import WOMAN, missing_as

AGE = "age"
ILLNESS = ("ald", "comorbidity")
MOST_CUTS = 24
NICE = (1.0, 2.0, 5.0)


@dataclass(frozen=True)
class Step:
    """A column of 0 and 1: `feature` at least `low`, or the category of rank `category`, for women alone or all.

    sign: +1 or −1 where the coefficient may have no other sign, 0 where it is free.
    """

    feature: str
    low: float | None = None
    category: int | None = None
    women: bool = False
    sign: int = 0

    def column(self, names: Sequence[str], filled: np.ndarray) -> np.ndarray:
        """The column of a matrix whose missing numbers were filled (`filled_matrix`)."""
        values = filled[:, names.index(self.feature)]
        held = values == self.category if self.category is not None else values >= self.low
        return held & (filled[:, names.index(WOMAN)] == 1) if self.women else held


def filled_matrix(features: Sequence[CardFeature], matrix: np.ndarray) -> np.ndarray:
    """The matrix with missing numbers and flags as a scorecard reads them; a missing category is in no level."""
    fill = [-1.0 if feature.kind == "category" else missing_as(feature) for feature in features]
    return np.where(np.isnan(matrix), np.array(fill), matrix)


def candidate_steps(features: Sequence[CardFeature], filled: np.ndarray, patients: np.ndarray) -> list[Step]:
    """Every column that may be published: enough different patients where it holds and where it does not."""
    names = [feature.name for feature in features]
    codes = np.unique(patients.astype(str), return_inverse=True)[1]
    found = [step for feature in features for step in _steps(feature, names, filled, codes)]
    return [step for step in found if _is_large(step.column(names, filled), codes)]


def cuts_of(values: np.ndarray, codes: np.ndarray, parts: Sequence[np.ndarray]) -> list[float]:
    """Thresholds of a number, at most 24 before those that leave fewer than 11 people between two are dropped.

    Round steps for whole numbers up to 120 apart, rounded quantiles otherwise; `parts`: rows (women, men) in each of
    which every band must hold 11 people.
    """
    kept: list[float] = []
    edge = -np.inf
    for cut in _round_cuts(values):
        if all(_people(codes, part & (values >= edge) & (values < cut)) >= SMALLEST_CELL for part in parts):
            kept.append(cut)
            edge = cut
    while kept and any(_people(codes, part & (values >= kept[-1])) < SMALLEST_CELL for part in parts):
        kept.pop()
    return kept


def _steps(feature: CardFeature, names: list[str], filled: np.ndarray, codes: np.ndarray) -> Iterator[Step]:
    name, values = feature.name, filled[:, names.index(feature.name)]
    if feature.kind == "category":
        yield from (Step(name, category=rank) for rank in range(len(feature.categories)))
    elif feature.kind == "flag":
        yield Step(name, low=1.0, sign=feature.monotone or int(feature.family in ILLNESS))
    else:
        by_sex = name == AGE and WOMAN in names
        woman = filled[:, names.index(WOMAN)] == 1 if by_sex else np.ones(len(values), dtype=bool)
        cuts = cuts_of(values, codes, [woman, ~woman] if by_sex else [woman])
        yield from (Step(name, low=cut, sign=feature.monotone) for cut in cuts)
        if by_sex:
            yield from (Step(name, low=cut, women=True) for cut in cuts)


def _round_cuts(values: np.ndarray) -> list[float]:
    low, high = float(values.min()), float(values.max())
    if low == high:
        return []
    if high - low <= 120 and not np.mod(values, 1).any():
        scale = (high - low) / MOST_CUTS
        step = next(s for s in (n * 10.0**p for p in range(3) for n in NICE) if s >= scale)
        return [float(cut) for cut in np.arange(np.floor(low / step) * step + step, high + step / 2, step)]
    cuts = np.quantile(values, np.arange(1, MOST_CUTS) / MOST_CUTS)
    return sorted({_two_digits(cut) for cut in cuts if cut > low})


def _two_digits(value: float) -> float:
    return float(f"{value:.2g}")


def _is_large(held: np.ndarray, codes: np.ndarray) -> bool:
    return min(_people(codes, held), _people(codes, ~held)) >= SMALLEST_CELL


def _people(codes: np.ndarray, held: np.ndarray) -> int:
    return len(np.unique(codes[held]))
