"""Every answer that is used to pay is on record before it is returned, is found again, and is computed again."""

from __future__ import annotations

import itertools
import logging
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from pathlib import Path
from threading import Event

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from sqlalchemy import text

from benchmarks.postgres import Cluster
from features.scoring import Scorer
from schemes.rulebook import rules
from serving.access.callers import Caller
from serving.answering import RECORDED
from serving.app import build_app
from serving.decisions.appending import Placed, append
from serving.decisions.chain import newest, verify
from serving.decisions.database import Database
from serving.decisions.ledger import found
from serving.decisions.record import Decision, packed
from serving.decisions.replay import differences
from serving.decisions.routes import may_read
from serving.schemes_examples import EXAMPLES
from serving.settings import ServiceSettings
from tests.serving.client import Client
from tests.serving.decisions_made import ENGINES, draft, emptied, unguarded
from tests.serving.made import ROW, body, freeze, promote, rows_of
from tests.serving.schemes_made import write_scheme_versions
from tests.serving.test_predict import ARROW, BATCH, JSON, PARQUET, arrow_of, parquet_of, table_of

TYPE = {"content-type": JSON}
SECRET = "185057800608436"
PATIENCE_SECONDS = 60


@pytest.fixture(scope="module")
def portal() -> Iterator[BlockingPortal]:
    with start_blocking_portal() as one:
        yield one


@pytest.fixture(params=ENGINES)
def client(request: pytest.FixtureRequest, tmp_path: Path, portal: BlockingPortal) -> Iterator[Client]:
    """The service over an empty ledger of each engine."""
    url = None
    if request.param == "postgresql":
        database = emptied(request.getfixturevalue("postgres").url)
        url = database.url.render_as_string(hide_password=False)
        database.close()
    yield from served(tmp_path, portal, ledger_url=url)


@pytest.fixture
def light(tmp_path: Path, portal: BlockingPortal) -> Iterator[Client]:
    """The service over an empty SQLite ledger."""
    yield from served(tmp_path, portal, ledger_seconds=PATIENCE_SECONDS)


def served(folder: Path, portal: BlockingPortal, **settings: object) -> Iterator[Client]:
    root = folder / "versions"
    if not root.exists():
        write_scheme_versions(root)
    one = Client(build_app(ServiceSettings(versions=root, **settings)), portal)
    yield one
    one.app.state.ledger.close()


def database_of(client: Client) -> Database:
    return client.app.state.ledger.database


def count(client: Client) -> int:
    return verify(database_of(client)).number


def post(client: Client, content: bytes, path: str = "/predict", **headers: str):
    return client.post(path, content=content, headers=TYPE | {k.replace("_", "-"): v for k, v in headers.items()})


def questions() -> dict[str, tuple[str, bytes, dict[str, str]]]:
    table, explained = table_of(rows_of(40)), BATCH.replace("predict", "explain")
    by_day = msgspec.json.encode({"model": "peps_mg", "on": "2024-05-01", "rows": rows_of(3)})
    return {
        "predict": ("/predict", by_day, TYPE),
        "predict, Arrow": (BATCH, arrow_of(table), {"content-type": ARROW}),
        "predict, Parquet": ("/predict?model=peps_mg&on=2023-04-01", parquet_of(table), {"content-type": PARQUET}),
        "explain": ("/explain", body(rows_of(1200)), TYPE),
        "explain, page": ("/explain", body([ROW]), TYPE | {"accept": "text/html"}),
        "explain, Arrow": (explained, arrow_of(table), {"content-type": ARROW}),
        **{path: (path, msgspec.json.encode(example), TYPE) for path, example in EXAMPLES.items()},
    }


