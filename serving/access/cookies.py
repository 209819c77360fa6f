"""The cookie by which a browser opens pages: it holds the token itself, and is looked at for GET pages alone.

No session is kept by the service: each page is let in, refused, counted and recorded by the token, as any other call,
and a token that is revoked opens nothing more. A route that is not a page, or that pays, never looks at it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from starlette.requests import Request
from starlette.responses import Response

from serving.access.bearer import bearer_of
from serving.access.callers import DeniedError
from serving.access.rights import Right

COOKIE = "forfait_session"
LONGEST = 3800  # what every browser keeps of one cookie, less its name and attributes
TOKEN = re.compile(r"[A-Za-z0-9._~+-]+")


def credential_of(headers: Iterable[tuple[bytes, bytes]], right: Right) -> str:
    """The credential of the Authorization header, else of the cookie where a page is opened. Errors: DeniedError."""
    given = list(headers)
    if right.is_page and right.method == "GET" and not any(name.lower() == b"authorization" for name, _ in given):
        found = cookie_of(given)
        if found:
            return found
    return bearer_of(given)


def cookie_of(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The token of the cookie; empty where there is none. Errors: DeniedError for two, or for what is no token."""
    pairs = [
        pair.strip().partition("=")
        for name, value in headers
        if name.lower() == b"cookie"
        for pair in value.decode("latin-1").split(";")
    ]
    held = [value for name, _, value in pairs if name == COOKIE]
    if not held:
        return ""
    if len(held) > 1 or not is_token(held[0]):
        raise DeniedError("malformed_header")
    return held[0]


def is_token(text: str) -> bool:
    """Whether a text can be a token of ours or of a provider, and fits a cookie."""
    return len(text) <= LONGEST and TOKEN.fullmatch(text) is not None


def keep(response: Response, request: Request, token: str) -> None:
    """Give the browser its cookie: for this site only, out of reach of scripts, gone when the browser is closed."""
    response.set_cookie(COOKIE, token, path="/", httponly=True, samesite="strict", secure=is_https(request))


def forget(response: Response, request: Request) -> None:
    """Take the cookie back."""
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict", secure=is_https(request))


def is_https(request: Request) -> bool:
    """Whether the browser came by https, here or at the gateway in front; saying so wrongly only loses the cookie."""
    forwarded = request.headers.get("x-forwarded-proto", "").partition(",")[0].strip()
    return "https" in (request.url.scheme, forwarded)
