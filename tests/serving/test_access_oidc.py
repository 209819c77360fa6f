"""Callers of an OpenID Connect provider: what is taken, and every forgery and mistake that is not."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.server
import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from anyio.from_thread import start_blocking_portal
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from features.errors import RuleError
from serving.access.callers import Caller, DeniedError
from serving.access.oidc import Provider, provider_of
from serving.settings import ServiceSettings
from tests.serving.access_made import closed
from tests.serving.oidc_made import AUDIENCE, ISSUER, claims, ec_key, jwks, rsa_key, signed, write_jwks


def settings_of(where: str, **others: object) -> ServiceSettings:
    given = {"oidc_issuer": ISSUER, "oidc_audience": AUDIENCE, "oidc_jwks": where, "oidc_leeway_seconds": 30}
    return ServiceSettings(**(given | others))  # type: ignore[arg-type]


@pytest.fixture
def provider(tmp_path: Path) -> Provider:
    """A provider of an RSA and an EC key, in a file."""
    found = provider_of(settings_of(str(write_jwks(tmp_path / "jwks.json", jwks(k1=rsa_key(), k2=ec_key())))))
    assert found is not None
    return found


def refused(provider: Provider, token: str) -> tuple[str, int]:
    with pytest.raises(DeniedError) as denied:
        provider.caller(token)
    return denied.value.reason, denied.value.status


def test_a_signed_token_names_its_caller(provider: Provider):
    """RS256 and ES256; a subject of the provider is told apart from a token of ours by its prefix."""
    expected = Caller("oidc:drees-audit", "auditor", None, ISSUER)
    assert provider.caller(signed(claims(), rsa_key())) == expected
    assert provider.caller(signed(claims(), ec_key(), alg="ES256", kid="k2")) == expected
    assert provider.caller(signed(claims(aud=["other", AUDIENCE]), rsa_key())) == expected


def forged(header: dict[str, Any], given: dict[str, Any], sign: Callable[[bytes], bytes]) -> str:
    """A JWT put together by hand, as no library would."""
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, given)]
    signature = base64.urlsafe_b64encode(sign(b".".join(parts))).rstrip(b"=")
    return b".".join([*parts, signature]).decode()


def public_bytes(encoding: Encoding, form: PublicFormat) -> bytes:
    return rsa_key().public_key().public_bytes(encoding, form)


def with_public_key(form: bytes) -> Callable[[bytes], bytes]:
    return lambda message: hmac.new(form, message, hashlib.sha256).digest()


PEM = public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
DER = public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
HOUR = 3600
NOW = int(time.time())
WRONG = {
    "expired": (lambda: signed(claims(exp=NOW - 60, iat=NOW - HOUR), rsa_key()), "expired_jwt"),
    "wrong issuer": (lambda: signed(claims(iss="https://elsewhere.example"), rsa_key()), "invalid_jwt"),
    "issuer in a list": (lambda: signed(claims(iss=ISSUER + "/"), rsa_key()), "invalid_jwt"),
    "wrong audience": (lambda: signed(claims(aud="payroll"), rsa_key()), "invalid_jwt"),
    "no audience": (lambda: signed(claims(aud=None), rsa_key()), "invalid_jwt"),
    "no exp": (lambda: signed(claims(exp=None), rsa_key()), "invalid_jwt"),
    "no iat": (lambda: signed(claims(iat=None), rsa_key()), "invalid_jwt"),
    "issued later": (lambda: signed(claims(iat=NOW + HOUR), rsa_key()), "invalid_jwt"),
    "not before": (lambda: signed(claims(nbf=NOW + HOUR), rsa_key()), "invalid_jwt"),
    "exp is a text": (lambda: forged({"alg": "RS256", "kid": "k1"}, claims(exp="soon"), lambda _: b"x"), "invalid_jwt"),
    "no subject": (lambda: signed(claims(sub=None), rsa_key()), "invalid_jwt"),
    "subject not fit for logs": (lambda: signed(claims(sub="a\nb"), rsa_key()), "invalid_jwt"),
    "alg none": (lambda: forged({"alg": "none", "kid": "k1"}, claims(), lambda _: b""), "invalid_jwt"),
    "alg None": (lambda: forged({"alg": "None", "kid": "k1"}, claims(), lambda _: b""), "invalid_jwt"),
    "HS256, public key": (lambda: forged({"alg": "HS256", "kid": "k1"}, claims(), with_public_key(PEM)), "invalid_jwt"),
    "HS256, public DER": (lambda: forged({"alg": "HS256", "kid": "k1"}, claims(), with_public_key(DER)), "invalid_jwt"),
    "RS256 said, HMAC made": (
        lambda: forged({"alg": "RS256", "kid": "k1"}, claims(), with_public_key(PEM)),
        "invalid_jwt",
    ),
    "PS256": (lambda: signed(claims(), rsa_key(), alg="PS256"), "invalid_jwt"),
    "ES256 with the RSA key": (lambda: signed(claims(), ec_key(), alg="ES256", kid="k1"), "invalid_jwt"),
    "unknown kid": (lambda: signed(claims(), rsa_key(), kid="k9"), "invalid_jwt"),
    "no kid": (lambda: signed(claims(), rsa_key(), kid=None), "invalid_jwt"),
    "kid of another key": (lambda: signed(claims(), rsa_key(), kid="k2"), "invalid_jwt"),
    "another's key": (lambda: signed(claims(), rsa_key(1)), "invalid_jwt"),
    "its own key, in the header": (
        lambda: forged({"alg": "RS256", "kid": "k1", "jwk": jwks(k1=rsa_key(1))["keys"][0]}, claims(), lambda _: b"x"),
        "invalid_jwt",
    ),
    "not a JWT": (lambda: "a.b.c", "invalid_jwt"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_not_signed_by_the_provider_for_us_now_is_refused(provider: Provider, case: str):
    """401, whatever is wrong; the reason code is for the record of accesses."""
    token, reason = WRONG[case]
    assert refused(provider, token()) == (reason, 401)


def test_a_changed_claim_breaks_the_signature(provider: Provider):
    """The role of an honest token cannot be raised."""
    header, _, signature = signed(claims(), rsa_key()).split(".")
    raised = base64.urlsafe_b64encode(json.dumps(claims(forfait_role="payer")).encode()).rstrip(b"=").decode()
    assert refused(provider, f"{header}.{raised}.{signature}") == ("invalid_jwt", 401)


def test_clocks_may_differ_by_the_leeway(provider: Provider):
    """30 seconds by default."""
    assert provider.caller(signed(claims(exp=int(time.time()) - 10), rsa_key())).role == "auditor"


@pytest.mark.parametrize(
    ("given", "role", "structures"),
    [
        ({"forfait_role": "payer", "forfait_structures": ["S1", "S2"]}, "payer", frozenset({"S1", "S2"})),
        ({"forfait_role": ["offline_access", "payer"], "forfait_structures": "S1"}, "payer", frozenset({"S1"})),
        ({"forfait_role": "payer", "forfait_structures": None}, "payer", frozenset()),
        ({"forfait_role": "payer", "forfait_structures": ["S1", "*"]}, "payer", None),
        ({"forfait_role": "payer", "forfait_structures": [1, {"a": 2}]}, "payer", frozenset()),
    ],
)
def test_role_and_structures_are_read_from_claims(
    provider: Provider, given: dict[str, Any], role: str, structures: frozenset[str] | None
):
    """Without the claim of structures there is none; "*" is every one."""
    caller = provider.caller(signed(claims(**given), rsa_key()))
    assert (caller.role, caller.structures) == (role, structures)


@pytest.mark.parametrize("role", [None, "king", "open", ["payer", "auditor"], [], {"payer": 1}, "PAYER", 7])
def test_one_role_of_ours_or_none_at_all(provider: Provider, role: object):
    """Two roles would be a choice that nobody made."""
    assert refused(provider, signed(claims(forfait_role=role), rsa_key())) == ("no_role", 403)


def test_claims_may_stand_deeper(tmp_path: Path):
    """As Keycloak writes them; the caller's name may come from another claim than the subject."""
    keys = write_jwks(tmp_path / "jwks.json", jwks(k1=rsa_key()))
    deep = {"oidc_role_claim": "realm_access.roles", "oidc_structures_claim": "https://cnam.example/s"}
    found = provider_of(settings_of(str(keys), oidc_name_claim="azp", **deep))
    assert found is not None
    given = claims(azp="payments", realm_access={"roles": ["x", "payer"]}, **{"https://cnam.example/s": ["S1"]})
    assert found.caller(signed(given, rsa_key())) == Caller("oidc:payments", "payer", frozenset({"S1"}), ISSUER)


