"""Every route with every kind of caller: who is let in, who is turned away, and that it is recorded."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from anyio.from_thread import start_blocking_portal
from starlette.routing import Mount, Route

from serving.access.rights import RIGHTS, rights_markdown
from serving.app import build_app
from serving.settings import ServiceSettings
from tests.serving.access_made import ROLES, Service, closed

ROOT = Path(__file__).parents[2]
BAD = "ffp_" + "0" * 12 + "_" + "0" * 64
# The specification, by hand: P payer, A auditor, M modeller, X admin; * anyone.
GRID = """
GET  /healthz                           *
GET  /readyz                            *
POST /predict                           P M
POST /explain                           P A M
POST /peps/forfait                      P
POST /ipep/target                       P
POST /ipep/interessement                P
POST /ipso/forfait                      P
POST /eds/bundle                        P
GET  /decisions/{id}                    P A M
POST /decisions/{id}/replay             A
GET  /                                  P A M
GET  /models                            P A M
GET  /models/{name}                     P A M
GET  /models/{name}/in-force            P A M
GET  /models/{name}/versions/{version}  P A M
GET  /sign-in                           *
POST /sign-in                           *
POST /sign-out                          *
GET  /audit                             A
GET  /audit/decisions/{id}              A
GET  /audit/decisions/{id}/versions     A
GET  /audit/decisions/{id}/explanation  P A
GET  /audit/decisions/{id}/explanation.pdf  P A
GET  /audit/structures/{id}             A
GET  /audit/models/{name}/versions/{version}  A
GET  /docs                              P A M X
GET  /openapi.json                      P A M X
GET  /metrics                           X
"""
LETTERS = dict(zip("PAMX", ROLES, strict=True))
LINES = [line.split() for line in GRID.strip().splitlines()]
CASES = [(method, route, set(who)) for method, route, *who in LINES]


@pytest.fixture(scope="module")
def service(versions: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with start_blocking_portal() as portal:
        yield closed(
            tmp_path_factory.mktemp("access"), versions, portal, rate="100000/minute", rate_strangers="9/second"
        )


@pytest.fixture(scope="module")
def bearers(service: Service) -> dict[str, str | None]:
    """A credential of every kind."""
    made: dict[str, str | None] = {role: service.token(role, role) for role in ROLES}
    made["expired"] = service.token("expired", "admin", expires_on=date(2020, 1, 2))
    made["revoked"] = service.token("revoked", "payer")
    service.revoke("revoked")
    return made | {"none": None, "bad": BAD, "jwt": "e30.e30.e30"}


def test_every_route_has_its_line_and_every_line_its_route():
    """A route that is added without a line is closed to all, and fails here."""
    app = build_app(ServiceSettings())
    routes = {
        (method, route.path)
        for route in app.routes
        if isinstance(route, Route)
        for method in (route.methods or set()) - {"HEAD"}
    }
    assert all(isinstance(route, Route) for route in app.routes)
    assert routes == {(right.method, right.route) for right in RIGHTS}
    assert len(routes) == len(RIGHTS)


def test_the_table_of_rights_is_the_one_specified():
    """By hand here, in the code there."""
    found = [
        (right.method, right.route, {"*"} if right.is_public else {k for k, v in LETTERS.items() if v in right.roles})
        for right in RIGHTS
    ]
    assert sorted(found, key=str) == sorted(CASES, key=str)


def test_the_how_to_shows_the_table():
    """docs/how-to/access.md holds the table as it is in force."""
    assert rights_markdown() in (ROOT / "docs" / "how-to" / "access.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", [*ROLES, "none", "bad", "expired", "revoked", "jwt"])
@pytest.mark.parametrize(("method", "route", "who"), CASES, ids=lambda v: v if isinstance(v, str) else "")
def test_each_route_with_each_caller(
    service: Service, bearers: dict[str, str | None], method: str, route: str, who: set[str], kind: str
):
    """401 without a valid token, 403 with another role's, else the answer of the route (which may be 4xx: no body)."""
    path = route.format(name="peps_mg", version="2", id="00000000-0000-4000-8000-000000000000")
    answer = service.call(method, path, bearers[kind])
    allowed = who == {"*"} or kind in {LETTERS[letter] for letter in who & LETTERS.keys()}
    if allowed:
        assert answer.status_code in ({404} if "{id}" in route else {415} if method == "POST" else {200, 422})
    elif kind in ROLES:
        assert answer.status_code == 403
        assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]
    else:
        assert answer.status_code in {401, 429}
    if answer.status_code == 401:
        assert answer.headers["www-authenticate"].startswith('Bearer realm="forfait"')
        assert answer.json()["error"]["message"].startswith("no valid token")


