"""Drafts become decisions: numbered and linked in one transaction, an idempotency key only once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite

from serving.clock import Clock
from serving.decisions.record import CONTENT, GENESIS, Draft, link, stamp
from serving.decisions.tables import DECISIONS, STRUCTURES

NEWEST = select(DECISIONS.c.number, DECISIONS.c.hash).order_by(DECISIONS.c.number.desc()).limit(1)
KNOWN_KEYS = (DECISIONS.c.caller, DECISIONS.c.idempotency_key)
EMPTY = (0, GENESIS)
Keyed = tuple[str, str]
# Written out once and given to the driver as they are: SQLAlchemy would take three times as long over each commit.
DIALECTS = {"sqlite": sqlite.dialect(paramstyle="named"), "postgresql": postgresql.dialect(paramstyle="pyformat")}
LITERAL = {"literal_binds": True}
NEWEST_SQL = {name: str(NEWEST.compile(dialect=one, compile_kwargs=LITERAL)) for name, one in DIALECTS.items()}
INSERT_SQL = {name: str(insert(DECISIONS).compile(dialect=one)) for name, one in DIALECTS.items()}


@dataclass(frozen=True)
class Waiting:
    """A draft, the hash of its content and the structures that it names, computed before its turn."""

    draft: Draft
    content: bytes
    structures: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Placed:
    """Where a draft ended: its own id, or that of the decision that its caller made under the same key before."""

    id: str
    is_new: bool


def append(connection: Connection, batch: Sequence[Waiting], clock: Clock, *, is_again: bool = False) -> list[Placed]:
    """Where each draft ended, in order; `connection` is alone to write and commits after.

    is_again: some may be there already, from a commit whose acknowledgement was lost.
    """
    places, is_there = _known(connection, [one.draft for one in batch]), _there(connection, batch) if is_again else ()
    cursor, dialect = connection.connection.cursor(), connection.dialect.name
    cursor.execute(NEWEST_SQL[dialect])
    number, previous = cursor.fetchone() or EMPTY
    rows, named, placed = [], [], []
    for one in batch:
        draft = one.draft
        key = _key(draft)
        if draft.id in is_there or (key is not None and key in places):
            placed.append(Placed(draft.id if key is None else places[key], is_new=draft.id in is_there))
            continue
        number, recorded_at = number + 1, stamp(clock())
        digest = link(previous, number, recorded_at=recorded_at, content=one.content)
        own = {name: getattr(draft, name) for name in CONTENT}
        rows.append({**own, "number": number, "recorded_at": recorded_at, "previous_hash": previous, "hash": digest})
        named += [{"structure_id": name, "number": number} for name in sorted(one.structures)]
        previous = digest
        placed.append(Placed(draft.id, is_new=True))
        if key is not None:
            places[key] = draft.id
    if rows:
        cursor.executemany(INSERT_SQL[dialect], rows) if len(rows) > 1 else cursor.execute(INSERT_SQL[dialect], rows[0])
    if named:
        connection.execute(insert(STRUCTURES), named)
    return placed


def head(connection: Connection) -> tuple[int, str]:
    """Number and hash of the newest decision; 0 and the genesis for an empty ledger."""
    newest = connection.execute(NEWEST).first()
    return EMPTY if newest is None else (newest.number, newest.hash)


def _key(draft: Draft) -> Keyed | None:
    return None if draft.idempotency_key is None else (draft.caller, draft.idempotency_key)


def _known(connection: Connection, drafts: Iterable[Draft]) -> dict[Keyed, str]:
    """Ids of the decisions already made under the keys of `drafts`."""
    keys = list({key for draft in drafts if (key := _key(draft)) is not None})
    if not keys:
        return {}
    found = connection.execute(select(DECISIONS.c.id, *KNOWN_KEYS).where(tuple_(*KNOWN_KEYS).in_(keys)))
    return {(caller, key): decision_id for decision_id, caller, key in found}


def _there(connection: Connection, batch: Sequence[Waiting]) -> set[str]:
    """Ids of the batch that are recorded already."""
    ids = [one.draft.id for one in batch]
    return set(connection.execute(select(DECISIONS.c.id).where(DECISIONS.c.id.in_(ids))).scalars())
