"""The OpenAPI document of the service; a test holds it in step with the routes."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import msgspec

from features.versions import Card, Entry
from serving.access.openapi import note_access
from serving.answering import RECORDED
from serving.batch import ARROW, PARQUET
from serving.bundles_answers import Bundles
from serving.decisions.openapi import decision_paths, note_recorded
from serving.decisions.replay import Replayed
from serving.decisions.routes import Told
from serving.explanations import Explanation
from serving.french import number
from serving.reading import JSON, Body
from serving.schemes_answers import Paid, Targets
from serving.schemes_openapi import scheme_paths
from serving.settings import ServiceSettings

HTML = "text/html"
SCHEMA = "#/components/schemas/{name}"
PAID = (Paid, Targets, Bundles)
EXAMPLE = {
    "model": "peps_mg",
    "on": "2024-03-01",
    "rows": [{"age": 67, "is_woman": 1, "ald_08": True, "fdep_quintile": "4"}],
}
DESCRIPTION = (
    "Dépenses attendues de soins, en euros par an ou par épisode, leur explication, et ce que paient PEPS, IPEP, IPSO "
    "et EDS sous des règles datées. Chaque réponse est inscrite au registre des décisions, avec sa demande, avant "
    "d’être donnée ; les valeurs envoyées ne sont ni journalisées, ni répétées dans les messages d’erreur."
)
HEADER = {"model": "peps_mg", "version": 2, "hash": "f988b7b216930888…", "unit": "EUR per year", "count": 1}
ANSWERS = {
    "predict": HEADER | {"expected_eur": [412.57]},
    "explain": HEADER
    | {
        "explanations": [
            {
                "expected_eur": 412.57,
                "base_eur": 310.0,
                "floor_eur": 0.0,
                "contributions": [
                    {"feature": "age", "label_fr": "Âge", "family": "age_sex", "value": 67, "contribution_eur": 102.57}
                ],
                "families": [{"family": "age_sex", "label_fr": "Âge et sexe", "contribution_eur": 102.57}],
            }
        ]
    },
}
BATCHES = "Parquet et Arrow : « ?model=peps_mg&on=2024-03-01 » dans l’adresse ; la réponse est du même format."
REFUSED = {
    "400": "Corps vide, illisible, champ donné deux fois, ni version ni jour, ou les deux.",
    "404": "Modèle ou version inconnus ; aucune version en vigueur ce jour-là.",
    "413": "Trop de lignes ou d’octets.",
    "415": "Format non pris en charge.",
    "422": "Caractéristique inconnue, manquante, hors bornes ou d’un autre type : le champ et la ligne sont nommés.",
    "503": "La version existe mais ne peut être lue.",
}


class Header(msgspec.Struct, kw_only=True):
    """What every answer carries."""

    model: str
    version: int
    hash: str
    unit: str
    count: int


class Predicted(Header, kw_only=True):
    """Expected euros for a full year or an episode (`unit`), one per row, in the order of the rows."""

    expected_eur: list[float]


class Explained(Header, kw_only=True):
    """Explanations, one per row, in the order of the rows."""

    explanations: list[Explanation]


class Fault(msgspec.Struct):
    """What was wrong: the field and the row (from 0) when there is one, and what would be right."""

    field: str | None
    row: int | None
    message: str


class Refused(msgspec.Struct):
    """The body of every 4xx and 5xx."""

    error: Fault


class Model(msgspec.Struct):
    """A model: its frozen versions and its register, oldest first."""

    model: str
    versions: list[int]
    register: list[Entry]


class Models(msgspec.Struct):
    """The models that have a frozen version."""

    models: list[Model]


class InForce(Entry, frozen=True, kw_only=True):
    """The entry of the register that held on the day asked."""

    on: str


class CardWithHash(msgspec.Struct):
    """The card of a version, and the hash of its two files."""

    hash: str
    card: Card


def openapi(settings: ServiceSettings) -> dict[str, Any]:
    """The OpenAPI 3.1 document, with the limits in force."""
    types: list[type] = [
        Body, Predicted, Explained, Refused, Models, Model, CardWithHash, InForce, Told, Replayed, *PAID,
    ]  # fmt: skip
    references, components = msgspec.json.schema_components(types, ref_template=SCHEMA)
    schema = dict(zip(types, references, strict=True))
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": "forfait",
            "version": "1",
            "description": DESCRIPTION,
        },
        "paths": {
            "/predict": {"post": _scoring("predict", schema[Body], answer=schema[Predicted], settings=settings)},
            "/explain": {"post": _scoring("explain", schema[Body], answer=schema[Explained], settings=settings)},
            **scheme_paths(schema, refused=schema[Refused], settings=settings),
            **decision_paths(told=schema[Told], replayed=schema[Replayed], refused=schema[Refused]),
            "/models": {"get": _get("listModels", "Les modèles, leurs versions et le registre.", schema[Models])},
            "/models/{name}": {"get": _get("getModel", "Un modèle et son registre.", schema[Model], "name")},
            "/models/{name}/versions/{version}": {
                "get": _get("getVersion", "La fiche d’une version figée.", schema[CardWithHash], "name", "version")
            },
            "/models/{name}/in-force": {
                "get": _get(
                    "getInForce", "La version en vigueur un jour donné.", schema[InForce], "name", "on", "known_on"
                )
            },
            **deepcopy(TEXTS),
        },
        "components": {"schemas": components},
    }
    note_recorded(document["paths"], RECORDED, schema[Refused])
    document["components"]["securitySchemes"] = note_access(document["paths"], schema[Refused])
    return document


PARAMETERS = {
    "name": ("path", "string", "Nom du modèle."),
    "version": ("path", "integer", "Numéro de version."),
    "on": ("query", "string", "Jour, écrit 2024-03-01."),
    "known_on": ("query", "string", "Ne tenir compte que des décisions prises ce jour-là au plus tard."),
}
OPTIONAL = {"known_on"}


def _scoring(
    operation: str, body: dict[str, Any], *, answer: dict[str, Any], settings: ServiceSettings
) -> dict[str, Any]:
    explains = operation == "explain"
    most = number(settings.max_rows_explained if explains else settings.max_rows_batch)
    table = {
        "type": "string",
        "format": "binary",
        "description": f"{most} lignes au plus, une colonne par caractéristique.",
    }
    tables = {PARQUET: {"schema": table}, ARROW: {"schema": table}}
    json_rows = f"JSON : 1 à {number(settings.max_rows_json)} lignes de toutes les caractéristiques de la fiche."
    page = " Avec « Accept: text/html », une page pour 20 lignes au plus." if explains else ""
    answered = {JSON: {"schema": answer, "example": ANSWERS[operation]}, **tables}
    return {
        "operationId": operation,
        "summary": "Expliquer des dépenses attendues." if explains else "Estimer des dépenses attendues.",
        "description": f"{json_rows} {BATCHES}{page}",
        "parameters": [
            _parameter(name, "query", kind, f"{meaning} (Parquet et Arrow seulement).")
            for name, kind, meaning in (
                ("model", "string", "Modèle"),
                ("version", "integer", "Version"),
                ("on", "string", "Jour dont la version en vigueur est voulue"),
            )
        ],
        "requestBody": {"required": True, "content": {JSON: {"schema": body, "example": EXAMPLE}, **tables}},
        "responses": {
            "200": {"description": "Euros, avec le modèle, la version, l’empreinte et l’unité.", "content": answered},
            **_refusals("400", "404", "413", "415", "422", "503"),
        },
    }


def _get(operation: str, summary: str, answer: dict[str, Any], *names: str) -> dict[str, Any]:
    return {
        "operationId": operation,
        "summary": summary,
        "parameters": [_named(name) for name in names],
        "responses": {
            "200": {"description": "Trouvé.", "content": {JSON: {"schema": answer}}},
            **_refusals("404", "422", "503"),
        },
    }


def _text(operation: str, summary: str, media: str, *names: str) -> dict[str, Any]:
    answers = {"200": {"description": "Réponse.", "content": {media: {"schema": {"type": "string"}}}}}
    if operation == "readyz":
        answers |= _refusals("503")
    parameters = [_named(name) | {"required": False} for name in names]
    return {"operationId": operation, "summary": summary, "parameters": parameters, "responses": answers}


def _named(name: str) -> dict[str, Any]:
    place, kind, description = PARAMETERS[name]
    return _parameter(name, place, kind, description, required=name not in OPTIONAL)


def _parameter(name: str, place: str, kind: str, description: str, *, required: bool = False) -> dict[str, Any]:
    return {"name": name, "in": place, "required": required, "description": description, "schema": {"type": kind}}


def _refusals(*statuses: str) -> dict[str, Any]:
    content = {JSON: {"schema": {"$ref": SCHEMA.format(name="Refused")}}}
    return {status: {"description": REFUSED[status], "content": content} for status in statuses}


READY = "Une version peut être servie et ses réponses inscrites ; sinon 503, qui dit pourquoi."
TEXTS = {
    "/": {"get": _text("home", "Les modèles en vigueur et leurs fiches.", HTML, "on")},
    "/docs": {"get": _text("docs", "Cette documentation.", HTML)},
    "/openapi.json": {"get": _text("openapi", "Le document OpenAPI.", JSON)},
    "/metrics": {"get": _text("metrics", "Les compteurs pour Prometheus.", "text/plain")},
    "/healthz": {"get": _text("healthz", "Le processus répond.", JSON)},
    "/readyz": {"get": _text("readyz", READY, JSON)},
}