def test_every_paying_route_is_recorded_and_computed_again(client: Client):
    """Recorded before it is returned: request and answer to the byte, versions, rules; the replay is the same."""
    asked = questions()
    assert {path.partition("?")[0] for path, _, _ in asked.values()} == set(RECORDED)
    for number, (path, content, headers) in enumerate(asked.values(), 1):
        answer = client.post(path, content=content, headers=headers)
        assert answer.status_code == 200, answer.text
        decision_id = answer.headers["decision-id"]
        assert answer.headers["location"] == f"/decisions/{decision_id}"
        kept = client.get(answer.headers["location"]).json()
        assert (kept["number"], kept["id"], kept["route"]) == (number, decision_id, path.partition("?")[0])
        stored = found(database_of(client), decision_id)
        assert stored is not None
        assert pa.decompress(stored.request, len(content), codec="zstd").to_pybytes() == content
        assert pa.decompress(stored.result, len(answer.content), codec="zstd").to_pybytes() == answer.content
        replayed = client.post(f"/decisions/{decision_id}/replay")
        assert replayed.json() == {
            "id": decision_id, "number": number,
            "identical": True, "is_same_bytes": True, "differing": [], "rounded": [],
        }  # fmt: skip
    assert newest(database_of(client)).number == count(client) == len(asked)


def test_a_decision_tells_what_it_rests_on(light: Client, scorer: Scorer):
    """Version and hash, how it was chosen, what it was given, rule files with their hashes."""
    paths = {name: light.post(path, content=c, headers=h).headers["location"] for name, (path, c, h) in
             questions().items()}  # fmt: skip
    by_day, batch, page = (light.get(paths[name]).json() for name in ("predict", "predict, Arrow", "explain, page"))
    (version,) = by_day["versions"]
    assert (version["model"], version["version"], version["is_in_force"]) == ("peps_mg", 2, True)
    assert (by_day["rows"], by_day["rules"], by_day["explanation"]) == (3, [], "from_request")
    assert by_day["request"]["rows"][2] == rows_of(3)[2]
    assert (batch["query"], batch["rows"]) == ("model=peps_mg&version=2", 40)
    assert batch["versions"] == [version | {"is_in_force": False}]
    assert batch["characteristics"][0]["rows"] == 40 and len(batch["characteristics"][0]["sha256"]) == 64
    assert isinstance(batch["request"], str) and page["explanation"] == "in_result"
    assert page["result_type"].startswith("text/html")
    paid = light.get(paths["/ipso/forfait"]).json()
    told = {(one["file"], one["sha256"]) for one in paid["result"]["rules"]}
    assert {(one["file"], one["sha256"]) for one in paid["rules"]} == told != set()
    assert paid["request"] == EXAMPLES["/ipso/forfait"]


def test_the_same_characteristics_have_one_fingerprint(light: Client):
    """1 and true, JSON and Arrow: what the version was given is the same."""
    same = [post(light, body([ROW])), post(light, body([ROW | {"ald_08": 1, "age": 67.0}]))]
    same.append(light.post(BATCH, content=arrow_of(table_of([ROW])), headers={"content-type": ARROW}))
    kept = [light.get(one.headers["location"]).json() for one in same]
    assert len({one["characteristics"][0]["sha256"] for one in kept}) == 1
    assert len({one["request_hash"] for one in kept}) == 3


def test_refusals_are_not_decisions(light: Client):
    """Nothing was answered that could pay."""
    assert post(light, body([ROW | {"age": 300}])).status_code == 422
    assert post(light, b"").status_code == 400
    refused = post(light, body([ROW], model="none"))
    assert refused.status_code == 404 and "decision-id" not in refused.headers
    assert count(light) == 0


def test_the_same_key_gives_the_same_decision(client: Client):
    """Byte for byte, and it says so; in every format."""
    for number, (path, content, headers) in enumerate(questions().values(), 1):
        keyed = headers | {"idempotency-key": f"2024-03-{number}"}
        first, second = (client.post(path, content=content, headers=keyed) for _ in range(2))
        assert (first.status_code, second.status_code) == (200, 200)
        assert second.content == first.content
        assert second.headers["decision-id"] == first.headers["decision-id"]
        assert second.headers["content-type"] == first.headers["content-type"]
        assert ("idempotency-replayed" in first.headers, second.headers["idempotency-replayed"]) == (False, "true")
    assert count(client) == len(questions())


