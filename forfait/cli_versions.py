"""The commands of the dated register: put a version in force, and say which one was."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from features.errors import InputError
from forfait.console import out
from forfait.options import DATA, VERSIONS, By, Data, Decided, Model, Versions, day_of, today


def promote(
    model: Model,
    version: Annotated[int, typer.Option(help="Version to put in force.")],
    from_: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="First day in force.")],
    by: By,
    why: Annotated[str, typer.Option(help="Why.")],
    despite: Annotated[
        str | None, typer.Option(help="Written reason to go on where gates refuse; kept in the register.")
    ] = None,
    decided_on: Decided = None,
    data: Data = DATA,
    versions: Versions = VERSIONS,
) -> None:
    """Put a version in force from a day on: one more line in the dated register.

    Where a version is in force already, the latest `forfait retrain` must let this one pass, or --despite says why.
    Who, when, why and the euros of each structure are kept beside the register.

    Example: [bold]forfait promote peps_mg --version 1 --from 2024-01-01 --by "Cnam, DEPP" --why "yearly refit"[/]
    """
    from training.retrain.approval import APPROVALS, Promotion, promote_approved

    decided = day_of(decided_on)
    if decided > today():
        raise InputError(f"--decided-on {decided} is to come; a decision is written once it is taken")
    asked = Promotion(model, version, from_.date(), decided, by, why, despite)
    entry = promote_approved(data, versions, asked)
    out.print(f"{entry.model} version {entry.version} is in force from {entry.from_date} ({entry.version_hash[:12]})")
    if entry.approval is not None:
        out.print(f"approval {entry.approval[:12]} kept in {versions / APPROVALS}")


def in_force(
    model: Model,
    on: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="Any day, past or to come.")],
    known_on: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="As decided by this day; default: all decisions.")
    ] = None,
    versions: Versions = VERSIONS,
) -> None:
    """The version that was in force on a day, who decided it, and why.

    Example: [bold]forfait in-force peps_mg --on 2024-03-01[/]
    """
    from features.versions import in_force as entry_in_force

    entry = entry_in_force(versions, model, on.date(), known_on=known_on.date() if known_on else None)
    despite = "" if entry.despite is None else f"\ndespite what refused it: {entry.despite}"
    approval = "" if entry.approval is None else f"\napproval {entry.approval}"
    out.print(
        f"{entry.model} version {entry.version}, in force from {entry.from_date}\n"
        f"decided on {entry.decided_on} by {entry.by}: {entry.why}{despite}\nhash {entry.version_hash}{approval}",
        highlight=False,
        markup=False,
    )


VERSION_COMMANDS = (promote, in_force)
