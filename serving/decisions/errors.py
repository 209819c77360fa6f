"""Why an answer could not be recorded, or a decision not be found."""

from __future__ import annotations

from features.errors import ForfaitError
from serving.refusals import RefusalError

RETRY_AFTER_SECONDS = 2


class LedgerError(ForfaitError):
    """The ledger cannot be used: not reachable, not upgraded, of a later release, or not durable."""

    exit_code = 7


class UnrecordedError(RefusalError):
    """503: nothing is answered that is not recorded; the caller tries again, best with the same Idempotency-Key."""

    def __init__(self, why: str) -> None:
        """`why`: what is wrong with the ledger; no value of a request."""
        super().__init__(503, f"the answer was not recorded and is not given: {why}")
        self.headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
