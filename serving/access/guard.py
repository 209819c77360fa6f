"""The first thing that a request meets: who calls, may they, and the record of it. Closed by default."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.access.accesses import Access
from serving.access.callers import OUT_OF_SCOPE, Caller, DeniedError
from serving.access.door import Door, OpenDoor
from serving.access.rights import Right, right_of
from serving.access.tokens import moment
from serving.logs import REQUEST_ID, log_request, request_id_of
from serving.metrics import REQUESTS
from serving.refusals import RefusalError

Refuse = Callable[[Request, RefusalError], Response]
TOLD_FIRST = frozenset({401, 403, 429})


@dataclass
class Passage:
    """One request on its way: what is known of it so far."""

    request_id: str
    right: Right
    begun: float = field(default_factory=perf_counter)
    caller: Caller | None = None
    reason: str = ""
    status: int = 500
    is_recorded: bool = False


@dataclass(frozen=True)
class Guard:
    """ASGI middleware: sets `request.state.caller` and `.request_id`, or refuses; records and logs either way."""

    app: ASGIApp
    door: Door | OpenDoor
    refuse: Refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            await self._request(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        passage = Passage(request_id_of(scope["headers"]), right_of(scope["app"].routes, scope))
        REQUEST_ID.set(passage.request_id)
        scope.setdefault("state", {}).update(request_id=passage.request_id, caller=None)

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                passage.status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", passage.request_id.encode())]
                if passage.status == 403 and not passage.reason:
                    passage.reason = OUT_OF_SCOPE
                if passage.status in TOLD_FIRST:
                    await self._record_first(passage)
            await send(message)

        try:
            await self._answered(passage, scope, receive=receive, send=answer)
        except UnrecordedError:
            passage.reason, passage.is_recorded = "unavailable", True
            await self._denied(scope, DeniedError("unavailable", wait_seconds=1))(scope, receive, send)
            passage.status = 503
        finally:
            self._record(passage, is_urgent=False)
            self._log(passage)

    async def _answered(self, passage: Passage, scope: Scope, *, receive: Receive, send: Send) -> None:
        if not passage.right.is_public:
            try:
                passage.caller = scope["state"]["caller"] = await self.door.admitted(scope, passage.right)
            except DeniedError as denied:
                passage.caller, passage.reason = denied.caller, denied.reason
                passage.is_recorded = denied.status == 503 and is_failing(self.door)
                REQUESTS.labels(passage.right.route, str(denied.status)).inc()
                await self._denied(scope, denied)(scope, receive, send)
                return
        await self.app(scope, receive, send)

    def _denied(self, scope: Scope, denied: DeniedError) -> Response:
        response = self.refuse(Request(scope), RefusalError(denied.status, denied.message))
        if denied.status == 401:
            known = "" if denied.reason == "no_token" else ', error="invalid_token"'
            response.headers["www-authenticate"] = f'Bearer realm="forfait"{known}'
        if denied.reason in ("wrong_role", "no_role"):
            response.headers["www-authenticate"] = 'Bearer realm="forfait", error="insufficient_scope"'
        if denied.wait_seconds:
            response.headers["retry-after"] = str(denied.wait_seconds)
        return response

    async def _record_first(self, passage: Passage) -> None:
        """Have a refusal on disk before it is answered. Errors: UnrecordedError where that fails."""
        done = self._record(passage, is_urgent=True)
        if done is not None:
            try:
                await asyncio.wrap_future(done)  # type: ignore[arg-type]
            except Exception:
                raise UnrecordedError from None

    def _record(self, passage: Passage, *, is_urgent: bool) -> object:
        recorder = self.door.recorder
        if recorder is None or passage.is_recorded or passage.right.is_public:
            return None
        passage.is_recorded, caller = True, passage.caller
        return recorder.add(
            Access(
                at=moment(self.door.clock()),  # type: ignore[union-attr]
                request_id=passage.request_id,
                caller=caller.name if caller else "",
                issuer=caller.issuer if caller else "",
                role=caller.role if caller else "",
                method=passage.right.method,
                route=passage.right.route,
                status=passage.status,
                reason=passage.reason,
            ),
            is_urgent=is_urgent,
        )

    def _log(self, passage: Passage) -> None:
        if passage.right.is_public and passage.status < 400:
            return
        log_request(
            caller=passage.caller.name if passage.caller else "",
            method=passage.right.method,
            route=passage.right.route,
            status=passage.status,
            milliseconds=round((perf_counter() - passage.begun) * 1000, 2),
        )


def is_failing(door: Door | OpenDoor) -> bool:
    """Whether accesses cannot be recorded now; what is refused for that is not queued, since it would pile up."""
    return door.recorder is not None and door.recorder.is_failing


class UnrecordedError(Exception):
    """A refusal that could not be put on record."""
