"""The scheme routes in the OpenAPI document: frames and columns are those of the code that reads them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from serving.bundles import BUNDLE
from serving.bundles_answers import Bundles
from serving.french import number
from serving.openapi_examples import SCHEMES
from serving.reading import JSON
from serving.schemes import ROUTES, Route
from serving.schemes_answers import Paid, Targets
from serving.schemes_columns import LONGEST_TEXT, Frame, kind_of
from serving.schemes_examples import EXAMPLES
from serving.schemes_reading import AskedBundles, AskedTarget
from serving.settings import ServiceSettings

Schema = dict[str, Any]
ANSWERS: dict[type, type] = {AskedTarget: Targets, AskedBundles: Bundles}
SUMMARIES = {
    "/peps/forfait": "PEPS : le forfait d’équipes pour une année.",
    "/ipep/target": "IPEP : la dépense attendue de groupements, sans paiement.",
    "/ipep/interessement": "IPEP : l’intéressement de groupements pour une année.",
    "/ipso/forfait": "IPSO : le forfait de cabinets pour une année.",
    "/eds/bundle": "EDS : le forfait d’épisodes de soins à l’admission.",
}
SMALL = " L’exemple, de deux patients, est répondu par un refus motivé : la taille minimale n’est pas atteinte."
AT_ADMISSION = (
    " Le forfait ne dépend que de l’épisode et de la référence des années précédentes : ni la normalisation ni la "
    "tendance mesurée de l’année n’y entrent. « features » : les caractéristiques connues à l’admission, que note le "
    "modèle du programme (« versions », à défaut celui en vigueur au jour « on »)."
)
NOTES = {"/peps/forfait": SMALL, "/ipep/interessement": SMALL, "/eds/bundle": AT_ADMISSION}
WORDS = {
    "participations": "Qui participe, du premier au dernier jour compris ; to_date nul : sans fin.",
    "teams": "Professionnels de l’année par équipe.",
    "patients": "Patients de la liste ; expected_eur est la dépense attendue d’une année entière.",
    "members": "Patients du groupement, une ligne par année (l’année et celle d’avant).",
    "reference": "Référence nationale.",
    "zones": "Dépense par zone, la nation entière.",
    "fee_for_service": "Anciens revenus à l’acte par équipe ; nul : inconnu.",
    "modules": "Modules facultatifs, en centimes.",
    "families": "Apport moyen de chaque famille de caractéristiques.",
    "nation": "Plafond et tendance nationale, une ligne par année.",
    "residuals": "Échantillon de patients de référence, pour le hasard.",
    "indicators": "Indicateurs de qualité des structures et des territoires.",
    "declared": "Briques déclarées par les médecins.",
    "episodes": "Épisodes ; expected_eur est le coût attendu, pathway le parcours, si les règles les distinguent.",
    "contracts": "Contrats signés ; sans eux, la liste fait foi.",
}
DAY = "^(19|2[01])[0-9]{2}-[0-9]{2}-[0-9]{2}$"
FEATURES = (
    "Caractéristiques à la place de expected_eur : valeur par nom, toutes celles de la fiche de la version demandée."
)
REFUSALS = {
    "400": "Corps vide, illisible ou champ donné deux fois.",
    "404": "Aucune règle en vigueur ce jour-là ; modèle ou version inconnus.",
    "413": "Trop de lignes ou d’octets.",
    "415": "Format non pris en charge.",
    "422": "Tableau, colonne ou ligne refusés : ils sont nommés (« patients.expected_eur », ligne à partir de 0).",
    "503": "Les règles ou la version existent mais ne peuvent être lues.",
}


def scheme_paths(references: Mapping[type, Schema], *, refused: Schema, settings: ServiceSettings) -> dict[str, Schema]:
    """Path items of the scheme routes; `references` and `refused` are schemas of the document."""
    return {route.path: {"post": _operation(route, references, refused, settings)} for route in (*ROUTES, BUNDLE)}


def _operation(route: Route, references: Mapping[type, Schema], refused: Schema, settings: ServiceSettings) -> Schema:
    answer = references[ANSWERS.get(route.form, Paid)]
    limits = f"{number(settings.max_rows_schemes)} lignes au plus, tous tableaux réunis"
    drawn = f" ; {number(settings.max_draws)} tirages au plus" if route.scheme == "ipep" else ""
    return {
        "operationId": route.path.strip("/").replace("/", "_"),
        "summary": SUMMARIES[route.path],
        "description": f"JSON : {limits}{drawn}. Les règles sont celles du jour « on » (à défaut le 1er janvier), "
        "telles que publiées au jour « known_on » ; la réponse les nomme, avec les valeurs retenues qui ne viennent "
        f"pas du texte officiel.{NOTES.get(route.path, '')}",
        "requestBody": {
            "required": True,
            "content": {JSON: {"schema": _request(route, settings), "example": EXAMPLES[route.path]}},
        },
        "responses": {
            "200": {
                "description": "Montants en centimes, composantes, règles et valeurs retenues.",
                "content": {JSON: {"schema": answer, "example": SCHEMES[route.path]}},
            },
            **{
                status: {"description": what, "content": {JSON: {"schema": refused}}}
                for status, what in REFUSALS.items()
            },
        },
    }


def _request(route: Route, settings: ServiceSettings) -> Schema:
    """Schema of a request: that of its form, with the frames of the scheme, and without parts of other documents."""
    _, components = msgspec.json.schema_components([route.form])
    form: Schema = components[route.form.__name__]
    properties: Schema = form["properties"] | {"inputs": _inputs(route.frames)}
    if "draws" in properties:
        properties["draws"] = properties["draws"] | {"maximum": settings.max_draws}
    return form | {"properties": properties}


def _inputs(frames: Mapping[str, Frame]) -> Schema:
    return {
        "type": "object",
        "properties": {
            name: {"type": "array", "description": WORDS[name], "items": _row(frame)}
            | ({"minItems": 1} if frame.when_empty else {})
            for name, frame in frames.items()
        },
        "required": [name for name, frame in frames.items() if not frame.is_optional],
        "additionalProperties": False,
    }


def _row(frame: Frame) -> Schema:
    properties = {column: _value(kind) for column, kind in frame.kinds.items()}
    required = list(frame.columns)
    if frame.is_scored:
        value = {"type": ["number", "boolean", "string", "null"]}
        properties["features"] = {"type": "object", "description": FEATURES, "additionalProperties": value}
        required = [column for column in required if column not in ("expected_eur", *frame.filled)]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _value(kind_name: str) -> Schema:
    kind, is_nullable = kind_of(kind_name)
    name = {"text": "string", "day": "string", "flag": "boolean", "number": "integer" if kind.is_whole else "number"}
    schema: Schema = {"type": [name[kind.type], "null"] if is_nullable else name[kind.type]}
    if kind.choices:
        schema["enum"] = [*kind.choices, *([None] if is_nullable else [])]
    elif kind.pattern:
        schema["pattern"] = f"^{kind.pattern}$"
    elif kind.type == "text":
        schema |= {"minLength": 1, "maxLength": LONGEST_TEXT}
    elif kind.type == "day":
        schema |= {"format": "date", "pattern": DAY}
    elif kind.type == "number":
        schema |= {"minimum": kind.low, "maximum": kind.high}
    return schema
