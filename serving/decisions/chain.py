"""Whether the ledger is what was written: no decision altered, missing, moved or cut off after an anchor."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass

from sqlalchemy import Connection, select
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from features.errors import InputError, RuleError
from serving.decisions.appending import head
from serving.decisions.database import Database
from serving.decisions.errors import LedgerError
from serving.decisions.record import CONTENT, GENESIS, Decision
from serving.decisions.tables import COLUMNS, DECISIONS, decision_of

AT_A_TIME = 16
ANCHOR = re.compile(r"(\d{1,18}):([0-9a-f]{64})")
KINDS = {"number": int, "rows": int, "status": int, "request": bytes, "result": bytes}
UNREADABLE = (SQLAlchemyError, UnicodeError, ValueError, TypeError, OverflowError)


class BrokenChainError(RuleError):
    """The ledger is not what was written; `number` is the first decision that shows it."""

    def __init__(self, number: int, what: str) -> None:
        """The message names the decision by its number."""
        super().__init__(f"decision {number}: {what}; keep this ledger as it is, and compare it with its backup")
        self.number = number


@dataclass(frozen=True)
class Anchor:
    """Number and hash of a decision, kept elsewhere: the chain up to it cannot be rewritten unseen."""

    number: int
    hash: str

    def __str__(self) -> str:
        """As it is kept."""
        return f"{self.number}:{self.hash}"


def anchor_of(text: str) -> Anchor:
    """The anchor written as number:hash. Errors: InputError."""
    found = ANCHOR.fullmatch(text.strip())
    if found is None:
        raise InputError("an anchor is NUMBER:HASH, as forfait ledger anchor prints it")
    return Anchor(int(found[1]), found[2])


def newest(database: Database) -> Anchor:
    """The anchor of the newest decision, 0 and the genesis for an empty ledger."""
    with database.reading() as connection:
        return Anchor(*head(connection))


def verify(database: Database, anchors: tuple[Anchor, ...] = ()) -> Anchor:
    """The newest decision, once every one was read and found as written. Errors: BrokenChainError for the first bad."""
    with database.reading() as connection, closing(_decisions(connection)) as decisions:
        return checked(decisions, {anchor.number: anchor.hash for anchor in anchors})


def checked(decisions: Iterable[Decision], anchors: Mapping[int, str]) -> Anchor:
    """As `verify`, of decisions in the order of their numbers."""
    last = Anchor(0, GENESIS)
    _check_anchor(last, anchors)
    for decision in decisions:
        check_one(decision, last)
        last = Anchor(decision.number, decision.hash)
        _check_anchor(last, anchors)
    if beyond := [number for number in sorted(anchors) if number > last.number]:
        raise BrokenChainError(last.number + 1, f"is missing: the ledger ends before the anchor {beyond[-1]}")
    return last


def check_one(decision: Decision, last: Anchor) -> None:
    """Nothing where a decision is as written, just after `last`. Errors: BrokenChainError."""
    expected = last.number + 1
    if decision.number != expected:
        what = f"is missing; after {last.number} comes {decision.number}"
        raise BrokenChainError(expected, what)
    if decision.previous_hash != last.hash:
        raise BrokenChainError(expected, "does not follow the decision before it")
    if not is_whole(decision):
        raise BrokenChainError(expected, "was altered")


def is_whole(decision: Decision) -> bool:
    """Whether the fields of a decision give its hash."""
    kinds_are_right = all(
        isinstance(getattr(decision, name), KINDS.get(name, str))
        for name in CONTENT
        if name != "idempotency_key" or decision.idempotency_key is not None
    )
    try:
        return kinds_are_right and decision.expected_hash(decision.previous_hash) == decision.hash
    except (UnicodeError, TypeError, AttributeError):
        return False


def _check_anchor(last: Anchor, anchors: Mapping[int, str]) -> None:
    if anchors.get(last.number, last.hash) != last.hash:
        raise BrokenChainError(last.number, "is not that of its anchor: the chain was rewritten")


def _decisions(connection: Connection) -> Generator[Decision, None, None]:
    """Every decision in order. Errors: BrokenChainError where the database cannot read one."""
    last = 0
    streamed = connection.execution_options(yield_per=AT_A_TIME)
    try:
        with streamed.execute(select(*COLUMNS).order_by(DECISIONS.c.number)) as rows:
            for row in rows:
                yield (decision := decision_of(row))
                last = decision.number
    except DBAPIError as error:
        if error.connection_invalidated:
            raise LedgerError("the ledger went away while it was read; try again") from None
        raise BrokenChainError(last + 1, f"cannot be read ({type(error).__name__})") from None
    except UNREADABLE as error:
        raise BrokenChainError(last + 1, f"cannot be read ({type(error).__name__})") from None
