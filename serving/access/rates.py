"""How often a caller may ask, by a moving window in the memory of each process."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic

from limits import RateLimitItem, parse

from features.errors import RuleError
from serving.access.callers import Caller, DeniedError

STRANGERS = ("", "")
Timer = Callable[[], float]


@dataclass
class Windows:
    """When each caller was let in, no longer ago than the window; `limits` reads the rate.

    The window of `limits` in memory starts a thread every 10 ms and moves its whole list for one request.
    """

    rate: RateLimitItem
    timer: Timer
    entered: dict[tuple[str, str], deque[float]] = field(default_factory=dict)
    swept_at: float = 0.0

    def wait_seconds(self, key: tuple[str, str]) -> int:
        """0 and counted where one more may come in; else whole seconds until the oldest leaves the window."""
        moment, window = self.timer(), int(self.rate.get_expiry())
        entered = self.entered.get(key)
        if entered is None:
            self._sweep(moment, window)
            entered = self.entered.setdefault(key, deque())
        while entered and entered[0] <= moment - window:
            entered.popleft()
        if len(entered) >= self.rate.amount:
            return math.ceil(entered[0] + window - moment) if entered else window
        entered.append(moment)
        return 0

    def _sweep(self, moment: float, window: int) -> None:
        """Forget who has not come for a window, once a window at most."""
        if moment - self.swept_at >= window:
            self.swept_at = moment
            self.entered = {key: seen for key, seen in self.entered.items() if seen and seen[-1] > moment - window}


@dataclass(frozen=True)
class Rates:
    """The limits: one for each caller, one for all strangers together, so that their addresses need not be kept."""

    callers: Windows
    strangers: Windows

    def count(self, caller: Caller) -> None:
        """Count a request of a caller. Errors: DeniedError beyond the limit."""
        if wait := self.callers.wait_seconds((caller.issuer, caller.name)):
            raise DeniedError("too_many", caller=caller, wait_seconds=wait)

    def count_stranger(self) -> None:
        """Count a request without a valid token. Errors: DeniedError beyond the limit."""
        if self.strangers.wait_seconds(STRANGERS):
            raise DeniedError("too_many_strangers", wait_seconds=int(self.strangers.rate.get_expiry()))


def rates_of(callers: str, strangers: str, *, timer: Timer = monotonic) -> Rates:
    """Limits written as 1200/minute. Errors: RuleError naming the setting."""
    return Rates(
        Windows(_rate("FORFAIT_RATE", callers), timer), Windows(_rate("FORFAIT_RATE_STRANGERS", strangers), timer)
    )


def _rate(name: str, text: str) -> RateLimitItem:
    try:
        return parse(text)
    except ValueError:
        raise RuleError(f"{name} is not a rate; write it as 1200/minute") from None
