"""The ledger as the service uses it: record, find, and whether it can be used."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from sqlalchemy import ColumnElement, select
from sqlalchemy.engine import URL

from serving.clock import Clock
from serving.decisions.appending import Placed, Waiting
from serving.decisions.database import FAULTS, Database, told
from serving.decisions.errors import UnrecordedError
from serving.decisions.record import Decision, Draft
from serving.decisions.tables import COLUMNS, DECISIONS, decision_of
from serving.decisions.writer import Writer
from serving.refusals import RefusalError

UNKNOWN = "unknown decision; its id is the Decision-Id of the answer"


@dataclass(frozen=True)
class Ledger:
    """The database, its one writer in this process, and how long a caller waits for it."""

    database: Database
    writer: Writer
    clock: Clock
    timeout_seconds: float

    async def record(self, draft: Draft, content: bytes, structures: frozenset[str] = frozenset()) -> Placed:
        """Where the draft ended, once it is on disk. Errors: UnrecordedError where it is not, or not known to be."""
        future = self.writer.put(Waiting(draft, content, structures))
        try:
            return await asyncio.wait_for(asyncio.wrap_future(future), self.timeout_seconds)
        except TimeoutError:
            raise UnrecordedError("the ledger is too slow; try again") from None

    def find(self, decision_id: str) -> Decision:
        """A decision. Errors: RefusalError 404 for an unknown one, 503 where the ledger cannot be read."""
        decision = self._one(DECISIONS.c.id == decision_id)
        if decision is None:
            raise RefusalError(404, UNKNOWN, field="id")
        return decision

    def made_under(self, caller: str, key: str) -> Decision | None:
        """The decision that a caller made under an idempotency key. Errors: UnrecordedError."""
        return self._one((DECISIONS.c.caller == caller) & (DECISIONS.c.idempotency_key == key))

    def why_not(self) -> str | None:
        """None where decisions can be recorded, else why they cannot."""
        try:
            with self.database.reading() as connection:
                connection.exec_driver_sql("SELECT 1").scalar()
        except FAULTS as error:
            return told(error)
        return None

    def close(self) -> None:
        """Write what waits, then close."""
        self.writer.close()

    def _one(self, which: ColumnElement[bool]) -> Decision | None:
        try:
            return first(self.database, which)
        except FAULTS as error:
            raise UnreadError(told(error)) from None


def found(database: Database, decision_id: str) -> Decision | None:
    """A decision by its id; None where there is none."""
    return first(database, DECISIONS.c.id == decision_id)


def first(database: Database, which: ColumnElement[bool]) -> Decision | None:
    """The first decision of which `which` holds; None where there is none."""
    with database.reading() as connection:
        row = connection.execute(select(*COLUMNS).where(which)).first()
    return None if row is None else decision_of(row)


class UnreadError(UnrecordedError):
    """503: a decision cannot be looked up now."""

    def __init__(self, why: str) -> None:
        """`why`: what is wrong with the ledger."""
        super().__init__(why)
        self.message = f"decisions cannot be read now: {why}"


def ledger_at(url: str | URL, clock: Clock, *, most_waiting: int, most_bytes: int, timeout_seconds: float) -> Ledger:
    """The ledger of a database, not opened yet."""
    database = Database(url)
    return Ledger(database, Writer(database, clock, most_waiting=most_waiting, most_bytes=most_bytes), clock,
                  timeout_seconds)  # fmt: skip
