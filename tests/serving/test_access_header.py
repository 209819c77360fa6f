"""Whatever stands in the Authorization header, and in the id of a request, the answer is no 5xx."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest
from anyio.from_thread import start_blocking_portal
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from serving.access.bearer import bearer_of
from serving.access.callers import DeniedError
from serving.logs import request_id_of
from tests.serving.access_made import Service, closed
from tests.serving.oidc_made import jwks, rsa_key, write_jwks

ISSUER = "https://idp.example"


@pytest.fixture(scope="module")
def service(versions: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("access")
    keys = write_jwks(folder / "jwks.json", jwks(k1=rsa_key()))
    with start_blocking_portal() as portal:
        yield closed(
            folder, versions, portal, oidc_issuer=ISSUER, oidc_audience="forfait", oidc_jwks=str(keys),
            rate_strangers="1000000/minute",
        )  # fmt: skip


def header_of(*values: bytes) -> list[tuple[bytes, bytes]]:
    return [(b"authorization", value) for value in values]


@pytest.mark.parametrize("value", [b"Bearer abc", b"bearer abc", b"BEARER   abc", b"Bearer abc"])
def test_one_bearer_is_read(value: bytes):
    """RFC 6750; the scheme in any case."""
    assert bearer_of(header_of(value)) == "abc"


@pytest.mark.parametrize(
    "values",
    [(b"",), (b"Bearer",), (b"Bearer ",), (b"Basic abc",), (b"Bearer a b",), (b"Bearer a,b",), (b"Bearer abc\n",),
     (b"abc",), (b"Bearer \xff",), (b"Bearer " + b"a" * 8192,), (b"Bearer abc", b"Bearer abc"), (b"\tBearer abc",)],
)  # fmt: skip
def test_anything_else_is_malformed(values: tuple[bytes, ...]):
    """Two headers too: which one would be meant?"""
    with pytest.raises(DeniedError) as denied:
        bearer_of(header_of(*values))
    assert (denied.value.reason, denied.value.status) == ("malformed_header", 401)


def test_no_header_is_told_apart():
    """RFC 6750 gives no error code to whoever gave no credential."""
    with pytest.raises(DeniedError, match="no_token"):
        bearer_of([(b"accept", b"*/*")])


def segment(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
ALGORITHM = st.sampled_from(["RS256", "ES256", "HS256", "none", "", "PS512"]) | JSON
HEADERS = st.fixed_dictionaries({}, optional={"alg": ALGORITHM, "kid": st.just("k1") | JSON, "crit": JSON, "b64": JSON})
JWTS = st.builds(
    lambda header, claims, signature: f"Bearer {segment(header)}.{segment(claims)}.{signature}".encode(),
    HEADERS | JSON,
    JSON,
    st.text("abcAB01-_=", max_size=20),
)
NEAR = st.text("Bearerffp_0123abcdef .=-~+/,", max_size=120).map(str.encode)
VALUES = st.binary(max_size=60) | NEAR | NEAR.map(b"Bearer ".__add__) | JWTS


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@example(b"Bearer " + b"." * 8000)
@example(b"Bearer e30.e30.e30")
@example(f"Bearer {segment({'alg': 'RS256', 'kid': 'k1'})}.{segment({'exp': 1e400})}.AA".encode())
@given(VALUES)
def test_no_header_makes_the_service_fail(service: Service, value: bytes):
    """401 for all of them; none holds a token."""
    request = partial(_raw, service, value)
    assert service.client.portal.call(request) == 401


async def _raw(service: Service, value: bytes) -> int:
    """The status for a header sent as it is, bytes that httpx would refuse included."""
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
        "path": "/models", "raw_path": b"/models", "query_string": b"", "root_path": "",
        "headers": [(b"host", b"127.0.0.1"), (b"authorization", value)],
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
    }  # fmt: skip
    sent: list[dict[str, object]] = []

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    await service.client.app(scope, receive, send)  # type: ignore[arg-type]
    return int(sent[0]["status"])  # type: ignore[call-overload]


@given(st.lists(st.binary(max_size=50), max_size=2))
def test_a_request_id_is_a_uuid_or_ours(values: list[bytes]):
    """What is taken from outside is logged: nothing but a UUID is taken."""
    found = request_id_of([(b"x-request-id", value) for value in values])
    assert httpx.Headers({"x": found})["x"] == found
    assert (len(found), found.count("-")) == (36, 4)


def test_the_request_id_of_the_caller_comes_back(service: Service):
    """So that both sides tell of the same request; one that is no UUID is replaced."""
    given_id = "3F2504E0-4F89-41D3-9A0C-0305E82C3301"
    answer = service.call("GET", "/models", headers={"x-request-id": given_id})
    assert answer.headers["x-request-id"] == given_id.lower()
    other = service.call("GET", "/healthz", headers={"x-request-id": "2850578006048"})
    assert other.headers["x-request-id"] != "2850578006048"
    assert len(other.headers["x-request-id"]) == 36
