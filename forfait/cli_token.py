"""Who may call the service: tokens made, listed and revoked, and the record of accesses."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from features.errors import InputError, MissingError
from forfait.console import err, frame_table, out
from forfait.options import By, day_of

if TYPE_CHECKING:
    from sqlalchemy import Engine

Access = Annotated[
    str | None,
    typer.Option(
        "--access",
        help="Database of tokens and accesses (FORFAIT_ACCESS_URL); default: that of the service.",
        envvar="FORFAIT_ACCESS_URL",
        show_envvar=False,
    ),
]
Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Last day on which it holds (UTC).")]

WIDTH = 220

token = typer.Typer(
    help="Bearer tokens of the service: create, list, revoke.\n\nExample: [bold]forfait token list[/]",
    no_args_is_help=True,
    rich_markup_mode="rich",
)


@token.command()
def create(
    name: Annotated[str, typer.Option(help="Who will use it: a system or a person's function; never used twice.")],
    role: Annotated[str, typer.Option(help="payer, auditor, modeller or admin.")],
    structures: Annotated[
        str | None, typer.Option(help="Structures it may pay, with commas; default: all of them.")
    ] = None,
    expires: Day = None,
    by: Annotated[str | None, typer.Option(help="Who makes it; default: the user of this machine.")] = None,
    access: Access = None,
) -> None:
    """A new token, shown once on standard output; only its hash is kept.

    Example: [bold]forfait token create --name payments-2027 --role payer --structures S1,S2 --expires 2027-12-31[/]
    """
    from serving.access import tokens

    listed = None if structures is None else tuple(one.strip() for one in structures.split(","))
    wanted = tokens.Wanted(name=name, role=role, structures=listed, expires_on=expires.date() if expires else None)
    with _told_plainly():
        secret = tokens.create(_engine(access), wanted, by=by or getpass.getuser(), at=datetime.now(UTC))
    scope = "every structure" if listed is None else f"{len(set(listed))} structures"
    until = f"until {wanted.expires_on}" if wanted.expires_on else "without end"
    err.print(f"{name}: {role}, {scope}, {until}. Keep the token now; it is not shown again.", highlight=False)
    out.print(secret, highlight=False, markup=False, soft_wrap=True)


@token.command("list")
def list_tokens(access: Access = None) -> None:
    """Every token: name, role, structures, who made it and when, its last day, its state.

    Example: [bold]forfait token list[/]
    """
    import pandas as pd

    from serving.access import tokens

    today = datetime.now(UTC).date()
    rows = [
        {
            "name": one.name, "role": one.role,
            "structures": "all" if one.structures is None else ", ".join(one.structures),
            "created": f"{one.created_at[:10]} by {one.created_by}", "expires_on": one.expires_on,
            "state": one.state(today), "revoked": _revoked(one),
        }
        for one in tokens.tokens(_existing(access))
    ]  # fmt: skip
    columns = ["name", "role", "structures", "created", "expires_on", "state", "revoked"]
    out.print(frame_table(pd.DataFrame(rows, columns=columns), "Tokens"))


@token.command()
def revoke(
    name: Annotated[str, typer.Argument(help="Name of the token.")],
    by: By,
    why: Annotated[str, typer.Option(help="Why.")],
    access: Access = None,
) -> None:
    """A token that holds no longer; running services refuse it within FORFAIT_ACCESS_SECONDS (2).

    Example: [bold]forfait token revoke payments-2027 --by "DSI" --why "laptop lost"[/]
    """
    from serving.access import tokens

    found = tokens.revoke(_existing(access), name, by=by, why=why, at=datetime.now(UTC))
    out.print(f"{found.name} ({found.role}) is revoked since {found.revoked_at}", highlight=False, markup=False)


def accesses(
    from_: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="First day (UTC).")],
    to: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Last day; default: today.")] = None,
    denied: Annotated[bool, typer.Option("--denied", help="Only what was refused.")] = False,
    access: Access = None,
) -> None:
    """Who asked the service for what, and what was refused and why; no value of any request.

    Example: [bold]forfait accesses --from 2027-01-01 --to 2027-01-31 --denied[/]
    """
    from serving.access.accesses import accesses_between

    first, last = from_.date(), day_of(to, datetime.now(UTC).date())
    if last < first:
        raise InputError(f"--to {last} is before --from {first}; give the first day, then the last")
    found = accesses_between(_existing(access), first, last, only_denied=denied)
    told = found.assign(at=found["at"].str.slice(0, 19), asked=found["method"] + " " + found["route"])
    columns = ["at", "caller", "issuer", "role", "asked", "status", "reason", "count", "request_id"]
    # A terminal wraps what is wider than it is; a request id cut short would be of no use.
    Console(width=max(out.width, WIDTH)).print(frame_table(told[columns], f"Accesses from {first} to {last}"))


def _engine(access: str | None) -> Engine:
    """The database named, else the service's."""
    from serving.access.tables import engine_of
    from serving.settings import ServiceSettings

    return engine_of(access or ServiceSettings().access_url)


def _existing(access: str | None) -> Engine:
    """The database, which must hold the tables. Errors: MissingError."""
    from sqlalchemy import inspect

    engine = _engine(access)
    is_sqlite, file = engine.dialect.name == "sqlite", Path(engine.url.database or "")
    with _told_plainly():
        if (not is_sqlite or file.exists()) and inspect(engine).has_table("access_tokens"):
            return engine
    raise MissingError("no token was ever made there; run forfait token create, or name the database with --access")


@contextmanager
def _told_plainly() -> Iterator[None]:
    """Errors: MissingError for a database that cannot be opened; its own message may hold an address or a password."""
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (SQLAlchemyError, OSError) as error:
        kind = type(error).__name__
        raise MissingError(f"the database of accesses cannot be opened ({kind}); see FORFAIT_ACCESS_URL") from None


def _revoked(one: object) -> str | None:
    at, by, why = (getattr(one, f"revoked_{what}") for what in ("at", "by", "why"))
    return f"{at[:10]} by {by}: {why}" if at else None
