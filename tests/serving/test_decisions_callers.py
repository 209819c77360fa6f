"""An idempotency key is its caller's own: no two callers, of tokens or of identity providers, ever share one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serving.access.callers import ANYONE_HERE, OURS, Caller
from tests.serving.access_made import Service, closed
from tests.serving.made import ROW, body
from tests.serving.oidc_made import AUDIENCE, ISSUER, claims, jwks, rsa_key, signed, write_jwks

OTHER_ISSUER = "https://idp.other"
NAMES = st.from_regex(r"[a-z][a-z0-9._-]{0,9}", fullmatch=True)
SUBJECTS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:@/|+-]{0,9}", fullmatch=True)
ISSUERS = st.one_of(st.sampled_from([ISSUER, f"{ISSUER}#oidc:a", "open", OURS]), st.text(min_size=1, max_size=12))
OF_TOKENS = st.builds(lambda name: Caller(name, "payer", None), NAMES)
OF_PROVIDERS = st.builds(lambda name, who: Caller(f"oidc:{name}", "payer", None, who), SUBJECTS, ISSUERS)
CALLERS = st.one_of(OF_TOKENS, OF_PROVIDERS, st.just(ANYONE_HERE))


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the first text builds a table of Unicode
@given(CALLERS, CALLERS)
def test_two_callers_are_never_one(one: Caller, other: Caller):
    """Same name and same voucher, or another identity: whatever texts providers use."""
    is_same = (one.name, one.issuer) == (other.name, other.issuer)
    assert (one.identity == other.identity) is is_same


@pytest.mark.parametrize(
    ("caller", "identity"),
    [
        (Caller("payments", "payer", None), "payments"),
        (Caller("open", "payer", None), "open"),
        (ANYONE_HERE, "open#open"),
        (Caller("oidc:payments", "payer", None, ISSUER), "https://idp.example#oidc:payments"),
    ],
)
def test_who_a_decision_is_of(caller: Caller, identity: str):
    """As `forfait ledger show` prints it."""
    assert caller.identity == identity


@pytest.fixture(scope="module")
def portal() -> Iterator[BlockingPortal]:
    with start_blocking_portal() as one:
        yield one


def behind(issuer: str, folder: Path, versions: Path, portal: BlockingPortal) -> Service:
    """The service over the ledger of `folder`, with one provider."""
    keys = write_jwks(folder / "jwks.json", jwks(k1=rsa_key()))
    ledger = f"sqlite:///{folder / 'ledger.db'}"
    oidc = {"oidc_issuer": issuer, "oidc_audience": AUDIENCE, "oidc_jwks": str(keys)}
    return closed(folder, versions, portal, ledger_url=ledger, **oidc)


def jwt_of(issuer: str) -> str:
    return signed(claims(iss=issuer, sub="payments", forfait_role="payer"), rsa_key())


def posted(service: Service, token: str | None, age: int) -> httpx.Response:
    """A request under the one key that all use."""
    content, headers = body([ROW | {"age": age}]), {"content-type": "application/json", "idempotency-key": "2024-03"}
    return service.call("POST", "/predict", token, content=content, headers=headers)


def test_one_key_of_four_callers(tmp_path: Path, versions: Path, portal: BlockingPortal):
    """A token, a token of a special name, and one subject of two providers: four decisions, each its caller's own."""
    first, second = (behind(issuer, tmp_path, versions, portal) for issuer in (ISSUER, OTHER_ISSUER))
    callers = [
        (first, first.token("payments", "payer")),
        (first, first.token("open", "payer")),
        (first, jwt_of(ISSUER)),
        (second, jwt_of(OTHER_ISSUER)),
    ]
    answers = [posted(service, token, 20 + 25 * place) for place, (service, token) in enumerate(callers)]
    assert [one.status_code for one in answers] == [200] * 4
    locations = [one.headers["location"] for one in answers]
    assert len(set(locations)) == len({one.content for one in answers}) == 4
    for place, (service, token) in enumerate(callers):
        again, other = posted(service, token, 20 + 25 * place), posted(service, token, 5)
        assert (again.content, again.headers["idempotency-replayed"]) == (answers[place].content, "true")
        assert other.status_code == 409
        read = [service.call("GET", location, token).status_code for location in locations]
        assert read == [200 if number == place else 404 for number in range(4)]
    for service in (first, second):
        service.client.app.state.ledger.close()
