"""The whole table of drift of a model between two years."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from features.catalogue import by_name
from features.episodes.catalogue import EPISODE_CATALOGUE
from features.feature import Feature
from features.scoring import Scorer
from training.episodes import is_episode_model
from training.evaluation.money import OUTSIDE, POLICY_SIZE, Grouping
from training.recipes import Recipe
from training.retrain.cohort import groupings_of, read_cohort
from training.retrain.drift import (
    Pair,
    calibration_row,
    coding_rows,
    feature_rows,
    in_order,
    mix_rows,
    spending_rows,
)
from training.retrain.gate_files import GateFile
from training.retrain.record import Drift, DriftRow

MIX = ("age_sex", "ald", "c2s", "ame", "fdep", "region", "sector")
DECILE = "decile"


def measure_drift(
    data: Path, recipe: Recipe, year: int, *, champion: Scorer | None, gates: GateFile, draws: int, seed: int
) -> Drift:
    """Drift from `year` − 1 to `year` of all that the model reads and pays; calibration is that of the champion.

    Errors: MissingError where a dataset of either year is not there.
    """
    before, after = read_cohort(data, recipe, year - 1), read_cohort(data, recipe, year)
    pair = Pair(before, after, gates.drift, draws, seed)
    seen = [known.name for known in (champion.card.features if champion else recipe.features)]
    expected = [np.zeros(len(c.patients)) if champion is None else c.expected(champion) for c in (before, after)]
    found = [groupings_of(data, cohort, due, seen) for cohort, due in zip((before, after), expected, strict=True)]
    rows = [*feature_rows(pair, recipe.features), *coding_rows(pair, coded_features(recipe)), *spending_rows(pair)]
    labels = _both(found[0][0], found[1][0])
    for name in MIX:
        if name in labels:
            rows += mix_rows(pair, name, *labels[name])
    if champion is not None:
        visible = {_name(grouping) for grouping in found[1][0] if grouping.is_seen}
        rows += _calibration(
            pair, (expected[0], expected[1]), {name: labels[name] for name in labels if name in visible}
        )
    lacking = {name for _, names in found for name in names if name in MIX}
    lacking |= {"region"} if "department" in {*found[0][1], *found[1][1]} else set()
    return Drift(
        year=year,
        before_year=year - 1,
        patients_before=before.people(),
        patients=after.people(),
        in_sample=champion is not None and year - 1 in champion.card.training_years,
        rows=in_order(rows),
        not_measured=(*sorted(lacking), *(() if champion else ("calibration",))),
    )


def coded_features(recipe: Recipe) -> tuple[Feature, ...]:
    """Features that hold codes, whether the model reads them or not."""
    return EPISODE_CATALOGUE if is_episode_model(recipe.model) else tuple(by_name().values())


def _both(before: tuple[Grouping, ...], after: tuple[Grouping, ...]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Labels of each grouping that both years have; groupings that share a name (each ALD) get their level's name."""
    named = [{_name(grouping): grouping.labels for grouping in some} for some in (before, after)]
    return {name: (labels, named[1][name]) for name, labels in named[0].items() if name in named[1]}


def _name(grouping: Grouping) -> str:
    """The name of the grouping; of one that marks a single level, with that level."""
    levels = set(grouping.labels) - {OUTSIDE}
    return f"{grouping.name}/{levels.pop()}" if len(levels) == 1 and OUTSIDE in grouping.labels else grouping.name


def _calibration(
    pair: Pair,
    expected: tuple[np.ndarray, np.ndarray],
    labels: dict[str, tuple[np.ndarray, np.ndarray]],
) -> list[DriftRow]:
    everyone = (np.ones(len(expected[0]), dtype=bool), np.ones(len(expected[1]), dtype=bool))
    rows = [calibration_row(pair, expected, everyone, at=("all", ""))]
    right = pair.before.levelled(expected[0]), pair.after.levelled(expected[1])
    for name, (before, after) in labels.items():
        for level in sorted(set(before) & set(after) - {OUTSIDE}):
            where = before == level, after == level
            if name != DECILE and min(pair.before.people(where[0]), pair.after.people(where[1])) < POLICY_SIZE:
                continue
            rows.append(calibration_row(pair, right, where, at=(name.split("/")[0], str(level))))
    return rows
