"""What was acknowledged is there, after SIGKILL under load and with PostgreSQL away (benchmarks/ledger.py: more)."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.ledger_load import Load, Server, body_of, loading, lost
from benchmarks.postgres import Cluster, cluster, why_absent
from serving.decisions.chain import verify
from serving.decisions.database import Database
from tests.serving.decisions_made import ENGINES, emptied
from tests.serving.made import ROW

KILLS, CALLERS = 3, 8
BODY = body_of([ROW], version=2)


@pytest.fixture(params=ENGINES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Address of an empty ledger."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger.db'}"
    database = emptied(request.getfixturevalue("postgres").url)
    database.close()
    return database.url.render_as_string(hide_password=False)


@pytest.fixture
def own_postgres() -> Iterator[Cluster]:
    """A server that the test may stop."""
    if why := why_absent():
        pytest.skip(why)
    with cluster() as one:
        yield one


@pytest.mark.slow
def test_what_was_acknowledged_survives_sigkill(url: str, versions: Path):
    """Killed in the middle of commits: every acknowledged answer is there, none half-written, the chain is whole."""
    chance, database, kept = random.Random(1), Database(url), {}
    for _ in range(KILLS):
        server = Server(versions, url)
        server.start()
        with loading(server.port, BODY, CALLERS) as load:
            time.sleep(0.2 + chance.random() / 2)
            server.kill()
        kept |= load.acknowledged
        assert load.others == {}
        assert verify(database).number >= len(kept)
    assert len(kept) > 10 * KILLS
    assert lost(database, kept) == []
    database.close()


@pytest.mark.slow
def test_postgresql_may_stop_and_come_back(own_postgres: Cluster, versions: Path):
    """503 that says when to come back while it is away; then answers again, without a restart; nothing lost."""
    database = Database(own_postgres.url)
    database.upgrade()
    server = Server(versions, own_postgres.url)
    server.start()
    try:
        with loading(server.port, BODY, CALLERS) as load:
            wait_for(lambda: len(load.acknowledged) > 20)
            own_postgres.stop()
            wait_for(lambda: load.others.get(503, 0) > 20)
            assert server.get("/readyz") == 503
            away = len(load.acknowledged)
            own_postgres.start()
            wait_for(lambda: len(load.acknowledged) > away + 20)
            assert server.get("/readyz") == 200
    finally:
        server.kill()
    assert set(load.others) == {503} and load.without_retry == 0
    assert verify(database).number >= len(load.acknowledged)
    assert lost(database, load.acknowledged) == []
    database.close()


def wait_for(happened) -> None:
    for _ in range(400):
        if happened():
            return
        time.sleep(0.05)
    pytest.fail("waited 20 s in vain")


def test_a_lost_acknowledgement_is_told(url: str, tmp_path: Path):
    """The check that the tests above rest on finds an answer that is not on record."""
    database = Database(url)
    if not database.is_sqlite:
        database.upgrade()
    assert lost(database, {"x": "y"}) == ["x"]
    assert Load(0, b"").others == {}
    database.close()
