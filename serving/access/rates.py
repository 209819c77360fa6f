"""How often a caller may ask, by a moving window in the memory of each process."""

from __future__ import annotations

import math
from dataclasses import dataclass

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from features.errors import RuleError
from serving.access.callers import Caller, DeniedError
from serving.clock import Clock

STRANGERS = "strangers"


@dataclass(frozen=True)
class Rates:
    """The limits: one for each caller, one for all strangers together, so that their addresses need not be kept."""

    limiter: MovingWindowRateLimiter
    clock: Clock
    callers: RateLimitItem
    strangers: RateLimitItem

    def count(self, caller: Caller) -> None:
        """Count a request of a caller. Errors: DeniedError beyond the limit."""
        if not self.limiter.hit(self.callers, caller.issuer, caller.name):
            raise DeniedError("too_many", caller=caller, wait_seconds=self._wait(self.callers, caller))

    def count_stranger(self) -> None:
        """Count a request without a valid token. Errors: DeniedError beyond the limit."""
        if not self.limiter.hit(self.strangers, STRANGERS):
            raise DeniedError("too_many_strangers", wait_seconds=int(self.strangers.get_expiry()))

    def _wait(self, item: RateLimitItem, caller: Caller) -> int:
        """Whole seconds until the oldest request leaves the window, from 1 to the length of the window."""
        reset = self.limiter.get_window_stats(item, caller.issuer, caller.name).reset_time
        return min(max(1, math.ceil(reset - self.clock().timestamp())), item.get_expiry())


def rates_of(callers: str, strangers: str, *, clock: Clock) -> Rates:
    """Limits written as 1200/minute. Errors: RuleError naming the setting."""
    parsed = {"FORFAIT_RATE": callers, "FORFAIT_RATE_STRANGERS": strangers}
    items = {}
    for name, text in parsed.items():
        try:
            items[name] = parse(text)
        except ValueError:
            raise RuleError(f"{name} is not a rate; write it as 1200/minute") from None
    return Rates(MovingWindowRateLimiter(MemoryStorage()), clock, *items.values())
