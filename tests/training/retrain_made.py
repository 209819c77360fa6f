"""A small country with a champion, retrained: what several tests of the retraining share.

Run as a script, it retrains and kills itself at an event: `python retrain_made.py HOME EVENT`.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from datetime import date
from pathlib import Path

from features.store import write_dataset
from features.tables import PATIENTELE
from features.versions import Entry, append_entry, read_version
from tests.training.made_up import PROVENANCE, RECIPE, write_year
from training.evaluation import Effort
from training.retrain import Asked, Options
from training.retrain.pipeline import NAMES
from training.retrain.steps import read_state
from training.train import train

MODEL, YEAR = "peps_mg", 2024
EFFORT = Effort(draws=30, simulated=10, sizes=(250,))
DAY = date(2024, 12, 1)


def make_country(home: Path) -> None:
    """Datasets of three years, and version 1 (trained on 2022) in force from 2024."""
    for year in (2022, 2023, 2024):
        write_year(home / "data", year, patients=1200)
    train(home / "data", MODEL, 2023, root=home / "versions", recipe=RECIPE)
    first, decided = date(2024, 1, 1), date(2023, 12, 1)
    appended(home / "versions", MODEL, 1, from_date=first, decided_on=decided, by="Cnam", why="first")


def appended(root: Path, model: str, version: int, **said: object) -> Entry:
    """A promotion in the register alone: MLflow is left out."""
    digest = read_version(root, model, version)[2]
    return append_entry(root, Entry(model=model, version=version, version_hash=digest, **said))  # type: ignore[arg-type]


def copied(country: Path, home: Path) -> Path:
    """The country elsewhere, as it was."""
    for name in ("data", "versions"):
        shutil.copytree(country / name, home / name)
    return home


def asked_of(home: Path, **options: object) -> Asked:
    """The retraining of the small country for 2024, without MLflow."""
    known: dict[str, object] = {"effort": EFFORT, "recipe": RECIPE, "log": False, "code": "test"}
    return Asked(home / "data", home / "versions", MODEL, YEAR, DAY, Options(**(known | options)))  # type: ignore[arg-type]


def results(home: Path) -> dict[str, bytes]:
    """Every file of the retraining, by its path."""
    folder = asked_of(home).folder
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def before_step(whole: Path, country: Path, home: Path, *, step: str) -> Path:
    """The country as a run leaves it that ended before `step`: later records and their files are not there yet."""
    if step in ("drift", "challenger"):
        return copied(country, home)
    copied(whole, home)
    folder, steps = asked_of(home).folder, [*NAMES[:-2], "page_fr", "log_fr"]
    for later in steps[steps.index(step) :]:
        state = read_state(folder, later)
        assert state is not None
        for name in (*state.outputs, f"state/{later}.json"):
            (folder / name).unlink()
    return home


def change_lists(home: Path) -> None:
    """The lists of 2024 lose a patient."""
    import pandas as pd

    path = home / "data" / "patientele" / "2024.parquet"
    rows = pd.read_parquet(path).iloc[1:]
    write_dataset(PATIENTELE, home / "data", rows, 2024, provenance=PROVENANCE)


def killed_at(event: str):
    """A hook that ends the process without a word, as a power cut would."""

    def hook(told: str) -> None:
        if told == event:
            os.kill(os.getpid(), signal.SIGKILL)

    return hook


def _main() -> None:
    import training.registry
    from training.retrain import retrain

    home, event = Path(sys.argv[1]), sys.argv[2]
    training.registry.register = lambda result, root: ""  # type: ignore[assignment]
    retrain(asked_of(home), hook=killed_at(event))


if __name__ == "__main__":
    _main()
