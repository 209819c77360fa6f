"""The Authorization header, read strictly: one Bearer credential, or a reason why not."""

from __future__ import annotations

import re
from collections.abc import Iterable

from serving.access.callers import DeniedError

LONGEST = 8192
BEARER = re.compile(rb"[Bb][Ee][Aa][Rr][Ee][Rr] +([A-Za-z0-9._~+/-]+=*)")


def bearer_of(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The credential of the one Authorization header (RFC 6750). Errors: DeniedError, whatever the bytes."""
    given = [value for name, value in headers if name.lower() == b"authorization"]
    if not given:
        raise DeniedError("no_token")
    found = BEARER.fullmatch(given[0]) if len(given) == 1 and len(given[0]) <= LONGEST else None
    if found is None:
        raise DeniedError("malformed_header")
    return found.group(1).decode("ascii")
