"""What schemathesis is told of our formats: Parquet and Arrow bodies, good and bad; queries go with those alone."""

from __future__ import annotations

from functools import partial
from itertools import count
from typing import Any

import pyarrow as pa
import schemathesis
from hypothesis import strategies as st
from schemathesis.generation import GenerationMode

from benchmarks.contract_service import FEATURES
from serving.batch import ARROW, PARQUET, write_table

VALUES: dict[str, st.SearchStrategy[Any]] = {
    "age": st.integers(-5, 130) | st.floats(allow_nan=True),
    "is_woman": st.integers(0, 2),
    "ald_08": st.booleans() | st.none(),
    "fdep_quintile": st.sampled_from([*FEATURES[3].categories, "9", ""]) | st.none(),
}


def table_of(rows: list[dict[str, Any]]) -> pa.Table:
    """Rows as a table; of a column that has several types, texts."""
    columns = {}
    for name in VALUES:
        given = [row[name] for row in rows]
        try:
            columns[name] = pa.array(given)
        except pa.ArrowException:
            columns[name] = pa.array(map(str, given))
    return pa.table(columns)


def body_of(media_type: str, rows: list[dict[str, Any]]) -> bytes:
    """Rows as a body."""
    return write_table(table_of(rows), media_type)


KEYS = count()
ROWS = st.lists(st.fixed_dictionaries(VALUES), max_size=20)
for kind in (PARQUET, ARROW):
    schemathesis.openapi.media_type(kind, ROWS.map(partial(body_of, kind)) | st.binary(max_size=200))


@schemathesis.hook
def map_case(context: Any, case: Any) -> Any:
    """A JSON request without the query of tables, and a key of its own, unless something is wrong with it.

    The same key for a hundred bodies would be a hundred conflicts.
    """
    is_right = case.meta is None or case.meta.generation.mode is GenerationMode.POSITIVE
    if is_right and case.media_type == "application/json" and case.method == "POST":
        case.query = {}
    if is_right and "Idempotency-Key" in (case.headers or {}):
        case.headers["Idempotency-Key"] = f"key-{next(KEYS)}"
    return case