def test_the_same_key_with_another_request_is_a_conflict(client: Client):
    """409: another body, another route, another version in the query, another form of answer."""
    assert post(client, body([ROW]), idempotency_key="a").status_code == 200
    for content, path, more in (
        (body([ROW, ROW]), "/predict", {}),
        (body([ROW]) + b" ", "/predict", {}),
        (body([ROW]), "/explain", {}),
        (body([ROW]), "/explain", {"accept": "text/html"}),
    ):
        answer = post(client, content, path, idempotency_key="a", **more)
        assert answer.status_code == 409
        assert answer.json()["error"]["field"] == "Idempotency-Key"
    arrow = {"content-type": ARROW, "idempotency-key": "b"}
    content = arrow_of(table_of([ROW]))
    assert client.post(BATCH, content=content, headers=arrow).status_code == 200
    other = BATCH.replace("version=2", "version=1")
    assert client.post(other, content=content, headers=arrow).status_code == 409
    assert count(client) == 2


def test_a_key_is_free_again_after_a_refusal(light: Client):
    """A request that was refused decided nothing: mend it, and keep the key."""
    assert post(light, body([ROW | {"age": 300}]), idempotency_key="a").status_code == 422
    assert post(light, body([ROW]), idempotency_key="a").status_code == 200


@pytest.mark.parametrize("key", ["", "x" * 256, "é", "a b", "a\tb"])
def test_a_key_is_visible_ascii(light: Client, key: str):
    """422 for what could not be told apart in a log or a header."""
    answer = light.post("/predict", content=body([ROW]), headers=[*TYPE.items(), ("idempotency-key", key.encode())])
    assert (answer.status_code, answer.json()["error"]["field"]) == (422, "Idempotency-Key")


def test_one_key_at_the_same_time_decides_once(client: Client):
    """32 callers of one key: one decision, and its answer for all; another body among them is a conflict."""
    asked = [body([ROW]) if number % 4 else body([ROW, ROW]) for number in range(32)]
    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(lambda content: post(client, content, idempotency_key="at-once"), asked))
    given = [one for one in answers if one.status_code == 200]
    assert {one.status_code for one in answers} == {200, 409}
    assert len({one.content for one in given}) == len({one.headers["decision-id"] for one in given}) == 1
    assert sum("idempotency-replayed" not in one.headers for one in given) == 1
    assert len(given) in (8, 24) and count(client) == 1


def test_many_callers_share_a_commit(client: Client):
    """200 answers of 32 callers, each on record, each its own."""
    asked = [body([ROW | {"age": number % 110}]) for number in range(200)]
    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(lambda content: post(client, content), asked))
    assert {one.status_code for one in answers} == {200}
    assert count(client) == 200
    for content, answer in zip(asked, answers, strict=True):
        stored = found(database_of(client), answer.headers["decision-id"])
        assert stored is not None and stored.request == packed(content) and stored.result == packed(answer.content)


@pytest.mark.parametrize("name", ["x", "019a0c3e-6f00-7a21-9b4c-5d2f1e0a7c11", "é", "0" * 300])
def test_an_unknown_decision_is_not_found(light: Client, name: str):
    """404, whatever is asked."""
    for answer in (light.get(f"/decisions/{name}"), light.post(f"/decisions/{name}/replay")):
        assert answer.status_code == 404
    assert light.get("/decisions/019a0c3e-6f00-7a21-9b4c-5d2f1e0a7c11?all=1").status_code == 422


def test_a_replay_uses_what_was_in_force_then(light: Client):
    """A later decision puts another version in force on the day asked: the replay keeps the one that decided."""
    root = light.app.state.settings.versions
    asked = msgspec.json.encode({"model": "peps_mg", "on": "2024-05-01", "rows": [ROW]})
    before = post(light, asked)
    promote(root, "peps_mg", 3, start="2024-01-01", decided="2024-06-01")
    after = post(light, asked)
    assert (before.json()["version"], after.json()["version"]) == (2, 3)
    for answer in (before, after):
        assert light.post(f"{answer.headers['location']}/replay").json()["identical"] is True


