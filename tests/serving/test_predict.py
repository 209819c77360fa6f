"""POST /predict: the same euros in every format, and refusals that name field and row without repeating a value."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.scoring import Scorer, encode_frame
from tests.serving.client import Client
from tests.serving.made import ROW, body, rows_of

JSON, PARQUET, ARROW = "application/json", "application/vnd.apache.parquet", "application/vnd.apache.arrow.stream"
BATCH = "/predict?model=peps_mg&version=2"


def post(client: Client, content: bytes, kind: str = JSON, path: str = "/predict"):
    return client.post(path, content=content, headers={"content-type": kind})


def arrow_of(table: pa.Table, **options: object) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table, max_chunksize=97)
    return sink.getvalue().to_pybytes()


def parquet_of(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue().to_pybytes()


def table_of(rows: list[dict[str, object]]) -> pa.Table:
    return pa.Table.from_pydict(
        {
            name: [int(row[name]) if isinstance(row[name], bool) else row[name] for row in rows]  # type: ignore[call-overload]
            for name in ROW
        }
    )


def fault(response) -> dict[str, object]:
    return response.json()["error"]


def test_answer_carries_version_hash_unit_and_count(client: Client, scorer: Scorer):
    """An answer says which frozen files gave it."""
    answer = post(client, body([ROW])).json()
    expected = float(scorer.predict(scorer.encoder.rows([ROW]))[0])
    assert answer == {
        "model": "peps_mg",
        "version": 2,
        "hash": scorer.hash,
        "unit": "EUR per year",
        "count": 1,
        "expected_eur": [expected],
    }


def test_json_arrow_parquet_and_batch_scoring_agree_to_the_bit(client: Client, scorer: Scorer):
    """The endpoint and batch scoring are the same numbers, not nearly the same."""
    rows = rows_of(300)
    wanted = scorer.predict(encode_frame(scorer.card.features, table_of(rows).to_pandas()))
    from_json = np.array(post(client, body(rows)).json()["expected_eur"])
    from_arrow = pa.ipc.open_stream(post(client, arrow_of(table_of(rows)), ARROW, BATCH).content).read_all()
    from_parquet = pq.read_table(pa.BufferReader(post(client, parquet_of(table_of(rows)), PARQUET, BATCH).content))
    one_by_one = [post(client, body([row])).json()["expected_eur"][0] for row in rows[:20]]
    assert from_json.tobytes() == wanted.tobytes()
    assert from_arrow["expected_eur"].to_numpy().tobytes() == wanted.tobytes()
    assert from_parquet["expected_eur"].to_numpy().tobytes() == wanted.tobytes()
    assert one_by_one == wanted[:20].tolist()
    assert from_parquet["row"].to_pylist() == list(range(300))
    assert {k.decode(): v.decode() for k, v in from_arrow.schema.metadata.items()} == {
        "model": "peps_mg", "version": "2", "hash": scorer.hash, "unit": "EUR per year", "count": "300",
    }  # fmt: skip


def test_categories_may_come_as_an_arrow_dictionary(client: Client, scorer: Scorer):
    """A dictionary column, with a null in its dictionary that no row uses."""
    table = table_of(rows_of(50))
    texts = pa.DictionaryArray.from_arrays(pa.array([2, 0] * 25), pa.array(["4", None, "missing"]))
    table = table.set_column(table.schema.get_field_index("fdep_quintile"), "fdep_quintile", texts)
    answer = pa.ipc.open_stream(post(client, arrow_of(table), ARROW, BATCH).content).read_all()
    rows = [{**row, "fdep_quintile": ["missing", "4"][i % 2]} for i, row in enumerate(rows_of(50))]
    assert answer["expected_eur"].to_pylist() == scorer.predict(scorer.encoder.rows(rows)).tolist()


@pytest.mark.parametrize(
    ("day", "version"), [("2023-06-30", 1), ("2023-12-31", 1), ("2024-01-01", 2), ("2031-01-01", 2)]
)
def test_day_chooses_the_version_in_force(client: Client, day: str, version: int):
    """The register answers, not the clock."""
    answer = post(client, msgspec.json.encode({"model": "peps_mg", "on": day, "rows": [ROW]})).json()
    assert answer["version"] == version
    batch = post(client, arrow_of(table_of([ROW])), ARROW, f"/predict?model=peps_mg&on={day}")
    assert pa.ipc.open_stream(batch.content).read_all()["expected_eur"].to_pylist() == answer["expected_eur"]


def test_values_of_the_same_meaning_are_the_same(client: Client):
    """1 and true are one flag; 67 and 67.0 one age; names may come in any order."""
    shuffled = dict(reversed((ROW | {"ald_08": 1, "age": 67.0, "is_woman": True}).items()))
    assert post(client, body([ROW])).json() == post(client, body([shuffled])).json()


def changed(**values: object) -> bytes:
    return body([ROW, ROW | values])


REFUSED_ROWS = {
    "out of range": (changed(age=111), "age"),
    "negative": (changed(age=-1), "age"),
    "text for a number": (changed(age="67"), "age"),
    "true for a number": (changed(age=True), "age"),
    "null where none is allowed": (changed(age=None), "age"),
    "a list": (changed(age=[67]), "age"),
    "an object": (changed(ald_08={"value": 1}), "ald_08"),
    "an integer of 400 digits": (changed(age=10**399), "age"),
    "a large integer": (changed(is_woman=2**63), "is_woman"),
    "two as a flag": (changed(is_woman=2), "is_woman"),
    "half a flag": (changed(c2s_free=0.5), "c2s_free"),
    "a number for a category": (changed(fdep_quintile=4), "fdep_quintile"),
    "an unknown category": (changed(fdep_quintile="6"), "fdep_quintile"),
    "unknown feature": (changed(income=12), "income"),
    "missing feature": (body([ROW, {k: v for k, v in ROW.items() if k != "ald_count"}]), "ald_count"),
    "empty row": (body([ROW, {}]), "age"),
    "a row that is a list": (b'{"model":"peps_mg","version":2,"rows":[{},[]]}', "rows"),
}


@pytest.mark.parametrize(("content", "field"), REFUSED_ROWS.values(), ids=REFUSED_ROWS.keys())
def test_a_wrong_row_is_refused_by_field_and_row(client: Client, content: bytes, field: str):
    """422, with the field and the row, counted from 0, and what would be right."""
    response = post(client, content)
    assert (response.status_code, fault(response)["field"], fault(response)["row"]) == (422, field, 1)
    assert len(str(fault(response)["message"])) > 20


def text(rows: str = "[]", **names: object) -> bytes:
    asked = "".join(f"{json.dumps(name)}:{json.dumps(value)}," for name, value in names.items())
    return f'{{{asked}"rows":{rows}}}'.encode()


ONE = json.dumps([ROW])
WRONG = {
    "empty body": (b"", 400, None),
    "not JSON": (b"{model", 400, None),
    "not UTF-8": (b'{"model":"\xff\xfe","rows":[]}', 400, None),
    "NaN": (text('[{"age":NaN}]', model="peps_mg", version=2), 400, None),
    "Infinity": (text('[{"age":-Infinity}]', model="peps_mg", version=2), 400, None),
    "a number beyond floats": (text('[{"age":1e999}]', model="peps_mg", version=2), 422, "rows"),
    "nested beyond reason": (text("[" * 200_000, model="peps_mg", version=2), 422, "rows"),
    "a value nested beyond reason": (text('[{"age":' + "[" * 200_000, model="peps_mg", version=2), 400, None),
    "no rows": (text(model="peps_mg", version=2), 400, "rows"),
    "rows missing": (b'{"model":"peps_mg","version":2}', 422, "rows"),
    "rows not a list": (text('"all"', model="peps_mg", version=2), 422, "rows"),
    "rows null": (text("null", model="peps_mg", version=2), 422, "rows"),
    "not an object": (b"[1]", 422, None),
    "no model": (text(ONE, version=2), 422, "model"),
    "model a number": (text(ONE, model=3, version=2), 422, "model"),
    "unknown field": (text(ONE, model="peps_mg", version=2, verbose=True), 422, "verbose"),
    "neither version nor day": (text(ONE, model="peps_mg"), 400, "version"),
    "neither, both null": (text(ONE, model="peps_mg", version=None, on=None), 400, "version"),
    "version and day": (text(ONE, model="peps_mg", version=2, on="2024-01-01"), 400, "version"),
    "version 0": (text(ONE, model="peps_mg", version=0), 422, "version"),
    "version as text": (text(ONE, model="peps_mg", version="2"), 422, "version"),
    "no such day": (text(ONE, model="peps_mg", on="2024-02-30"), 422, "on"),
    "day with an hour": (text(ONE, model="peps_mg", on="2024-02-01T00:00:00"), 422, "on"),
    "day as a number": (text(ONE, model="peps_mg", on=20240201), 422, "on"),
    "unknown model": (text(ONE, model="peps", version=2), 404, "model"),
    "a path as model": (text(ONE, model="../peps_mg", version=2), 404, "model"),
    "a null byte in the model": (text(ONE, model="peps\0mg", version=2), 404, "model"),
    "unknown version": (text(ONE, model="peps_mg", version=9), 404, "version"),
    "a version of 40 digits": (text(ONE, model="peps_mg", version=10**39), 404, "version"),
    "nothing in force yet": (text(ONE, model="peps_mg", on="2022-12-31"), 404, "on"),
    "never promoted": (text(ONE, model="total", on="2024-12-31"), 404, "on"),
    "unknown model by day": (text(ONE, model="nothing", on="2024-12-31"), 404, "model"),
    "model given twice": (b'{"model":"total","model":"peps_mg","version":2,"rows":[]}', 400, "model"),
    "feature given twice": (text('[{"age":1,"age":2}]', model="peps_mg", version=2), 400, "age"),
    "too many rows": (text("[" + ",".join(["{}"] * 10_001) + "]", model="peps_mg", version=2), 413, "rows"),
}


@pytest.mark.parametrize(("content", "status", "field"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_request_is_refused(client: Client, content: bytes, status: int, field: str | None):
    """Each mistake has its status and its field."""
    for path in ("/predict", "/explain"):
        response = post(client, content, path=path)
        assert (response.status_code, fault(response)["field"]) == (status, field), response.text


def test_submitted_data_is_neither_echoed_nor_logged(client: Client, caplog: pytest.LogCaptureFixture):
    """No value, and no name that could be one, comes back in an error or goes to the log."""
    secret = "1 85 05 78 006 084"
    caplog.set_level(0)
    for values in (
        {"fdep_quintile": secret},
        {"age": secret},
        {secret: 1},
        {"age": [secret]},
        {"é" * 70: 1},
        {"a-b": 1},
    ):
        response = post(client, body([ROW | values]))
        assert response.status_code == 422
        assert secret not in response.text
        assert "ééé" not in response.text and "a-b" not in response.text
    for content in (
        f'{{"{secret}":1,"model":"m","rows":[]}}',
        f'{{"model":"{secret}","version":1,"rows":[{{}}]}}',
        secret,
    ):
        assert secret not in post(client, content.encode()).text
    table = table_of([ROW, ROW]).drop_columns("age").append_column("age", pa.array(["x", secret]))
    assert secret not in post(client, arrow_of(table), ARROW, BATCH).text
    assert secret not in caplog.text


def test_bodies_over_the_limits_are_refused(client: Client, monkeypatch: pytest.MonkeyPatch):
    """413, whether the length is declared or the body streams in."""
    monkeypatch.setattr(client.app.state.settings, "max_bytes_json", 1000)
    monkeypatch.setattr(client.app.state.settings, "max_bytes_batch", 1000)
    assert post(client, b" " * 1001).status_code == 413

    async def parts() -> AsyncIterator[bytes]:
        yield b" " * 600
        yield b" " * 600

    streamed = client.post("/predict", content=parts(), headers={"content-type": JSON})
    assert streamed.status_code == 413
    assert post(client, arrow_of(table_of(rows_of(200))), ARROW, BATCH).status_code == 413


def test_batches_over_the_rows_are_refused(client: Client):
    """The limit of /explain is lower than that of /predict: it costs a thousand times more."""
    rows = table_of(rows_of(2001))
    explain = BATCH.replace("predict", "explain")
    assert post(client, arrow_of(rows), ARROW, BATCH).status_code == 200
    assert fault(post(client, arrow_of(rows), ARROW, explain))["field"] == "rows"
    assert post(client, parquet_of(pa.concat_tables([rows] * 3)), PARQUET, BATCH).status_code == 413


def replaced(name: str, values: pa.Array) -> pa.Table:
    table = table_of(rows_of(3))
    return table.set_column(table.schema.get_field_index(name), name, values)


WRONG_TABLES = {
    "no rows": (table_of([]), 400, "rows", None),
    "missing column": (table_of(rows_of(3)).drop_columns("age"), 422, "age", None),
    "unknown column": (table_of(rows_of(3)).append_column("income", pa.array([1, 2, 3])), 422, "income", None),
    "column twice": (table_of(rows_of(3)).append_column("age", pa.array([1, 2, 3])), 422, "age", None),
    "text for a number": (replaced("age", pa.array(["1", "2", "3"])), 422, "age", None),
    "true for a number": (replaced("age", pa.array([True, False, True])), 422, "age", None),
    "a date": (replaced("age", pa.array([1, 2, 3], pa.date32())), 422, "age", None),
    "a list": (replaced("age", pa.array([[1], [2], [3]])), 422, "age", None),
    "out of range": (replaced("age", pa.array([1, 2, 300])), 422, "age", 2),
    "NaN": (replaced("age", pa.array([1.0, float("nan"), 3.0])), 422, "age", 1),
    "infinite": (replaced("age", pa.array([1.0, float("inf"), 3.0])), 422, "age", 1),
    "null": (replaced("age", pa.array([None, 2, 3])), 422, "age", 0),
    "all null": (replaced("age", pa.nulls(3)), 422, "age", 0),
    "flag of two": (replaced("ald_08", pa.array([0, 1, 2])), 422, "ald_08", 2),
    "unknown category": (replaced("fdep_quintile", pa.array(["1", "2", "9"])), 422, "fdep_quintile", 2),
    "category as number": (replaced("fdep_quintile", pa.array([1, 2, 3])), 422, "fdep_quintile", None),
    "null category": (replaced("fdep_quintile", pa.array(["1", None, "2"])), 422, "fdep_quintile", 1),
}  # fmt: skip


@pytest.mark.parametrize(("table", "status", "field", "row"), WRONG_TABLES.values(), ids=WRONG_TABLES.keys())
def test_a_wrong_table_is_refused(client: Client, table: pa.Table, status: int, field: str, row: int | None):
    """Parquet and Arrow are refused as JSON is."""
    kinds = [(ARROW, arrow_of(table)), (PARQUET, parquet_of(table))]
    for kind, content in kinds:
        response = post(client, content, kind, BATCH)
        assert (response.status_code, fault(response)["field"], fault(response)["row"]) == (status, field, row), kind


def test_other_ways_to_ask_wrongly(client: Client):
    """Content type, compression, query."""
    table = table_of(rows_of(3))
    assert post(client, body([ROW]), "text/csv").status_code == 415
    assert client.post("/predict", content=body([ROW])).status_code == 415
    assert post(client, body([ROW]), "application/json; charset=utf-8").status_code == 200
    assert post(client, arrow_of(table, compression="zstd"), ARROW, BATCH).status_code == 415
    assert post(client, b"PAR1", PARQUET, BATCH).status_code == 400
    assert post(client, b"", ARROW, BATCH).status_code == 400
    for query, field in (
        ("version=2", "model"),
        ("model=peps_mg", "version"),
        ("model=peps_mg&version=two", "version"),
        ("model=peps_mg&version=²", "version"),
        ("model=peps_mg&on=today", "on"),
        ("model=peps_mg&version=2&speed=1", "speed"),
        ("model=peps_mg&version=2&version=3", "version"),
    ):
        response = post(client, arrow_of(table), ARROW, f"/predict?{query}")
        assert (response.status_code // 100, fault(response)["field"]) == (4, field)
