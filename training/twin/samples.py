"""The rows of a twin: those that trained the version, those of a later year that judge it, groups and structures."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from features.errors import InputError
from features.scoring import Scorer, load_scorer
from features.store import read_dataset, years_written
from features.tables import PATIENTELE
from training.episodes.population import Episodes, load_episodes
from training.episodes.recipes import episode_recipe_of, is_episode_model
from training.episodes.target import levelled
from training.evaluation.episode_groups import episode_groupings, known_of_episodes
from training.evaluation.groups import People, known_of, yearly_groupings
from training.evaluation.money import Grouping
from training.evaluation.yearly import version_of
from training.judgement import year_to_judge
from training.population import Rows, experiment_patients, load_rows
from training.recipes import Recipe

SHOWN_GROUPS = ("decile", "age_sex", "ald", "c2s", "ame", "fdep", "ald_c2s_old", "charlson", "condition")


@dataclass(frozen=True)
class Samples:
    """What a twin is fitted on and judged by.

    `last`: of the last year of training, a row per person, for the grid; `structure` of the rows of `members`, with
    their weight; `missing`: what could not be read.
    """

    scorer: Scorer
    recipe: Recipe
    year: int
    trained: Rows
    last: Rows
    tested: Rows
    groupings: tuple[Grouping, ...]
    members: Rows | None = None
    structure: np.ndarray | None = None
    missing: tuple[str, ...] = ()


def samples_of(data: Path, root: Path, model: str, version: int, year: int | None) -> Samples:
    """The samples of a version, judged on `year` (default: its test year).

    Errors: InputError for a year not after those that trained the version, or a version that reads past use of care
    (a forecast: no payment may be published from it); MissingError without data or version.
    """
    scorer = load_scorer(root, model, version)
    card = scorer.card
    year = year_to_judge(card, year)
    if is_episode_model(model):
        return _episodes(data, scorer, year)
    past = [known.name for known in card.features if known.family == "past_use"]
    if past:
        raise InputError(
            f"{model} version {version} reads {past[0]!r}: it forecasts from past care and may not price; "
            "make the twin of a payment model, such as peps_mg"
        )
    return _yearly(data, root, scorer, year)


def _yearly(data: Path, root: Path, scorer: Scorer, year: int) -> Samples:
    card = scorer.card
    recipe, outside = version_of(root, card.model, card.version).recipe, experiment_patients(data)
    trained, _ = load_rows(data, recipe, list(card.training_years), excluded=outside)
    last, _ = load_rows(data, recipe, [max(card.training_years)], excluded=outside)
    tested, _ = load_rows(data, recipe, [year], excluded=outside)
    known = known_of(data, year, tested.patients)
    people = People(tested.patients, known, scorer.predict(tested.matrix), tested.exposure, tested.names)
    groupings, _ = yearly_groupings(data, year, people)
    samples = Samples(scorer, recipe, year, trained, last, tested, _shown(groupings))
    if year not in years_written(PATIENTELE, data):
        return replace(samples, missing=("structures",))
    everyone, _ = load_rows(data, recipe, [year], excluded=pd.Index([]))
    return _with_members(samples, everyone, read_dataset(None, PATIENTELE, data, year))


def _shown(groupings: Iterable[Grouping]) -> tuple[Grouping, ...]:
    """The policy groups that the model sees."""
    return tuple(grouping for grouping in groupings if grouping.name in SHOWN_GROUPS and grouping.is_seen)


def _with_members(samples: Samples, everyone: Rows, listed: pd.DataFrame) -> Samples:
    """Patients of the structures, by the part of the year present (and alive)."""
    place = pd.Series(np.arange(len(everyone.patients)), index=everyone.patients)
    listed = listed[listed["patient_id"].isin(place.index) & (listed["present_share"] > 0)]
    chosen = place.loc[listed["patient_id"]].to_numpy()
    members = Rows(
        everyone.names, everyone.matrix[chosen], everyone.spent_eur[chosen],
        listed["present_share"].to_numpy(float), everyone.patients[chosen],
    )  # fmt: skip
    return replace(samples, members=members, structure=listed["structure_id"].to_numpy(object))


def _episodes(data: Path, scorer: Scorer, year: int) -> Samples:
    """Episodes, their costs brought to one level between sectors: the price, not the model, holds the sector."""
    card = scorer.card
    recipe = episode_recipe_of(card.model)
    names = {known.name for known in card.features}
    recipe = replace(recipe, features=tuple(known for known in recipe.features if known.name in names))
    trained, _ = load_episodes(data, recipe, card.training_years)
    tested, _ = load_episodes(data, recipe, [year])
    known, expected = known_of_episodes(data, tested), scorer.predict(tested.rows.matrix)
    groupings, _ = episode_groupings(data, tested, known, expected, seen=tested.rows.names)
    last = trained.at(np.flatnonzero((trained.known["year"] == max(card.training_years)).to_numpy()))
    trained_rows, last_rows, tested_rows = (_levelled_rows(part) for part in (trained, last, tested))
    samples = Samples(scorer, recipe, year, trained_rows, last_rows, tested_rows, _shown(groupings))
    return replace(samples, members=tested_rows, structure=tested.establishments)


def _levelled_rows(episodes: Episodes) -> Rows:
    return replace(episodes.rows, spent_eur=levelled(episodes.cost_eur, episodes.strata))
