"""Tokens and accesses in PostgreSQL, several hosts' choice; and the service while it stops and comes back."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pytest
from anyio.from_thread import start_blocking_portal
from sqlalchemy import delete, text, update
from sqlalchemy.exc import DatabaseError

from benchmarks.postgres import Cluster, cluster, why_absent
from serving.access.accesses import accesses_between
from serving.access.tables import ACCESSES, engine_of, prepare
from serving.access.tokens import tokens
from tests.serving.access_made import Service, closed


@pytest.fixture(scope="module")
def own() -> Iterator[Cluster]:
    if why := why_absent():
        pytest.skip(why)
    with cluster() as found:
        yield found


def test_the_same_in_postgresql(own: Cluster, versions: Path, tmp_path: Path):
    """Made by several processes at once, tokens let in and revoked, refusals recorded, rows that stay."""
    url = own.create("access")
    engines = [engine_of(url) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(prepare, engines)) == [None] * 4
    with start_blocking_portal() as portal:
        service = Service(closed(tmp_path, versions, portal, access_url=url).client, url)
        token = service.token("reader", "auditor", "S1")
        statuses = [service.call("GET", path, token).status_code for path in ("/models", "/metrics")]
        service.revoke("reader")
        assert [*statuses, service.call("GET", "/models", token).status_code] == [200, 403, 401]
        found = service.accesses()
    assert found["reason"].tolist() == ["", "wrong_role", "revoked_token"]
    assert [(one.name, one.structures) for one in tokens(engines[0])] == [("reader", ("S1",))]
    for change in (update(ACCESSES).values(status=200), delete(ACCESSES), text("TRUNCATE accesses")):
        with pytest.raises(DatabaseError, match="append-only"), engines[0].begin() as connection:
            connection.execute(change)
    for engine in engines:
        engine.dispose()


def test_the_door_is_shut_while_postgresql_is_stopped(own: Cluster, versions: Path, tmp_path: Path):
    """503 for all but health, never a pass; open again without a restart, and no answered row is lost."""
    url = own.create("stopped")
    with start_blocking_portal() as portal:
        service = Service(closed(tmp_path, versions, portal, access_url=url).client, url)
        token = service.token("reader", "auditor")
        assert service.call("GET", "/models", token).status_code == 200
        own.stop()
        try:
            assert {service.call("GET", path, token).status_code for path in ("/models", "/metrics")} == {503}
            assert service.call("GET", "/models").status_code == 503
            assert service.call("GET", "/healthz").status_code == 200
        finally:
            own.start()
        until = time.monotonic() + 20
        while service.call("GET", "/models", token).status_code == 503 and time.monotonic() < until:
            threading.Event().wait(0.1)
        assert service.call("GET", "/models", token).status_code == 200
        service.accesses()
        found = accesses_between(engine_of(url), date(2020, 1, 1), date(2100, 1, 1))
    assert found["status"].tolist().count(200) == 3
    assert set(found["status"]) <= {200, 401, 503}
