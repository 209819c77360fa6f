"""A retraining from what is asked to what was found; or, without doing anything, what it would do."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from features.errors import RuleError
from features.scoring import load_scorer
from features.versions import Entry, entry_on, read_register, read_version
from features.work import alone
from training.episodes import is_episode_model
from training.episodes.population import past_episode_years
from training.episodes.recipes import episode_recipe_of
from training.population import past_years
from training.recipes import Recipe, recipe_of
from training.retrain.asked import Asked
from training.retrain.gate_files import gates_on
from training.retrain.pipeline import WHOLE, Run
from training.retrain.record import Retrained
from training.retrain.steps import Hook, Say, clear_parts, run_steps, why_again
from training.retrain.wanted import check_wanted, missing_commands
from training.retrain.words import words_in


def retrain(asked: Asked, *, progress: Say | None = None, hook: Hook | None = None) -> tuple[Retrained, list[str]]:
    """What was found, and the steps that ran now; those finished before with the same inputs are kept.

    Errors: InputError for an unknown model or language, or data that change meanwhile; MissingError with the commands
    that write what is not there; RuleError where another run of the model is under way, no gates are in force, or the
    champion was altered.
    """
    say = progress or (lambda step: None)
    _recipe(asked)
    words_in(asked.options.language)
    check_wanted(asked.data, asked.model, asked.year)
    with alone(asked.lock, f"forfait retrain of {asked.model}"):
        clear_parts(asked.folder)
        run = _begin(asked, say)
        ran = run_steps(asked.folder, run.steps(), say=say, hook=hook)
        return run.read(WHOLE, Retrained), ran


def plan(asked: Asked) -> tuple[list[tuple[str, str]], list[str]]:
    """Each step with "done", "to run" or what changed, and the commands that must run before; nothing is written."""
    _recipe(asked)
    missing = missing_commands(asked.data, asked.model, asked.year)
    if missing:
        return [], missing
    told = []
    for step in _begin(asked, lambda text: None).steps():
        why = why_again(asked.folder, step)
        told.append((step.name, "done" if why is None else why or "to run"))
    return told, []


def champion_of(root: Path, model: str, on: date) -> Entry | None:
    """What is in force on a day; None before the first promotion. Errors: RuleError where its files were altered."""
    entries = [entry for entry in read_register(root) if entry.model == model]
    if not any(entry.from_date <= on for entry in entries):
        return None
    entry = entry_on(entries, model, on)
    if read_version(root, model, entry.version)[2] != entry.version_hash:
        raise RuleError(f"{model} version {entry.version} is not the one promoted; restore its frozen files")
    return entry


def models_in_force(root: Path, on: date) -> list[str]:
    """Models with a version in force on a day, in the order of their first promotion."""
    return list(dict.fromkeys(entry.model for entry in read_register(root) if entry.from_date <= on))


def _begin(asked: Asked, say: Say) -> Run:
    """The run: recipe, years, gates and champion of the day. Errors: InputError for an unknown model; RuleError."""
    recipe, is_episode = _recipe(asked), is_episode_model(asked.model)
    past = past_episode_years(asked.data, recipe, asked.year) if is_episode else past_years(asked.data, asked.year)
    entry = champion_of(asked.root, asked.model, asked.on)
    champion = None if entry is None else load_scorer(asked.root, asked.model, entry.version)
    return Run(asked, recipe, (*past, asked.year), gates_on(asked.on, asked.options.gates), champion, say)


def _recipe(asked: Asked) -> Recipe:
    """What the model is. Errors: InputError for an unknown one."""
    return asked.options.recipe or (episode_recipe_of if is_episode_model(asked.model) else recipe_of)(asked.model)
