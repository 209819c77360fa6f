"""Callers of the service for the measures and the tests of the ledger: a server that can be killed, and its load."""

from __future__ import annotations

import gc
import hashlib
import http.client
import json
import multiprocessing
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from serving.decisions.database import Database
from serving.decisions.ledger import found
from serving.decisions.record import unpacked

FORKING = multiprocessing.get_context("forkserver")
PRELOADED = [
    "__main__",
    "alembic.command",
    "benchmarks.ledger_load",
    "serving.app",
    "sqlalchemy.dialects.postgresql.psycopg",
    "sqlalchemy.dialects.sqlite.pysqlite",
    "sqlite3",
    "uvicorn.lifespan.on",
    "uvicorn.loops.auto",
    "uvicorn.protocols.http.auto",
    "uvicorn.protocols.websockets.auto",
]
AWAY = (OSError, http.client.HTTPException)
STARTS_WITHIN_SECONDS = 60


def serve(port: int, versions: str, url: str) -> None:
    """Serve our app on a port until killed."""
    gc.freeze()  # what was imported before the fork is not looked through again: it starts in half the time
    import uvicorn

    from serving.app import build_app
    from serving.settings import ServiceSettings

    app = build_app(ServiceSettings(versions=versions, ledger_url=url, access="open"))
    uvicorn.run(app, host="127.0.0.1", port=port, access_log=False, log_level="critical")


@dataclass
class Server:
    """The service in a process of its own, forked from one that has imported everything, so that it starts at once."""

    versions: Path
    url: str
    port: int = 0
    process: ForkServerProcess | None = None

    def start(self) -> None:
        """Start it and wait until it is ready."""
        with closing(socket.socket()) as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        FORKING.set_forkserver_preload(PRELOADED)
        self.process = FORKING.Process(target=serve, args=(self.port, str(self.versions), self.url), daemon=True)
        self.process.start()
        for _ in range(STARTS_WITHIN_SECONDS * 20):
            if self.get("/readyz") == 200:
                return
            time.sleep(0.05)
        raise RuntimeError("the service did not start")

    def kill(self) -> None:
        """SIGKILL."""
        assert self.process is not None and self.process.pid is not None
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.join()

    def get(self, path: str) -> int:
        """Status of a GET; 0 where nobody answers."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)) as connection:
            try:
                connection.request("GET", path)
                return connection.getresponse().status
            except AWAY:
                return 0


@dataclass
class Load:
    """Callers that post as fast as they are answered: what was acknowledged, and every other status, counted."""

    port: int
    body: bytes
    acknowledged: dict[str, str] = field(default_factory=dict)
    others: dict[int, int] = field(default_factory=dict)
    without_retry: int = 0
    stopping: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def call(self, name: int) -> None:
        """Post until told to stop or until nobody answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        for turn in range(10**9):
            if self.stopping.is_set():
                break
            headers = {"Content-Type": "application/json", "Idempotency-Key": f"{name}-{turn}-{time.monotonic_ns()}"}
            try:
                connection.request("POST", "/predict", self.body, headers)
                answer = connection.getresponse()
                content = answer.read()
            except AWAY:
                break
            self._note(answer, content)
        connection.close()

    def _note(self, answer: http.client.HTTPResponse, content: bytes) -> None:
        with self.lock:
            if answer.status == 200:
                self.acknowledged[answer.headers["Decision-Id"]] = hashlib.sha256(content).hexdigest()
                return
            self.others[answer.status] = self.others.get(answer.status, 0) + 1
            self.without_retry += "Retry-After" not in answer.headers


@contextmanager
def loading(port: int, body: bytes, callers: int) -> Iterator[Load]:
    """Callers at work; they stop at the end."""
    load = Load(port, body)
    threads = [threading.Thread(target=load.call, args=(name,), daemon=True) for name in range(callers)]
    for thread in threads:
        thread.start()
    try:
        yield load
    finally:
        load.stopping.set()
        for thread in threads:
            thread.join(30)


def lost(database: Database, acknowledged: dict[str, str]) -> list[str]:
    """Ids that were acknowledged and are not on record with the answer that was given."""
    missing = []
    for decision_id, digest in acknowledged.items():
        decision = found(database, decision_id)
        if decision is None or hashlib.sha256(unpacked(decision.result)).hexdigest() != digest:
            missing.append(decision_id)
    return missing


def body_of(rows: object, model: str = "peps_mg", version: int = 1) -> bytes:
    """A request to /predict."""
    return json.dumps({"model": model, "version": version, "rows": rows}).encode()
