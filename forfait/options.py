"""Options that several commands share, declared once."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from features.errors import InputError, RuleError
from forfait.settings import Settings

Data = Annotated[Path, typer.Option(help="Folder of the datasets (FORFAIT_DATA).", envvar="FORFAIT_DATA")]
Versions = Annotated[
    Path, typer.Option(help="Folder of the frozen versions (FORFAIT_VERSIONS).", envvar="FORFAIT_VERSIONS")
]
Year = Annotated[int, typer.Option(help="Year of care.")]
Engine = Annotated[str, typer.Option(help="duckdb or spark (FORFAIT_ENGINE).", envvar="FORFAIT_ENGINE")]
Memory = Annotated[
    float | None, typer.Option(help="Memory that the engine may take, in GiB; it spills to disk beyond.")
]
Model = Annotated[str, typer.Argument(help="Model: peps_mg, peps_mg_ide, total or budget_total.")]
Version = Annotated[int | None, typer.Option(help="Version; default: the one in force on --on.")]
On = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Day whose version in force is used.")]

DEFAULTS = Settings()
DATA, VERSIONS, ENGINE = DEFAULTS.data, DEFAULTS.versions, DEFAULTS.engine


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
