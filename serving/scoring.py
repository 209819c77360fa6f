"""From a request that was read to its answer: the version asked, its rows encoded, euros given."""

from __future__ import annotations

import numpy as np
from starlette.responses import HTMLResponse, Response, StreamingResponse

from features.errors import ForfaitError
from features.scoring import Scorer
from serving.answers import explained_json, explained_table, predicted_json, predicted_table
from serving.batch import read_table
from serving.explanations import explanations
from serving.metrics import ROWS
from serving.pages import ROWS_A_PAGE, explanation_page
from serving.reading import JSON, Asked, read_head, read_json
from serving.refusals import RefusalError
from serving.store import Store

PREDICT, EXPLAIN = "predict", "explain"


def answer_json(store: Store, body: bytes, *, operation: str, limit: int, as_page: bool) -> Response:
    """Answer to a JSON body: JSON, or a French page for an explanation asked as HTML."""
    scorer, matrix = encoded(store, body, limit)
    _count(operation, scorer, len(matrix))
    if operation == PREDICT:
        return Response(predicted_json(scorer, matrix), media_type=JSON)
    if not as_page:
        return StreamingResponse(explained_json(scorer, matrix), media_type=JSON)
    if len(matrix) > ROWS_A_PAGE:
        raise RefusalError(413, f"a page shows {ROWS_A_PAGE} rows at most; send fewer, or ask for JSON", field="rows")
    return HTMLResponse(explanation_page(scorer, list(explanations(scorer, matrix))))


def encoded(store: Store, body: bytes, limit: int) -> tuple[Scorer, np.ndarray]:
    """The version that a JSON body asks and the matrix of its rows; errors name field and row."""
    straight = _straight(store, body, limit)
    if straight is not None:
        return straight
    asked = read_json(body, limit)
    scorer = scorer_of(store, asked)
    return scorer, scorer.encoder.rows(asked.rows)


def _straight(store: Store, body: bytes, limit: int) -> tuple[Scorer, np.ndarray] | None:
    """As `encoded`, without an object for each row; None where something is wrong, or needs a second look.

    As many colons as values means that no field was given twice, which decoders pass over in silence.
    """
    head = read_head(body)
    if head is None:
        return None
    asked, rows, colons = head
    try:
        scorer = scorer_of(store, asked)
    except (RefusalError, ForfaitError):
        return None
    count, over = divmod(colons, len(scorer.card.features))
    if over or not 0 < count <= limit:
        return None
    matrix = scorer.encoder.json(rows, count)
    return None if matrix is None else (scorer, matrix)


def answer_batch(scorer: Scorer, body: bytes, *, operation: str, limit: int, media_type: str) -> Response:
    """Answer to a Parquet or Arrow body, in the same format."""
    table = read_table(body, media_type, features=scorer.card.features, max_rows=limit)
    matrix = scorer.encoder.table(table)
    _count(operation, scorer, len(matrix))
    written = predicted_table if operation == PREDICT else explained_table
    return Response(written(scorer, matrix, media_type), media_type=media_type)


def scorer_of(store: Store, asked: Asked) -> Scorer:
    """The version named, or the one in force on the day named; RefusalError 404 when there is none."""
    version = asked.version
    if asked.on is not None:
        version = store.entry(asked.model, asked.on, known_on=asked.known_on).version
    if version is None:
        raise RefusalError(400, "name a version or a day", field="version")
    return store.scorer(asked.model, version)


def _count(operation: str, scorer: Scorer, rows: int) -> None:
    ROWS.labels(operation, scorer.card.model, str(scorer.card.version)).inc(rows)
