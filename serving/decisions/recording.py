"""An answer, recorded before it is returned; the same key and request get the recorded one, byte for byte."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pyarrow as pa
from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from serving.answering import Question
from serving.decisions.ledger import Ledger
from serving.decisions.record import (
    CODEC,
    FROM_REQUEST,
    IN_RESULT,
    Decision,
    Draft,
    content_of,
    new_id,
    packed,
    request_hash,
    unpacked,
    unpacked_chunks,
)
from serving.decisions.structures import structures_indexed
from serving.decisions.witness import Witness, parts_of
from serving.reading import JSON
from serving.refusals import RefusalError

KEY = re.compile(r"[!-~]{1,255}")
IDEMPOTENCY_KEY, DECISION_ID, REPLAYED = "Idempotency-Key", "Decision-Id", "Idempotency-Replayed"
SMALL_BYTES = 65_536
EXPLAINED = ("/explain", "/eds/bundle")
Compute = Callable[[Witness, Question], Awaitable[Response]]


async def recorded(request: Request, question: Question, compute: Compute) -> Response:
    """The answer of `compute`, on disk in the ledger before it leaves; or the one that the same key had.

    Errors: RefusalError 409 for a key that had another request, 503 where nothing can be recorded.
    """
    state = request.app.state
    ledger: Ledger = state.ledger
    caller, key = caller_of(request), key_of(request)
    digest = await _off_loop(_hash_of, question, size=len(question.body))
    if key is not None:
        known = await run_sync(ledger.made_under, caller, key)
        if known is not None:
            return again(known, digest)
    witness = Witness(**parts_of(state.store))
    response = await compute(witness, question)
    result = await result_of(response)
    identity = (new_id(ledger.clock()), caller, key, digest)
    size = len(question.body) + len(result)
    draft, content, structures = await _off_loop(_drafted, question, response, identity, result, witness, size=size)
    if len(draft.request) + len(draft.result) > state.settings.max_bytes_recorded:
        raise RefusalError(
            413, f"over {state.settings.max_bytes_recorded:,} bytes to record; send fewer rows at a time"
        )
    placed = await ledger.record(draft, content, structures)
    if not placed.is_new:
        return again(await run_sync(ledger.find, placed.id), digest)
    if isinstance(response, StreamingResponse):
        response = StreamingResponse(unpacked_chunks(result), media_type=response.media_type)
    response.headers.update(_headers(placed.id))
    return response


def again(decision: Decision, digest: str) -> Response:
    """The recorded answer. Errors: RefusalError 409 where the request was another one."""
    if decision.request_hash != digest:
        raise RefusalError(409, f"this {IDEMPOTENCY_KEY} had another request; use a new key", field=IDEMPOTENCY_KEY)
    headers = _headers(decision.id) | {REPLAYED: "true", "Content-Type": decision.result_type}
    if len(decision.result) < SMALL_BYTES:
        return Response(unpacked(decision.result), decision.status, headers)
    return StreamingResponse(unpacked_chunks(decision.result), decision.status, headers)


def caller_of(request: Request) -> str:
    """Who calls, as the door found it: two callers of one name, of two providers say, are two callers."""
    return str(request.state.caller.identity)


def key_of(request: Request) -> str | None:
    """The idempotency key; None where there is none. Errors: RefusalError 422."""
    given = request.headers.getlist(IDEMPOTENCY_KEY)
    if not given:
        return None
    if len(given) > 1 or not KEY.fullmatch(given[0]):
        raise RefusalError(422, "give one key of 1 to 255 visible ASCII characters, no space", field=IDEMPOTENCY_KEY)
    return str(given[0])


async def result_of(response: Response) -> bytes:
    """The compressed body of an answer; one that streams is compressed as it comes, and never held whole."""
    if not isinstance(response, StreamingResponse):
        return await _off_loop(packed, bytes(response.body), size=len(response.body))
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, CODEC) as stream:
        async for chunk in response.body_iterator:
            await run_sync(stream.write, chunk)
    return bytes(sink.getvalue().to_pybytes())


async def _off_loop(work: Callable[..., Any], *given: object, size: int) -> Any:
    """What `work` returns; in a thread where it would hold the others up."""
    return work(*given) if size < SMALL_BYTES else await run_sync(work, *given)


def _hash_of(question: Question) -> str:
    kind, as_page = question.media_type, question.as_page
    return request_hash(question.route, question.query, kind=kind, as_page=as_page, body=question.body)


def _drafted(
    question: Question, response: Response, identity: tuple[str, str, str | None, str], result: bytes, witness: Witness
) -> tuple[Draft, bytes, frozenset[str]]:
    decision_id, caller, key, digest = identity
    draft = Draft(
        id=decision_id,
        caller=caller,
        route=question.route,
        query=question.query,
        idempotency_key=key,
        request_type=question.media_type,
        request_hash=digest,
        request=packed(question.body),
        rows=sum(one.rows for one in witness.characteristics),
        versions=_text(list(witness.versions_used.values())),
        rules=_text(list(witness.rules_used.values())),
        characteristics=_text(witness.characteristics),
        result_type=response.headers["content-type"],
        result=result,
        explanation=IN_RESULT if question.route in EXPLAINED else FROM_REQUEST,
        status=response.status_code,
    )
    return draft, content_of(draft), structures_indexed(question.route, question.media_type, question.body)


def _text(values: object) -> str:
    return msgspec.json.encode(values).decode()


def _headers(decision_id: str) -> dict[str, str]:
    return {DECISION_ID: decision_id, "Location": f"/decisions/{decision_id}"}


def is_json(media_type: str) -> bool:
    """Whether a content type is that of JSON."""
    return media_type.partition(";")[0].strip().lower() == JSON
