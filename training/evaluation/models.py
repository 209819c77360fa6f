"""The evaluation of any model: yearly or of episodes."""

from __future__ import annotations

from pathlib import Path

from training.episodes.recipes import is_episode_model
from training.evaluation.core import Effort
from training.evaluation.episodes import evaluate_episodes
from training.evaluation.record import Evaluation
from training.evaluation.yearly import Say, evaluate_yearly


def evaluate(
    data: Path,
    root: Path,
    *,
    model: str,
    version: int,
    year: int | None = None,
    against: int | None = None,
    effort: Effort | None = None,
    progress: Say | None = None,
) -> Evaluation:
    """The evaluation of a version on a year that it did not train on: `evaluate_yearly` or `evaluate_episodes`."""
    judge = evaluate_episodes if is_episode_model(model) else evaluate_yearly
    return judge(data, root, model=model, version=version, year=year, against=against, effort=effort, progress=progress)
