"""PostgreSQL as deploy/ sets it up: what the service's role may not do, backup, restore, and what a backup lacks."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from benchmarks.postgres import Cluster, cluster, why_absent
from serving.access.tables import engine_of, prepare
from serving.decisions.chain import Anchor, BrokenChainError, newest, verify
from serving.decisions.database import Database
from serving.decisions.tables import METADATA
from tests.serving.access_made import Service, closed
from tests.serving.made import ROW, body

DEPLOY = Path(__file__).parents[2] / "deploy" / "postgres"
JSON = {"content-type": "application/json"}


@dataclass(frozen=True)
class Deployed:
    """A server with our roles and tables, and the service over it, connected as its own role."""

    server: Cluster
    service: Service
    token: str

    @property
    def ledger(self) -> Database:
        return Database(self.server.url_of("forfait", "forfait_keeper"))

    def decide(self, age: int, **headers: str) -> httpx.Response:
        content = body([ROW | {"age": age}])
        return self.service.call("POST", "/predict", self.token, content=content, headers=JSON | headers)


@pytest.fixture(scope="module")
def portal() -> Iterator[BlockingPortal]:
    with start_blocking_portal() as one:
        yield one


@pytest.fixture(scope="module")
def server() -> Iterator[Cluster]:
    if why := why_absent():
        pytest.skip(why)
    with cluster() as one:
        for name in ("keeper_password", "service_password", "mlflow_password"):
            (one.folder / name).write_text(f"it's {name}\n")
        one.script("postgres", DEPLOY / "roles.sql", secrets=str(one.folder))
        yield one


@pytest.fixture(scope="module")
def deployed(server: Cluster, versions: Path, portal: BlockingPortal) -> Iterator[Deployed]:
    """By the steps of docs/how-to/deploy.md."""
    keeper, own = (server.url_of("forfait", f"forfait_{role}") for role in ("keeper", "service"))
    database = Database(keeper)
    database.upgrade()
    database.close()
    prepare(engine_of(keeper))
    server.script("forfait", DEPLOY / "grants.sql")
    service = closed(server.folder, versions, portal, access_url=own, ledger_url=own)
    token = Service(service.client, keeper).token("payments", "payer")
    yield Deployed(server, Service(service.client, own), token)
    service.client.app.state.ledger.close()
    service.client.app.state.door.recorder.close()


def test_the_service_works_with_its_own_role(deployed: Deployed):
    """Ready, let in, decided, found again, refused, and both on record."""
    assert deployed.service.call("GET", "/readyz").status_code == 200
    answer = deployed.decide(40)
    assert answer.status_code == 200, answer.text
    assert deployed.service.call("GET", answer.headers["location"], deployed.token).status_code == 200
    assert deployed.service.call("GET", "/metrics", deployed.token).status_code == 403
    assert deployed.service.accesses()["status"].tolist() == [200, 200, 403]


def test_what_the_service_needs_is_granted(deployed: Deployed):
    """Every table of the ledger, as the release knows it: a migration that adds one adds its grant."""
    names = [*METADATA.tables, "accesses"]
    engine = create_engine(deployed.server.url_of("forfait", "forfait_service"))
    with engine.connect() as connection:
        for name in names:
            for right in ("SELECT", "INSERT"):
                asked = text("SELECT has_table_privilege(:name, :right)")
                assert connection.scalar(asked, {"name": name, "right": right}), f"{right} on {name}"
    engine.dispose()
    assert "decisions" in names


FORBIDDEN = [
    "UPDATE decisions SET rows = 7",
    "DELETE FROM decisions",
    "TRUNCATE decisions",
    "DELETE FROM decision_structures",
    "ALTER TABLE decisions DISABLE TRIGGER ALL",
    "DROP TABLE decisions",
    "UPDATE alembic_version SET version_num = '0000'",
    "DELETE FROM accesses",
    "UPDATE access_tokens SET revoked_at = NULL",
    "INSERT INTO access_tokens SELECT * FROM access_tokens",
    "CREATE TABLE mine (x int)",
    "CREATE ROLE mine",
]


@pytest.mark.parametrize("statement", FORBIDDEN)
def test_what_the_service_may_not_do(deployed: Deployed, statement: str):
    """Were it taken over: it neither alters the record, nor makes itself a token."""
    deployed.decide(41)
    engine = create_engine(deployed.server.url_of("forfait", "forfait_service"))
    with pytest.raises(DBAPIError, match=r"permission denied|must be owner"), engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()


@pytest.mark.parametrize(("role", "name"), [("mlflow", "forfait"), ("forfait_service", "mlflow")])
def test_each_keeps_to_its_database(server: Cluster, role: str, name: str):
    """MLflow sees no decision."""
    engine = create_engine(server.url_of(name, role))
    with pytest.raises(DBAPIError, match="permission denied for database"), engine.connect():
        pass
    engine.dispose()


def test_a_dump_is_restored_whole(deployed: Deployed, versions: Path, portal: BlockingPortal):
    """pg_dump while the service runs, pg_restore elsewhere: the chain verifies to the anchor, guards and rights too.

    What was decided after the dump is missing from it, and the anchor kept elsewhere says so.
    """
    deployed.decide(50)
    before, file = newest(deployed.ledger), deployed.server.folder / "forfait.dump"
    deployed.server.dump("forfait", file)
    deployed.decide(51)
    after = verify(deployed.ledger, (before,))
    deployed.server.create("restored")
    deployed.server.restore("restored", file)
    restored = Database(deployed.server.url_of("restored", "forfait_keeper"))
    assert verify(restored, (before,)) == before
    with pytest.raises(BrokenChainError, match=f"the ledger ends before the anchor {after.number}"):
        verify(restored, (after,))
    own = deployed.server.url_of("restored", "forfait_service")
    service = closed(deployed.server.folder, versions, portal, access_url=own, ledger_url=own)
    again = Deployed(deployed.server, service, deployed.token)
    assert again.decide(52).status_code == 200
    assert verify(restored, (before,)).number == before.number + 1
    engine = create_engine(own)
    with pytest.raises(DBAPIError, match="permission denied"), engine.begin() as connection:
        connection.execute(text("DELETE FROM decisions"))
    with restored.engine.begin() as connection, pytest.raises(DBAPIError, match="append-only"):
        connection.execute(text("DELETE FROM decisions"))
    for one in (engine, restored.engine):
        one.dispose()
    service.client.app.state.ledger.close()


def test_an_altered_dump_is_found(deployed: Deployed):
    """Whoever holds the backup can alter it, and is seen."""
    deployed.decide(60)
    anchor, file = newest(deployed.ledger), deployed.server.folder / "altered.dump"
    deployed.server.dump("forfait", file)
    deployed.server.create("altered")
    deployed.server.restore("altered", file)
    with create_engine(deployed.server.url_of("altered", "keeper")).begin() as connection:
        connection.execute(text("ALTER TABLE decisions DISABLE TRIGGER ALL"))
        connection.execute(text("UPDATE decisions SET status = 201 WHERE number = 1"))
    with pytest.raises(BrokenChainError, match="decision 1: was altered"):
        verify(Database(deployed.server.url_of("altered", "forfait_keeper")), (Anchor(anchor.number, anchor.hash),))
    shutil.rmtree(file, ignore_errors=True)


@dataclass
class Callers:
    """Eight callers, each with its keys, and what they were told."""

    deployed: Deployed
    acknowledged: dict[str, str] = field(default_factory=dict)
    others: list[tuple[int, bool]] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)

    def call(self, name: int) -> None:
        """Ask; after a 503 the same again, under the same key."""
        turn = 0
        while not self.stopping.is_set():
            key = f"{name}-{turn}"
            answer = self.deployed.decide(turn % 100, **{"Idempotency-Key": key})
            if answer.status_code == 200:
                self.acknowledged[key] = answer.headers["decision-id"]
                turn += 1
            else:
                self.others.append((answer.status_code, "retry-after" in answer.headers))

    def wait_for(self, happened: Callable[[], bool]) -> None:
        for _ in range(600):
            if happened():
                return
            time.sleep(0.05)
        pytest.fail("waited 30 s in vain")


@pytest.mark.slow
def test_the_server_stops_and_starts_under_load(deployed: Deployed):
    """Tokens, accesses and decisions on one server that crashes: 503 that says when to come back, then answers again.

    Without a restart of the service; what was acknowledged is there, and no key decided twice.
    """
    first, callers = newest(deployed.ledger).number, Callers(deployed)
    threads = [threading.Thread(target=callers.call, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    try:
        callers.wait_for(lambda: len(callers.acknowledged) > 40)
        deployed.server.stop()
        callers.wait_for(lambda: len(callers.others) > 40)
        away = len(callers.acknowledged)
        deployed.server.start()
        callers.wait_for(lambda: len(callers.acknowledged) > away + 40)
    finally:
        callers.stopping.set()
        for thread in threads:
            thread.join(60)
    assert set(callers.others) == {(503, True)}
    assert verify(deployed.ledger).number > first
    with deployed.ledger.reading() as connection:
        rows = connection.execute(
            text("SELECT idempotency_key, id FROM decisions WHERE number > :first"), {"first": first}
        )
        kept = [tuple(row) for row in rows if row[0] is not None]
    assert len(kept) == len(dict(kept))
    assert callers.acknowledged.items() <= dict(kept).items()
