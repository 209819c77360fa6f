"""The command of the year: drift, challenger against champion, euros per structure, gates; promotion comes after."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from features.errors import InputError, MissingError
from forfait.console import frame_table, out, working
from forfait.options import DATA, VERSIONS, Data, Versions, day_of

if TYPE_CHECKING:
    import pandas as pd

    from training.retrain import Asked, Retrained

Tested = Annotated[int, typer.Option(help="New year: it tests, and the years before it train.")]
Models = Annotated[str | None, typer.Option(help="Models, separated by commas; default: those in force.")]
Day = Annotated[
    datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Day whose champion and gates hold; default: today.")
]
Seed = Annotated[int, typer.Option(help="Same seed and inputs, same results.")]
Language = Annotated[str, typer.Option(help="Language of the pages: fr or en.")]
Simulated = Annotated[
    int, typer.Option(min=0, help="Structures simulated per size to measure the coverage of intervals.")
]
Dry = Annotated[bool, typer.Option("--dry-run", help="List the steps and what is missing; do nothing.")]
Logged = Annotated[bool, typer.Option(help="Log pages, records and gates with the challenger's MLflow run.")]


def retrain(
    year: Tested,
    models: Models = None,
    on: Day = None,
    seed: Seed = 0,
    language: Language = "fr",
    simulated: Simulated = 200,
    dry_run: Dry = False,
    log: Logged = True,
    data: Data = DATA,
    versions: Versions = VERSIONS,
) -> None:
    """The yearly retraining: drift, challenger against champion, euros per structure, dated gates; a page and its JSON.

    Interrupted, it goes on after the last finished step. It promotes nothing: the page ends with the command that does.

    Example: [bold]forfait retrain --year 2024 --models peps_mg[/]
    """
    from features.provenance import commit
    from training.evaluation import Effort
    from training.retrain import Asked, Options, models_in_force

    day = day_of(on)
    chosen = _models(models) or models_in_force(versions, day)
    if not chosen:
        raise InputError(f"no model is in force on {day}; say which: --models peps_mg,ipep")
    options = Options(seed, Effort(simulated=simulated, seed=seed), language, code=commit() or "", log=log)
    everything = [Asked(data, versions, model, year, day, options) for model in chosen]
    if dry_run:
        _plan(everything)
        return
    for asked in everything:
        _retrain(asked)


def decision_frame(found: Retrained, language: str) -> pd.DataFrame:
    """The gates as a table: status, gate, value, threshold."""
    import pandas as pd

    from training.evaluation.wording import written
    from training.retrain.words import gate_name, words_in

    words = words_in(language)
    rows = [
        (
            words[f"status_{gate.status}"],
            gate_name(gate, language),
            words[f"kind_{gate.kind}"],
            written(gate.value, gate.unit, language),
            f"{gate.sign} {written(gate.threshold, gate.unit, language)}",
        )
        for gate in found.decision.gates
    ]
    return pd.DataFrame(rows, columns=["", *(words[f"col_{name}"] for name in ("gate", "kind", "value", "threshold"))])


def _retrain(asked: Asked) -> None:
    from training.retrain import retrain as retrain_model
    from training.retrain.page import promote_command, verdict_lines

    with working(f"retrain {asked.model} {asked.year}") as step:
        found, ran = retrain_model(asked, progress=step)
    language, decision = asked.options.language, found.decision
    out.print(frame_table(decision_frame(found, language), f"{asked.model} version {decision.challenger.version}"))
    for _, sentence in verdict_lines(found, language):
        out.print(sentence, highlight=False, markup=False)
    told = f"steps run: {', '.join(ran)}" if ran else "every step was done before, with the same inputs"
    out.print(f"{told}\n{_page(asked)}\n{asked.folder / 'retrain.json'}", highlight=False, markup=False)
    if not decision.is_unchanged:
        out.print(promote_command(decision, language), highlight=False, markup=False, soft_wrap=True)


def _plan(everything: list[Asked]) -> None:
    """Steps of each model, then the commands that must run before. Errors: MissingError where there are some."""
    import pandas as pd

    from training.retrain import plan

    wanted: dict[str, None] = {}
    for asked in everything:
        steps, missing = plan(asked)
        wanted |= dict.fromkeys(missing)
        if steps:
            frame = pd.DataFrame(steps, columns=["step", "state"])
            out.print(frame_table(frame, f"retrain {asked.model} {asked.year}, nothing was done"))
        for command in missing:
            out.print(f"{asked.model} wants: {command}", highlight=False, markup=False, soft_wrap=True)
    if wanted:
        raise MissingError(f"{len(wanted)} commands must run before: {'; '.join(wanted)}")


def _models(text: str | None) -> list[str]:
    return list(dict.fromkeys(name.strip() for name in (text or "").split(",") if name.strip()))


def _page(asked: Asked) -> Path:
    return asked.folder / f"retrain.{asked.options.language}.html"


RETRAIN_COMMANDS = (retrain,)
