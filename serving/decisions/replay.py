"""A decision computed again from what was stored, by the versions and rules of then: the same, or where it differs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
from anyio.to_thread import run_sync
from starlette.datastructures import State

from features.errors import RuleError
from serving.answering import Question, answer_of
from serving.batch import PARQUET
from serving.decisions.chain import is_whole
from serving.decisions.record import Characteristics, Decision, UsedRules, UsedVersion, unpacked
from serving.decisions.recording import is_json, result_of
from serving.decisions.witness import Pinned, parts_of
from serving.settings import ServiceSettings
from serving.store import Store

MOST_SHOWN = 100
NO_LIMIT = 2**62
LIMITS = {"max_rows_json", "max_rows_batch", "max_rows_explained", "max_rows_schemes", "max_draws"}


class Replayed(msgspec.Struct, frozen=True):
    """Whether a decision computed again says the same; `differing`: at most 100 places, never values.

    `is_same_bytes`: the answer is the same to the byte, not by its values only.
    """

    id: str
    number: int
    identical: bool
    is_same_bytes: bool
    differing: list[str]


async def replayed(state: State, decision: Decision) -> Replayed:
    """The decision, computed again and compared.

    Errors: RuleError where the decision was altered, or its versions or rules are no longer there as they were.
    """
    if not is_whole(decision):
        raise RuleError(f"decision {decision.number} was altered; run forfait ledger verify")
    store = pinned(state.store, decision)
    question, lifted = question_stored(decision), without_limits(state.settings)
    response = await run_sync(answer_of, store, question, lifted, limiter=state.batches)
    result = await result_of(response)
    return await run_sync(_compared, decision, store, response.headers["content-type"], result, limiter=state.batches)


def pinned(store: Store, decision: Decision) -> Pinned:
    """A store that gives the versions and rules of a decision."""
    versions = msgspec.json.decode(decision.versions, type=list[UsedVersion])
    rules = msgspec.json.decode(decision.rules, type=list[UsedRules])
    return Pinned(**parts_of(store), stored=versions, rules=rules)


def question_stored(decision: Decision) -> Question:
    """The request that was decided."""
    as_page, body = decision.result_type.startswith("text/html"), unpacked(decision.request)
    return Question(decision.route, decision.request_type, body, decision.query, as_page)


def without_limits(settings: ServiceSettings) -> ServiceSettings:
    """Settings that refuse nothing for its size: what was answered once is within bounds."""
    return settings.model_copy(update=dict.fromkeys(LIMITS, NO_LIMIT))


def _compared(decision: Decision, store: Pinned, result_type: str, result: bytes) -> Replayed:
    before, after = unpacked(decision.result), unpacked(result)
    differing: list[str] = []
    if msgspec.json.decode(decision.characteristics, type=list[Characteristics]) != store.characteristics:
        differing.append("characteristics")
    if result_type != decision.result_type:
        differing.append("result_type")
    is_same = before == after
    if not is_same:
        found = differences(before, after, result_type)
        differing += [place for place, _ in zip(found, range(MOST_SHOWN - len(differing)), strict=False)]
    return Replayed(decision.id, decision.number, not differing, is_same, differing)


def differences(before: bytes, after: bytes, kind: str) -> Iterator[str]:
    """Places of an answer that differ in value; none where only the writing does."""
    try:
        if is_json(kind):
            yield from _json(msgspec.json.decode(before), msgspec.json.decode(after), "result")
        elif kind.startswith("text/html"):
            yield "result"
        else:
            yield from _tables(*(_table(content, kind) for content in (before, after)))
    except (msgspec.DecodeError, pa.ArrowException, OSError):
        yield "result"


def _json(before: Any, after: Any, place: str) -> Iterator[str]:
    if isinstance(before, dict) and isinstance(after, dict):
        for name in dict.fromkeys([*before, *after]):
            if name in before and name in after:
                yield from _json(before[name], after[name], f"{place}.{name}")
            else:
                yield f"{place}.{name}"
    elif isinstance(before, list) and isinstance(after, list):
        if len(before) != len(after):
            yield f"{place} (length)"
        for number, pair in enumerate(zip(before, after, strict=False)):
            yield from _json(*pair, f"{place}[{number}]")
    elif type(before) is not type(after) or before != after:
        yield place


def _tables(before: pa.Table, after: pa.Table) -> Iterator[str]:
    if (before.schema.metadata or {}) != (after.schema.metadata or {}):
        yield "result (header)"
    for name in dict.fromkeys([*before.column_names, *after.column_names]):
        is_shared = name in before.column_names and name in after.column_names
        if not is_shared or not before.column(name).equals(after.column(name)):
            yield f"result.{name}"


def _table(content: bytes, kind: str) -> pa.Table:
    reader = pa.BufferReader(content)
    return pq.read_table(reader) if kind.startswith(PARQUET) else pa.ipc.open_stream(reader).read_all()
