"""Ledgers on both engines, drafts, and an altered row, for the tests of decisions."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, text

from serving.decisions.appending import Placed, Waiting, append
from serving.decisions.database import Database
from serving.decisions.record import FROM_REQUEST, Draft, content_of, new_id, packed, request_hash

ENGINES = ("sqlite", "postgresql")
BEGUN = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
TRIGGERS = {
    "sqlite": [f"DROP TRIGGER decisions_{name}" for name in ("no_update", "no_delete", "in_order")],
    "postgresql": ["ALTER TABLE decisions DISABLE TRIGGER ALL"],
}


class Ticking:
    """A clock that moves on by a second each time it is read."""

    def __init__(self) -> None:
        self.moment = BEGUN

    def __call__(self) -> datetime:
        self.moment += timedelta(seconds=1)
        return self.moment


def draft(number: int, *, caller: str = "caisse-75", key: str | None = None, body: bytes | None = None) -> Draft:
    """A draft whose contents depend on `number`."""
    asked = body if body is not None else b'{"rows":[%d]}' % number
    return Draft(
        id=new_id(BEGUN + timedelta(milliseconds=number)),
        caller=caller,
        route="/predict",
        query="",
        idempotency_key=key,
        request_type="application/json",
        request_hash=request_hash("/predict", "", kind="application/json", as_page=False, body=asked),
        request=packed(asked),
        rows=1,
        versions="[]",
        rules="[]",
        characteristics="[]",
        result_type="application/json",
        result=packed(b'{"expected_eur":[%d]}' % number),
        explanation=FROM_REQUEST,
        status=200,
    )


def waiting(drafts: Iterable[Draft]) -> list[Waiting]:
    """Drafts in the queue."""
    return [Waiting(one, content_of(one)) for one in drafts]


def written(database: Database, drafts: Iterable[Draft]) -> list[Placed]:
    """Drafts in the ledger, in one commit."""
    with database.writing() as connection:
        return append(connection, waiting(drafts), Ticking())


def emptied(url: str) -> Database:
    """A ledger on a PostgreSQL database, made anew: dropping is quicker than another database."""
    database = Database(url)
    with database.engine.begin() as connection:
        for statement in ("DROP SCHEMA public CASCADE", "CREATE SCHEMA public"):
            connection.execute(text(statement))
    database.upgrade()
    return database


def unguarded(connection: Connection) -> None:
    """Take the triggers away, as one who holds the database could."""
    for statement in TRIGGERS[connection.dialect.name]:
        connection.execute(text(statement))
