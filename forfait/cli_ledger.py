"""The command of the ledger of decisions: whether it is whole, its anchor, its tables, one decision."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from features.errors import InputError, MissingError
from forfait.console import out
from forfait.options import VERSIONS, Versions

if TYPE_CHECKING:
    from serving.decisions.database import Database

USAGE = "say forfait ledger verify, anchor, upgrade, or show ID"
Url = Annotated[
    str | None,
    typer.Option(help="Address of the ledger (FORFAIT_LEDGER_URL); default: ledger.db beside the folder of versions."),
]


def ledger(
    what: Annotated[list[str], typer.Argument(help="verify, anchor, upgrade, or: show ID.")],
    anchor: Annotated[
        list[str] | None, typer.Option(help="With verify: NUMBER:HASH kept elsewhere; may be repeated.")
    ] = None,
    url: Url = None,
    versions: Versions = VERSIONS,
) -> None:
    """The ledger of the service's decisions: find any alteration or gap, print its anchor, make its tables, show one.

    Example: [bold]forfait ledger verify --anchor 1200:9b74…[/]

    Example: [bold]forfait ledger show 019a0c3e-6f00-7a21-9b4c-5d2f1e0a7c11[/]
    """
    from pydantic import SecretStr

    from serving.decisions.database import Database
    from serving.settings import ServiceSettings

    settings = ServiceSettings(versions=versions) if url is None else ServiceSettings(ledger_url=SecretStr(url))
    if anchor and what != ["verify"]:
        raise InputError("--anchor goes with forfait ledger verify")
    _told(Database(settings.ledger), what, tuple(anchor or ()))


def _told(database: Database, what: list[str], anchors: tuple[str, ...]) -> None:
    """Do what is asked and say what was found. Errors: LedgerError where the ledger cannot be reached or used."""
    from serving.decisions.database import FAULTS, told
    from serving.decisions.errors import LedgerError

    if what != ["upgrade"]:
        _check_there(database)
    try:
        line = _line(database, what, anchors)
    except LedgerError:
        raise
    except FAULTS as error:
        raise LedgerError(f"{told(error)}: {type(error).__name__}") from None
    finally:
        database.close()
    out.print(line, highlight=False, markup=False, soft_wrap=True)


def _line(database: Database, what: list[str], anchors: tuple[str, ...]) -> str:
    from serving.decisions.chain import anchor_of, newest, verify

    if what == ["verify"]:
        last = verify(database, tuple(anchor_of(text) for text in anchors))
        return f"{last.number} decisions, none altered or missing; the newest is {last}"
    if what == ["anchor"]:
        return str(newest(database))
    if what == ["upgrade"]:
        return f"the ledger is of revision {database.upgrade()}"
    if what[0] == "show" and len(what) == 2:
        return _shown(database, what[1])
    raise InputError(USAGE)


def _shown(database: Database, decision_id: str) -> str:
    import msgspec

    from serving.decisions.ledger import found
    from serving.decisions.routes import told

    decision = found(database, decision_id)
    if decision is None:
        raise MissingError("no such decision; its id is the Decision-Id of the answer")
    return msgspec.json.format(told(decision), indent=2).decode()


def _check_there(database: Database) -> None:
    """Errors: MissingError for a SQLite file that is not there: reading must not make an empty ledger."""
    if database.is_sqlite and not Path(str(database.url.database)).exists():
        raise MissingError(f"{database.url.database} is missing: name the ledger with --url or FORFAIT_LEDGER_URL")


LEDGER_COMMANDS = (ledger,)
