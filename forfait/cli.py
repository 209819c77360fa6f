"""The table of contents: each command reads named datasets, calls one function, writes one named dataset."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from forfait.cli_cells import CELL_COMMANDS
from forfait.cli_episodes import EPISODE_COMMANDS
from forfait.cli_evaluate import evaluate
from forfait.cli_exports import EXPORT_COMMANDS
from forfait.cli_extract import extract
from forfait.cli_ledger import LEDGER_COMMANDS
from forfait.cli_pages import PAGE_COMMANDS
from forfait.cli_retrain import RETRAIN_COMMANDS
from forfait.cli_schemes import SCHEME_COMMANDS
from forfait.cli_serve import serve
from forfait.cli_token import accesses, token
from forfait.cli_versions import VERSION_COMMANDS
from forfait.cli_watch import WATCH_COMMANDS
from forfait.console import frame_table, out, run_safely, working
from forfait.options import (
    DATA,
    ENGINE,
    VERSIONS,
    Buckets,
    Data,
    Engine,
    Memory,
    Model,
    On,
    Version,
    Versions,
    Year,
    chosen_version,
    connected,
    today,
    years_between,
)

app = typer.Typer(
    help="Risk-adjusted forfaits from SNDS claims. Commands stand in the order of the line of data.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


@app.command()
def synth(
    patients: Annotated[int, typer.Option(help="Persons alive on 1 January of the first year.")] = 50_000,
    years: Annotated[str, typer.Option(help="First and last year of care.")] = "2022..2024",
    seed: Annotated[int, typer.Option(help="Same seed, same France.")] = 1,
    surgery: Annotated[
        float, typer.Option(help="Hips, knees and colectomies, as a multiple of those of France.")
    ] = 1.0,
    by_flux: Annotated[
        bool | None, typer.Option(help="Claims in a folder per month of flux; default: from 1,000,000 patients.")
    ] = None,
    workers: Annotated[int, typer.Option(help="Processes; the tables do not depend on it.")] = 2,
    data: Data = DATA,
) -> None:
    """Fictional France: raw SNDS tables, calibrated, with the pitfalls planted.

    The tables appear once all are made. After a kill, the same command goes on; another one starts anew.
    Example: [bold]forfait synth --patients 50000 --years 2022..2024 --seed 1[/]
    For episodes: [bold]forfait synth --patients 25000 --years 2021..2024 --surgery 20[/]
    """
    from features.synth import synthesise

    span = years_between(years)
    with working("synth") as step:
        report = synthesise(
            data,
            patients=patients,
            years=span,
            seed=seed,
            surgery=surgery,
            workers=workers,
            by_flux=by_flux,
            progress=step,
        )
    out.print(frame_table(report, "Fictional France against its calibration targets"))


app.command()(extract)


@app.command()
def read(
    snds: Annotated[Path, typer.Option(help="Folder with one file or folder per SNDS table.")],
    year: Year,
    data: Data = DATA,
    engine: Engine = ENGINE,
    memory: Memory = None,
    buckets: Buckets = None,
) -> None:
    """Clean SNDS tables into the datasets of one year, with the report of the controls.

    Claims that lie by month of flux are read month by month where the country is large: only what changed since the
    last read, and from where a read that was stopped had got to.

    Example: [bold]forfait read --snds data/snds --year 2024[/]
    """
    from features.report import report_table
    from features.snds.read import read_snds

    with working(f"read {year}") as step:
        report = read_snds(connected(engine, memory), snds, data, year, buckets=buckets, progress=step)
    out.print(report_table(report))


@app.command()
def attribute(
    roster: Annotated[
        Path, typer.Option(help="CSV: structure_id, structure_name, professional_id, from_date, to_date.")
    ],
    year: Year,
    data: Data = DATA,
    engine: Engine = ENGINE,
    memory: Memory = None,
) -> None:
    """Attribute patients to structures through their declared doctor and the dated roster.

    Example: [bold]forfait attribute --roster data/roster.csv --year 2024[/]
    """
    from features.attribution import attribute as attribute_patients

    with working(f"attribute {year}") as step:
        _, report = attribute_patients(connected(engine, memory), data, roster, year, progress=step)
    out.print(frame_table(report, f"Attribution {year}"))


@app.command()
def features(
    year: Year,
    known_on: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Last day of knowledge; default: the index date.")
    ] = None,
    data: Data = DATA,
    engine: Engine = ENGINE,
    memory: Memory = None,
) -> None:
    """Characteristics of each patient as known on 1 January of the year.

    Example: [bold]forfait features --year 2024[/]
    """
    from features.build import build_features

    known = known_on.date() if known_on else None
    with working(f"features {year}") as step:
        table = build_features(connected(engine, memory), data, year, known_on=known, progress=step)
    out.print(f"feature_table {year}: {len(table.columns)} columns in {data / 'feature_table'}")


@app.command()
def spending(year: Year, data: Data = DATA, engine: Engine = ENGINE, memory: Memory = None) -> None:
    """Spending of each patient in the year, by perimeter and poste, with exposure.

    Example: [bold]forfait spending --year 2024[/]
    """
    from features.spending import measure_spending

    with working(f"spending {year}") as step:
        table = measure_spending(connected(engine, memory), data, year, progress=step)
    out.print(f"spending {year}: {len(table.columns)} columns in {data / 'spending'}")


@app.command()
def train(
    model: Model,
    year: Annotated[int, typer.Option(help="Year that tests; the years before it train.")],
    seed: Annotated[int, typer.Option(help="Same seed and inputs, same model file.")] = 0,
    data: Data = DATA,
    versions: Versions = VERSIONS,
) -> None:
    """Fit a version on past years, test it on the last, against its baselines; register it as challenger.

    Example: [bold]forfait train peps_mg --year 2024[/]
    For episodes: [bold]forfait train eds_pth --year 2023[/]
    """
    from forfait.modelling import trained_tables

    with working(f"train {model}") as step:
        tables = trained_tables(data, model, year, root=versions, options=(seed, step))
    for table in tables:
        out.print(table)


app.command()(evaluate)


for versioned in (*RETRAIN_COMMANDS, *VERSION_COMMANDS):
    app.command(name=versioned.__name__.replace("_", "-"))(versioned)


@app.command()
def predict(
    model: Model, year: Year, version: Version = None, on: On = None, data: Data = DATA, versions: Versions = VERSIONS
) -> None:
    """Expected euros of each patient (or episode) of the year, under a version or the one in force.

    Example: [bold]forfait predict peps_mg --year 2024 --on 2024-03-01[/]
    """
    from forfait.modelling import predicted_line

    chosen = chosen_version(versions, model, version, on=on and on.date(), today=today())
    with working(f"predict {model} {year}") as step:
        line = predicted_line(data, model, year, root=versions, asked=(chosen, step))
    out.print(line)


@app.command()
def explain(
    model: Model,
    year: Year,
    version: Version = None,
    on: On = None,
    everyone: Annotated[bool, typer.Option(help="Explain every patient, not those of the structures only.")] = False,
    data: Data = DATA,
    versions: Versions = VERSIONS,
) -> None:
    """Euros per feature and family, for each patient (or episode) and each structure (or establishment).

    Example: [bold]forfait explain peps_mg --year 2024 --version 1[/]
    """
    from forfait.modelling import explained_frame

    chosen = chosen_version(versions, model, version, on=on and on.date(), today=today())
    with working(f"explain {model} {year}") as step:
        summary, title = explained_frame(data, model, year, root=versions, asked=(chosen, everyone, step))
    out.print(frame_table(summary, title))


LINE = (*CELL_COMMANDS, *EPISODE_COMMANDS, *SCHEME_COMMANDS, *PAGE_COMMANDS, *WATCH_COMMANDS, *EXPORT_COMMANDS)
for command in (*LINE, *LEDGER_COMMANDS, accesses):
    app.command(name=command.__name__)(command)
app.add_typer(token, name="token")
app.command()(serve)


@app.command()
def demo(
    patients: Annotated[int, typer.Option(help="Fictional patients.")] = 50_000,
    seed: Annotated[int, typer.Option(help="Same seed, same demo.")] = 1,
    folder: Annotated[Path, typer.Option(help="Where the demo writes; emptied first.")] = Path("data/demo"),
) -> None:
    """The whole line on fictional patients, from raw claims to an explained prediction over HTTP.

    Example: [bold]forfait demo --patients 50000[/]
    """
    from forfait.demo import run_demo

    page = run_demo(folder, patients=patients, seed=seed, today=today())
    out.print(f"\nOpen [bold]{page}[/]")


def main() -> None:
    """Entry point of `forfait`."""
    run_safely(app)
