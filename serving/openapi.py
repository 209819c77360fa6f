"""The OpenAPI document of the service; a test holds it in step with the routes."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import msgspec

from features.versions import Card, Entry
from serving import openapi_examples as examples
from serving.access.openapi import note_access
from serving.answering import RECORDED
from serving.auditing.openapi import auditing_paths
from serving.batch import ARROW, PARQUET
from serving.bundles_answers import Bundles
from serving.decisions.openapi import decision_paths, note_recorded
from serving.decisions.replay import Replayed
from serving.decisions.routes import Told
from serving.explanations import Explanation
from serving.french import number
from serving.openapi_common import HTML, MODEL_NAME, TEXT, closed, completed, in_query, parameter
from serving.reading import JSON, Body
from serving.schemes_answers import Paid, Targets
from serving.schemes_openapi import scheme_paths
from serving.settings import ServiceSettings

SCHEMA = "#/components/schemas/{name}"
PAID = (Paid, Targets, Bundles)
DESCRIPTION = (
    "Dépenses attendues de soins, en euros par an ou par épisode, leur explication, et ce que paient PEPS, IPEP, IPSO "
    "et EDS sous des règles datées. Chaque réponse est inscrite au registre des décisions, avec sa demande, avant "
    "d’être donnée ; les valeurs envoyées ne sont ni journalisées, ni répétées dans les messages d’erreur."
)
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


class Healthy(msgspec.Struct):
    """The process answers."""

    status: str


class Loaded(msgspec.Struct):
    """A version that is loaded."""

    model: str
    version: int


class Ready(msgspec.Struct):
    """A version can be served and its answers recorded."""

    status: str
    loaded: list[Loaded]


def openapi(settings: ServiceSettings) -> dict[str, Any]:
    """The OpenAPI 3.1 document, with the limits in force."""
    types: list[type] = [
        Body, Predicted, Explained, Refused, Models, Model, CardWithHash, InForce, Told, Replayed, Healthy, Ready,
        *PAID,
    ]  # fmt: skip
    references, components = msgspec.json.schema_components(types, ref_template=SCHEMA)
    schema = dict(zip(types, references, strict=True))
    _told_of_body(components["Body"], settings)
    paths: dict[str, Any] = {
        "/predict": {"post": _scoring("predict", schema[Body], schema[Predicted], settings)},
        "/explain": {"post": _scoring("explain", schema[Body], schema[Explained], settings)},
        **scheme_paths(schema, refused=schema[Refused], settings=settings),
        **decision_paths(told=schema[Told], replayed=schema[Replayed], refused=schema[Refused]),
        **auditing_paths(),
        **_read(schema),
        **deepcopy(TEXTS),
        "/healthz": {"get": _get("healthz", "Le processus répond.", schema[Healthy], examples.HEALTHY)},
        "/readyz": {"get": _get("readyz", READY, schema[Ready], examples.READY, statuses=("503",))},
    }
    note_recorded(paths, RECORDED, schema[Refused])
    schemes = note_access(paths, schema[Refused])
    completed(paths, schema[Refused])
    return {
        "openapi": "3.1.0",
        "info": {"title": "forfait", "version": "1", "description": DESCRIPTION},
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": schemes},
    }


def _told_of_body(body: dict[str, Any], settings: ServiceSettings) -> None:
    """Say of a JSON request what its type cannot: names, how many rows, one of version and on."""
    closed({"Body": body}, ["Body"])
    values = {"type": ["number", "boolean", "string", "null"]}
    row = {"type": "object", "additionalProperties": values, "minProperties": 1}
    body["properties"] |= {
        "model": MODEL_NAME,
        "rows": {"type": "array", "minItems": 1, "maxItems": settings.max_rows_json, "items": row},
    }
    null, whole, text = ({"type": kind} for kind in ("null", "integer", "string"))
    body["oneOf"] = [
        {"required": ["version"], "properties": {"version": whole, "on": null, "known_on": null}},
        {"required": ["on"], "properties": {"version": null, "on": text}},
    ]


def _read(schema: dict[type, dict[str, Any]]) -> dict[str, Any]:
    """The routes that read models, versions and the register."""
    unread, unknown = ("503",), ("404", "503")
    card = _get("getVersion", "La fiche d’une version figée.", schema[CardWithHash], examples.CARD, "name", "version",
                statuses=("404", "422", "503"), is_page=True)  # fmt: skip
    entry = examples.ENTRY | {"on": "2024-03-01"}
    held = _get("getInForce", "La version en vigueur un jour donné.", schema[InForce], entry, "name", "on",
                "known_on", statuses=("404", "422", "503"))  # fmt: skip
    listed = {"models": [examples.MODEL]}
    return {
        "/models": {
            "get": _get("listModels", "Les modèles, leurs versions et le registre.", schema[Models], listed,
                        statuses=unread)
        },
        "/models/{name}": {
            "get": _get("getModel", "Un modèle et son registre.", schema[Model], examples.MODEL, "name",
                        statuses=unknown, is_page=True)
        },
        "/models/{name}/versions/{version}": {"get": card},
        "/models/{name}/in-force": {"get": held},
    }  # fmt: skip


def _scoring(operation: str, body: dict[str, Any], answer: dict[str, Any], settings: ServiceSettings) -> dict[str, Any]:
    explains = operation == "explain"
    most = number(settings.max_rows_explained if explains else settings.max_rows_batch)
    tables = {media: {"schema": TABLE | {"description": f"{most} {ROWS}"}} for media in (PARQUET, ARROW)}
    json_rows = f"JSON : 1 à {number(settings.max_rows_json)} lignes de toutes les caractéristiques de la fiche."
    shown = examples.EXPLAINED if explains else examples.PREDICTED
    answered = {JSON: {"schema": answer, "example": shown}, **tables, **({HTML: {"schema": TEXT}} if explains else {})}
    return {
        "operationId": operation,
        "summary": "Expliquer des dépenses attendues." if explains else "Estimer des dépenses attendues.",
        "description": f"{json_rows} {BATCHES}{PAGE if explains else ''}",
        "parameters": [
            in_query(name, f"{meaning} (Parquet et Arrow seulement).") for name, meaning in OF_TABLES.items()
        ],
        "requestBody": {
            "required": True,
            "content": {JSON: {"schema": body, "example": examples.REQUEST}, **tables},
        },
        "responses": {
            "200": {"description": "Euros, avec le modèle, la version, l’empreinte et l’unité.", "content": answered},
            **_refusals("400", "404", "413", "415", "422", "503"),
        },
    }


def _get(
    operation: str, summary: str, answer: dict[str, Any], shown: Any, *names: str, statuses: tuple[str, ...] = (),
    is_page: bool = False,
) -> dict[str, Any]:  # fmt: skip
    content = {JSON: {"schema": answer, "example": shown}, **({HTML: {"schema": TEXT}} if is_page else {})}
    return {
        "operationId": operation,
        "summary": summary,
        "parameters": [parameter(name, required=name not in OPTIONAL) for name in names],
        "responses": {"200": {"description": "Trouvé.", "content": content}, **_refusals(*statuses)},
    }


def _text(operation: str, summary: str, media: str, *names: str, statuses: tuple[str, ...] = ()) -> dict[str, Any]:
    kind = {"type": "object"} if media == JSON else TEXT
    answers = {"200": {"description": "Réponse.", "content": {media: {"schema": kind}}}}
    parameters = [parameter(name) for name in names]
    return {
        "operationId": operation,
        "summary": summary,
        "parameters": parameters,
        "responses": answers | _refusals(*statuses),
    }


def _refusals(*statuses: str) -> dict[str, Any]:
    return {status: {"description": REFUSED[status]} for status in statuses}


OPTIONAL = {"known_on"}
OF_TABLES = {
    "model": "Modèle",
    "version": "Version",
    "on": "Jour dont la version en vigueur est voulue",
    "known_on": "Avec « on » : telle que décidée ce jour-là au plus tard",
}
TABLE = {"type": "string", "contentEncoding": "binary"}
ROWS = "lignes au plus, une colonne par caractéristique."
PAGE = " Avec « Accept: text/html », une page pour 20 lignes au plus."
READY = "Une version peut être servie et ses réponses inscrites ; sinon 503, qui dit pourquoi."
TEXTS = {
    "/": {"get": _text("home", "Les modèles en vigueur et leurs fiches.", HTML, "shown_on", statuses=("422", "503"))},
    "/docs": {"get": _text("docs", "Cette documentation.", HTML)},
    "/openapi.json": {"get": _text("openapi", "Le document OpenAPI.", JSON)},
    "/metrics": {"get": _text("metrics", "Les compteurs pour Prometheus.", "text/plain")},
}
