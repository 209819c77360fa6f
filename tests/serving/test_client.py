"""serving.client against the service over HTTP: answers, tries, keys, tables; and what its import brings along."""

from __future__ import annotations

import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import msgspec
import pandas as pd
import pyarrow as pa
import pytest

from benchmarks.contract_service import Served, served
from serving import client_answers, openapi
from serving.client import ForfaitClient, ServiceError, backoff_seconds, wait_seconds
from serving.decisions.replay import Replayed
from serving.decisions.routes import Told
from serving.explanations import Contribution, Explanation, FamilyTotal
from serving.openapi_examples import REQUEST
from serving.schemes_examples import EXAMPLES

ROW = {"age": 67, "is_woman": 1, "ald_08": None, "fdep_quintile": "4"}
FRAME = pd.DataFrame([ROW | {"age": age % 100, "ald_08": age % 2} for age in range(250)])


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("client")) as one:
        yield one


def client(service: Served, role: str = "payer", **options: object) -> ForfaitClient:
    """A client that never waits."""
    given = {"url": service.url, "token": service.tokens.get(role, role), "sleep": lambda seconds: None}
    return ForfaitClient(**given | options)  # type: ignore[arg-type]


def count(service: Served) -> int:
    """Decisions on record."""
    with service.app.state.ledger.database.reading() as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM decisions").scalar())


def test_each_call_gives_what_the_service_answers(service: Served):
    """Predict, explain, pay, read, replay, models, the version in force and its card."""
    with client(service) as payer, client(service, "auditor") as auditor:
        predicted = payer.predict("peps_mg", [ROW, ROW], on="2024-03-01")
        explained = payer.explain("peps_mg", [ROW], version=2)
        paid = payer.pay("/ipso/forfait", EXAMPLES["/ipso/forfait"])
        decision, again = auditor.decision(predicted.decision_id), auditor.replay(explained.decision_id)
        held, known = payer.in_force("peps_mg", "2024-03-01"), payer.models()
        before = payer.predict("peps_mg", [ROW], on="2024-03-01", known_on="2023-06-01")
        card = payer.card("peps_mg", 2)
    assert (predicted.version, predicted.count, predicted.is_again) == (2, 2, False)
    assert explained.explanations[0].expected_eur == predicted.expected_eur[0] == predicted.expected_eur[1]
    assert [one.feature for one in explained.explanations[0].contributions] == list(ROW)
    assert paid.content["amounts"][0]["total_cents"] == 26771
    assert (decision.caller, decision.route, decision.result["expected_eur"]) == (
        "payer", "/predict", predicted.expected_eur
    )  # fmt: skip
    assert (again.id, again.identical, again.differing) == (explained.decision_id, True, [])
    assert (held.version, held.version_hash, str(held.on)) == (2, predicted.hash, "2024-03-01")
    assert [(one.model, one.versions, len(one.register)) for one in known] == [("peps_mg", [1, 2], 2)]
    assert before.version == 1
    assert (card.hash, len(card.card["features"])) == (predicted.hash, 4)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (client_answers.Predicted, openapi.Predicted), (client_answers.Explained, openapi.Explained),
        (client_answers.Explanation, Explanation), (client_answers.Contribution, Contribution),
        (client_answers.FamilyTotal, FamilyTotal), (client_answers.InForce, openapi.InForce),
        (client_answers.Model, openapi.Model), (client_answers.Card, openapi.CardWithHash),
        (client_answers.Decision, Told), (client_answers.Replayed, Replayed),
    ],
)  # fmt: skip
def test_the_types_are_those_of_the_service(ours: type[msgspec.Struct], theirs: type[msgspec.Struct]):
    """A field that the service gains is gained here."""
    assert set(ours.__struct_fields__) - {"decision_id", "is_again"} == set(theirs.__struct_fields__)


