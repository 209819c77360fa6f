"""Keys made here, their JWKS, and JWTs signed with them, for the tests of OIDC."""

from __future__ import annotations

import json
import time
from functools import cache
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

ISSUER, AUDIENCE = "https://idp.example", "forfait"
Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@cache
def rsa_key(number: int = 0) -> rsa.RSAPrivateKey:
    """An RSA key; the same for the same number."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache
def ec_key(number: int = 0) -> ec.EllipticCurvePrivateKey:
    """A P-256 key; the same for the same number."""
    return ec.generate_private_key(ec.SECP256R1())


def jwks(**keys: Key) -> dict[str, Any]:
    """The public keys, by identifier."""
    return {"keys": [_public(key) | {"kid": kid, "use": "sig"} for kid, key in keys.items()]}


def write_jwks(path: Path, content: dict[str, Any]) -> Path:
    """The file of a JWKS."""
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def claims(**others: object) -> dict[str, Any]:
    """The claims of an auditor for the next minutes; `others` replace them, None removes."""
    now = int(time.time())
    given = {"iss": ISSUER, "aud": AUDIENCE, "sub": "drees-audit", "iat": now, "exp": now + 300}
    given |= {"forfait_role": "auditor", "forfait_structures": "*"} | others  # type: ignore[dict-item]
    return {name: value for name, value in given.items() if value is not None}


def signed(given: dict[str, Any], key: Any, *, alg: str = "RS256", kid: str | None = "k1") -> str:
    """A JWT."""
    return jwt.encode(given, key, algorithm=alg, headers={"kid": kid} if kid else {})


def _public(key: Key) -> dict[str, Any]:
    if isinstance(key, rsa.RSAPrivateKey):
        return json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key()))
    return json.loads(jwt.algorithms.ECAlgorithm.to_jwk(key.public_key()))
