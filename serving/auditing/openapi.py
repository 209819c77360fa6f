"""The pages in the OpenAPI document."""

from __future__ import annotations

from typing import Any

from serving.answering import RECORDED
from serving.openapi_common import HTML, MAYBE_DAY, TEXT, parameter

Schema = dict[str, Any]
PDF: Schema = {"type": "string", "contentEncoding": "binary"}
WHOLE: Schema = {"type": "integer", "minimum": 1, "maximum": 999_999_999_999_999}
# An empty field of a form asks for anything.
EMPTY_OR_MODEL: Schema = {"type": "string", "pattern": "^([a-z][a-z0-9_]{0,63})?$"}
LANG: Schema = {"type": "string", "enum": ["fr", "en"]}
NONE: Schema = {}
FORM = "application/x-www-form-urlencoded"
REFUSED = {
    "400": "Formulaire vide.",
    "403": "Formulaire d’un autre site.",
    "404": "Inconnue, ou que l’appelant ne peut voir.",
    "413": "Formulaire trop long.",
    "415": "Autre chose qu’un formulaire.",
    "422": "Paramètre inconnu, ou qui ne peut être.",
    "503": "Le registre, une version ou une règle ne peut être lu.",
}
QUERIES: dict[str, tuple[Schema, str]] = {
    "lang": (LANG, "Langue de la page : fr (sans rien dire) ou en."),
    "row": (WHOLE, "Ligne évaluée, à partir de 1."),
    "with": (WHOLE, "Autre version du même modèle ; sinon la dernière."),
    "structure": (TEXT, "Structure que nomme la décision."),
    "id": ({"type": "string", "maxLength": 128}, "Identifiant de la décision."),
    "from": (MAYBE_DAY, "Inscrite ce jour-là (UTC) au plus tôt."),
    "to": (MAYBE_DAY, "Inscrite ce jour-là (UTC) au plus tard."),
    "caller": ({"type": "string", "maxLength": 512}, "Qui a demandé."),
    "route": ({"type": "string", "enum": ["", *RECORDED]}, "Opération."),
    "model": (EMPTY_OR_MODEL, "Modèle d’une version utilisée."),
    "before": (WHOLE, "Page suivante : les décisions de numéro plus petit."),
    "out": (TEXT, "Dit que l’on est déconnecté."),
    "wrong": (TEXT, "Dit que le texte collé n’est pas un jeton."),
}
ID: Schema = {"name": "id", "in": "path", "required": True, "schema": TEXT}
DECISION = ID | {"description": "Decision-Id de la réponse.", "example": "019a0c3e-6f00-7a21-9b4c-5d2f1e0a7c11"}
STRUCTURE = ID | {"description": "Identifiant de la structure (FINESS).", "example": "750000001"}
SEE_OTHER = {"303": {"description": "La page suivante.", "headers": {"Location": {"schema": TEXT}}}}


def auditing_paths() -> dict[str, Schema]:
    """Path items of the pages for auditors."""
    decision = "/audit/decisions/{id}"
    return {
        "/sign-in": {
            "get": _page("signInPage", "Page de connexion.", (), "lang", "out", "wrong", more=SEE_OTHER),
            "post": _form("signIn", "Garder le jeton dans un cookie.", {"token": TEXT, "lang": LANG}, []),
        },
        "/sign-out": {"post": _form("signOut", "Rendre le cookie.", {"lang": LANG}, [])},
        "/audit": {
            "get": _page(
                "auditSearch", "Chercher une décision.", (),
                "lang", "id", "from", "to", "caller", "route", "model", "structure", "before",
            )
        },
        decision: {"get": _page("auditDecision", "Une décision et l’une de ses lignes.", (DECISION,), "lang", "row")},
        f"{decision}/versions": {
            "get": _page(
                "auditVersions", "Deux versions sur les lignes d’une décision.", (DECISION,),
                "lang", "row", "with", "structure",
            )
        },
        f"{decision}/explanation": {
            "get": _page("explainDecision", "L’explication au titre du CRPA.", (DECISION,), "lang", "row")
        },
        f"{decision}/explanation.pdf": {
            "get": _page(
                "explainDecisionPdf", "L’explication au titre du CRPA, en PDF.", (DECISION,), "lang", "row",
                media="application/pdf",
            )
        },
        "/audit/structures/{id}": {"get": _page("auditStructure", "Une structure.", (STRUCTURE,), "lang")},
        "/audit/models/{name}/versions/{version}": {
            "get": _page(
                "auditModel", "Une version d’un modèle.",
                (parameter("name", required=True), parameter("version", required=True)), "lang",
            )
        },
    }  # fmt: skip


def _page(
    operation: str,
    summary: str,
    places: tuple[Schema, ...],
    *queries: str,
    media: str = HTML,
    more: Schema = NONE,
) -> Schema:
    schema = TEXT if media == HTML else PDF
    asked = [
        {"name": name, "in": "query", "required": False, "schema": QUERIES[name][0], "description": QUERIES[name][1]}
        for name in queries
    ]
    statuses = ("404", "422", "503") if operation != "signInPage" else ("422",)
    return {
        "operationId": operation,
        "summary": summary,
        "parameters": [*places, *asked],
        "responses": {
            "200": {"description": "La page.", "content": {media: {"schema": schema}}},
            **more,
            **{status: {"description": REFUSED[status]} for status in statuses},
        },
    }


def _form(operation: str, summary: str, fields: Schema, required: list[str]) -> Schema:
    schema = {"type": "object", "properties": fields, "required": required}
    statuses = ("400", "403", "413", "415", "422")
    return {
        "operationId": operation,
        "summary": summary,
        "requestBody": {"required": True, "content": {FORM: {"schema": schema}}},
        "responses": {**SEE_OTHER, **{status: {"description": REFUSED[status]} for status in statuses}},
    }