def test_a_replay_uses_the_rules_of_then(light: Client, monkeypatch: pytest.MonkeyPatch):
    """A rule file that came later does not move a decision made before it."""
    example = msgspec.json.encode(EXAMPLES["/ipso/forfait"])
    location = post(light, example, "/ipso/forfait").headers["location"]
    later = {scheme: replace(rules(scheme, on=_day(2023)), sha256="f" * 64) for scheme in ("ipso",)}
    monkeypatch.setattr("serving.schemes_rules.rules", lambda scheme, *, on, known_on: later[scheme])
    assert light.post(f"{location}/replay").json()["identical"] is True
    monkeypatch.setattr("serving.decisions.witness.every_file", lambda scheme: tuple(later.values()))
    gone = light.post(f"{location}/replay")
    assert gone.status_code == 503 and "is not the file that decided" in gone.json()["error"]["message"]


def _day(year: int):
    from datetime import date

    return date(year, 6, 1)


def test_a_replay_tells_what_differs(light: Client, monkeypatch: pytest.MonkeyPatch):
    """Places, never values: what was understood, what was answered."""
    locations = [light.post(path, content=content, headers=headers).headers["location"]
                 for path, content, headers in list(questions().values())[:3]]  # fmt: skip
    predict = Scorer.predict
    monkeypatch.setattr(Scorer, "predict", lambda self, matrix: predict(self, matrix) + 0.01)
    told = [light.post(f"{location}/replay").json() for location in locations]
    assert [one["identical"] for one in told] == [False] * 3
    assert [one["differing"] for one in told] == [
        [f"result.expected_eur[{number}]" for number in range(3)],
        ["result.expected_eur"],
        ["result.expected_eur"],
    ]
    assert {one["is_same_bytes"] for one in told} == {False}


def test_a_version_that_is_not_the_one_that_decided_is_told(light: Client):
    """The frozen files were replaced: no replay, and the message says what to restore."""
    location = post(light, body([ROW], model="total", version=1)).headers["location"]
    store = light.app.state.store
    store.scorers.clear()
    for file in (store.root / "total" / "1").iterdir():
        file.unlink()
    (store.root / "total" / "1").rmdir()
    freeze(store.root, "total", 1, floor_eur=5.0)
    answer = light.post(f"{location}/replay")
    assert answer.status_code == 503
    assert "total version 1 is not the one that decided" in answer.json()["error"]["message"]


def test_an_altered_decision_is_not_computed_again(light: Client):
    """The replay looks at the decision's own hash first."""
    location = post(light, body([ROW])).headers["location"]
    with database_of(light).writing() as connection:
        unguarded(connection)
        connection.execute(text("UPDATE decisions SET rows = 7"))
    answer = light.post(f"{location}/replay")
    assert answer.status_code == 503
    assert "decision 1 was altered; run forfait ledger verify" in answer.json()["error"]["message"]


def test_answers_that_are_only_written_otherwise_are_the_same():
    """Spaces, order of fields, compression: not a difference; a type, a length, a field: one."""

    def of(one: bytes, other: bytes) -> list[str]:
        return [place for place, _ in differences(one, other, JSON)]

    assert of(b'{"a": 1.0, "b": [1, {"c": null}]}', b'{"b":[1,{"c":null}],"a":1.0}') == []
    assert of(b'{"a":1,"b":[1,2]}', b'{"a":1.0,"b":[1]}') == ["result.a", "result.b (length)"]
    assert of(b'{"a":{"b":1}}', b'{"a":{"c":1}}') == ["result.a.b", "result.a.c"]
    assert of(b"{", b"{}") == ["result"]
    table, sink = table_of(rows_of(3)), pa.BufferOutputStream()
    pq.write_table(table, sink, compression="gzip")
    assert list(differences(parquet_of(table), sink.getvalue().to_pybytes(), PARQUET)) == []
    headed = table.replace_schema_metadata({"version": "3"})
    assert list(differences(arrow_of(table), arrow_of(headed), ARROW)) == [("result (header)", False)]


