"""What is asked of a retraining, and where its results lie."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from training.evaluation import Effort
from training.recipes import Recipe
from training.retrain.gate_files import GATES_FOLDER


@dataclass(frozen=True)
class Options:
    """How a retraining is done: seed, effort (draws, simulated structures), language of the page, folder of gates.

    code: the commit that runs, one of the inputs of every step. recipe: replaces that of the model (for tests).
    log: whether the MLflow run of the challenger gets the page and the figures.
    """

    seed: int = 0
    effort: Effort = field(default_factory=Effort)
    language: str = "fr"
    gates: Path = GATES_FOLDER
    code: str = ""
    recipe: Recipe | None = None
    log: bool = True


@dataclass(frozen=True)
class Asked:
    """`model` retrained with `year` as its test year, held against the champion and the gates in force on a day."""

    data: Path
    root: Path
    model: str
    year: int
    on: date
    options: Options = field(default_factory=Options)

    @property
    def folder(self) -> Path:
        """Where the results lie."""
        return retrain_folder(self.data, self.year, self.model)

    @property
    def lock(self) -> Path:
        """One run of a model at a time, whatever the year: versions are numbered by model."""
        return self.data / "retrain" / f".{self.model}.lock"


def retrain_folder(data: Path, year: int, model: str) -> Path:
    """data/retrain/<year>/<model>."""
    return data / "retrain" / str(year) / model
