"""Whatever is thrown at the service, it answers below 500, and 200 only with a number for each row."""

from __future__ import annotations

import json
import math
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.serving.client import Client
from tests.serving.made import ROW, body, rows_of
from tests.serving.test_predict import ARROW, BATCH, JSON, PARQUET, arrow_of, parquet_of, post, table_of

QUICK = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
VALUES = st.one_of(ANYTHING, st.sampled_from([0, 1, 67, "4", True, 1e308, -0.0, 2**64, 10**30, "", None]))
ROWS = st.lists(st.fixed_dictionaries({}, optional=dict.fromkeys([*ROW, "income"], VALUES)) | st.just(ROW), max_size=4)
BODIES = st.fixed_dictionaries(
    {},
    optional={
        "model": st.sampled_from(["peps_mg", "total", "..", ""]) | ANYTHING,
        "version": st.sampled_from([1, 2, 3, 9]) | ANYTHING,
        "on": st.dates().map(str) | ANYTHING,
        "rows": ROWS | ANYTHING,
        "other": ANYTHING,
    },
)
GOOD_ARROW, GOOD_PARQUET = arrow_of(table_of(rows_of(120))), parquet_of(table_of(rows_of(120)))
DAMAGE = st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=8)


def check(client: Client, content: bytes, kind: str, query: str = "") -> None:
    for path in ("/predict", "/explain"):
        response = post(client, content, kind, path + query)
        assert response.status_code < 500, response.text
        if response.status_code != 200:
            assert response.json()["error"]["message"]
        elif kind == JSON:
            answer = response.json()
            euros = answer.get("expected_eur") or [one["expected_eur"] for one in answer["explanations"]]
            assert len(euros) == answer["count"] == len(json.loads(content)["rows"])
            assert all(math.isfinite(euro) for euro in euros)
        elif path == "/predict":
            reader = pa.BufferReader(response.content)
            table = pq.read_table(reader) if kind == PARQUET else pa.ipc.open_stream(reader).read_all()
            assert table["expected_eur"].null_count == 0
            assert all(math.isfinite(euro) for euro in table["expected_eur"].to_pylist())


def damaged(content: bytes, damage: list[tuple[int, int]]) -> bytes:
    changed = bytearray(content)
    for place, value in damage:
        changed[place % len(changed)] = value
    return bytes(changed)


@QUICK
@given(asked=BODIES | ANYTHING)
def test_any_json(client: Client, asked: object):
    check(client, json.dumps(asked).encode(), JSON)


@QUICK
@given(values=st.dictionaries(st.sampled_from(list(ROW)), VALUES, min_size=1, max_size=3))
def test_any_value_of_a_good_row(client: Client, values: dict[str, object]):
    check(client, json.dumps({"model": "peps_mg", "version": 2, "rows": [ROW, ROW | values]}).encode(), JSON)


@QUICK
@given(
    content=st.binary(max_size=200), kind=st.sampled_from([JSON, ARROW, PARQUET, "", "text/html", "application/json;"])
)
def test_any_bytes(client: Client, content: bytes, kind: str):
    check(client, content, kind)


@QUICK
@given(damage=DAMAGE, cut=st.integers(0, 400))
def test_damaged_json(client: Client, damage: list[tuple[int, int]], cut: int):
    content = body([ROW, ROW])
    check(client, damaged(content, damage)[: len(content) - cut % 3 * cut], JSON)


@QUICK
@given(damage=DAMAGE, cut=st.integers(0, 2000))
def test_damaged_arrow(client: Client, damage: list[tuple[int, int]], cut: int):
    changed = damaged(GOOD_ARROW, damage)
    check(client, changed[: len(changed) - cut % 3 * cut], ARROW, BATCH.removeprefix("/predict"))


@QUICK
@given(damage=DAMAGE, cut=st.integers(0, 2000))
def test_damaged_parquet(client: Client, damage: list[tuple[int, int]], cut: int):
    changed = damaged(GOOD_PARQUET, damage)
    check(client, changed[: len(changed) - cut % 3 * cut], PARQUET, BATCH.removeprefix("/predict"))


@QUICK
@given(path=st.text(max_size=30), query=st.text(max_size=30), accept=st.sampled_from(["*/*", "text/html"]))
def test_any_path(client: Client, path: str, query: str, accept: str):
    inside = quote(path, safe="")
    for part in ("/", "/models/", "/models/peps_mg/versions/"):
        assert client.get(part + inside, headers={"accept": accept}).status_code < 500
    for part in ("/", "/models/peps_mg/in-force"):
        assert client.get(part, params={"on": query, path: query}, headers={"accept": accept}).status_code < 500