def test_a_caller_reads_its_own_and_an_auditor_all():
    """A payer sees no decision of another; an auditor of two structures sees those that name nothing else."""
    asked = msgspec.json.encode({"inputs": {"participations": [{"structure_id": "A"}], "patients": [{"x": 1}]}})
    kept = {
        "paid": decision(draft(1, body=asked)), "predicted": decision(draft(2)),
        "table": decision(msgspec.structs.replace(draft(3), request_type=ARROW)),
    }  # fmt: skip

    def seen(name: str, role: str, structures: set[str] | None = None) -> list[str]:
        caller = Caller(name, role, None if structures is None else frozenset(structures))
        return [key for key, one in kept.items() if may_read(caller, one)]

    assert seen("caisse-75", "payer") == seen("auditor", "auditor") == seen("open", "open") == list(kept)
    assert seen("caisse-13", "payer") == seen("x", "modeller") == seen("x", "admin") == []
    assert seen("x", "auditor", {"A", "B"}) == ["paid"]
    assert seen("x", "auditor", {"B"}) == seen("x", "auditor", set()) == []


def decision(one) -> Decision:
    return Decision(**msgspec.structs.asdict(one), number=1, recorded_at="", previous_hash="", hash="")


@pytest.mark.parametrize(
    ("moved_by", "place"), [(4e-7, "rounded"), (4e-6, "differing")], ids=["by rounding", "by more"]
)
def test_a_replay_tells_rounding_from_another_answer(
    light: Client, monkeypatch: pytest.MonkeyPatch, moved_by: float, place: str
):
    """A millionth of a euro at most, in a number with a decimal point: a build that adds in another order."""
    locations = [light.post(path, content=content, headers=headers).headers["location"]
                 for path, content, headers in list(questions().values())[:3]]  # fmt: skip
    predict = Scorer.predict
    monkeypatch.setattr(Scorer, "predict", lambda self, matrix: predict(self, matrix) + moved_by)
    told = [light.post(f"{location}/replay").json() for location in locations]
    by_row = [f"result.expected_eur[{number}]" for number in range(3)]
    assert [one[place] for one in told] == [by_row, ["result.expected_eur"], ["result.expected_eur"]]
    assert [len(one["differing"]) + len(one["rounded"]) for one in told] == [3, 1, 1]
    assert not any(one["identical"] or one["is_same_bytes"] for one in told)


def test_whole_numbers_and_text_are_never_rounded():
    """One cent is another answer, and so is a number that is not there."""
    before = {"cents": 100, "text": "1.0", "share": 0.5, "of": 1.0}
    after = {"cents": 101, "text": "1.0000001", "share": 0.5000001, "of": None}
    as_json = [msgspec.json.encode(one) for one in (before, after)]
    found = dict(differences(*as_json, JSON))
    assert found == {"result.cents": False, "result.text": False, "result.share": True, "result.of": False}
    as_parquet = [parquet_of(pa.table({name: [one[name]] for name in before})) for one in (before, after)]
    by_column = dict(differences(*as_parquet, PARQUET))
    assert by_column == found


@pytest.fixture
def hurried(tmp_path: Path, portal: BlockingPortal) -> Iterator[Client]:
    """The service over an empty SQLite ledger that is waited for two seconds."""
    yield from served(tmp_path, portal, ledger_seconds=2.0)


