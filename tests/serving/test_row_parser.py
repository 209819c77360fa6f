"""Any JSON value in any field: rows, or a refusal that names field and row; never a crash, never the value."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from features.encoding import FeatureError, encode_rows
from serving.refusals import RefusalError, refusal_of
from serving.scoring import encoded
from serving.store import Store
from tests.serving.made import FEATURES, ROW

MANY = settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
NAMES = [feature.name for feature in FEATURES]
SECRET = "secret-2850578006048"
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.integers(-(10**400), 10**400) | st.floats() | st.text(max_size=30)
    | st.sampled_from([SECRET, 1e308, -0.0, 2**63, 2**64, "4", "NaN", "", "\x00", "é"])
)  # fmt: skip
VALUES = st.recursive(
    LEAVES, lambda one: st.lists(one, max_size=3) | st.dictionaries(st.text(max_size=9), one, max_size=3), max_leaves=8
)
ODD_NAMES = st.text(max_size=20) | st.sampled_from([SECRET, "age ", "AGE", "", "a" * 65])


@pytest.fixture(scope="module")
def store(versions: Path) -> Store:
    return Store(versions)


def read(store: Store, body: bytes) -> Any:
    """The matrix of a body, or its refusal: nothing else comes out."""
    try:
        return encoded(store, body, 50)[1]
    except FeatureError as error:
        return refusal_of(error)
    except RefusalError as refusal:
        return refusal


def body_of(rows: object, **names: object) -> bytes:
    return json.dumps({"model": "peps_mg", "version": 2, "rows": rows} | names).encode()


def takes(name: str, value: object) -> bool:
    """Whether the card takes a value, written here apart from the code under test."""
    feature = FEATURES[NAMES.index(name)]
    if value is None:
        return feature.nullable
    if feature.kind == "category":
        return isinstance(value, str) and value in feature.categories
    if feature.kind == "flag":
        return type(value) in (bool, int, float) and value in (0, 1)
    low, high = feature.low or 0.0, feature.high or math.inf
    return type(value) in (int, float) and low <= value <= high  # type: ignore[operator]


@MANY
@given(name=st.sampled_from(NAMES), value=VALUES, row=st.integers(0, 4))
@example(name="age", value=10**400, row=3)
@example(name="age", value=math.nan, row=0)
@example(name="fdep_quintile", value=["4"], row=2)
@example(name="is_woman", value="1", row=1)
def test_any_value_of_any_feature(store: Store, name: str, value: object, row: int):
    """Taken where the card takes it; else the refusal names that feature and that row."""
    rows = [ROW, ROW, ROW, ROW, ROW]
    rows[row] = ROW | {name: value}
    found = read(store, body_of(rows))
    if takes(name, value):
        assert not isinstance(found, RefusalError), found
        assert found.tobytes() == encode_rows(FEATURES, rows).tobytes()
    else:
        assert isinstance(found, RefusalError)
        assert found.status in (400, 422)
        if found.field == name:
            assert found.row == row
        else:  # what JSON itself or a 64-bit number cannot hold is refused before its feature is known
            assert (found.field, found.row) in {(None, None), ("rows", row)}
        assert SECRET not in found.message


@MANY
@given(name=ODD_NAMES, value=VALUES, row=st.integers(0, 2), gone=st.sampled_from([None, *NAMES]))
def test_any_name(store: Store, name: str, value: object, row: int, gone: str | None):
    """A name that is not a feature's, or a feature that is missing: its row is named, and a name only if it is one."""
    rows: list[dict[str, object]] = [dict(ROW), dict(ROW), dict(ROW)]
    rows[row][name] = value
    if gone is not None:
        rows[row].pop(gone, None)
    found = read(store, body_of(rows))
    assert isinstance(found, RefusalError) and found.status in (400, 422)
    assert SECRET not in found.message and found.field != SECRET
    assert found.row in (row, None)
    assert found.row == row or found.status == 400


@MANY
@given(rows=VALUES, names=st.fixed_dictionaries({}, optional={
    "model": VALUES, "version": VALUES, "on": VALUES, "known_on": VALUES, SECRET: VALUES}))  # fmt: skip
def test_any_value_of_any_field_of_the_request(store: Store, rows: object, names: dict[str, object]):
    """Of model, version, on, known_on and rows: a matrix or a refusal, which never repeats what was sent."""
    found = read(store, body_of(rows, **names))
    if isinstance(found, RefusalError):
        assert 400 <= found.status < 500
        assert SECRET not in found.message and found.field != SECRET
    else:
        assert len(found) == len(rows)  # type: ignore[arg-type]


@MANY
@given(body=st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_any_bytes(store: Store, body: bytes):
    """What is no JSON is refused."""
    assert isinstance(read(store, body), RefusalError)


@pytest.mark.parametrize(
    ("value", "is_taken"), [(0.0, True), (110, True), (110.5, False), (True, False), ("67", False)]
)
def test_the_judge_of_these_tests(value: object, is_taken: bool):
    """`takes` by hand, for an age."""
    assert takes("age", value) == is_taken
