"""The whole line on fictional patients, one function after the other, ended by a page of what was made."""

from __future__ import annotations

import os
import resource
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from features.errors import InputError
from forfait.console import Step, out, working
from forfait.demo_episodes import episode_steps
from forfait.demo_schemes import scheme_steps

if TYPE_CHECKING:
    import pandas as pd

    from training.train import TrainingResult

MODEL = "peps_mg"
YEARS = range(2022, 2025)
MARK = ".forfait-demo"
MEMORY_GIB = 2.0


@dataclass
class Made:
    """What the demo made so far: one line per step, and what the page shows of them."""

    folder: Path
    steps: list[tuple[str, str, float]] = field(default_factory=list)
    frames: dict[str, pd.DataFrame] = field(default_factory=dict)
    training: TrainingResult | None = None
    served: dict[str, object] = field(default_factory=dict)
    statements: list[Path] = field(default_factory=list)

    @property
    def data(self) -> Path:
        """Folder of the datasets."""
        return self.folder / "data"

    @property
    def versions(self) -> Path:
        """Folder of the frozen versions."""
        return self.folder / "mlruns" / "versions"


def run_demo(folder: Path, *, patients: int, seed: int, today: date) -> Path:
    """Path of the page; `folder` is emptied first, so that nothing of an earlier run is used again.

    InputError when `folder` holds anything that a demo did not write.
    """
    made = Made(fresh(folder))
    os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{(folder / 'mlruns' / 'mlflow.db').resolve()}"
    steps = _steps(made, patients, seed, today)
    with working("demo") as step:
        for number, (name, where, run) in enumerate(steps, 1):
            step(f"{number}/{len(steps)} {name}")
            started = time.perf_counter()
            run(partial(_say, step, f"{number}/{len(steps)} {name}"))
            made.steps.append((name, where, time.perf_counter() - started))
    from forfait.demo_page import write_page

    page = write_page(made, model=MODEL, year=YEARS[-1], peak_gib=peak_gib())
    out.print(f"{sum(seconds for *_, seconds in made.steps):.0f} s, peak memory {peak_gib():.1f} GiB")
    return page


def fresh(folder: Path) -> Path:
    """The folder, empty; refused when it holds something else than a demo."""
    if folder.exists() and any(folder.iterdir()) and not (folder / MARK).exists():
        raise InputError(f"{folder} holds files that no demo wrote; give another --folder or empty it yourself")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / MARK).touch()
    return folder


def peak_gib() -> float:
    """Highest resident memory of this process or of one of its children, in GiB."""
    usage = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return max(usage) / 1024**2


def _say(step: Step, stage: str, text: str) -> None:
    step(f"{stage}: {text}")


def _steps(made: Made, patients: int, seed: int, today: date) -> list[tuple[str, str, Callable[[Step], None]]]:
    data, priced = made.data, YEARS[1:]
    return [
        ("synth", f"{data}/snds", lambda step: _synth(made, patients, seed, step)),
        *((f"read {year}", f"{data}/care_lines, …", lambda step, y=year: _read(made, y, step)) for year in YEARS),
        *((f"attribute {y}", f"{data}/patientele", lambda step, y=y: _attribute(made, y, step)) for y in priced),
        *((f"features {y}", f"{data}/feature_table", lambda step, y=y: _features(made, y, step)) for y in priced),
        *((f"spending {y}", f"{data}/spending", lambda step, y=y: _spending(made, y, step)) for y in priced),
        (f"train {MODEL}", str(made.versions), lambda step: _train(made, seed, step)),
        (f"promote {MODEL}", f"{made.versions}/register.jsonl", lambda _: _promote(made, today)),
        (f"predict {MODEL}", f"{data}/predictions", lambda _: _predict(made)),
        (f"explain {MODEL}", f"{data}/explanations", lambda _: _explain(made)),
        *scheme_steps(made, YEARS, seed, today),
        *episode_steps(made, patients, seed, today),
        ("serve", "HTTP on this machine", lambda step: _serve(made, step)),
    ]


def _synth(made: Made, patients: int, seed: int, step: Step) -> None:
    from features.synth import synthesise

    made.frames["calibration"] = synthesise(made.data, patients=patients, years=YEARS, seed=seed, progress=step)


def _read(made: Made, year: int, step: Step) -> None:
    from features.engine import connect
    from features.snds.read import read_snds

    report = read_snds(connect("duckdb", memory_gib=MEMORY_GIB), made.data / "snds", made.data, year, progress=step)
    made.frames["read_report"] = report


def _attribute(made: Made, year: int, step: Step) -> None:
    from features.attribution import attribute
    from features.engine import connect

    con = connect("duckdb", memory_gib=MEMORY_GIB)
    _, made.frames["attribution"] = attribute(con, made.data, made.data / "roster.csv", year, progress=step)


def _features(made: Made, year: int, step: Step) -> None:
    from features.build import build_features
    from features.engine import connect

    build_features(connect("duckdb", memory_gib=MEMORY_GIB), made.data, year, progress=step)


def _spending(made: Made, year: int, step: Step) -> None:
    from features.engine import connect
    from features.spending import measure_spending

    measure_spending(connect("duckdb", memory_gib=MEMORY_GIB), made.data, year, progress=step)


def _train(made: Made, seed: int, step: Step) -> None:
    from training.train import train

    made.training = train(made.data, MODEL, YEARS[-1], root=made.versions, seed=seed, progress=step)


def _promote(made: Made, today: date) -> None:
    from training.registry import promote

    first_day = date(YEARS[-1], 1, 1)
    promote(made.versions, MODEL, 1, from_date=first_day, decided_on=today, by="the demo", why="to show the line")


def _predict(made: Made) -> None:
    from features.versions import read_version
    from training.oracle import oracle_table
    from training.score import predict_year

    predict_year(made.data, made.versions, MODEL, 1, YEARS[-2])
    predictions = predict_year(made.data, made.versions, MODEL, 1, YEARS[-1])
    card, _, _ = read_version(made.versions, MODEL, 1)
    made.frames["oracle"] = oracle_table(made.data, card, predictions)


def _explain(made: Made) -> None:
    from training.score import explain_year

    made.frames["structures"] = explain_year(made.data, made.versions, MODEL, 1, YEARS[-1])


def _serve(made: Made, step: Step) -> None:
    from forfait.demo_http import ask_service

    made.served = ask_service(made.data, made.versions, MODEL, YEARS[-1], step)
