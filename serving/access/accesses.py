"""The record of accesses: one append-only row per request, without any value of it; refusals are on disk first.

One thread writes what has gathered in one transaction. A refused request waits for its row to be committed; an
answered one does not, and its row follows within BATCH_SECONDS.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import date, timedelta

import msgspec
import pandas as pd
from sqlalchemy import Engine, insert, select
from sqlalchemy.exc import SQLAlchemyError

from features.errors import ForfaitError
from serving.access.tables import ACCESSES, prepare

LOG = logging.getLogger("forfait.serving")
BATCH_SECONDS = 0.2
RETRY_SECONDS = 0.5
CLOSE_SECONDS = 10.0


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """Who asked what, when, and what came of it: a route as it stands in the table of rights, never its values."""

    at: str
    request_id: str
    caller: str
    issuer: str
    role: str
    method: str
    route: str
    status: int
    reason: str
    count: int = 1

    @property
    def kind(self) -> tuple[str, str, str, str, str, int]:
        """What refusals by rate are counted under: a flood is one row per batch, not one per request."""
        return self.caller, self.issuer, self.method, self.route, self.reason, self.status


Waiting = tuple[Access, "Future[None] | None"]


@dataclass
class Recorder:
    """The writer of accesses, and what waits to be written.

    `is_failing` while the last attempt failed: the door lets nobody in then, since nothing could be told of it.
    """

    engine: Engine
    waiting: list[Waiting] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)
    thread: threading.Thread | None = None
    is_failing: bool = False
    is_closing: bool = False
    is_prepared: bool = False

    def add(self, access: Access, *, is_urgent: bool) -> Future[None] | None:
        """Queue a row; for an urgent one, what tells that it is committed (or raises)."""
        done: Future[None] | None = Future() if is_urgent else None
        with self.changed:
            self.waiting.append((access, done))
            if self.thread is None:
                self.thread = threading.Thread(target=self._run, name="accesses", daemon=True)
                self.thread.start()
            if is_urgent or len(self.waiting) == 1:
                self.changed.notify()
        return done

    def close(self) -> None:
        """Write what is left; to call when the service stops."""
        with self.changed:
            self.is_closing, thread = True, self.thread
            self.changed.notify()
        if thread is not None:
            thread.join(CLOSE_SECONDS)

    def _run(self) -> None:
        while True:
            with self.changed:
                self.changed.wait_for(lambda: self.waiting or self.is_closing)
                self.changed.wait_for(self._is_pressing, BATCH_SECONDS)
                batch, self.waiting = self.waiting, []
            if batch:
                self._write(batch)
            with self.changed:
                if self.is_closing and (self.is_failing or not self.waiting):
                    self.thread, self.is_closing = None, False
                    return
                if self.is_failing:
                    self.changed.wait_for(lambda: self.is_closing, RETRY_SECONDS)

    def _is_pressing(self) -> bool:
        return self.is_closing or any(done is not None for _, done in self.waiting)

    def _write(self, batch: list[Waiting]) -> None:
        """Commit a batch; one that fails is kept for the next attempt, and those who wait for it are told."""
        try:
            if not self.is_prepared:
                prepare(self.engine)
                self.is_prepared = True
            rows = [msgspec.to_builtins(access) for access in gathered([access for access, _ in batch])]
            with self.engine.begin() as connection:
                connection.execute(insert(ACCESSES), rows)
        except (SQLAlchemyError, OSError, ForfaitError) as error:
            if not self.is_failing:
                LOG.error("accesses cannot be recorded (%s); the service is closed meanwhile", type(error).__name__)
            self.is_failing = True
            with self.changed:
                self.waiting = [(access, None) for access, _ in batch] + self.waiting
            _tell(batch, error)
            return
        self.is_failing = False
        _tell(batch, None)


def gathered(accesses: Sequence[Access]) -> list[Access]:
    """The rows to write: refusals by rate of one kind are one row with their count, the rest one row each."""
    counts: dict[tuple[object, ...], int] = {}
    found: list[Access] = []
    for access in accesses:
        if access.status != 429:
            found.append(access)
        elif access.kind in counts:
            place = counts[access.kind]
            found[place] = msgspec.structs.replace(found[place], count=found[place].count + access.count)
        else:
            counts[access.kind] = len(found)
            found.append(access)
    return found


def accesses_between(engine: Engine, first: date, last: date, *, only_denied: bool = False) -> pd.DataFrame:
    """Accesses from one day to another, both included (UTC), oldest first."""
    columns = [column for column in ACCESSES.c if column.name != "number"]
    wanted = (
        select(*columns)
        .where(ACCESSES.c.at >= first.isoformat(), ACCESSES.c.at < (last + timedelta(days=1)).isoformat())
        .order_by(ACCESSES.c.number)
    )
    if only_denied:
        wanted = wanted.where(ACCESSES.c.reason != "")
    with engine.connect() as connection:
        rows = connection.execute(wanted).all()
    return pd.DataFrame(rows, columns=[column.name for column in columns])


def _tell(batch: Sequence[Waiting], error: Exception | None) -> None:
    for _, done in batch:
        if done is not None and not done.done():
            if error is None:
                done.set_result(None)
            else:
                done.set_exception(error)
