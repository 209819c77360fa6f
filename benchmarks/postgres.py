"""A PostgreSQL server of one's own in a temporary folder, for the tests and the measures of the ledger."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

BINARIES = Path("/usr/lib/postgresql/15/bin")
MISSING = f"PostgreSQL 15 is not in {BINARIES}: apt-get install postgresql-15, and install forfait[postgresql]"


def why_absent() -> str | None:
    """None where a server can be started and spoken to, else what is missing."""
    try:
        import psycopg  # noqa: F401
    except ImportError:
        return MISSING
    return None if (BINARIES / "initdb").exists() else MISSING


@dataclass(frozen=True)
class Cluster:
    """A server: its folder, its port, and who runs it (PostgreSQL refuses root)."""

    folder: Path
    port: int
    user: str | None

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1"
        self._run(
            "pg_ctl", "-D", str(self.folder / "data"), "-w", "-l", str(self.folder / "log"), "-o", options, "start"
        )

    def stop(self, mode: str = "immediate") -> None:
        """Stop it: `immediate` is a crash, `fast` a stop in order."""
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-w", "-m", mode, "stop")

    @property
    def url(self) -> str:
        """Address of its first database."""
        return self._url("postgres")

    def create(self, name: str) -> str:
        """Address of a new database."""
        self._run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "keeper", name)
        return self._url(name)

    def _url(self, name: str) -> str:
        return f"postgresql+psycopg://keeper@127.0.0.1:{self.port}/{name}"

    def _run(self, program: str, *words: str) -> None:
        as_user = ["runuser", "-u", self.user, "--"] if self.user else []
        command = [*as_user, str(BINARIES / program), *words]
        # pg_ctl hands its output to the server, which would keep a pipe open.
        with tempfile.TemporaryFile() as told:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=told, stderr=told, cwd="/", timeout=60)
            told.seek(0)
            if done.returncode:
                raise RuntimeError(f"{program}: {told.read().decode()}")


@contextmanager
def cluster() -> Iterator[Cluster]:
    """A running server, gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="forfait-postgres-"))
    user = next(iter(_users()), None) if os.geteuid() == 0 else None
    if user:
        shutil.chown(folder, user)
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    one = Cluster(folder, port, user)
    try:
        one._run("initdb", "-D", str(folder / "data"), "-U", "keeper", "-A", "trust", "-E", "UTF8", "--locale=C")
        one.start()
        yield one
    finally:
        if (folder / "data" / "postmaster.pid").exists():
            one.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _users() -> list[str]:
    """Who may run it in root's place."""
    known = {entry.pw_name for entry in pwd.getpwall()}
    return [name for name in ("postgres", "nobody") if name in known]