@pytest.mark.parametrize(
    ("method", "path", "with_token"),
    [("GET", "/nowhere", 404), ("GET", "/models/", 307), ("DELETE", "/models", 405), ("OPTIONS", "/predict", 405),
     ("HEAD", "/models", 200), ("HEAD", "/metrics", 403), ("BREW", "/models", 405)],
)  # fmt: skip
def test_what_has_no_route_is_closed_too(
    service: Service, bearers: dict[str, str | None], method: str, path: str, with_token: int
):
    """A stranger does not learn which paths exist; HEAD asks for the right of GET."""
    assert service.call(method, path).status_code in {401, 429}
    assert service.call(method, path, bearers["modeller"]).status_code == with_token


def test_each_refusal_is_recorded(versions: Path, tmp_path: Path):
    """One row per refusal: who where it is known, the route as in the table, the reason; no path."""
    with start_blocking_portal() as portal:
        service = closed(tmp_path, versions, portal)
        past, gone = service.token("past", "admin", expires_on=date(2020, 1, 2)), service.token("gone", "payer")
        service.revoke("gone")
        reader = service.token("reader", "auditor")
        for token in (None, BAD, past, gone, reader, f"{reader[:-1]}{'0' if reader[-1] != '0' else '1'}"):
            service.call("POST", "/peps/forfait", token)
        service.call("GET", "/nowhere/2850578006048", reader)
        service.call("GET", "/healthz")
        found = service.accesses()
    told = found[["caller", "role", "method", "route", "status", "reason", "count"]].astype(str).agg(" ".join, axis=1)
    assert told.tolist() == [
        "  POST /peps/forfait 401 no_token 1",
        "  POST /peps/forfait 401 unknown_token 1",
        "past admin POST /peps/forfait 401 expired_token 1",
        "gone payer POST /peps/forfait 401 revoked_token 1",
        "reader auditor POST /peps/forfait 403 wrong_role 1",
        "  POST /peps/forfait 401 wrong_secret 1",
        "reader auditor GET (unknown) 404  1",
    ]


def test_a_route_without_a_line_is_refused_to_all(versions: Path, tmp_path: Path):
    """Closed by default."""
    with start_blocking_portal() as portal:
        service = closed(tmp_path, versions, portal)
        app = service.client.app
        app.routes.append(Route("/new", app.routes[0].endpoint, methods=["GET"]))  # type: ignore[attr-defined]
        app.routes.append(Mount("/more", routes=[Route("/new", app.routes[0].endpoint)]))  # type: ignore[attr-defined]
        for role in ROLES:
            token = service.token(role, role)
            assert [service.call("GET", path, token).status_code for path in ("/new", "/more/new")] == [403, 403]
        assert service.call("GET", "/new").status_code == 401


def test_the_openapi_document_says_who_may():
    """Bearer everywhere but for health, the refusals of the door, and the roles in words."""
    document = build_app(ServiceSettings()).state.document
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    for right in RIGHTS:
        operation = document["paths"][right.route][right.method.lower()]
        assert operation["security"] == ([] if right.is_public else [{"bearer": []}])
        if not right.is_public:
            assert {"401", "403", "429", "503"} <= operation["responses"].keys()
            assert all(f"({role})" in operation["description"] for role in right.roles)
