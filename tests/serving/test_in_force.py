"""The version and the rules in force on a day and known on a day, while promotions go on and others call."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from anyio.from_thread import start_blocking_portal

from benchmarks.ledger_load import Server
from features.scoring import encode_rows, load_scorer
from features.versions import Entry, append_entry, read_version
from serving.app import build_app
from serving.decisions.chain import verify
from serving.decisions.database import Database
from serving.decisions.witness import Witness, parts_of
from serving.settings import ServiceSettings
from serving.store import Store
from tests.serving.client import Client
from tests.serving.made import ROW, freeze, promote, rows_of, write_versions
from tests.serving.schemes_made import asked, post, team
from tests.serving.test_predict import PARQUET, parquet_of, table_of

JSON = {"content-type": "application/json"}
CALLERS, OF_SCHEMES, PROMOTIONS = 16, 4, 8


def correct(root: Path) -> Path:
    """The versions of the other tests, and 3 in force from June 2023, as decided in February 2024 only."""
    write_versions(root)
    promote(root, "peps_mg", 3, start="2023-06-01", decided="2024-02-01")
    return root


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    versions = correct(tmp_path_factory.mktemp("in_force") / "versions")
    with start_blocking_portal() as portal:
        yield Client(build_app(ServiceSettings(versions=versions)), portal)


# By hand: 1 from 2023 (decided 2022-12-10), 2 from 2024 (2023-12-12), 3 from June 2023 (2024-02-01).
BY_DAY = """
2023-03-01 -          1
2023-05-31 2024-12-31 1
2023-06-01 -          3
2023-06-01 2024-02-01 3
2023-06-01 2024-01-31 1
2023-12-31 2023-12-31 1
2024-01-01 2023-12-31 2
2024-01-01 2023-12-11 1
2024-06-01 -          2
2022-12-31 -          404
2024-06-01 2022-12-09 404
"""
DAYS = [tuple(line.split()) for line in BY_DAY.strip().splitlines()]


@pytest.mark.parametrize(("on", "known_on", "expected"), DAYS)
def test_the_version_of_a_day_known_on_a_day(client: Client, on: str, known_on: str, expected: str):
    """The same of every route that takes a day: predict, explain, in tables, the models' own, and PEPS."""
    days = {"on": on} | ({} if known_on == "-" else {"known_on": known_on})
    content = msgspec.json.encode({"model": "peps_mg", "rows": [ROW], **days})
    table = {"params": {"model": "peps_mg", **days}, "headers": {"content-type": PARQUET}}
    answers = [
        client.post("/predict", content=content, headers=JSON),
        client.post("/explain", content=content, headers=JSON),
        client.get("/models/peps_mg/in-force", params=days),
    ]
    in_table = client.post("/predict", content=parquet_of(table_of([ROW])), **table)
    if expected == "404":
        assert [one.status_code for one in (*answers, in_table)] == [404] * 4
        return
    assert [one.json()["version"] for one in answers] == [int(expected)] * 3
    named = client.post("/predict", content=parquet_of(table_of([ROW])), **(table | {"params": version(expected)}))
    assert in_table.content == named.content


def version(number: str) -> dict[str, str]:
    return {"model": "peps_mg", "version": number}


@pytest.mark.parametrize(
    ("on", "known_on", "number", "file"),
    [
        ("2023-06-01", "2024-01-31", 1, "peps/2022-11-27.yaml"),
        ("2023-06-01", "2024-02-01", 3, "peps/2022-11-27.yaml"),
        ("2024-01-01", "2023-12-31", 2, "peps/2022-11-27.yaml"),
    ],
)
def test_a_payment_takes_both_of_its_day(client: Client, on: str, known_on: str, number: int, file: str):
    """The version that scores and the rules that pay, in one answer; test_schemes.py has the days of the rules."""
    answer = post(client, "/peps/forfait", paying(on=on, known_on=known_on))
    assert answer.status_code == 200, answer.text
    told = answer.json()
    hash_ = read_version(client.app.state.settings.versions, "peps_mg", number)[2]
    assert (told["model"]["version"], told["model"]["hash"]) == (number, hash_)
    assert [rule["file"] for rule in told["rules"]] == [file]