def test_a_locked_ledger_is_a_503_that_says_when_to_come_back(hurried: Client, caplog: pytest.LogCaptureFixture):
    """Nothing is answered that is not recorded; it works again as soon as the ledger does."""
    caplog.set_level(logging.DEBUG)
    assert post(hurried, body([ROW])).status_code == 200
    other = sqlite3.connect(database_of(hurried).url.database, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    secret = {"idempotency_key": SECRET}
    answer = post(hurried, body([ROW | {"charlson_score": 39.7531}]), **secret)
    other.execute("ROLLBACK")
    other.close()
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert "not recorded and is not given" in answer.json()["error"]["message"]
    assert "expected_eur" not in answer.text and "39.7531" not in caplog.text and SECRET not in caplog.text
    again = post(hurried, body([ROW | {"charlson_score": 39.7531}]), **secret)
    assert again.status_code == 200
    assert post(hurried, body([ROW | {"charlson_score": 39.7531}]), **secret).content == again.content
    assert count(hurried) == 2


def test_a_full_queue_refuses_at_once(tmp_path: Path, portal: BlockingPortal, monkeypatch: pytest.MonkeyPatch):
    """Bounded: a ledger that does not keep up does not eat the memory. Of 12 callers 1 is being written, 4 wait."""
    is_writing, may_go_on = Event(), Event()

    def slow(*arguments: object, **options: object) -> list[Placed]:
        is_writing.set()
        assert may_go_on.wait(PATIENCE_SECONDS)
        return append(*arguments, **options)

    monkeypatch.setattr("serving.decisions.writer.append", slow)
    for light in served(tmp_path, portal, ledger_seconds=PATIENCE_SECONDS, max_decisions_waiting=4):
        with ThreadPoolExecutor(12) as pool:
            asked = [pool.submit(post, light, body([ROW]))]
            assert is_writing.wait(PATIENCE_SECONDS)
            asked += [pool.submit(post, light, body([ROW])) for _ in range(11)]
            refused = [one.result() for one in itertools.islice(as_completed(asked), 7)]
            may_go_on.set()
        assert {one.status_code for one in refused} == {503}
        assert all("too many answers wait" in one.json()["error"]["message"] for one in refused)
        assert sorted(one.result().status_code for one in asked) == [200] * 5 + [503] * 7
        assert count(light) == 5


def test_an_answer_too_large_to_keep_is_refused(tmp_path: Path, portal: BlockingPortal):
    """413 before anything is given."""
    for light in served(tmp_path, portal, max_bytes_recorded=2000):
        assert post(light, body([ROW])).status_code == 200
        assert post(light, body(rows_of(500))).status_code == 413
        assert count(light) == 1


def test_the_service_is_not_ready_without_its_ledger(postgres: Cluster, tmp_path: Path, portal: BlockingPortal):
    """503 that names the command, for PostgreSQL without tables; 200 after it, without a restart."""
    url = postgres.create("not_ready")
    for light in served(tmp_path, portal, ledger_url=url):
        for answer in (light.get("/readyz"), post(light, body([ROW]))):
            assert answer.status_code == 503
            assert "run forfait ledger upgrade" in answer.json()["error"]["message"]
        assert light.get("/models").status_code == 200
        assert light.get(f"/decisions/{draft(1).id}").status_code == 503
        Database(url).upgrade()
        assert light.get("/readyz").status_code == post(light, body([ROW])).status_code == 200


def test_the_document_tells_of_the_ledger(light: Client):
    """Key, headers, 409 and 503 on each recorded route; what a decision holds."""
    paths = light.get("/openapi.json").json()["paths"]
    for route in RECORDED:
        operation = paths[route]["post"]
        assert "Idempotency-Key" in {one["name"] for one in operation["parameters"]}
        shown = {"Decision-Id", "Location", "Idempotency-Replayed", "X-Request-Id"}
        assert shown == set(operation["responses"]["200"]["headers"])
        assert {"409", "503"} <= set(operation["responses"])
    location = post(light, body([ROW])).headers["location"]
    schema = light.get("/openapi.json").json()["components"]["schemas"]
    assert set(light.get(location).json()) == set(schema["Told"]["properties"]) == set(schema["Told"]["required"])
    assert set(light.post(f"{location}/replay").json()) == set(schema["Replayed"]["properties"])