def test_a_refusal_names_field_row_and_request(service: Served):
    """One class of error, with what the service says; never tried again."""
    waits: list[float] = []
    with client(service, sleep=waits.append) as payer, pytest.raises(ServiceError) as raised:
        payer.predict("peps_mg", [ROW, ROW | {"age": 200}], version=2)
    error = raised.value
    assert (error.status, error.field, error.row, waits) == (422, "age", 1, [])
    assert error.message.startswith("row 1: feature 'age' does not take this value")
    assert len(error.request_id) == 36 and "200" not in str(error)


@pytest.mark.parametrize(("role", "status"), [("nobody", 401), ("admin", 403)])
def test_who_may_not_is_told_so(service: Served, role: str, status: int):
    with client(service, role) as stranger, pytest.raises(ServiceError) as raised:
        stranger.models()
    assert raised.value.status == status


def test_a_key_is_one_decision(service: Served):
    """The same key and request: the same decision; another request: 409."""
    with client(service) as payer:
        before = count(service)
        first, second = (payer.predict("peps_mg", [ROW], version=2, key="march-1") for _ in range(2))
        with pytest.raises(ServiceError) as raised:
            payer.predict("peps_mg", [ROW, ROW], version=2, key="march-1")
        payer.predict("peps_mg", [ROW], version=2)
        payer.predict("peps_mg", [ROW], version=2)
    assert (first.decision_id, first.is_again, second.is_again) == (second.decision_id, False, True)
    assert (raised.value.status, raised.value.field) == (409, "Idempotency-Key")
    assert count(service) == before + 3


def test_a_503_is_waited_for_and_the_call_is_decided_once(tmp_path: Path):
    """Another holds the ledger: 503 with Retry-After, which is obeyed; it lets go: an answer, decided once."""
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 2:
            holder.execute("ROLLBACK")

    with served(tmp_path, ledger_seconds=0.3) as service, client(service, sleep=sleep, tries=4) as payer:
        first = payer.predict("peps_mg", [ROW], version=2)
        holder = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        predicted = payer.predict("peps_mg", [ROW], version=2)
        assert (waits, predicted.expected_eur, count(service)) == ([2.0, 2.0], first.expected_eur, 2)
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(ServiceError) as raised:
            payer.predict("peps_mg", [ROW], version=2)
        assert (raised.value.status, len(waits)) == (503, 5)
        with client(service, longest_wait_seconds=1, sleep=sleep) as hasty, pytest.raises(ServiceError) as raised:
            hasty.predict("peps_mg", [ROW], version=2)
        assert (raised.value.status, len(waits)) == (503, 5)
        holder.execute("ROLLBACK")
        holder.close()


@contextmanager
def cutting(url: str, answers_cut: int) -> Iterator[str]:
    """Address of a proxy that, the first times, drops the connection once the service has answered."""
    target = urlsplit(url)
    left = [answers_cut]
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:

        def pump(source: socket.socket, sink: socket.socket, is_answer: bool) -> None:
            with suppress(OSError), closing(source):
                while content := source.recv(65_536):
                    if is_answer and left[0]:
                        left[0] -= 1
                        sink.shutdown(socket.SHUT_RDWR)
                        return
                    sink.sendall(content)

        def accept() -> None:
            with suppress(OSError):
                while True:
                    near, _ = listener.accept()
                    far = socket.create_connection((target.hostname, target.port))
                    for pair in ((near, far, False), (far, near, True)):
                        threading.Thread(target=pump, args=pair, daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_a_connection_broken_after_the_decision_finds_it_again(service: Served):
    """Decided, and the answer lost on the way: the same key gets the decision, which is made once."""
    before = count(service)
    with cutting(service.url, 2) as url, client(service, url=url) as payer:
        predicted = payer.predict("peps_mg", [ROW], version=2)
    assert predicted.is_again
    assert count(service) == before + 1


def test_nobody_answers(service: Served):
    """Status 0 after every try, with a longer wait each time."""
    waits: list[float] = []
    with (
        cutting(service.url, 99) as url,
        client(service, url=url, sleep=waits.append, tries=4) as payer,
        pytest.raises(ServiceError) as raised,
    ):
        payer.models()
    assert (raised.value.status, len(waits)) == (0, 3)
    assert all(low <= wait <= 2 * low for low, wait in zip((0.2, 0.4, 0.8), waits, strict=True))


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "Mon, 01 Jan 2024 00:00:30 GMT", "date": "Mon, 01 Jan 2024 00:00:10 GMT"}, 20.0),
        ({"retry-after": "Mon, 01 Jan 2024 00:00:00 GMT", "date": "Mon, 01 Jan 2024 00:00:10 GMT"}, 0.0),
    ],
)
def test_retry_after_in_seconds_or_as_a_date(headers: dict[str, str], wait: float):
    assert wait_seconds(httpx.Response(503, headers=headers), 1) == wait