def paying(patients: int = 260, **names: object) -> dict[str, Any]:
    """A PEPS team whose patients are scored here."""
    request = asked(team(patients), 2023, model="peps_mg", **names)
    for row, features in zip(request["inputs"]["patients"], rows_of(patients), strict=True):
        del row["expected_eur"]
        row["features"] = features
    return request


@pytest.mark.parametrize("where", ["body", "query"])
def test_a_version_is_known_on_every_day(client: Client, where: str):
    """known_on says which decisions count; a version named asks for none."""
    if where == "body":
        content = msgspec.json.encode({**version("2"), "version": 2, "known_on": "2024-01-01", "rows": [ROW]})
        answer = client.post("/predict", content=content, headers=JSON)
    else:
        names = version("2") | {"known_on": "2024-01-01"}
        table = parquet_of(table_of([ROW]))
        answer = client.post("/predict", content=table, params=names, headers={"content-type": PARQUET})
    assert (answer.status_code, answer.json()["error"]["field"]) == (400, "known_on")


def test_one_answer_rests_on_one_register(tmp_path: Path):
    """A promotion between two questions of one answer changes neither; the next answer has it."""
    store = Store(write_versions(tmp_path))
    day, other = date(2024, 6, 1), date(2023, 6, 1)
    before = Witness(**parts_of(store))
    assert before.entry("peps_mg", day).version == 2
    promote(tmp_path, "peps_mg", 3, start="2023-01-01", decided="2024-02-01")
    promote(tmp_path, "peps_mg", 3, start="2024-01-01", decided="2024-02-01")
    assert [before.entry("peps_mg", one).version for one in (day, other)] == [2, 1]
    after = Witness(**parts_of(store))
    assert [after.entry("peps_mg", one).version for one in (day, other)] == [3, 3]


def test_a_line_being_written_is_waited_for(tmp_path: Path):
    """Half a line is no fault while its writer is at work; left so, it is one, and nothing older answers."""
    store, day = Store(write_versions(tmp_path)), date(2024, 6, 1)
    assert store.entry("peps_mg", day).version == 2
    register = tmp_path / "register.jsonl"
    before = register.read_bytes()
    promote(tmp_path, "peps_mg", 3, start="2024-01-01", decided="2024-02-01")
    whole = register.read_bytes()
    register.write_bytes(whole[: len(before) + 60])
    late = threading.Timer(0.01, lambda: append(register, whole[len(before) + 60 :]))
    late.start()
    assert store.entry("peps_mg", day).version == 3
    late.join()
    register.write_bytes(whole[: len(before) + 60])
    with pytest.raises(Exception, match="restore it from its backup"):
        store.entry("peps_mg", day)


def append(path: Path, content: bytes) -> None:
    with path.open("ab") as file:
        file.write(content)


def test_a_version_frozen_anew_under_its_number_is_read_anew(tmp_path: Path):
    """What was loaded before its promotion and is not what was promoted is not served; nor is another file."""
    store = Store(write_versions(tmp_path))
    loaded = store.scorer("peps_mg", 3)
    card = read_version(tmp_path, "peps_mg", 3)[0]
    file = tmp_path / "peps_mg" / "3" / "card.json"
    file.write_bytes(msgspec.json.encode(msgspec.structs.replace(card, balance_factor=2.0)))
    promote(tmp_path, "peps_mg", 3, start="2025-01-01", decided="2024-12-01")
    found = store.scorer("peps_mg", 3)
    assert (loaded.card.balance_factor, found.card.balance_factor) == (1.03, 2.0)
    assert found.hash == read_version(tmp_path, "peps_mg", 3)[2] == store.register()[-1].version_hash
    unknown = Entry(
        model="peps_mg", version=2, version_hash="f" * 64, from_date=date(2026, 1, 1), decided_on=date(2025, 1, 1),
        by="x", why="x",
    )  # fmt: skip
    append_entry(tmp_path, unknown)
    with pytest.raises(Exception, match="is not the one that was promoted"):
        store.scorer("peps_mg", 2)


