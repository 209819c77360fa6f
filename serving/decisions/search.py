"""Decisions looked for by what stands beside them, newest first, a page at a time; requests and results stay unread."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import msgspec
from sqlalchemy import ColumnElement, exists, false, or_, select

from serving.access.callers import Caller
from serving.decisions.database import FAULTS, told
from serving.decisions.ledger import Ledger, UnreadError
from serving.decisions.record import UsedVersion
from serving.decisions.tables import DECISIONS, STRUCTURES

D, S = DECISIONS.c, STRUCTURES.c
SHOWN = (D.number, D.id, D.recorded_at, D.caller, D.route, D.rows, D.versions)
PAGE = 25


@dataclass(frozen=True)
class Wanted:
    """What is looked for; empty: anything. Days are of recording (UTC), both included; `before` is a number."""

    id: str = ""
    first: date | None = None
    last: date | None = None
    caller: str = ""
    route: str = ""
    model: str = ""
    structure: str = ""
    before: int | None = None


class Line(msgspec.Struct, frozen=True):
    """A decision in a list."""

    number: int
    id: str
    recorded_at: str
    caller: str
    route: str
    rows: int
    versions: list[UsedVersion]


@dataclass(frozen=True)
class Found:
    """A page of a search; `more`: the number below which the next page begins, None on the last one."""

    lines: list[Line]
    more: int | None


def search(ledger: Ledger, wanted: Wanted, caller: Caller, *, size: int = PAGE) -> Found:
    """Decisions that the caller may read. Errors: UnreadError where the ledger cannot be read."""
    asked = select(*SHOWN).where(*_asked(wanted), readable(caller)).order_by(D.number.desc()).limit(size + 1)
    try:
        with ledger.database.reading() as connection:
            rows = connection.execute(asked).all()
    except FAULTS as error:
        raise UnreadError(told(error)) from None
    lines = [Line(*row[:-1], versions=msgspec.json.decode(row.versions, type=list[UsedVersion])) for row in rows[:size]]
    return Found(lines, lines[-1].number if len(rows) > size else None)


def readable(caller: Caller) -> ColumnElement[bool]:
    """What `may_read` says of an auditor, in SQL: all, or its own and those that name its structures and no other."""
    if caller.structures is None:
        return D.number > 0
    mine = sorted(caller.structures)
    named = exists().where(S.number == D.number)
    others = exists().where(S.number == D.number, S.structure_id.not_in(mine))
    return or_(D.caller == caller.identity, (named & ~others) if mine else false())


def _asked(wanted: Wanted) -> Iterator[ColumnElement[bool]]:
    for column, text in ((D.id, wanted.id), (D.caller, wanted.caller), (D.route, wanted.route)):
        if text:
            yield column == text
    if wanted.first is not None:
        yield D.recorded_at >= wanted.first.isoformat()
    if wanted.last is not None:
        yield D.recorded_at < (wanted.last + timedelta(days=1)).isoformat()
    if wanted.model:
        yield D.versions.contains(f'"model":"{wanted.model}"', autoescape=True)
    if wanted.structure:
        yield D.number.in_(select(S.number).where(S.structure_id == wanted.structure))
    if wanted.before is not None:
        yield D.number < wanted.before
