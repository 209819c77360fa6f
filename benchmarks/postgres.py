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

DEBIAN = Path("/usr/lib/postgresql")
MISSING = f"PostgreSQL is not in {DEBIAN}/*/bin: apt-get install postgresql, and install forfait[postgresql]"


def binaries() -> Path | None:
    """Folder of the programs of the newest PostgreSQL of Debian; None where there is none."""
    found = [path.parent for path in DEBIAN.glob("*/bin/initdb") if path.parts[-3].isdecimal()]
    return max(found, key=lambda path: int(path.parts[-2]), default=None)


def why_absent() -> str | None:
    """None where a server can be started and spoken to, else what is missing."""
    try:
        import psycopg  # noqa: F401
    except ImportError:
        return MISSING
    return None if binaries() else MISSING


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
        self._run("createdb", *self._where, name)
        return self._url(name)

    def url_of(self, name: str, role: str) -> str:
        """Address of a database for a role."""
        return f"postgresql+psycopg://{role}@127.0.0.1:{self.port}/{name}"

    def _url(self, name: str) -> str:
        return self.url_of(name, "keeper")

    def script(self, name: str, file: Path, **variables: str) -> None:
        """Run a script of psql in a database."""
        here = self.folder / file.name
        shutil.copy(file, here)  # the server's user may not read the project
        here.chmod(0o644)
        given = [word for key, value in variables.items() for word in ("--set", f"{key}={value}")]
        self._run(
            "psql", *self._where, "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", *given, f"--file={here}", name
        )

    def dump(self, name: str, file: Path) -> None:
        """A copy of a database, in the format of pg_restore; `file` lies where the server's user may write."""
        self._run("pg_dump", *self._where, "--format=custom", f"--file={file}", name)

    def restore(self, name: str, file: Path) -> None:
        """A copy, put into an empty database."""
        self._run("pg_restore", *self._where, "--exit-on-error", f"--dbname={name}", str(file))

    @property
    def _where(self) -> tuple[str, ...]:
        return "-h", "127.0.0.1", "-p", str(self.port), "-U", "keeper"

    def _run(self, program: str, *words: str) -> None:
        as_user = ["runuser", "-u", self.user, "--"] if self.user else []
        command = [*as_user, f"{binaries()}/{program}", *words]
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