def test_a_rotated_key_of_a_file(tmp_path: Path, provider: Provider):
    """The new key is taken, the old one no longer, without a restart; a broken file lets nobody in."""
    file = tmp_path / "jwks.json"
    assert provider.caller(signed(claims(), rsa_key())).role == "auditor"
    write_jwks(file, jwks(k3=rsa_key(1)))
    assert provider.caller(signed(claims(), rsa_key(1), kid="k3")).role == "auditor"
    assert refused(provider, signed(claims(), rsa_key())) == ("invalid_jwt", 401)
    file.write_text("{", encoding="utf-8")
    assert refused(provider, signed(claims(), rsa_key(1), kid="k3")) == ("unavailable", 503)


def test_a_shared_secret_in_the_jwks_signs_nothing(tmp_path: Path):
    """Even where a provider publishes one."""
    secret = base64.urlsafe_b64encode(b"s" * 32).rstrip(b"=").decode()
    content = {"keys": [{"kty": "oct", "kid": "k1", "k": secret}]}
    found = provider_of(settings_of(str(write_jwks(tmp_path / "jwks.json", content))))
    assert found is not None
    sign = with_public_key(b"s" * 32)
    for alg in ("HS256", "RS256"):
        assert refused(found, forged({"alg": alg, "kid": "k1"}, claims(), sign)) == ("invalid_jwt", 401)


