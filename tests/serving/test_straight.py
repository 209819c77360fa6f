"""JSON decoded straight into the matrix: as the row-by-row reading has it, to the bit, its refusals to the word."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.errors import ForfaitError
from features.versions import Card, CardFeature, sha256, write_version
from serving import scoring
from serving.decisions.witness import Witness, parts_of
from serving.reading import read_json
from serving.refusals import RefusalError, refusal_of
from serving.scoring import encoded, scorer_of
from serving.store import Store
from tests.serving.made import ROW, body, rows_of, train

LIMIT = 4
VALUE = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 130), st.floats(-3, 130), st.text(max_size=3), st.just("4"),
    st.sampled_from([10**20, 10**400, 2**53 + 1, [], {}, {"a": 1}, "a:b"]),
)  # fmt: skip
NAME = st.sampled_from([*ROW, "height", "a:b"])
ROWS = st.lists(st.dictionaries(NAME, VALUE, max_size=2).map(lambda change: ROW | change), max_size=LIMIT + 1)
FIELDS = st.dictionaries(st.sampled_from(["version", "on", "known_on", "model", "rows", "a:b"]), VALUE, max_size=2)
PLAIN = tuple(CardFeature(f"n_{i}", "", "", "ald", "number" if i % 2 else "flag") for i in range(7))


@pytest.fixture(scope="module")
def store(versions: Path) -> Store:
    return Store(versions)


def row_by_row(store: Store, content: bytes) -> tuple[object, np.ndarray]:
    """The reading that looks at each row."""
    asked = read_json(content, LIMIT)
    scorer = scorer_of(store, asked)
    return scorer, scorer.encoder.rows(asked.rows)


def fate(read: Callable[[], tuple[object, np.ndarray]]) -> tuple[object, ...]:
    """The matrix, or the refusal as the caller sees it."""
    try:
        _, matrix = read()
    except (RefusalError, ForfaitError) as error:
        refusal = error if isinstance(error, RefusalError) else refusal_of(error)
        return refusal.status, refusal.message, refusal.field, refusal.row
    return matrix.shape, matrix.tobytes()


def check(store: Store, content: bytes) -> None:
    """Both readings come to the same, and the witness notes one matrix where one came out."""
    witness = Witness(**parts_of(store))
    found = fate(lambda: encoded(witness, content, LIMIT))
    assert found == fate(lambda: row_by_row(store, content))
    assert len(witness.characteristics) == isinstance(found[0], tuple)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS, others=FIELDS)
def test_any_body_has_one_fate(store: Store, rows: list[dict[str, object]], others: dict[str, object]):
    """Values, names and fields right and wrong, none to one row too many."""
    check(store, json.dumps({"model": "peps_mg", "version": 2, "rows": rows} | others).encode())


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(damage=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=2), cut=st.integers(0, 420))
def test_damaged_text_has_one_fate(store: Store, damage: list[tuple[int, int]], cut: int):
    """Bytes changed or cut off anywhere."""
    content = bytearray(body([ROW, ROW]))
    for place, byte in damage:
        content[place % len(content)] = byte
    check(store, bytes(content[: len(content) - cut if cut < 20 else None]))


@pytest.mark.parametrize(
    "content",
    [
        body([ROW]).replace(b'"age":67', b'"age":67, "age": 68'),
        body([ROW]).replace(b'"model"', b'"model":"peps_mg","model"'),
        body([ROW]).replace(b'"age":67', b'"age": 1e2').replace(b"3.5", b"35E-1"),
        body([ROW]).replace(b'"age":67', b'"age": -0').replace(b"3.5", b"-0.0"),
        body([ROW]).replace(b'"age":67', b'"\\u0061ge":67'),
        body([ROW]).replace(b'"age":67', b'"age": NaN'),
        body([{name: ROW[name] for name in reversed(ROW)}]),
        body([ROW]) + b"{}",
        b'{"model": "peps_mg", "version": 2, "rows": [' + b"[" * 5000 + b"]}",
    ],
    ids=["field twice", "model twice", "exponents", "minus zero", "escaped", "NaN", "reversed", "more", "nested"],
)
def test_what_json_allows_has_one_fate(store: Store, content: bytes):
    """Fields given twice, numbers written otherwise, names escaped, an order of one's own."""
    assert content != body([ROW])
    check(store, content)


def test_a_good_body_is_read_straight(store: Store, monkeypatch: pytest.MonkeyPatch):
    """The other reading is not called."""
    monkeypatch.setattr(scoring, "read_json", None)
    rows = rows_of(LIMIT)
    scorer, matrix = encoded(store, body(rows), LIMIT)
    assert matrix.tobytes() == scorer.encoder.rows(rows).tobytes()


def test_a_card_of_numbers_and_flags_is_read_straight(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Nothing nullable, no category: by hand, true is 1, 2**53 + 1 rounds to even."""
    write_version(tmp_path, Card(model="plain", version=1, perimeter="MG", objective="regression", balance_factor=1.0,
                                 features=PLAIN, model_sha256=sha256(train(1).encode())), train(1))  # fmt: skip
    row = dict(zip([one.name for one in PLAIN], [True, 2**53 + 1, 0, 0.1, 1.0, -3, False], strict=True))
    content = json.dumps({"model": "plain", "version": 1, "rows": [row, row]}).encode()
    check(Store(tmp_path), content)
    check(Store(tmp_path), content.replace(b"0.1", b"null"))
    check(Store(tmp_path), content.replace(b"0.1", b"true"))
    monkeypatch.setattr(scoring, "read_json", None)
    _, matrix = encoded(Store(tmp_path), content, LIMIT)
    assert matrix.tolist() == [[1.0, 2.0**53, 0.0, 0.1, 1.0, -3.0, 0.0]] * 2
