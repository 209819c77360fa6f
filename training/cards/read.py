"""What is known of a frozen version, from the files: evaluation, register, population by reason, software."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd

from features.catalogue import by_name
from features.engine import dataset_path
from features.errors import MissingError
from features.provenance import content_hash
from features.versions import Card, read_register, read_version
from training.cards.known import Known, software
from training.episodes.population import load_episodes
from training.episodes.recipes import EPISODE_RECIPES, is_episode_model
from training.evaluation.record import Evaluation, read_evaluation
from training.population import experiment_patients, load_rows
from training.recipes import RECIPES, Recipe
from training.twin.record import Twin, decode_twin


def known_of_version(data: Path, root: Path, model: str, version: int) -> Known:
    """What is known of a version. Errors: MissingError or RuleError, as `read_version` and `read_register`."""
    card, _, digest = read_version(root, model, version)
    recipe = (EPISODE_RECIPES if is_episode_model(model) else RECIPES).get(model)
    evaluation = latest_evaluation(data, card, digest)
    counts, lacking = population_counts(data, card, recipe)
    title = recipe.title_fr if recipe else model
    return Known(
        card=card,
        version_hash=digest,
        title_fr=title,
        title_en=evaluation.facts.title_en if evaluation else f"{model}, perimeter {card.perimeter}",
        evaluation=evaluation,
        register=tuple(read_register(root)),
        counts=counts,
        no_counts=lacking,
        software=software(),
        twin=latest_twin(data, card, digest),
    )


def latest_evaluation(data: Path, card: Card, digest: str) -> Evaluation | None:
    """The evaluation of the test year of a version, else of the latest year judged; None where there is none.

    One made of another version under the same number (`digest` is the hash of this one) is no evaluation of it.
    """
    found = (read_evaluation(path) for path in _judged(data / "evaluations", card))
    return next((one for one in found if one.facts.version_hash == digest), None)


def latest_twin(data: Path, card: Card, digest: str) -> Twin | None:
    """The twin of a version, as `latest_evaluation`."""
    found = (decode_twin(path.read_bytes()) for path in _judged(data / "twins", card))
    return next((one for one in found if one.version_hash == digest), None)


def _judged(folder: Path, card: Card) -> list[Path]:
    """The JSON of the test year, then of other years, the latest first."""
    own = folder / card.model / str(card.version)
    years = {int(path.stem): path for path in own.glob("*.json") if path.stem.isdigit()} if own.is_dir() else {}
    return [years[year] for year in sorted(years, key=lambda year: (year != card.test_year, -year))]


def population_counts(data: Path, card: Card, recipe: Recipe | None) -> tuple[pd.DataFrame | None, str]:
    """Patients kept and left out by year and reason, counted again on the very files that trained the version.

    None, and why ("absent", "changed"), where the files are gone, or are others.
    """
    state = files_state(data, card)
    if state or recipe is None or not card.training_years or card.test_year is None:
        return None, state or "absent"
    years = [*card.training_years, card.test_year]
    catalogue = {known.name: known for known in recipe.features} | by_name()
    names = [known.name for known in card.features]
    own = replace(recipe, features=tuple(catalogue[name] for name in names if name in catalogue))
    try:
        if is_episode_model(card.model):
            return load_episodes(data, own, years)[1], ""
        return load_rows(data, own, years, excluded=experiment_patients(data))[1], ""
    except MissingError:
        return None, "absent"


def files_state(data: Path, card: Card) -> str:
    """ "" where the files of the folder are those of the card; "absent" or "changed" otherwise."""
    if not card.data_hashes:
        return "absent"
    for name, digest in card.data_hashes.items():
        table, _, year = name.rpartition("/")
        path = dataset_path(data, table, int(year))
        if not path.exists():
            return "absent"
        if content_hash(path) != digest:
            return "changed"
    return ""
