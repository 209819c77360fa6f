"""What every operation of the OpenAPI document has: the request id, its refusals with an example, their headers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from serving.access.callers import LATER, NO_TOKEN, NOT_YOURS
from serving.decisions.ledger import UNKNOWN
from serving.reading import JSON

Schema = dict[str, Any]
HTML = "text/html"
TEXT: Schema = {"type": "string"}
DAY: Schema = {"type": "string", "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}
MAYBE_DAY: Schema = {"type": "string", "pattern": "^([0-9]{4}-[0-9]{2}-[0-9]{2})?$"}
MODEL_NAME: Schema = {"type": "string", "pattern": "^[a-z][a-z0-9_]{0,63}$"}
UUID: Schema = {
    "type": "string",
    "format": "uuid",
    "pattern": "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$",
}
REQUEST_ID = "X-Request-Id"
ASKED_ID: Schema = {
    "name": REQUEST_ID,
    "in": "header",
    "required": False,
    "description": "UUID de la demande, repris dans la réponse et les journaux ; sinon il en est fait un. Autre chose "
    "qu’un UUID n’est pas repris.",
    "schema": TEXT,
    "example": "0b9c6f0e-3f0a-4b8e-9a57-6a1f6c2f7c11",
}
GIVEN_ID: Schema = {REQUEST_ID: {"description": "Identifiant de la demande.", "required": True, "schema": UUID}}
WAIT: Schema = {"Retry-After": {"description": "Secondes à attendre.", "schema": {"type": "integer", "minimum": 1}}}
FAULT = "Défaut du service ; le journal dit où."
WRONG_AGE = "row 1: feature 'age' does not take this value; give a number from 0 to 110"
# One refusal for each status: field, row, message, as the service gives it.
REFUSALS: dict[str, tuple[str | None, int | None, str]] = {
    "400": ("rows", None, "rows is empty; give 1 row or more"),
    "401": (None, None, NO_TOKEN),
    "403": (None, None, NOT_YOURS),
    "404": ("model", None, "unknown model; the models are: peps_mg"),
    "409": ("Idempotency-Key", None, "this Idempotency-Key had another request; use a new key"),
    "413": ("rows", None, "over 10,000 rows; send fewer, or Parquet or Arrow"),
    "415": (None, None, "send application/json as the Content-Type"),
    "422": ("age", 1, WRONG_AGE),
    "429": (None, None, LATER),
    "500": (None, None, "the service failed; tell its keepers the time and the route"),
    "503": (None, None, "the answer was not recorded and is not given: the ledger cannot be reached"),
}
OWN_REFUSALS: dict[str, Mapping[str, tuple[str | None, int | None, str]]] = {
    "/decisions/{id}": {"404": ("id", None, UNKNOWN), "422": (None, None, "the query takes nothing")},
    "/decisions/{id}/replay": {"404": ("id", None, UNKNOWN), "422": (None, None, "the query takes nothing")},
    "/": {"422": ("on", None, "on is not a day; write it as 2024-03-01")},
    "/models/{name}/in-force": {"422": ("on", None, "on is missing; give the day as ?on=2024-03-01")},
    "/models/{name}/versions/{version}": {
        "422": ("version", None, "version is not a version number; give a whole number from 1")
    },
}
PARAMETERS: dict[str, tuple[str, Schema, str, object]] = {
    "model": ("query", MODEL_NAME, "Nom du modèle.", "peps_mg"),
    "name": ("path", MODEL_NAME, "Nom du modèle.", "peps_mg"),
    "version": ("path", {"type": "integer", "minimum": 1, "maximum": 999_999_999}, "Numéro de version.", 2),
    "on": ("query", DAY, "Jour, écrit 2024-03-01.", "2024-03-01"),
    "shown_on": ("query", MAYBE_DAY, "Jour, écrit 2024-03-01 ; vide : tous.", "2024-03-01"),
    "known_on": ("query", DAY, "Ne tenir compte que des décisions prises ce jour-là au plus tard.", "2024-03-01"),
}


def parameter(name: str, *, required: bool = False) -> Schema:
    """A parameter of PARAMETERS, with its example."""
    place, schema, description, example = PARAMETERS[name]
    return {
        "name": name.removeprefix("shown_"),
        "in": place,
        "required": required,
        "description": description,
        "schema": schema,
        "example": example,
    }


def in_query(name: str, description: str) -> Schema:
    """An optional parameter of the query, of the form that it has in PARAMETERS."""
    schema = PARAMETERS[name][1]
    return {"name": name, "in": "query", "required": False, "description": description, "schema": schema}


def completed(paths: Mapping[str, Schema], refused: Schema) -> None:
    """Give each operation of `paths` the request id and a 500, each refusal its schema, an example and its headers.

    What the owner of a route wrote stays as it is. A refused GET is a page for a browser.
    """
    for path, operations in paths.items():
        for method, operation in operations.items():
            operation["parameters"] = [*operation.get("parameters", []), ASKED_ID]
            responses = operation["responses"]
            responses.setdefault("500", {"description": FAULT})
            operation["responses"] = {
                status: _completed(path, method, status, responses[status], refused) for status in sorted(responses)
            }


def closed(schemas: Schema, names: Iterable[str]) -> None:
    """Say of the structures `names`, which refuse what they do not know, that they do."""
    for name in names:
        schemas[name]["additionalProperties"] = False


def _completed(path: str, method: str, status: str, response: Schema, refused: Schema) -> Schema:
    headers = GIVEN_ID | (WAIT if status in ("429", "503") else {}) | response.get("headers", {})
    if status < "400":
        return response | {"headers": headers}
    field, row, message = OWN_REFUSALS.get(path, {}).get(status) or REFUSALS[status]
    example = {"error": {"field": field, "row": row, "message": message}}
    content = {JSON: {"schema": refused, "example": example}, **({HTML: {"schema": TEXT}} if method == "get" else {})}
    return response | {"headers": headers, "content": content}
