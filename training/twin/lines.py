"""From chosen columns to lines that a person reads: bands, levels and illnesses, with whole euros."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np

from features.versions import CardFeature
from training.twin.record import Line
from training.twin.scorecard import WOMAN, line_mask
from training.twin.steps import AGE, Step

Picked = Sequence[tuple[Step, float]]


def lines_of(
    picked: Picked, features: Sequence[CardFeature], matrix: np.ndarray, people: tuple[np.ndarray, np.ndarray]
) -> tuple[Line, ...]:
    """Lines of the chosen columns, in the order of the card; a line of no points is left out.

    Thresholds become bands that do not overlap; the lowest band of a number (of age and sex) is worth 0, which the
    base takes up. people: patients and weight of the rows, to count who stands behind each line.
    """
    found: list[Line] = []
    for feature in features:
        own = [(step, value) for step, value in picked if step.feature == feature.name]
        if feature.name == WOMAN and _joins_age(picked):
            continue
        if feature.name == AGE and _joins_age(picked):
            own += [(step, value) for step, value in picked if step.feature == WOMAN]
            found += _bands(own, feature, (False, True))
        elif own and feature.kind == "number":
            found += _bands(own, feature, (None,))
        else:
            found += _plain(own, feature)
    return tuple(_counted(line, features, matrix, people) for line in found if line.points_eur)


def _joins_age(picked: Picked) -> bool:
    """Whether age and sex are read together: a threshold of age counts for women alone."""
    return any(step.women for step, _ in picked)


def _plain(own: Picked, feature: CardFeature) -> Iterator[Line]:
    for step, value in own:
        category = None if step.category is None else feature.categories[step.category]
        low = step.low if step.category is None else None
        yield _line(feature.name, value, low=low, category=category)


def _bands(own: Picked, feature: CardFeature, sexes: Sequence[bool | None]) -> list[Line]:
    cuts = sorted({step.low for step, _ in own if step.feature == feature.name and step.low is not None})
    ends = list(zip([None, *cuts], [*cuts, None], strict=True))
    values = {
        (sex, place): round(sum(value for step, value in own if _reaches(step, feature.name, low, sex)))
        for sex in sexes
        for place, (low, _) in enumerate(ends)
    }
    lowest = min(values.values())
    lines: list[Line] = []
    for sex in sexes:
        merged: list[Line] = []
        for place, (low, below) in enumerate(ends):
            line = _line(feature.name, values[sex, place] - lowest, low=low, below=below, is_woman=sex)
            if merged and merged[-1].points_eur == line.points_eur:
                merged[-1] = msgspec.structs.replace(merged[-1], below=below)
            else:
                merged.append(line)
        lines += merged
    return lines


def _reaches(step: Step, name: str, low: float | None, sex: bool | None) -> bool:
    if step.women and not sex:
        return False
    if step.feature != name:
        return bool(sex)
    return low is not None and step.low is not None and low >= step.low


def _line(
    name: str,
    value: float,
    *,
    low: float | None = None,
    below: float | None = None,
    category: str | None = None,
    is_woman: bool | None = None,
) -> Line:
    return Line(
        feature=name, points_eur=round(value), low=low, below=below, category=category, is_woman=is_woman,
        patients=0, share=0.0,
    )  # fmt: skip


def _counted(
    line: Line, features: Sequence[CardFeature], matrix: np.ndarray, people: tuple[np.ndarray, np.ndarray]
) -> Line:
    patients, weight = people
    held = line_mask(line, features, matrix)
    share = float(weight[held].sum() / weight.sum())
    return msgspec.structs.replace(line, patients=len(set(patients[held])), share=share)
