"""The pages: search, one decision, one structure, one version, two versions, and the explanation that the law wants."""

from __future__ import annotations

from functools import partial

from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import Response

from schemes.statements.document import Column, Section, Table
from serving.answering import RECORDED
from serving.auditing.asked import caller_of, query_of, wanted_of, words_of
from serving.auditing.decision_pages import decision_page, explanation, explanation_pdf, versions_page
from serving.auditing.model import model_sections
from serving.auditing.page import link_in, page
from serving.auditing.sign_in import sign_in, sign_in_page, sign_out
from serving.auditing.structure_page import structure_page
from serving.auditing.words import Words, words_asked
from serving.decisions.search import Found, search
from serving.reading import whole_number

__all__ = ["HANDLERS"]


async def search_page(request: Request) -> Response:
    """GET /audit: decisions that the caller may read, by what they are looked for by."""
    wanted, words = wanted_of(request), words_asked(request.query_params.get("lang"))
    caller, state = caller_of(request), request.app.state
    found = await run_sync(partial(search, state.ledger, wanted, caller))
    asked, href = query_of(wanted), link_in(words)
    return page(
        request, "search", words.say("search_title"), _results(found, words), words=words,
        links={"results": {n: href(f"/audit/decisions/{line.id}") for n, line in enumerate(found.lines)}},
        asked=asked, routes=RECORDED, models=state.store.models(), is_scoped=caller.structures is not None,
        newest=href("/audit", **asked) if wanted.before else "",
        older=href("/audit", **asked, before=found.more) if found.more else "",
    )  # fmt: skip


async def model_page(request: Request) -> Response:
    """GET /audit/models/{name}/versions/{version}."""
    words, store = words_of(request), request.app.state.store
    name, version = request.path_params["name"], whole_number(request.path_params["version"])
    scorer = await run_sync(store.scorer, name, version)
    card = scorer.card
    title = words.say("model_title", model=card.model, version=card.version)
    sections = model_sections(scorer, store.register(), words)
    return page(request, "page", title, sections, words=words)


def _results(found: Found, words: Words) -> list[Section]:
    if not found.lines:
        return []
    rows = tuple(
        (
            words.say("decision_title", number=words.count(line.number)),
            words.moment(line.recorded_at),
            line.caller,
            line.route,
            ", ".join(f"{used.model} {used.version}" for used in line.versions),
            line.rows,
        )
        for line in found.lines
    )
    keys = ("number", "recorded", "f_caller", "f_route", "versions")
    columns = (*(Column(key, words.say(key)) for key in keys), Column("rows", words.say("rows"), "count"))
    return [Section(words.say("results"), tables=(Table("results", words.say("results"), columns, rows),))]


HANDLERS = {
    ("/sign-in", "GET"): sign_in_page,
    ("/sign-in", "POST"): sign_in,
    ("/sign-out", "POST"): sign_out,
    ("/audit", "GET"): search_page,
    ("/audit/decisions/{id}", "GET"): decision_page,
    ("/audit/decisions/{id}/versions", "GET"): versions_page,
    ("/audit/decisions/{id}/explanation", "GET"): explanation,
    ("/audit/decisions/{id}/explanation.pdf", "GET"): explanation_pdf,
    ("/audit/structures/{id}", "GET"): structure_page,
    ("/audit/models/{name}/versions/{version}", "GET"): model_page,
}
