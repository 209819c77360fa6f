"""From a request that was read to its answer: the version asked, its rows encoded, euros given."""

from __future__ import annotations

from datetime import date

from starlette.responses import HTMLResponse, Response, StreamingResponse

from features.scoring import Scorer
from serving.answers import explained_json, explained_table, predicted_json, predicted_table
from serving.batch import read_table
from serving.explanations import explanations
from serving.metrics import ROWS
from serving.pages import ROWS_A_PAGE, explanation_page
from serving.reading import JSON, read_json
from serving.refusals import RefusalError
from serving.store import Store

PREDICT, EXPLAIN = "predict", "explain"


def answer_json(store: Store, body: bytes, *, operation: str, limit: int, as_page: bool) -> Response:
    """Answer to a JSON body: JSON, or a French page for an explanation asked as HTML."""
    asked = read_json(body, limit)
    scorer = scorer_asked(store, asked.model, version=asked.version, on=asked.on)
    matrix = scorer.encoder.rows(asked.rows)
    _count(operation, scorer, len(matrix))
    if operation == PREDICT:
        return Response(predicted_json(scorer, matrix), media_type=JSON)
    if not as_page:
        return StreamingResponse(explained_json(scorer, matrix), media_type=JSON)
    if len(matrix) > ROWS_A_PAGE:
        raise RefusalError(413, f"a page shows {ROWS_A_PAGE} rows at most; send fewer, or ask for JSON", field="rows")
    return HTMLResponse(explanation_page(scorer, list(explanations(scorer, matrix))))


def answer_batch(scorer: Scorer, body: bytes, *, operation: str, limit: int, media_type: str) -> Response:
    """Answer to a Parquet or Arrow body, in the same format."""
    table = read_table(body, media_type, features=scorer.card.features, max_rows=limit)
    matrix = scorer.encoder.table(table)
    _count(operation, scorer, len(matrix))
    written = predicted_table if operation == PREDICT else explained_table
    return Response(written(scorer, matrix, media_type), media_type=media_type)


def scorer_asked(store: Store, model: str, *, version: int | None = None, on: date | None = None) -> Scorer:
    """The version named, or the one in force on the day named; RefusalError 404 when there is none."""
    if on is not None:
        version = store.entry(model, on).version
    if version is None:
        raise RefusalError(400, "name a version or a day", field="version")
    return store.scorer(model, version)


def _count(operation: str, scorer: Scorer, rows: int) -> None:
    ROWS.labels(operation, scorer.card.model, str(scorer.card.version)).inc(rows)