@pytest.mark.parametrize("given", ["", "soon", "-3", "Mon, 01 Jan 2024 00:00:30 GMT"])
def test_without_a_retry_after_that_can_be_read_the_backoff_is_waited(given: str):
    assert 0.2 <= wait_seconds(httpx.Response(503, headers={"retry-after": given}), 1) <= 0.4
    assert backoff_seconds(30) <= 10.0


@pytest.mark.parametrize("media_type", ["parquet", "arrow"])
@pytest.mark.parametrize("source", ["frame", "table", "reader"])
def test_a_table_is_sent_in_chunks_and_answered_as_one(service: Served, source: str, media_type: str):
    """Rows keep their order and their number; each chunk is a decision of its own; the euros are those of JSON."""
    table = pa.Table.from_pandas(FRAME)
    given = {"frame": FRAME, "table": table, "reader": table.to_reader(max_chunksize=37)}[source]
    with client(service) as payer:
        before = count(service)
        answer = payer.predict_table("peps_mg", given, version=2, rows_a_chunk=100, media_type=media_type)
        one_by_one = payer.predict("peps_mg", FRAME.to_dict("records"), version=2)  # type: ignore[arg-type]
    assert answer.table["row"].to_pylist() == list(range(250))
    assert answer.table["expected_eur"].to_pylist() == one_by_one.expected_eur
    assert len(set(answer.decision_ids)) == 3
    assert count(service) == before + 4


def test_explanations_as_a_table(service: Served):
    with client(service) as payer:
        answer = payer.explain_table("peps_mg", FRAME[:30], on="2024-03-01", rows_a_chunk=20)
        expected = payer.predict_table("peps_mg", FRAME[:30], on="2024-03-01").table["expected_eur"].to_numpy()
    sums = answer.table.to_pandas().groupby("row")["contribution_eur"].sum()
    assert sums.index.tolist() == list(range(30))
    assert abs(sums.to_numpy() - expected).max() < 1e-6


def test_a_batch_cut_short_is_taken_up_under_the_same_key(service: Served):
    """The chunks that were decided are found, not decided again; a wrong row is counted in the source."""
    wrong = FRAME.assign(age=FRAME["age"].where(FRAME.index != 217, 300))
    with client(service) as payer:
        before = count(service)
        with pytest.raises(ServiceError) as raised:
            payer.predict_table("peps_mg", wrong, version=2, rows_a_chunk=100, key="2024-peps")
        assert (raised.value.status, raised.value.row, raised.value.chunk) == (422, 217, 2)
        assert count(service) == before + 2
        answer = payer.predict_table("peps_mg", FRAME, version=2, rows_a_chunk=100, key="2024-peps")
    assert answer.table.num_rows == 250
    assert count(service) == before + 3


def test_its_import_is_light():
    """Neither BentoML, LightGBM, pandas nor the service's own modules come along; pyarrow only with a table."""
    heavy = ("bentoml", "lightgbm", "pandas", "numpy", "pyarrow", "starlette", "sqlalchemy", "features", "schemes")
    code = f"import serving.client, sys; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


ROOT = Path(__file__).parents[2]


def test_the_example_of_the_document_is_what_predict_sends(service: Served):
    """model, on and rows as in the OpenAPI document."""
    with client(service) as payer:
        predicted = payer.predict(REQUEST["model"], REQUEST["rows"], on=REQUEST["on"])
        sent = payer.decision(predicted.decision_id).request
    assert sent == REQUEST
