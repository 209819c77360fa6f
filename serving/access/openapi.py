"""Access in the OpenAPI document: the bearer scheme, the roles of each route, what is answered to others."""

from __future__ import annotations

from typing import Any

from serving.access.callers import ROLES
from serving.access.rights import RIGHTS
from serving.reading import JSON

Schema = dict[str, Any]
BEARER = "bearer"
SCHEMES = {
    BEARER: {
        "type": "http",
        "scheme": "bearer",
        "description": "Un jeton de « forfait token create », ou un JWT du fournisseur OpenID Connect configuré.",
    }
}
WAIT = {"Retry-After": {"description": "Secondes à attendre.", "schema": {"type": "integer"}}}
CHALLENGE = {"WWW-Authenticate": {"description": "Bearer, RFC 6750.", "schema": {"type": "string"}}}
ANSWERS: dict[str, tuple[str, Schema]] = {
    "401": ("Aucun jeton, ou un jeton inconnu, expiré ou révoqué.", CHALLENGE),
    "403": ("Le jeton n’a pas le rôle voulu, ou la structure n’est pas des siennes.", {}),
    "429": ("Trop de demandes de cet appelant.", WAIT),
    "503": ("Les droits ne peuvent être lus, ou l’accès ne peut être inscrit.", WAIT),
}
NAMES = {"payer": "payeur", "auditor": "auditeur", "modeller": "modélisateur", "admin": "administrateur"}


def note_access(paths: Schema, refused: Schema) -> Schema:
    """The security schemes; each operation of `paths` is given who may, and the answers to those who may not."""
    for right in RIGHTS:
        operation = paths.get(right.route, {}).get(right.method.lower())
        if operation is None:  # a test refuses a route that is not in the document; the service starts all the same
            continue
        operation["security"] = [] if right.is_public else [{BEARER: []}]
        if right.is_public:
            continue
        roles = ", ".join(f"{NAMES[role]} ({role})" for role in ROLES if role in right.roles)
        operation["description"] = f"{operation.get('description', '')} Rôles : {roles}.".strip()
        for status, (description, headers) in ANSWERS.items():
            known = operation["responses"].setdefault(status, {"description": description})
            known.setdefault("content", {JSON: {"schema": refused}})
            if headers:
                known["headers"] = known.get("headers", {}) | headers
    return SCHEMES