class Issuer:
    """A JWKS over HTTP on this machine, and how often it was fetched."""

    def __init__(self, content: dict[str, Any]) -> None:
        self.content, self.fetched, self.status = content, 0, 200
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.fetched += 1
                self.send_response(outer.status)
                self.end_headers()
                self.wfile.write(json.dumps(outer.content).encode())

            def log_message(self, *_: object) -> None:
                """Nothing."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/jwks"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    found = Issuer(jwks(k1=rsa_key()))
    yield found
    found.server.shutdown()
    found.server.server_close()


def test_keys_are_fetched_once_and_again_for_a_new_one(issuer: Issuer):
    """A rotation is seen at once; what is unknown then too is refused."""
    provider = provider_of(settings_of(issuer.url, oidc_unknown_key_seconds=0))
    assert provider is not None
    for _ in range(5):
        assert provider.caller(signed(claims(), rsa_key())).role == "auditor"
    assert issuer.fetched == 1
    issuer.content = jwks(k2=rsa_key(1))
    assert provider.caller(signed(claims(), rsa_key(1), kid="k2")).role == "auditor"
    assert issuer.fetched == 2
    assert refused(provider, signed(claims(), rsa_key())) == ("invalid_jwt", 401)


def test_unknown_keys_do_not_flood_the_provider(issuer: Issuer):
    """Within FORFAIT_OIDC_UNKNOWN_KEY_SECONDS the provider is not asked again."""
    provider = provider_of(settings_of(issuer.url))
    assert provider is not None
    for number in range(20):
        assert refused(provider, signed(claims(), rsa_key(), kid=f"x{number}")) == ("invalid_jwt", 401)
    assert issuer.fetched == 1


def test_a_provider_that_fails_is_told_apart(issuer: Issuer):
    """503: the caller is not at fault."""
    issuer.status = 500
    provider = provider_of(settings_of(issuer.url))
    assert provider is not None
    assert refused(provider, signed(claims(), rsa_key())) == ("unavailable", 503)
    issuer.status = 200
    assert provider.caller(signed(claims(), rsa_key())).role == "auditor"


@pytest.mark.parametrize("missing", ["oidc_issuer", "oidc_audience", "oidc_jwks"])
def test_half_a_configuration_is_refused(missing: str):
    """An audience left out would let in the tokens of every other service."""
    with pytest.raises(RuleError, match=f"FORFAIT_{missing.upper()}: missing"):
        provider_of(settings_of("jwks.json", **{missing: ""}))
    assert provider_of(ServiceSettings()) is None


def test_a_jwt_is_let_in_recorded_and_bounded(versions: Path, tmp_path: Path):
    """Over HTTP, beside our own tokens."""
    keys = write_jwks(tmp_path / "jwks.json", jwks(k1=rsa_key()))
    with start_blocking_portal() as portal:
        service = closed(tmp_path, versions, portal, oidc_issuer=ISSUER, oidc_audience=AUDIENCE, oidc_jwks=str(keys))
        ours = service.token("ours", "auditor", expires_on=date(2099, 1, 1))
        theirs = signed(claims(), rsa_key())
        statuses = [service.call("GET", path, token).status_code
                    for token in (ours, theirs, theirs + "x") for path in ("/models", "/metrics")]  # fmt: skip
        assert statuses == [200, 403, 200, 403, 401, 401]
        found = service.accesses()
    assert found["caller"].tolist() == ["ours", "ours", "oidc:drees-audit", "oidc:drees-audit", "", ""]
    assert found["issuer"].tolist() == ["forfait", "forfait", ISSUER, ISSUER, "", ""]
