"""Logs: one JSON object a line, a request id, and nothing of what was sent."""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from anyio.from_thread import start_blocking_portal

from features.scoring import Scorer
from serving.access.tables import engine_of
from serving.access.tokens import Wanted, create
from serving.logs import REQUEST_ID, JsonLines, log_request
from tests.serving.access_made import LONG_AGO, Service, closed
from tests.serving.made import ROW, body
from tests.serving.test_service import ROOT, served

PLANTED = "2850578006048"
FIELDS = {"time", "level", "logger", "request_id", "caller", "method", "route", "status", "milliseconds"}
JSON = {"content-type": "application/json"}


def record(name: str = "forfait.serving", message: str = "not ready: %s", *args: object) -> logging.LogRecord:
    return logging.LogRecord(name, logging.WARNING, __file__, 1, message, args, None)


def test_a_line_is_one_json_object():
    """Even where the message holds line ends."""
    line = JsonLines().format(record("forfait.serving", "not ready: %s", 'a\nb "c"'))
    assert "\n" not in line
    read = json.loads(line)
    assert read.pop("time").endswith("+00:00")
    assert read == {"level": "warning", "logger": "forfait.serving", "message": 'not ready: a\nb "c"'}


def test_an_exception_is_told_by_kind_and_place():
    """Its message may hold a value."""
    try:
        int(PLANTED + "x")
    except ValueError as error:
        found = record()
        found.msg, found.exc_info = "it failed", (type(error), error, error.__traceback__)
    line = JsonLines().format(found)
    assert PLANTED not in line
    assert json.loads(line)["error"] == "ValueError"
    assert json.loads(line)["place"].startswith("test_an_exception_is_told_by_kind_and_place:")


def test_what_is_told_while_a_request_runs_carries_its_id():
    """So that a warning finds its request."""
    token = REQUEST_ID.set("3f2504e0-4f89-41d3-9a0c-0305e82c3301")
    try:
        assert json.loads(JsonLines().format(record()))["request_id"] == "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
    finally:
        REQUEST_ID.reset(token)


@pytest.fixture
def lines() -> Iterator[list[str]]:
    """Everything that is logged, by anyone but the client of the tests, at every level."""
    found: list[str] = []

    class Kept(logging.Handler):
        def emit(self, entry: logging.LogRecord) -> None:
            if not entry.name.startswith(("httpx", "httpcore", "asyncio")):
                found.append(self.format(entry))

    root, handler = logging.getLogger(), Kept()
    handler.setFormatter(JsonLines())
    before = {name: logging.getLogger(name).level for name in ("", "forfait")}
    root.addHandler(handler)
    for name in before:
        logging.getLogger(name).setLevel(logging.DEBUG)
    yield found
    root.removeHandler(handler)
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


def plant(call: object, token: str) -> None:
    """Requests that hold an identifier wherever one can stand."""
    assert callable(call)
    headers = dict.fromkeys(("x-request-id", "user-agent", "cookie", "idempotency-key", "x-patient"), PLANTED)
    bearer = {"authorization": f"Bearer {token}"}
    call("GET", f"/models/{PLANTED}", headers=bearer)
    call("GET", f"/{PLANTED}", headers=bearer)
    call("GET", f"/decisions/{PLANTED}", headers=bearer)
    call("GET", f"/models?patient={PLANTED}", headers=bearer | headers)
    call("GET", f"/models/peps_mg/in-force?on={PLANTED}", headers=bearer)
    call("POST", f"/predict?model={PLANTED}&{PLANTED}=1", content=b"x", headers=bearer | {"content-type": PLANTED})
    call("POST", "/predict", content=body([ROW | {"age": int(PLANTED), PLANTED: 1}]), headers=bearer | JSON | headers)
    call("POST", "/predict", content=f'{{"model": "{PLANTED}"'.encode(), headers=bearer | JSON)
    call(
        "POST",
        "/ipso/forfait",
        content=f'{{"year": 2024, "inputs": {{"{PLANTED}": []}}}}'.encode(),
        headers=bearer | JSON,
    )
    call("GET", "/models", headers={"authorization": f"Bearer {PLANTED}"})
    call("GET", "/models", headers={"authorization": f"Bearer {PLANTED}.{PLANTED}.{PLANTED}"})
    call("GET", "/models", headers={"authorization": f"Basic {PLANTED}"})


@pytest.fixture
def service(versions: Path, tmp_path: Path) -> Iterator[Service]:
    with start_blocking_portal() as portal:
        found = closed(tmp_path, versions, portal)
        yield found
        found.accesses()