@dataclass
class Watch:
    """What callers were answered: route, body, and the versions that may answer, from first to last."""

    port: int
    lowest: int
    highest: int
    seen: list[tuple[str, int, dict[str, Any]]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)

    def call(self, path: str, content: bytes) -> None:
        """Post until told to stop; each answer is of a version in force between its question and its arrival."""
        with httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=30, headers=JSON) as client:
            while not self.stopping.is_set():
                lowest = self.lowest
                answer = client.post(path, content=content)
                highest = self.highest
                told = answer.json()
                version = told.get("model", {})["version"] if path != "/predict" else told.get("version")
                if answer.status_code != 200 or not lowest <= version <= highest:
                    self.wrong.append(f"{answer.status_code} {lowest} {version} {highest}")
                else:
                    self.seen.append((path, version, told))

    def wait_for(self, version: int) -> None:
        """Until each route has answered with a version, or an answer was wrong."""
        for _ in range(600):
            if self.wrong or len({path for path, number, _ in list(self.seen) if number == version}) == 2:
                return
            time.sleep(0.05)
        pytest.fail(f"waited 30 s for version {version} in vain")


@pytest.mark.slow
def test_promoted_under_load(tmp_path: Path):
    """16 callers while versions are frozen and promoted: every answer is whole, of the version of its moment.

    None is older than the last promotion that had ended when it was asked; hash, euros and cents are that version's.
    """
    versions, url = write_versions(tmp_path / "versions"), f"sqlite:///{tmp_path / 'ledger.db'}"
    rows = rows_of(20)
    of_schemes = msgspec.json.encode(paying(on="2024-06-01"))
    server = Server(versions, url)
    server.start()
    watch = Watch(server.port, 2, 2)
    work = [("/peps/forfait", of_schemes)] * OF_SCHEMES
    of_day = msgspec.json.encode({"model": "peps_mg", "on": "2024-06-01", "rows": rows})
    work += [("/predict", of_day)] * (CALLERS - OF_SCHEMES)
    threads = [threading.Thread(target=watch.call, args=one, daemon=True) for one in work]
    try:
        for thread in threads:
            thread.start()
        for number in range(3, 3 + PROMOTIONS):
            if number > 3:
                freeze(versions, "peps_mg", number)
            watch.wait_for(number - 1)
            watch.highest = number
            promote(versions, "peps_mg", number, start="2024-01-01", decided="2024-02-01")
            watch.lowest = number
        watch.wait_for(watch.highest)
        watch.stopping.set()
        for thread in threads:
            thread.join(30)
        cents = {number: paid(server.port, number) for number in range(2, 3 + PROMOTIONS)}
    finally:
        server.kill()
    assert watch.wrong == []
    check(watch, versions, rows, cents)
    database = Database(url)
    assert verify(database).number == len(watch.seen) + len(cents)
    database.close()


def paid(port: int, number: int) -> list[Any]:
    """What PEPS pays by a version named."""
    content = msgspec.json.encode(paying(on="2024-06-01", version=number))
    answer = httpx.post(f"http://127.0.0.1:{port}/peps/forfait", content=content, headers=JSON, timeout=30)
    return answer.json()["amounts"]


def check(watch: Watch, versions: Path, rows: list[dict[str, object]], cents: dict[int, list[Any]]) -> None:
    """Every answer is that of its version alone, and every version answered."""
    for path in ("/predict", "/peps/forfait"):
        assert {number for one, number, _ in watch.seen if one == path} == set(cents), path
    scorers = {number: load_scorer(versions, "peps_mg", number) for number in cents}
    euros = {
        number: scorer.predict(encode_rows(scorer.card.features, rows)).tolist() for number, scorer in scorers.items()
    }
    assert len({json.dumps(one) for one in euros.values()}) == len({json.dumps(one) for one in cents.values()})
    assert len({json.dumps(one) for one in cents.values()}) == len(cents)
    for path, number, told in watch.seen:
        if path == "/predict":
            assert (told["hash"], told["expected_eur"]) == (scorers[number].hash, euros[number])
        else:
            assert (told["model"]["hash"], told["amounts"]) == (scorers[number].hash, cents[number])
