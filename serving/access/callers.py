"""Who calls, and why a caller is turned away: a reason code for the keepers, a message that tells strangers nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from serving.refusals import RefusalError

PAYER, AUDITOR, MODELLER, ADMIN = "payer", "auditor", "modeller", "admin"
ROLES = (PAYER, AUDITOR, MODELLER, ADMIN)
OPEN = "open"
OURS = "forfait"


@dataclass(frozen=True)
class Caller:
    """Who calls: name, role, structures it may pay (None: all), who vouches for it (`forfait` or an OIDC issuer)."""

    name: str
    role: str
    structures: frozenset[str] | None
    issuer: str = OURS

    @property
    def identity(self) -> str:
        """Who this is, as decisions keep it: no two callers share it, whoever vouches for them.

        A token's name holds no `#`, nor does what a provider calls someone: what comes before the last one vouches.
        """
        return self.name if self.issuer == OURS else f"{self.issuer}#{self.name}"


ANYONE_HERE = Caller("open", OPEN, None, OPEN)

NO_TOKEN = "no valid token; send Authorization: Bearer and a token of forfait token create"
NOT_YOURS = "this token may not do this; ask for one of another role"
LATER = "too many requests; wait and try again"
CLOSED = "who may do what cannot be read or recorded now; try again"
NOT_HERE = "FORFAIT_ACCESS=open answers this machine alone; create tokens to serve others"
# One message for a token unknown, expired or revoked: only the record of accesses says which.
REASONS = {
    "no_token": (401, NO_TOKEN),
    "malformed_header": (401, NO_TOKEN),
    "unknown_token": (401, NO_TOKEN),
    "wrong_secret": (401, NO_TOKEN),
    "expired_token": (401, NO_TOKEN),
    "revoked_token": (401, NO_TOKEN),
    "invalid_jwt": (401, NO_TOKEN),
    "expired_jwt": (401, NO_TOKEN),
    "no_role": (403, NOT_YOURS),
    "wrong_role": (403, NOT_YOURS),
    "not_this_machine": (403, NOT_HERE),
    "too_many": (429, LATER),
    "too_many_strangers": (429, LATER),
    "unavailable": (503, CLOSED),
}
OUT_OF_SCOPE = "out_of_scope"


class DeniedError(Exception):
    """A request that goes no further: reason code, who called where that is known, seconds to wait."""

    def __init__(self, reason: str, *, caller: Caller | None = None, wait_seconds: int = 0) -> None:
        """`reason` is one of REASONS."""
        super().__init__(reason)
        self.reason, self.caller, self.wait_seconds = reason, caller, wait_seconds
        self.status, self.message = REASONS[reason]


def check_structures(rows: Mapping[str, Sequence[Mapping[str, Any]]], structures: frozenset[str] | None) -> None:
    """Nothing where every `structure_id` of the frames is one of `structures` (None: all are).

    Errors: RefusalError 403 naming frame and row, never a structure.
    """
    if structures is None:
        return
    for name, given in rows.items():
        for place, row in enumerate(given):
            if not _is_within(row.get("structure_id"), structures):
                raise RefusalError(
                    403,
                    f"{name}, row {place}: this structure is not one of your token's; ask for a token that holds it",
                    field=f"{name}.structure_id",
                    row=place,
                )


def may_see(caller: Caller, structures: Iterable[str]) -> bool:
    """Whether all of `structures` are the caller's; those of what was recorded, for a route that reads it."""
    return caller.structures is None or caller.structures.issuperset(structures)


def _is_within(given: object, structures: frozenset[str]) -> bool:
    """What is not a text names no structure; the reading of the frame refuses it."""
    return not isinstance(given, str) or given in structures
