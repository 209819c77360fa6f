"""The ledger in the OpenAPI document: what each recorded route takes and gives, and the two routes of decisions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from serving.decisions.recording import DECISION_ID, IDEMPOTENCY_KEY, REPLAYED
from serving.openapi_common import UUID
from serving.reading import JSON

Schema = dict[str, Any]
TEXT = {"type": "string"}
KEY = {
    "name": IDEMPOTENCY_KEY,
    "in": "header",
    "required": False,
    "description": "Clé choisie par l’appelant : la même clé et la même demande reçoivent la même décision, à "
    "l’octet ; la même clé et une autre demande, un 409.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}
HEADERS = {
    DECISION_ID: {
        "description": "La décision, inscrite au registre avant la réponse.",
        "required": True,
        "schema": UUID,
    },
    "Location": {"description": "Son adresse.", "required": True, "schema": TEXT},
    REPLAYED: {"description": "« true » : la réponse déjà donnée sous cette clé.", "schema": TEXT},
}
RETRY = {"Retry-After": {"description": "Secondes avant un nouvel essai.", "schema": {"type": "integer", "minimum": 1}}}
CONFLICT = "Cette clé d’idempotence a servi à une autre demande."
UNRECORDED = (
    "Le registre des décisions ne répond pas, ou la version ou les règles ne peuvent être lues ; rien n’est répondu."
)
SHOWN = "019a0c3e-6f00-7a21-9b4c-5d2f1e0a7c11"
ID = {
    "name": "id",
    "in": "path",
    "required": True,
    "description": "Decision-Id de la réponse.",
    "schema": UUID,
    "example": SHOWN,
}
REFUSALS = {"404": "Décision inconnue.", "422": "Paramètre inconnu.", "503": UNRECORDED}
EXAMPLES: Schema = {
    "getDecision": {
        "number": 1,
        "id": SHOWN,
        "recorded_at": "2026-11-23T12:35:00.123456Z",
        "caller": "caisse-75",
        "route": "/predict",
        "query": "",
        "idempotency_key": "2024-03-peps-75-0001",
        "request_type": JSON,
        "request_hash": "5d41…",
        "request": {"model": "peps_mg", "on": "2024-03-01", "rows": [{"age": 67}]},
        "rows": 1,
        "versions": [{"model": "peps_mg", "version": 2, "hash": "f988…", "is_in_force": True}],
        "rules": [],
        "characteristics": [{"model": "peps_mg", "version": 2, "rows": 1, "sha256": "77c1…"}],
        "result_type": JSON,
        "result": {"model": "peps_mg", "version": 2, "expected_eur": [412.57]},
        "explanation": "from_request",
        "status": 200,
        "previous_hash": "0" * 64,
        "hash": "9b74…",
    },
    "replayDecision": {
        "id": SHOWN,
        "number": 1,
        "identical": True,
        "is_same_bytes": True,
        "differing": [],
        "rounded": [],
    },
}


def decision_paths(*, told: Schema, replayed: Schema, refused: Schema) -> Schema:
    """Path items of the routes of decisions; the three are schemas of the document."""
    return {
        "/decisions/{id}": {"get": _operation("getDecision", "Une décision du registre.", told, refused)},
        "/decisions/{id}/replay": {
            "post": _operation(
                "replayDecision",
                "Recalculer une décision d’après ce qui en est gardé : identique, ou ce qui diffère.",
                replayed,
                refused,
            )
        },
    }


def note_recorded(paths: Mapping[str, Schema], routes: Iterable[str], refused: Schema) -> None:
    """Add to the operations of the recorded routes the key that they take, the headers that they give, 409 and 503."""
    for route in routes:
        operation = paths[route]["post"]
        operation["parameters"] = [*operation.get("parameters", []), KEY]
        responses = operation["responses"]
        responses["200"] = responses["200"] | {"headers": HEADERS}
        responses["409"] = {"description": CONFLICT, "content": {JSON: {"schema": refused}}}
        responses["503"] = {"description": UNRECORDED, "content": {JSON: {"schema": refused}}, "headers": RETRY}
        operation["responses"] = dict(sorted(responses.items()))


def _operation(name: str, summary: str, answer: Schema, refused: Schema) -> Schema:
    answered = {"schema": answer, "example": EXAMPLES[name]}
    refusals = {
        status: {"description": what, "content": {JSON: {"schema": refused}}} for status, what in REFUSALS.items()
    }
    return {
        "operationId": name,
        "summary": summary,
        "parameters": [ID],
        "responses": {"200": {"description": "Trouvée.", "content": {JSON: answered}}, **refusals},
    }
