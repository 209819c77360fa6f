"""One connection writes, each time; the driver's errors are told as SQLAlchemy's, and it is replaced after one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from benchmarks.postgres import Cluster
from serving.decisions.chain import verify
from serving.decisions.database import Database
from serving.decisions.writer import Writer
from tests.serving.decisions_made import ENGINES, Ticking, draft, emptied, waiting, written


@pytest.fixture(params=ENGINES)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty ledger."""
    if request.param == "sqlite":
        one = Database(f"sqlite:///{tmp_path / 'ledger.db'}")
    else:
        one = emptied(request.getfixturevalue("postgres").url)
    yield one
    one.close()


def driven(connection: Connection) -> object:
    """The driver's own connection."""
    return connection.connection.dbapi_connection


def used(database: Database) -> object:
    """What the next transaction is written with."""
    with database.writing() as connection:
        return driven(connection)


def test_one_connection_writes_until_an_error(database: Database):
    """Kept between commits, replaced once something went wrong, and nothing of that transaction stays."""
    first = used(database)
    written(database, [draft(1)])
    assert used(database) is first
    with pytest.raises(ZeroDivisionError), database.writing() as connection:
        connection.execute(text("INSERT INTO decision_structures (structure_id, number) VALUES ('S1', 1)"))
        assert 1 / 0
    assert used(database) is not first
    with database.reading() as connection:
        assert connection.execute(text("SELECT count(*) FROM decision_structures")).scalar() == 0
    written(database, [draft(2)])
    assert verify(database).number == 2


def test_the_drivers_errors_are_sqlalchemys(database: Database):
    """A decision whose id is there already: by the kind of the error, not by the driver, others know what it was."""
    one = draft(1)
    written(database, [one])
    with pytest.raises(IntegrityError) as refused:
        written(database, [one])
    assert not refused.value.connection_invalidated
    with pytest.raises(DBAPIError) as wrong, database.writing() as connection:
        connection.connection.cursor().execute("SELECT nothing FROM nowhere")
    assert not wrong.value.connection_invalidated
    assert verify(database).number == 1


def test_a_closed_ledger_opens_again(database: Database):
    """As the first time."""
    written(database, [draft(1)])
    database.close()
    written(database, [draft(2)])
    assert verify(database).number == 2


def test_a_locked_file_is_told_after_the_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Another process writes: OperationalError, which the writer tells as the ledger away, not as a bad decision."""
    monkeypatch.setattr("serving.decisions.database.WAIT_SECONDS", 0.05)
    mine, other = (Database(f"sqlite:///{tmp_path / 'ledger.db'}") for _ in range(2))
    written(mine, [draft(1)])
    with other.writing(), pytest.raises(OperationalError):
        written(mine, [draft(2)])
    written(mine, [draft(3)])
    assert verify(mine).number == 2
    mine.close()
    other.close()


def test_a_connection_that_broke_is_opened_again(postgres: Cluster):
    """PostgreSQL ended it between two commits: the writer finds out, opens another, and records once."""
    database = emptied(postgres.url)
    writer = Writer(database, Ticking(), most_waiting=10, most_bytes=10**6)
    one, two = waiting([draft(1), draft(2)])
    assert writer.put(one).result(10).is_new
    with database.reading() as connection:
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        connection.execute(text(f"{others} AND datname = current_database()"))
    assert writer.put(two).result(10).is_new
    assert verify(database).number == 2
    writer.close()
