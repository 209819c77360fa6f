"""Callers that an OpenID Connect provider vouches for: a signed JWT, checked against the provider's JWKS."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import jwt
from jwt import PyJWK, PyJWKClient, PyJWKSet

from features.errors import RuleError
from serving.access.callers import ROLES, Caller, DeniedError
from serving.settings import ServiceSettings

# Signatures only: with HS256 the public key, which anyone has, would sign; `none` signs nothing.
ALGORITHMS = ("RS256", "ES256")
REQUIRED = ("exp", "iat", "iss", "aud")
FETCH_SECONDS = 3.0
CALLER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@/|+-]{0,122}")
EVERY_STRUCTURE = "*"
# A colon stands in no name of our tokens, so that a subject of the provider is never taken for one of them.
PREFIX = "oidc:"


class Keys(Protocol):
    """Where signing keys are found by their identifier."""

    def get_signing_key(self, kid: str) -> PyJWK:
        """The key. Errors: jwt.PyJWTError where there is none."""


@dataclass
class KeysOfFile:
    """The keys of a JWKS file, read again when the file changed."""

    path: Path
    state: tuple[int, int] | None = None
    keys: dict[str, PyJWK] = field(default_factory=dict)

    def get_signing_key(self, kid: str) -> PyJWK:
        """The key. Errors: PyJWKClientConnectionError where the file cannot be read."""
        try:
            found = self.path.stat()
            if (found.st_mtime_ns, found.st_size) != self.state:
                keys = PyJWKSet.from_dict(json.loads(self.path.read_bytes())).keys
                self.keys = {key.key_id: key for key in keys if key.key_id}
                self.state = (found.st_mtime_ns, found.st_size)
        except (OSError, ValueError, AttributeError, jwt.PyJWTError) as error:
            raise jwt.PyJWKClientConnectionError(type(error).__name__) from None
        if kid not in self.keys:
            raise jwt.PyJWKClientError("no key of this identifier")
        return self.keys[kid]


@dataclass(frozen=True)
class Provider:
    """An OpenID Connect provider: its name, whom its tokens are for, its keys, where claims stand."""

    issuer: str
    audience: str
    keys: Keys
    claims: Mapping[str, str]
    leeway_seconds: float

    def caller(self, token: str) -> Caller:
        """Who bears a JWT; blocks while keys are fetched. Errors: DeniedError, 503 where they cannot be."""
        claims = self._claims(token)
        name = _at(claims, self.claims["name"])
        if not isinstance(name, str) or not CALLER_NAME.fullmatch(name):
            raise DeniedError("invalid_jwt")
        structures = _structures(_at(claims, self.claims["structures"]))
        role = _role(_at(claims, self.claims["role"]))
        caller = Caller(PREFIX + name, role or "", structures, self.issuer)
        if role is None:
            raise DeniedError("no_role", caller=caller)
        return caller

    def _claims(self, token: str) -> dict[str, Any]:
        try:
            header = jwt.get_unverified_header(token)
            if header.get("alg") not in ALGORITHMS or not isinstance(header.get("kid"), str):
                raise DeniedError("invalid_jwt")
            key = self.keys.get_signing_key(header["kid"])
            if key.algorithm_name != header["alg"]:
                raise DeniedError("invalid_jwt")
            options: Any = {"require": list(REQUIRED)}
            return jwt.decode(
                token, key, algorithms=list(ALGORITHMS), audience=self.audience, issuer=self.issuer,
                leeway=self.leeway_seconds, options=options,
            )  # fmt: skip
        except jwt.PyJWKClientConnectionError:
            raise DeniedError("unavailable", wait_seconds=int(FETCH_SECONDS)) from None
        except jwt.ExpiredSignatureError:
            raise DeniedError("expired_jwt") from None
        except (jwt.PyJWTError, ValueError, TypeError, ArithmeticError, RecursionError):
            raise DeniedError("invalid_jwt") from None


def provider_of(settings: ServiceSettings) -> Provider | None:
    """The provider of the settings; None where none is given. Errors: RuleError where it is half given."""
    given = {
        "FORFAIT_OIDC_ISSUER": settings.oidc_issuer,
        "FORFAIT_OIDC_AUDIENCE": settings.oidc_audience,
        "FORFAIT_OIDC_JWKS": settings.oidc_jwks,
    }
    missing = [name for name, value in given.items() if not value]
    if len(missing) == len(given):
        return None
    if missing:
        raise RuleError(f"{', '.join(missing)}: missing; OIDC wants issuer, audience and JWKS (an address or a file)")
    claims = {
        "name": settings.oidc_name_claim,
        "role": settings.oidc_role_claim,
        "structures": settings.oidc_structures_claim,
    }
    keys = _keys(settings.oidc_jwks, settings)
    return Provider(settings.oidc_issuer, settings.oidc_audience, keys, claims, settings.oidc_leeway_seconds)


def _keys(where: str, settings: ServiceSettings) -> Keys:
    if not where.startswith(("https://", "http://")):
        return KeysOfFile(Path(where))
    return PyJWKClient(
        where,
        lifespan=settings.oidc_keys_seconds,
        timeout=FETCH_SECONDS,
        cooldown_duration=settings.oidc_unknown_key_seconds,
    )


def _at(claims: Mapping[str, Any], path: str) -> object:
    """A claim by its name, or by the dots of a path (realm_access.roles); None where there is none."""
    if path in claims:
        return claims[path]
    found: Any = claims
    for part in path.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found


def _role(given: object) -> str | None:
    """The one role of ours among what a provider lists; None for none, and for several, which would be a choice."""
    listed = given if isinstance(given, list) else [given]
    found = {role for role in listed if isinstance(role, str) and role in ROLES}
    return found.pop() if len(found) == 1 else None


def _structures(given: object) -> frozenset[str] | None:
    """The structures of the claim; none at all where there is no claim, every one for "*"."""
    listed = given if isinstance(given, list) else [given]
    named = frozenset(one for one in listed if isinstance(one, str))
    return None if EVERY_STRUCTURE in named else named
