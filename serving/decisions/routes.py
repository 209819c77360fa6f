"""GET /decisions/{id} and POST /decisions/{id}/replay."""

from __future__ import annotations

import base64
import re
from typing import Any

import msgspec
from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import Response

from features.encoding import safe_name
from serving.access.callers import AUDITOR, OPEN, Caller, may_see
from serving.clock import Clock
from serving.decisions.ledger import UNKNOWN, Ledger, ledger_at
from serving.decisions.record import Characteristics, Decision, UsedRules, UsedVersion, unpacked
from serving.decisions.recording import is_json
from serving.decisions.replay import replayed
from serving.decisions.structures import structures_of
from serving.reading import JSON
from serving.refusals import RefusalError
from serving.settings import ServiceSettings

ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
READ_ALL = (AUDITOR, OPEN)


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A decision: what was asked and answered, by which versions under which rule files, and its place in the chain.

    `request` and `result` are JSON as sent, or base64 of another format, by their `_type`. `rows`: rows that a version
    scored. `characteristics`: SHA-256 of what each version was given. `explanation`: where it is, `in_result`, or
    `from_request`: computed from the request by the same versions.
    """

    number: int
    id: str
    recorded_at: str
    caller: str
    route: str
    query: str
    idempotency_key: str | None
    request_type: str
    request_hash: str
    request: Any
    rows: int
    versions: list[UsedVersion]
    rules: list[UsedRules]
    characteristics: list[Characteristics]
    result_type: str
    result: Any
    explanation: str
    status: int
    previous_hash: str
    hash: str


JSON_TEXT = {"versions", "rules", "characteristics"}


def ledger_of(settings: ServiceSettings, clock: Clock) -> Ledger:
    """The ledger of the settings, not opened yet."""
    return ledger_at(
        settings.ledger, clock, most_waiting=settings.max_decisions_waiting, most_bytes=settings.max_bytes_waiting,
        timeout_seconds=settings.ledger_seconds,
    )  # fmt: skip


async def decision(request: Request) -> Response:
    """GET /decisions/{id}: the decision, to its caller and to auditors."""
    found = await _found(request)
    return Response(await run_sync(told, found), media_type=JSON)


async def replay(request: Request) -> Response:
    """POST /decisions/{id}/replay: whether it is computed the same from what was stored."""
    found = await replayed(request.app.state, await _found(request))
    return Response(msgspec.json.encode(found), media_type=JSON)


def told(found: Decision) -> bytes:
    """A decision as JSON."""
    values = msgspec.structs.asdict(found)
    values |= {name: msgspec.Raw(values[name].encode()) for name in JSON_TEXT}
    for name in ("request", "result"):
        content = unpacked(values[name])
        is_text = is_json(values[f"{name}_type"])
        values[name] = msgspec.Raw(content) if is_text else base64.b64encode(content).decode()
    return msgspec.json.encode({name: values[name] for name in Told.__struct_fields__})


async def _found(request: Request) -> Decision:
    """The decision asked for. Errors: RefusalError 404 for one that is unknown, or that the caller may not see."""
    if extra := next(iter(request.query_params), None):
        raise RefusalError(422, "the query takes nothing", field=safe_name(extra))
    name = request.path_params["id"]
    if not ID.fullmatch(name):
        raise RefusalError(404, UNKNOWN, field="id")
    found = await run_sync(request.app.state.ledger.find, name)
    caller = getattr(request.state, "caller", None)
    if caller is not None and not await run_sync(may_read, caller, found):
        raise RefusalError(404, UNKNOWN, field="id")
    return found


def may_read(caller: Caller, found: Decision) -> bool:
    """Whether a caller may read a decision: its own; an auditor all, or those of its structures alone."""
    if caller.identity == found.caller:
        return True
    if caller.role not in READ_ALL:
        return False
    if caller.structures is None:
        return True
    structures = structures_of(found)
    return bool(structures) and may_see(caller, structures)