def test_nothing_of_a_request_is_logged_or_recorded(service: Service, lines: list[str], tmp_path: Path):
    """An identifier planted in path, query, headers and body is in no line, and in no row of the accesses."""
    plant(lambda method, path, **options: service.call(method, path, **options), service.token("payments", "payer"))
    assert PLANTED not in "\n".join(lines)
    requests = [read for read in map(json.loads, lines) if read["logger"] == "forfait.requests"]
    assert {frozenset(read) for read in requests} == {frozenset(FIELDS)}
    assert len(requests) == 12
    accesses = service.accesses()
    assert len(accesses) == 12
    assert PLANTED not in accesses.to_csv()
    assert not any(PLANTED.encode() in path.read_bytes() for path in tmp_path.iterdir())


def test_a_fault_of_ours_tells_no_value(service: Service, lines: list[str], monkeypatch: pytest.MonkeyPatch):
    """500: the kind of the error and its place, under the id that the caller was given."""

    def broken(*_: object) -> None:
        raise ValueError(PLANTED)

    monkeypatch.setattr("serving.store.Store.models", broken)
    answer = service.call("GET", "/models", service.token("reader", "auditor"))
    assert answer.status_code == 500
    told = [json.loads(line) for line in lines if "ValueError" in line]
    assert [read["request_id"] for read in told] == [answer.headers["x-request-id"]]
    assert PLANTED not in "\n".join(lines)


def test_a_request_is_told_by_its_route(service: Service, lines: list[str]):
    """Template, not path; health is told only where it fails."""
    given = str(uuid.uuid4())
    token = service.token("reader", "auditor")
    service.call("GET", "/models/peps_mg", token, headers={"x-request-id": given})
    service.call("GET", "/healthz")
    (read,) = [json.loads(line) for line in lines if "forfait.requests" in line]
    told = (read["request_id"], read["caller"], read["method"], read["route"], read["status"])
    assert told == (given, "reader", "GET", "/models/{name}", 200)
    assert 0 < read["milliseconds"] < 10_000


def test_only_what_is_listed_is_told():
    """A field that a later hand adds to a request's line does not reach the log."""
    found = record("forfait.requests", "request")
    told = {"caller": "a", "method": "GET", "route": "/", "status": 200, "milliseconds": 1.0, "patient": PLANTED}
    for name, value in told.items():
        setattr(found, name, value)
    assert PLANTED not in JsonLines().format(found)
    log_request(caller="", method="GET", route="/", status=200, milliseconds=1.0)


@pytest.mark.slow
def test_the_service_as_it_runs_logs_json_and_nothing_sent(versions: Path, scorer: Scorer, tmp_path: Path):
    """BentoML in a process of its own, its door closed: tokens, JSON lines, no value."""
    url = f"sqlite:///{tmp_path / 'access.sqlite'}"
    token = create(engine_of(url), Wanted(name="payments", role="payer"), by="the tests", at=LONG_AGO)
    settings = {"FORFAIT_ACCESS": "closed", "FORFAIT_ACCESS_URL": url, "FORFAIT_VERSIONS": str(versions)}
    settings |= {"FORFAIT_LEDGER_URL": f"sqlite:///{tmp_path / 'ledger.db'}"}
    with served("serving.service:Forfait", ROOT, tmp_path, **settings) as (client, log):
        plant(client.request, token)
        assert client.get("/models").status_code == 401
        for path in ("/schema.json", "/docs.json", "/openapi.json", "/metrics", "/static_content/", "/"):
            assert client.get(path).status_code == 401, path
        asked = client.post("/predict", content=body([ROW]), headers=JSON | {"authorization": f"Bearer {token}"})
        assert asked.json()["expected_eur"] == scorer.predict(scorer.encoder.rows([ROW])).tolist()
    written = log.read_text()
    assert PLANTED not in written
    assert token not in written
    told = [json.loads(line) for line in written.splitlines() if line.startswith("{")]
    requests = [read for read in told if read["logger"] == "forfait.requests"]
    assert len(requests) == 20
    assert {"caller": "payments", "route": "/predict", "status": 200}.items() <= requests[-1].items()
    assert isinstance(asked, httpx.Response)
    assert requests[-1]["request_id"] == asked.headers["x-request-id"]
    others = [line for line in written.splitlines() if not line.startswith("{")]
    assert [line for line in others if "[cli]" not in line] == []
