"""Options that several commands share, declared once."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from features.errors import InputError, RuleError
from forfait.settings import Settings

if TYPE_CHECKING:
    from ibis.backends import BaseBackend

Data = Annotated[Path, typer.Option(help="Folder of the datasets (FORFAIT_DATA).", envvar="FORFAIT_DATA")]
Versions = Annotated[
    Path, typer.Option(help="Folder of the frozen versions (FORFAIT_VERSIONS).", envvar="FORFAIT_VERSIONS")
]
Year = Annotated[int, typer.Option(help="Year of care.")]
Engine = Annotated[str, typer.Option(help="duckdb or spark (FORFAIT_ENGINE).", envvar="FORFAIT_ENGINE")]
Memory = Annotated[
    float | None, typer.Option(help="Memory that the engine may take, in GiB; it spills to disk beyond.")
]
Buckets = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Buckets of patients, where claims lie by month of flux; default: those of the data folder, else by size.",
    ),
]
Model = Annotated[
    str,
    typer.Argument(
        help="Model: peps_mg, peps_mg_ide, ipep, total or budget_total; eds_pth, eds_ptg or eds_colectomie (episodes)."
    ),
]
Judged = Annotated[int | None, typer.Option(help="Year judged, after those that trained; default: the test year.")]
Language = Annotated[str, typer.Option(help="Language of the page: fr or en.")]
Version = Annotated[int | None, typer.Option(help="Version; default: the one in force on --on.")]
On = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Day whose version in force is used.")]

Scheme = Annotated[str, typer.Argument(help="peps, ipep, ipso, biosimilars or eds.")]
Structure = Annotated[str | None, typer.Option(help="One structure; default: all of them (--all).")]
All = Annotated[bool, typer.Option("--all", help="Every structure of the scheme.")]
Kind = Annotated[str, typer.Option(help="provisional (before the year) or final (once claims are in).")]
By = Annotated[str, typer.Option(help="Who decides.")]
Decided = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Day of the decision; default: today.")]
Roster = Annotated[Path | None, typer.Option(help="Roster of the structures; default: roster.csv in the data folder.")]
Participations = Annotated[
    Path | None, typer.Option(help="Who takes part in what; default: participations.csv in the data folder.")
]

DEFAULTS = Settings()
DATA, VERSIONS, ENGINE = DEFAULTS.data, DEFAULTS.versions, DEFAULTS.engine


def one_or_all(structure: str | None, everyone: bool, *, what: str) -> None:
    """None where either a structure or all are asked for. Errors: InputError for both or none."""
    if bool(structure) == everyone:
        raise InputError(f"say {what}: --structure ID, or --all")


def connected(engine: str, memory_gib: float | None) -> BaseBackend:
    """The engine asked for."""
    from features.engine import connect

    return connect(engine, memory_gib=memory_gib)


def today() -> date:
    """Today, where the user is: the one reading of the clock."""
    return datetime.now().astimezone().date()


def day_of(moment: datetime | None, default: date | None = None) -> date:
    """The day given, else the default, else today."""
    return moment.date() if moment is not None else default or today()


def years_between(text: str) -> range:
    """Years of "2022..2024" (or "2024"). Errors: InputError."""
    first, _, last = text.partition("..")
    if not (first.isdigit() and (last or first).isdigit()) or int(last or first) < int(first):
        raise InputError(f"--years {text!r}: give the first and last year, as in 2022..2024")
    return range(int(first), int(last or first) + 1)


def chosen_version(versions: Path, model: str, version: int | None, *, on: date | None, today: date) -> int:
    """The version asked for, or the one in force on a day, whose files must be those that were promoted."""
    from features.versions import in_force as entry_in_force
    from features.versions import read_version

    if version is not None and on is not None:
        raise InputError("--version and --on both choose a version; give one of them")
    if version is not None:
        return version
    entry = entry_in_force(versions, model, on or today)
    if read_version(versions, model, entry.version)[2] != entry.version_hash:
        raise RuleError(f"{model} version {entry.version} is not the one promoted; restore its frozen files")
    return entry.version
