"""A page from its sections: drawn on the server, never kept by a browser, no script, nothing fetched from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse

from schemes.statements.document import Document, Section
from serving.access.callers import OPEN
from serving.auditing.words import Words
from serving.documents.render import on_screen
from serving.documents.words import in_words
from serving.pages import PAGES

Links = Mapping[str, Mapping[int, str]]
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"  # noqa: E501
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


def page(
    request: Request, template: str, title: str, sections: Sequence[Section] = (), *, words: Words, **values: Any
) -> HTMLResponse:
    """The page of some sections, by a template of templates/audit."""
    document = Document(title, values.pop("subtitle", ""), words.language, tuple(sections))
    caller = request.state.caller
    given = {"links": {}, "notes": (), "form_after": 0, "is_in": True} | values
    text = PAGES.get_template(f"audit/{template}.html").render(
        page=in_words(document, on_screen),
        w=words,
        href=link_in(words),
        other=in_other_language(request, words) if request.method == "GET" else "",
        can_leave=caller is not None and caller.role != OPEN,
        **given,
    )
    return HTMLResponse(text, headers=HEADERS)


def link_in(words: Words) -> Any:
    """What makes an address of a path and a query, in the language of the page."""

    def href(path: str, **query: object) -> str:
        asked = {name: str(value) for name, value in query.items() if value not in (None, "")}
        if words.language == "en":
            asked["lang"] = "en"
        return f"{path}?{urlencode(asked)}" if asked else path

    return href


def in_other_language(request: Request, words: Words) -> str:
    """The address of the same page in the other language."""
    query = {name: text for name, text in request.query_params.items() if name != "lang"}
    if words.language == "fr":
        query["lang"] = "en"
    return f"{request.url.path}?{urlencode(query)}" if query else str(request.url.path)
