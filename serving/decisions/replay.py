"""A decision computed again from what was stored, by the versions and rules of then: the same, or where it differs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import msgspec
import numpy as np
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
ROUNDING = 1e-6  # of a euro: what an explanation is exact to; integers (cents) and text have none
LIMITS = {"max_rows_json", "max_rows_batch", "max_rows_explained", "max_rows_schemes", "max_draws"}


class Replayed(msgspec.Struct, frozen=True):
    """Whether a decision computed again says the same; `differing`, `rounded`: at most 100 places each, never values.

    `is_same_bytes`: the answer is the same to the byte, not by its values only. `rounded`: numbers with a decimal
    point that moved by 1e-6 at most, as another order of additions in a later build does; no amount paid is one.
    """

    id: str
    number: int
    identical: bool
    is_same_bytes: bool
    differing: list[str]
    rounded: list[str]

    @property
    def verdict(self) -> str:
        """In one word: same, rounded or other."""
        return "other" if self.differing else "rounded" if self.rounded else "same"


class Difference(NamedTuple):
    """A place of an answer that differs, and whether by rounding only."""

    place: str
    is_rounding: bool = False


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
    found: list[Difference] = []
    if msgspec.json.decode(decision.characteristics, type=list[Characteristics]) != store.characteristics:
        found.append(Difference("characteristics"))
    if result_type != decision.result_type:
        found.append(Difference("result_type"))
    is_same = before == after
    differing, rounded = _places(found if is_same else (*found, *differences(before, after, result_type)))
    return Replayed(decision.id, decision.number, not (differing or rounded), is_same, differing, rounded)


def _places(found: Iterable[Difference]) -> tuple[list[str], list[str]]:
    """Places that differ, and those that rounding moved: the first of each."""
    differing: list[str] = []
    rounded: list[str] = []
    for place, is_rounding in found:
        kept = rounded if is_rounding else differing
        if len(kept) < MOST_SHOWN:
            kept.append(place)
    return differing, rounded


def differences(before: bytes, after: bytes, kind: str) -> Iterator[Difference]:
    """Places of an answer that differ in value; none where only the writing does."""
    try:
        if is_json(kind):
            yield from _json(msgspec.json.decode(before), msgspec.json.decode(after), "result")
        elif kind.startswith("text/html"):
            yield Difference("result")
        else:
            yield from _tables(*(_table(content, kind) for content in (before, after)))
    except (msgspec.DecodeError, pa.ArrowException, OSError):
        yield Difference("result")


def _json(before: Any, after: Any, place: str) -> Iterator[Difference]:
    if isinstance(before, dict) and isinstance(after, dict):
        for name in dict.fromkeys([*before, *after]):
            if name in before and name in after:
                yield from _json(before[name], after[name], f"{place}.{name}")
            else:
                yield Difference(f"{place}.{name}")
    elif isinstance(before, list) and isinstance(after, list):
        if len(before) != len(after):
            yield Difference(f"{place} (length)")
        for number, pair in enumerate(zip(before, after, strict=False)):
            yield from _json(*pair, f"{place}[{number}]")
    elif type(before) is not type(after) or before != after:
        yield Difference(
            place, isinstance(before, float) and isinstance(after, float) and abs(before - after) <= ROUNDING
        )


def _tables(before: pa.Table, after: pa.Table) -> Iterator[Difference]:
    if (before.schema.metadata or {}) != (after.schema.metadata or {}):
        yield Difference("result (header)")
    for name in dict.fromkeys([*before.column_names, *after.column_names]):
        is_shared = name in before.column_names and name in after.column_names
        if not is_shared:
            yield Difference(f"result.{name}")
        elif not before.column(name).equals(after.column(name)):
            yield Difference(f"result.{name}", _is_rounding(before.column(name), after.column(name)))


def _is_rounding(before: pa.ChunkedArray, after: pa.ChunkedArray) -> bool:
    is_alike = before.type == after.type and len(before) == len(after) and before.is_null().equals(after.is_null())
    if not (is_alike and pa.types.is_floating(before.type)):
        return False
    return np.allclose(before.to_numpy(), after.to_numpy(), rtol=0, atol=ROUNDING, equal_nan=True)


def _table(content: bytes, kind: str) -> pa.Table:
    reader = pa.BufferReader(content)
    return pq.read_table(reader) if kind.startswith(PARQUET) else pa.ipc.open_stream(reader).read_all()
