"""From a request that was read whole to its answer: the same function answers it and computes it again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from anyio.to_thread import run_sync
from starlette.datastructures import State
from starlette.requests import Request
from starlette.responses import Response

from features.encoding import safe_name
from serving.batch import FORMATS
from serving.bundles import BUNDLE, answer_bundles
from serving.reading import JSON, Asked, body_of, media_type, read_query
from serving.refusals import RefusalError
from serving.schemes import ROUTES, answer_scheme
from serving.scoring import EXPLAIN, PREDICT, answer_batch, answer_json, scorer_of
from serving.settings import ServiceSettings
from serving.store import Store

OPERATIONS = {"/predict": PREDICT, "/explain": EXPLAIN}
PAYING: dict[str, Callable[..., Response]] = {
    **{route.path: partial(answer_scheme, route=route) for route in ROUTES},
    BUNDLE.path: answer_bundles,
}
RECORDED = (*OPERATIONS, *PAYING)
AT_ONCE_BYTES = 32_768


@dataclass(frozen=True)
class Question:
    """A request: its route, its media type, its body, its query (Parquet and Arrow only), whether a page is wanted.

    `structures`: those that the caller may pay for, None for all.
    """

    route: str
    media_type: str
    body: bytes
    query: str = ""
    as_page: bool = False
    structures: frozenset[str] | None = None


async def question_of(route: str, request: Request, *, as_page: bool) -> Question:
    """The request to a route that is recorded. Errors: RefusalError for its type, its query, or a body too large."""
    kind, settings = media_type(request), request.app.state.settings
    scores, is_table = route in OPERATIONS, kind in FORMATS
    extra = next(iter(request.query_params), None)
    if kind != JSON and not (scores and is_table):
        kinds = [JSON, " or ".join(FORMATS)] if scores else [JSON]
        raise RefusalError(415, f"send {', '.join(kinds)} as the Content-Type")
    if extra and not is_table:
        raise RefusalError(422, "the query takes nothing; give everything in the body", field=safe_name(extra))
    query = request.url.query if is_table else ""
    if is_table:
        await run_sync(scorer_of, request.app.state.store, query_asked(query))
    body = await body_of(request, settings.max_bytes_batch if is_table else settings.max_bytes_json)
    caller = getattr(request.state, "caller", None)
    return Question(route, kind, body, query, as_page and kind == JSON, None if caller is None else caller.structures)


async def computed(state: State, store: Store, question: Question) -> Response:
    """The answer; what takes long runs in a thread, a few at a time. Errors: as `answer_of`."""
    work = partial(answer_of, store, question, state.settings)
    if question.route == "/predict" and question.media_type == JSON and len(question.body) < AT_ONCE_BYTES:
        return work()
    return await run_sync(work, limiter=state.batches)


def answer_of(store: Store, question: Question, settings: ServiceSettings) -> Response:
    """The answer. Errors: RefusalError naming field and row; ForfaitError for a version or rule that cannot be read."""
    if question.route not in OPERATIONS:
        return PAYING[question.route](store, question.body, settings=settings, structures=question.structures)
    operation = OPERATIONS[question.route]
    if question.media_type == JSON:
        limit, as_page = settings.max_rows_json, question.as_page
        return answer_json(store, question.body, operation=operation, limit=limit, as_page=as_page)
    scorer = scorer_of(store, query_asked(question.query))
    limit = settings.max_rows_batch if operation == PREDICT else settings.max_rows_explained
    return answer_batch(scorer, question.body, operation=operation, limit=limit, media_type=question.media_type)


def query_asked(query: str) -> Asked:
    """What the query of a Parquet or Arrow request asks. Errors: RefusalError."""
    return read_query(Request({"type": "http", "query_string": query.encode("latin-1"), "headers": []}))
