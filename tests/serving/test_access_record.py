"""The record of accesses: refusals first, all of them, and nobody let in while nothing can be recorded."""

from __future__ import annotations

import sqlite3
import threading
from datetime import date
from pathlib import Path

import msgspec
import pytest
from anyio.from_thread import start_blocking_portal

from serving.access.accesses import Access, Recorder, accesses_between, gathered
from serving.access.tables import engine_of
from tests.serving.access_made import closed

ROW = Access(
    at="2027-03-01T12:00:00.000000Z", request_id="0" * 36, caller="payments", issuer="forfait", role="payer",
    method="POST", route="/predict", status=200, reason="",
)  # fmt: skip


def test_only_refusals_by_rate_are_gathered():
    """A flood is one row; everything else is one row each."""
    late, no_token = (
        msgspec.structs.replace(ROW, status=s, reason=r) for s, r in ((429, "too_many"), (401, "no_token"))
    )
    other = msgspec.structs.replace(late, caller="other")
    found = gathered([ROW, late, no_token, late, ROW, other, no_token, late])
    assert found == [ROW, msgspec.structs.replace(late, count=3), no_token, ROW, other, no_token]


def test_what_was_added_is_written_when_the_service_stops(tmp_path: Path):
    """Every row of several threads; a recorder that was closed starts again."""
    recorder = Recorder(engine_of(f"sqlite:///{tmp_path / 'a.sqlite'}"))
    adders = [
        threading.Thread(target=lambda: [recorder.add(ROW, is_urgent=False) for _ in range(50)]) for _ in range(4)
    ]
    for adder in adders:
        adder.start()
    for adder in adders:
        adder.join()
    recorder.close()
    assert len(accesses_between(recorder.engine, date(2027, 3, 1), date(2027, 3, 1))) == 200
    done = recorder.add(ROW, is_urgent=True)
    assert done is not None
    assert done.result(timeout=5) is None
    assert len(accesses_between(recorder.engine, date(2027, 3, 1), date(2027, 3, 1))) == 201
    recorder.close()


def test_days_are_read_to_their_end(tmp_path: Path):
    """Both days included, in UTC."""
    recorder = Recorder(engine_of(f"sqlite:///{tmp_path / 'a.sqlite'}"))
    times = ["2027-02-28T23:59:59.999999Z", "2027-03-01T00:00:00.000000Z", "2027-03-02T23:59:59.999999Z",
             "2027-03-03T00:00:00.000000Z"]  # fmt: skip
    for at in times:
        recorder.add(msgspec.structs.replace(ROW, at=at), is_urgent=False)
    recorder.close()
    assert accesses_between(recorder.engine, date(2027, 3, 1), date(2027, 3, 2))["at"].tolist() == times[1:3]


def test_a_refusal_is_on_disk_before_it_is_answered(versions: Path, tmp_path: Path):
    """Read from the file by another connection as soon as the answer is there, without closing anything."""
    with start_blocking_portal() as portal:
        service = closed(tmp_path, versions, portal)
        for count in range(1, 6):
            assert service.call("GET", "/metrics").status_code == 401
            with sqlite3.connect(tmp_path / "access.sqlite") as raw:
                assert raw.execute("SELECT count(*) FROM accesses").fetchone() == (count,)
        service.accesses()


def test_while_nothing_can_be_recorded_nobody_is_let_in(
    versions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """503 instead of an unrecorded refusal, then 503 to all; healthy again without a restart, and the row is there."""
    monkeypatch.setattr("serving.access.accesses.RETRY_SECONDS", 0.05)
    with start_blocking_portal() as portal:
        service = closed(tmp_path, versions, portal)
        token = service.token("reader", "auditor")
        assert service.call("GET", "/models", token).status_code == 200
        service.accesses()
        with sqlite3.connect(tmp_path / "access.sqlite") as raw:
            raw.execute("ALTER TABLE accesses RENAME TO gone")
        refusal = service.call("GET", "/metrics", token)
        assert (refusal.status_code, refusal.headers["retry-after"]) == (503, "1")
        assert service.call("GET", "/models", token).status_code == 503
        assert service.call("GET", "/healthz").status_code == 200
        with sqlite3.connect(tmp_path / "access.sqlite") as raw:
            raw.execute("ALTER TABLE gone RENAME TO accesses")
        recorder = service.client.app.state.door.recorder
        for _ in range(200):
            if not recorder.is_failing:
                break
            threading.Event().wait(0.02)
        assert service.call("GET", "/models", token).status_code == 200
        found = service.accesses()
    assert found[["status", "reason"]].values.tolist() == [[200, ""], [403, "wrong_role"], [200, ""]]
