"""The table of rights, route by method by role. What has no line is refused to everyone: closed by default."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.routing import BaseRoute, Match, Route
from starlette.types import Scope

from serving.access.callers import ADMIN, AUDITOR, MODELLER, OPEN, PAYER, ROLES

UNKNOWN = "(unknown)"
READERS = frozenset({PAYER, AUDITOR, MODELLER})
PAYERS = frozenset({PAYER})
AUDITORS = frozenset({AUDITOR})
EXPLAINED_TO = frozenset({PAYER, AUDITOR})


@dataclass(frozen=True)
class Right:
    """A route and method, the roles that may, whether anyone may without a token, what the structures bound.

    is_page: a browser may open it with the cookie of the sign-in page; no other route looks at the cookie.
    """

    method: str
    route: str
    roles: frozenset[str] = frozenset()
    is_public: bool = False
    is_scoped: bool = False
    is_page: bool = False


RIGHTS = (
    Right("GET", "/healthz", is_public=True),
    Right("GET", "/readyz", is_public=True),
    Right("POST", "/predict", frozenset({PAYER, MODELLER})),
    Right("POST", "/explain", READERS),
    Right("POST", "/peps/forfait", PAYERS, is_scoped=True),
    Right("POST", "/ipep/target", PAYERS, is_scoped=True),
    Right("POST", "/ipep/interessement", PAYERS, is_scoped=True),
    Right("POST", "/ipso/forfait", PAYERS, is_scoped=True),
    Right("POST", "/eds/bundle", PAYERS),
    Right("GET", "/decisions/{id}", READERS, is_scoped=True),
    Right("POST", "/decisions/{id}/replay", AUDITORS, is_scoped=True),
    Right("GET", "/", READERS, is_page=True),
    Right("GET", "/models", READERS),
    Right("GET", "/models/{name}", READERS, is_page=True),
    Right("GET", "/models/{name}/in-force", READERS),
    Right("GET", "/models/{name}/versions/{version}", READERS, is_page=True),
    Right("GET", "/sign-in", is_public=True),
    Right("POST", "/sign-in", is_public=True),
    Right("POST", "/sign-out", is_public=True),
    Right("GET", "/audit", AUDITORS, is_scoped=True, is_page=True),
    Right("GET", "/audit/decisions/{id}", AUDITORS, is_scoped=True, is_page=True),
    Right("GET", "/audit/decisions/{id}/versions", AUDITORS, is_scoped=True, is_page=True),
    Right("GET", "/audit/decisions/{id}/explanation", EXPLAINED_TO, is_scoped=True, is_page=True),
    Right("GET", "/audit/decisions/{id}/explanation.pdf", EXPLAINED_TO, is_scoped=True, is_page=True),
    Right("GET", "/audit/structures/{id}", AUDITORS, is_scoped=True, is_page=True),
    Right("GET", "/audit/models/{name}/versions/{version}", AUDITORS, is_page=True),
    Right("GET", "/docs", frozenset(ROLES), is_page=True),
    Right("GET", "/openapi.json", frozenset(ROLES), is_page=True),
    Right("GET", "/metrics", frozenset({ADMIN})),
)
BY_ROUTE = {(right.method, right.route): right for right in RIGHTS}


def right_of(routes: Sequence[BaseRoute], scope: Scope) -> Right:
    """The line of a request; one without any role for a route that has no line.

    Where no route answers (404, 405), every caller may be told so, and a stranger may not.
    """
    method = "GET" if scope["method"] == "HEAD" else scope["method"]
    partial = UNKNOWN
    for route in routes:
        match, _ = route.matches(scope)
        template = route.path if isinstance(route, Route) else UNKNOWN
        if match is Match.FULL:
            return BY_ROUTE.get((method, template), Right(method, template))
        if match is Match.PARTIAL and partial == UNKNOWN:
            partial = template
    return Right(_known(method), partial, frozenset(ROLES))


def is_allowed(right: Right, role: str) -> bool:
    """Whether a role may; `open` (a laptop's demo) may what any role may."""
    return role in right.roles or (role == OPEN and bool(right.roles))


def rights_markdown() -> str:
    """The table as Markdown; a test holds the how-to in step."""
    head = f"| route | {' | '.join(ROLES)} | bound by structures |\n|---|{'---|' * len(ROLES)}---|\n"
    return head + "".join(_line(right) for right in RIGHTS)


def _line(right: Right) -> str:
    cells = ["anyone" if right.is_public else "yes" if role in right.roles else "" for role in ROLES]
    return f"| `{right.method} {right.route}` | {' | '.join(cells)} | {'yes' if right.is_scoped else ''} |\n"


def _known(method: str) -> str:
    """A method as recorded: one that HTTP does not define is a text of the caller's, which is not kept."""
    return method if method in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} else "OTHER"
