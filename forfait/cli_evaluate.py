"""The command that judges a version: every figure as JSON, the page for those who decide, both kept with MLflow."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from forfait.console import frame_table, out, working
from forfait.options import DATA, VERSIONS, Data, Judged, Language, Model, On, Version, Versions, chosen_version, today

if TYPE_CHECKING:
    import pandas as pd

    from training.evaluation import Evaluation

Against = Annotated[int | None, typer.Option(help="Earlier version to compare with: ranks, structures, euros moved.")]
To = Annotated[Path | None, typer.Option(help="Folder of the page and JSON; default: evaluations in the data folder.")]
Simulated = Annotated[
    int, typer.Option(min=0, help="Structures simulated per size to measure the coverage of intervals.")
]
Logged = Annotated[bool, typer.Option(help="Log page, JSON and figures with the version's MLflow run.")]


def evaluate(
    model: Model,
    version: Version = None,
    on: On = None,
    year: Judged = None,
    against: Against = None,
    language: Language = "fr",
    simulated: Simulated = 400,
    log: Logged = True,
    to: To = None,
    data: Data = DATA,
    versions: Versions = VERSIONS,
) -> None:
    """Whether a version is fit to pay on: fit, money by group, chance, incentives, stability; a page and its JSON.

    Structures of a model of episodes are establishments; its year is that of exit.

    Example: [bold]forfait evaluate peps_mg --version 1[/]
    """
    from training.evaluation import Effort, encode_evaluation
    from training.evaluation import evaluate as evaluate_version
    from training.evaluation.report import evaluation_html
    from training.registry import log_evaluation

    chosen = chosen_version(versions, model, version, on=on and on.date(), today=today())
    with working(f"evaluate {model}") as step:
        found = evaluate_version(
            data, versions, model=model, version=chosen, year=year, against=against,
            effort=Effort(simulated=simulated), progress=step,
        )  # fmt: skip
        folder = to or data / "evaluations" / model / str(chosen)
        folder.mkdir(parents=True, exist_ok=True)
        page, record = folder / f"{found.facts.year}.{language}.html", folder / f"{found.facts.year}.json"
        page.write_text(evaluation_html(found, language), encoding="utf-8")
        record.write_bytes(encode_evaluation(found))
        run = log_evaluation(found, (page, record), versions) if log else None
    out.print(frame_table(verdict_frame(found, language), f"{model} version {chosen}, {found.facts.year}"))
    out.print(f"{page}\n{record}" + ("" if run or not log else "\nnot logged: MLflow has no run of this version"))


def verdict_frame(found: Evaluation, language: str) -> pd.DataFrame:
    """The verdicts as a table: status, sentence."""
    import pandas as pd

    from training.evaluation.report import in_order
    from training.evaluation.wording import sentence, texts, voice_of

    voice = voice_of(language, found.facts.unit)
    rows = [(texts(voice)[f"status_{one.status}"], sentence(one, voice)) for one in in_order(found.verdicts)]
    return pd.DataFrame(rows, columns=["", "verdict"])
