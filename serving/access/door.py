"""From the header of a request to its caller: our tokens, the provider's JWT, or this machine when the door is open."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio
from anyio.to_thread import run_sync
from starlette.types import Scope

from serving.access.accesses import Recorder
from serving.access.callers import ANYONE_HERE, Caller, DeniedError
from serving.access.cookies import credential_of
from serving.access.rights import Right, is_allowed
from serving.access.tables import engine_of
from serving.access.tokens import TokenBook, parts_of
from serving.clock import Clock
from serving.settings import ServiceSettings

if TYPE_CHECKING:
    from serving.access.oidc import Provider
    from serving.access.rates import Rates

KEY_FETCHES_AT_ONCE = 4
FORWARDED = frozenset({b"forwarded", b"via", b"x-forwarded-for", b"x-forwarded-host", b"x-real-ip"})
HERE = frozenset({"localhost", "127.0.0.1", "[::1]"})


@dataclass(frozen=True)
class Door:
    """What judges a request, and what records it."""

    clock: Clock
    book: TokenBook
    rates: Rates
    recorder: Recorder
    provider: Provider | None
    fetches: anyio.CapacityLimiter

    async def admitted(self, scope: Scope, right: Right) -> Caller:
        """The caller of a request that it may make. Errors: DeniedError."""
        if self.recorder.is_failing:
            raise DeniedError("unavailable", wait_seconds=1)
        try:
            caller = await self._caller(credential_of(scope["headers"], right))
        except DeniedError as denied:
            if denied.status != 503:
                self.rates.count_stranger()
            raise
        self.rates.count(caller)
        if not is_allowed(right, caller.role):
            raise DeniedError("wrong_role", caller=caller)
        return caller

    async def _caller(self, credential: str) -> Caller:
        parts = parts_of(credential)
        if parts is not None:
            if not self.book.is_fresh:
                await run_sync(self.book.refresh)
            return self.book.caller(*parts)
        if self.provider is None or credential.count(".") != 2:
            raise DeniedError("unknown_token")
        return await run_sync(self.provider.caller, credential, limiter=self.fetches)


@dataclass(frozen=True)
class OpenDoor:
    """A laptop's demo: whoever calls from this machine may do everything, and nothing is recorded."""

    recorder: None = None

    async def admitted(self, scope: Scope, right: Right) -> Caller:
        """The caller `open`. Errors: DeniedError for a connection or a name of another machine."""
        if not is_here(scope):
            raise DeniedError("not_this_machine")
        if not is_allowed(right, ANYONE_HERE.role):
            raise DeniedError("wrong_role", caller=ANYONE_HERE)
        return ANYONE_HERE


def door_of(settings: ServiceSettings, clock: Clock) -> Door | OpenDoor:
    """The door of the settings. Errors: RuleError for settings that cannot be."""
    if settings.access == "open":
        return OpenDoor()
    from serving.access.rates import rates_of

    provider = None
    if settings.oidc_issuer or settings.oidc_audience or settings.oidc_jwks:
        from serving.access.oidc import provider_of

        provider = provider_of(settings)
    engine = engine_of(settings.access_url)
    return Door(
        clock=clock,
        book=TokenBook(engine, clock, settings.access_seconds),
        rates=rates_of(settings.rate, settings.rate_strangers),
        recorder=Recorder(engine),
        provider=provider,
        fetches=anyio.CapacityLimiter(KEY_FETCHES_AT_ONCE),
    )


def is_here(scope: Scope) -> bool:
    """Whether a request comes from this machine to this machine: both ends, nothing in between, a name of here.

    The Host header is looked at because a web page elsewhere can give its own name the address 127.0.0.1.
    """
    ends = [scope.get(end) for end in ("client", "server")]
    if not all(end and is_loopback(end[0]) for end in ends):
        return False
    headers = scope["headers"]
    hosts = [value.decode("latin-1") for name, value in headers if name.lower() == b"host"]
    is_named_here = len(hosts) == 1 and _host(hosts[0]) in HERE
    return is_named_here and not any(name.lower() in FORWARDED for name, _ in headers)


def is_loopback(host: str) -> bool:
    """Whether an address or name is that of this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _host(given: str) -> str:
    """The name of a Host header, without its port."""
    name, colon, port = given.rpartition(":")
    return (name if colon and port.isdecimal() else given).lower()
