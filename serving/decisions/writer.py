"""One thread writes: it takes every draft that waits, commits them together, and only then answers each caller.

While one commit reaches the disk the next drafts gather, so that many callers share its cost. A draft is acknowledged
after the commit; where the database does not answer, its caller is told so, and the thread goes on.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from threading import Condition, Thread

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from serving.clock import Clock
from serving.decisions.appending import Placed, Waiting, append
from serving.decisions.database import FAULTS, Database, told
from serving.decisions.errors import UnrecordedError

LOG = logging.getLogger("forfait.serving")
MOST_TOGETHER = 256
MOST_BYTES_TOGETHER = 64 * 1024 * 1024
Item = tuple[Waiting, "Future[Placed]"]


class Writer:
    """The queue of drafts and the thread that empties it, started with the first draft."""

    def __init__(self, database: Database, clock: Clock, *, most_waiting: int, most_bytes: int) -> None:
        """No more than `most_waiting` drafts, nor `most_bytes` of them, wait; others are refused at once."""
        self.database, self.clock = database, clock
        self.most_waiting, self.most_bytes = most_waiting, most_bytes
        self._waiting: deque[Item] = deque()
        self._bytes = 0
        self._changed = Condition()
        self._thread: Thread | None = None
        self._is_closing = False

    def put(self, waiting: Waiting) -> Future[Placed]:
        """What will be known once the draft is on disk. Errors: UnrecordedError where too many wait."""
        future: Future[Placed] = Future()
        size = _size(waiting)
        with self._changed:
            if self._is_full(size):
                self._forget_given_up()
            if self._is_full(size):
                raise UnrecordedError("too many answers wait for the ledger; try again")
            self._waiting.append((waiting, future))
            self._bytes += size
            if self._thread is None or not self._thread.is_alive():
                self._is_closing = False
                self._thread = Thread(target=self._run, name="ledger", daemon=True)
                self._thread.start()
            self._changed.notify()
        return future

    def _is_full(self, size: int) -> bool:
        return len(self._waiting) >= self.most_waiting or bool(self._waiting and self._bytes + size > self.most_bytes)

    def _forget_given_up(self) -> None:
        """Drafts whose callers no longer wait make room."""
        self._waiting = deque(item for item in self._waiting if not item[1].cancelled())
        self._bytes = sum(_size(waiting) for waiting, _ in self._waiting)

    def close(self) -> None:
        """Write what waits, then stop; a later draft starts it again."""
        with self._changed:
            self._is_closing = True
            self._changed.notify()
            thread = self._thread
        if thread is not None:
            thread.join()
        self.database.close()

    def _run(self) -> None:
        while batch := self._take():
            self._answer(batch)

    def _take(self) -> list[Item]:
        """What waits, as much as one commit may hold; none when the writer closes."""
        with self._changed:
            while not self._waiting and not self._is_closing:
                self._changed.wait()
            batch: list[Item] = []
            size = 0
            while self._waiting and len(batch) < MOST_TOGETHER and (not batch or size < MOST_BYTES_TOGETHER):
                waiting, future = self._waiting.popleft()
                self._bytes -= _size(waiting)
                size += _size(waiting)
                batch.append((waiting, future))
            if not batch:
                self._thread = None
            return batch

    def _answer(self, batch: Sequence[Item]) -> None:
        """Commit the drafts that are still wanted; one that the database refuses does not take the others with it."""
        wanted = [(waiting, future) for waiting, future in batch if future.set_running_or_notify_cancel()]
        if not wanted:
            return
        try:
            placed = self._committed([waiting for waiting, _ in wanted])
        except Exception as error:
            self._refuse(wanted, error)
            return
        for (_, future), place in zip(wanted, placed, strict=True):
            future.set_result(place)

    def _committed(self, batch: Sequence[Waiting]) -> list[Placed]:
        """Where each draft ended. A connection that broke is opened again once; what it had committed is found."""
        try:
            return self._once(batch, is_again=False)
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
        return self._once(batch, is_again=True)

    def _once(self, batch: Sequence[Waiting], *, is_again: bool) -> list[Placed]:
        with self.database.writing() as connection:
            return append(connection, batch, self.clock, is_again=is_again)

    def _refuse(self, wanted: Sequence[Item], error: Exception) -> None:
        LOG.error("ledger: %s; %s not recorded", type(error).__name__, len(wanted))
        if len(wanted) > 1 and isinstance(error, SQLAlchemyError) and not _is_away(error):
            for waiting, future in wanted:
                try:
                    future.set_result(self._committed([waiting])[0])
                except Exception as own:
                    future.set_exception(UnrecordedError(_why(own)))
            return
        for _, future in wanted:
            future.set_exception(UnrecordedError(_why(error)))


def _why(error: Exception) -> str:
    return told(error) if isinstance(error, FAULTS) else "the ledger failed"


def _is_away(error: SQLAlchemyError) -> bool:
    """Whether the database is at fault (away, locked, full), not one draft."""
    return not isinstance(error, DBAPIError) or error.connection_invalidated or "Operational" in type(error).__name__


def _size(waiting: Waiting) -> int:
    return len(waiting.draft.request) + len(waiting.draft.result)
