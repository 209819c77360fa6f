"""What the service answers: euros with the version that gave them, in the format of the question."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np
import orjson
import pyarrow as pa

from features.scoring import Scorer
from serving.batch import write_table
from serving.explanations import explanations, long_table

ROWS_A_CHUNK = 1000


def header(scorer: Scorer, count: int) -> dict[str, str | int]:
    """What every answer carries: model, version, hash of its files, unit, number of rows."""
    card = scorer.card
    return {
        "model": card.model,
        "version": card.version,
        "hash": scorer.hash,
        "unit": card.unit,
        "count": count,
    }


def predicted_json(scorer: Scorer, matrix: np.ndarray) -> bytes:
    """JSON of the expected euros, one per row, in order."""
    return orjson.dumps(
        {**header(scorer, len(matrix)), "expected_eur": scorer.predict(matrix)}, option=orjson.OPT_SERIALIZE_NUMPY
    )


def explained_json(scorer: Scorer, matrix: np.ndarray) -> Iterator[bytes]:
    """JSON of the explanations, by parts of 1,000 rows, so that a large answer is never held whole."""
    yield orjson.dumps(header(scorer, len(matrix)))[:-1] + b',"explanations":['
    for start in range(0, len(matrix), ROWS_A_CHUNK):
        part = list(explanations(scorer, matrix[start : start + ROWS_A_CHUNK]))
        yield (b"," if start else b"") + msgspec.json.encode(part)[1:-1]
    yield b"]}"


def predicted_table(scorer: Scorer, matrix: np.ndarray, media_type: str) -> bytes:
    """Parquet or Arrow of the expected euros: row, expected_eur; the header lies in the schema's metadata."""
    table = pa.table({"row": np.arange(len(matrix)), "expected_eur": scorer.predict(matrix)})
    return write_table(_with_header(table, scorer, len(matrix)), media_type)


def explained_table(scorer: Scorer, matrix: np.ndarray, media_type: str) -> bytes:
    """Parquet or Arrow of the explanations, one row per row and feature; the header lies in the metadata."""
    return write_table(_with_header(long_table(scorer, matrix), scorer, len(matrix)), media_type)


def _with_header(table: pa.Table, scorer: Scorer, count: int) -> pa.Table:
    return table.replace_schema_metadata({key: str(value) for key, value in header(scorer, count).items()})
