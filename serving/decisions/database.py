"""The database of the ledger: SQLite by default, PostgreSQL by FORFAIT_LEDGER_URL; durable, at the right revision."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from serving.decisions.errors import LedgerError

REVISION = "0002"
MIGRATIONS = Path(__file__).parent / "migrations"
LOCK_KEY = 5_108_041_517
WAIT_SECONDS = 5
UPGRADE = "run forfait ledger upgrade"
READS = {"reads": True}
BEGINS = {"begins": True}
ALONE = {"sqlite": "BEGIN IMMEDIATE", "postgresql": f"SELECT pg_advisory_xact_lock({LOCK_KEY})"}
ON_CONNECT = (
    f"SET lock_timeout = '{WAIT_SECONDS}s'",
    "SET statement_timeout = '60s'",
    "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'",
)


class Database:
    """The engine of a ledger, opened when it is first needed and checked until it was found right once."""

    def __init__(self, url: str | URL) -> None:
        """Nothing is opened yet. Errors: LedgerError for what is not the address of a SQLite or PostgreSQL database."""
        try:
            self.url = make_url(url)
        except ArgumentError:
            raise LedgerError(
                "FORFAIT_LEDGER_URL is not a database URL; give sqlite:///… or postgresql+psycopg://…"
            ) from None
        if self.url.get_backend_name() not in ("sqlite", "postgresql"):
            raise LedgerError("FORFAIT_LEDGER_URL is neither SQLite nor PostgreSQL; give one of them")
        self._opening = Lock()
        self._writing = Lock()
        self._writer: Connection | None = None
        self._is_right = False
        self._file: tuple[int, int] | None = None

    @property
    def is_sqlite(self) -> bool:
        """Whether the ledger is one file."""
        return self.url.get_backend_name() == "sqlite"

    @cached_property
    def engine(self) -> Engine:
        """The engine, unchecked. Errors: LedgerError where the driver is missing."""
        try:
            return _sqlite(self.url) if self.is_sqlite else _postgresql(self.url)
        except ModuleNotFoundError as error:
            raise LedgerError(f"{error.name} is not installed; install forfait[postgresql]") from None

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that is alone to write; committed to disk when it ends well.

        Its connection is kept for the next one, and closed after any error. Those of the driver become SQLAlchemy's.
        """
        engine = self.opened()
        if self.is_sqlite and _file_of(self.url) != self._file:
            raise LedgerError("the file of the ledger was moved while the service ran; put it back, or restart")
        with self._writing:
            connection, self._writer = self._writer or engine.connect().execution_options(**BEGINS), None
            try:
                with connection.begin(), _told_by_sqlalchemy(connection):
                    connection.connection.cursor().execute(ALONE[engine.dialect.name])
                    yield connection
            except BaseException:
                connection.invalidate()
                connection.close()
                raise
            self._writer = connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection to read with."""
        with self.opened().connect().execution_options(**READS) as connection:
            yield connection

    def opened(self) -> Engine:
        """The engine of a ledger at the right revision; SQLite is upgraded here, PostgreSQL by its keeper.

        Errors: LedgerError with the command that mends it; SQLAlchemyError where the database does not answer.
        """
        if not self._is_right:
            with self._opening:
                self._open()
        return self.engine

    def _open(self) -> None:
        with self.engine.connect().execution_options(**READS) as connection:
            found = revision(connection)
            _check_durable(connection)
        if found != REVISION and self.is_sqlite:
            found = self.upgrade()
        if found != REVISION:
            raise LedgerError(_not_right(found))
        self._file = _file_of(self.url)
        self._is_right = True

    def upgrade(self) -> str:
        """The revision, after the migrations that were missing. Errors: LedgerError for a ledger of a later release."""
        from alembic import command
        from alembic.config import Config

        config = Config(attributes={})
        config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
        with self.engine.begin() as connection:
            if not self.is_sqlite:
                connection.exec_driver_sql(ALONE["postgresql"])
            found = revision(connection)
            if found is not None and found > REVISION:
                raise LedgerError(_not_right(found))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
        return REVISION

    def close(self) -> None:
        """Close the connections; the next use opens them again."""
        with self._writing:
            if self._writer is not None:
                self._writer.close()
                self._writer = None
        if "engine" in vars(self):
            self.engine.dispose()


def revision(connection: Connection) -> str | None:
    """The revision of the tables; None for an empty database."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    return None if found is None else str(found)


@contextmanager
def _told_by_sqlalchemy(connection: Connection) -> Iterator[None]:
    """The errors of the driver as SQLAlchemy raises them, which say whether the connection broke."""
    dialect, driven = connection.dialect, connection.connection
    try:
        yield
    except dialect.loaded_dbapi.Error as error:
        broke = dialect.is_disconnect(error, driven, None)
        raise DBAPIError.instance(
            None, None, error, dialect.loaded_dbapi.Error, connection_invalidated=broke, dialect=dialect
        ) from error


def _file_of(url: URL) -> tuple[int, int] | None:
    """Which file lies at the address of a SQLite ledger; None where there is none."""
    try:
        found = Path(str(url.database)).stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def told(error: Exception) -> str:
    """What may be said of an error of the database: never its own words, which may hold values."""
    return str(error) if isinstance(error, LedgerError) else "the ledger cannot be reached"


FAULTS = (SQLAlchemyError, LedgerError, OSError)


def _not_right(found: str | None) -> str:
    if found is not None and found > REVISION:
        return f"the ledger is of a later release (revision {found}, known {REVISION}); upgrade the service"
    return (
        f"the ledger has no tables yet; {UPGRADE}" if found is None else f"the ledger is of revision {found}; {UPGRADE}"
    )


def _check_durable(connection: Connection) -> None:
    if connection.dialect.name != "postgresql":
        return
    if connection.exec_driver_sql("SELECT current_setting('fsync')").scalar() != "on":
        raise LedgerError("PostgreSQL runs with fsync off and would lose decisions; turn it on")


def _sqlite(url: URL) -> Engine:
    if url.database in (None, "", ":memory:"):
        raise LedgerError("a ledger in memory is lost with the process; give a file: sqlite:///ledger.db")
    Path(str(url.database)).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        url, connect_args={"timeout": WAIT_SECONDS, "isolation_level": None}, pool_timeout=WAIT_SECONDS
    )

    @event.listens_for(engine, "connect")
    def _durable(connection: Any, _: object) -> None:
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "recursive_triggers = ON"):
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        asked = connection.get_execution_options()
        if not asked.get("begins"):
            connection.exec_driver_sql("BEGIN" if asked.get("reads") else ALONE["sqlite"])

    return engine


def _postgresql(url: URL) -> Engine:
    waits = {"connect_timeout": WAIT_SECONDS, "tcp_user_timeout": WAIT_SECONDS * 1000}
    engine = create_engine(url, pool_pre_ping=True, pool_timeout=WAIT_SECONDS, connect_args=waits)

    @event.listens_for(engine, "connect")
    def _durable(connection: Any, _: object) -> None:
        with connection.cursor() as cursor:
            for statement in ON_CONNECT:
                cursor.execute(statement)
        connection.commit()

    return engine
