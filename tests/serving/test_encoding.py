"""Rows, frames and tables become the same matrix, or are refused for the same cell."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.encoding import FeatureError, encode_frame, encode_rows, encode_table, safe_name
from features.errors import RequestError
from features.versions import CardFeature
from tests.serving.made import FEATURES, ROW

NUMBER = st.one_of(st.none(), st.integers(-5, 130), st.floats(-5, 130))
FLAG = st.sampled_from([None, 0, 1, 2])
GOOD = st.fixed_dictionaries(
    {
        "age": st.integers(0, 110),
        "is_woman": st.sampled_from([0, 1]),
        "ald_08": st.sampled_from([0, 1]),
        "ald_count": st.integers(0, 32),
        "charlson_score": st.floats(0, 40),
        "c2s_free": st.sampled_from([None, 0, 1]),
        "fdep_quintile": st.sampled_from(FEATURES[6].categories),
    }
)
MAYBE = st.fixed_dictionaries(
    {
        "age": NUMBER,
        "is_woman": FLAG,
        "ald_08": FLAG,
        "ald_count": NUMBER,
        "charlson_score": NUMBER,
        "c2s_free": FLAG,
        "fdep_quintile": st.sampled_from([None, "1", "missing", "6", ""]),
    }
)


def columns_of(rows: list[dict[str, object]]) -> pa.Table:
    types = {feature.name: pa.string() if feature.kind == "category" else pa.float64() for feature in FEATURES}
    return pa.table({name: pa.array([row[name] for row in rows], kind) for name, kind in types.items()})


def outcome(encode, given_rows) -> tuple[str, object, object]:
    try:
        return "matrix", encode(FEATURES, given_rows).tobytes(), None
    except FeatureError as error:
        return "refused", error.field, error.row


@settings(max_examples=100, deadline=None)
@given(rows=st.lists(GOOD, min_size=1, max_size=5))
def test_good_rows_give_one_matrix(rows: list[dict[str, object]]):
    """JSON rows, an Arrow table and a pandas frame: the same bytes."""
    table = columns_of(rows)
    matrix = encode_rows(FEATURES, rows)
    assert matrix.shape == (len(rows), len(FEATURES))
    assert np.array_equal(matrix, encode_table(FEATURES, table), equal_nan=True)
    assert np.array_equal(matrix, encode_frame(FEATURES, table.to_pandas()), equal_nan=True)


@settings(max_examples=200, deadline=None)
@given(row=MAYBE)
def test_one_row_has_one_fate(row: dict[str, object]):
    """A row is taken by all three or by none; one wrong value is refused by the same field."""
    fates = [outcome(encode_rows, [row]), outcome(encode_table, columns_of([row]))]
    fates.append(outcome(encode_frame, columns_of([row]).to_pandas()))
    assert len({fate[0] for fate in fates}) == 1
    if fates[0][0] == "matrix":
        assert len({fate[1] for fate in fates}) == 1
    else:
        assert {fate[2] for fate in fates} == {0}


def test_matrix_of_the_drawn_row():
    """Numbers as they are, flags 0 or 1, null NaN, the fourth category 3."""
    matrix = encode_rows(FEATURES, [ROW])
    assert np.array_equal(matrix, [[67.0, 1.0, 1.0, 2.0, 3.5, np.nan, 3.0]], equal_nan=True)
    assert encode_rows(FEATURES, []).shape == (0, 7)


def test_frames_from_pandas():
    """Booleans, categoricals and nullable integers are read as they mean."""
    frame = pd.DataFrame(
        {
            "age": pd.array([67, 3], dtype="Int64"),
            "is_woman": [True, False],
            "ald_08": np.array([1, 0], dtype=np.int8),
            "ald_count": [2.0, 0.0],
            "charlson_score": [3.5, 1.0],
            "c2s_free": pd.array([None, True], dtype="boolean"),
            "fdep_quintile": pd.Categorical(["4", "missing"]),
        }
    )
    expected = [[67.0, 1.0, 1.0, 2.0, 3.5, np.nan, 3.0], [3.0, 0.0, 0.0, 0.0, 1.0, 1.0, 5.0]]
    assert np.array_equal(encode_frame(FEATURES, frame), expected, equal_nan=True)
    frame["charlson_score"] = ["much", 2]
    with pytest.raises(RequestError, match="charlson_score"):
        encode_frame(FEATURES, frame)


def test_bounds_are_taken_and_beyond_them_refused():
    """Both ends of the range are in."""
    ends = (CardFeature("age", "", "", "age_sex", "number", low=0.0, high=110.0),)
    free = (CardFeature("age", "", "", "age_sex", "number"),)
    assert encode_rows(ends, [{"age": 0}, {"age": 110}]).tolist() == [[0.0], [110.0]]
    for value in (-1e-9, 110.0000001, float("inf"), float("nan")):
        with pytest.raises(FeatureError, match="row 1"):
            encode_rows(ends, [{"age": 5}, {"age": value}])
    assert encode_rows(free, [{"age": -1e300}]).tolist() == [[-1e300]]
    for value in (float("inf"), -float("inf"), 10**309):
        with pytest.raises(FeatureError, match="feature 'age'"):
            encode_rows(free, [{"age": value}])


def test_names_are_repeated_only_when_they_look_like_names():
    """What was sent may be health data."""
    assert safe_name("ald_count") == "ald_count"
    assert [safe_name(name) for name in ("1 85 05", "né", "a" * 65, "a-b", "", 3)] == [None] * 6
