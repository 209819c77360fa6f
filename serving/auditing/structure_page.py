"""GET /audit/structures/{id}: a structure, from the latest decision whose rows of it a model scored."""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec
from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import Response

from features.errors import RuleError
from schemes.statements.document import Column, Section, Table
from serving.access.callers import may_see
from serving.auditing.asked import caller_of, words_of
from serving.auditing.cases import Part, Row, is_too_large, parts_scored
from serving.auditing.page import link_in, page
from serving.auditing.structure import SMALLEST, heaviest_rows, leakage_of, structure_sections
from serving.auditing.words import Words
from serving.decisions.record import Decision, unpacked
from serving.decisions.replay import pinned
from serving.decisions.search import Line, Wanted, search
from serving.refusals import RefusalError
from serving.schemes_columns import LONGEST_TEXT

LATEST = 10
UNKNOWN = "no decision that you may read names this structure"


async def structure_page(request: Request) -> Response:
    """The page. Errors: RefusalError 404 for a structure that no decision names, or not the caller's."""
    words, name, caller = words_of(request), request.path_params["id"], caller_of(request)
    if len(name) > LONGEST_TEXT or not name.isprintable() or not may_see(caller, [name]):
        raise RefusalError(404, UNKNOWN, field="id")
    state = request.app.state
    found = await run_sync(partial(search, state.ledger, Wanted(structure=name), caller))
    if not found.lines:
        raise RefusalError(404, UNKNOWN, field="id")
    work = partial(_page, request, name, found.lines, words)
    return await run_sync(work, limiter=state.batches)


def _page(request: Request, name: str, lines: list[Line], words: Words) -> Response:
    href = link_in(words)
    seen = _latest(request.app.state, name, lines)
    sections, links, subtitle = [], {}, words.say("structure_none")
    if seen is not None:
        decision, part, firsts, rows = seen
        number, when = words.count(decision.number), words.moment(decision.recorded_at)
        subtitle = words.say("structure_of", number=number, when=when)
        sections = structure_sections(part, firsts, leakage_of(rows), words)
        address = f"/audit/decisions/{decision.id}"
        links["heaviest"] = {n: href(address, row=row + 1) for n, row in enumerate(heaviest_rows(part, firsts))}
        compare = href(f"{address}/versions", structure=name, row=firsts[0] + 1)
    columns = (
        Column("number", words.say("number")),
        Column("route", words.say("f_route")),
        Column("when", words.say("recorded")),
    )
    shown = tuple(
        (words.say("decision_title", number=words.count(line.number)), line.route, words.moment(line.recorded_at))
        for line in lines
    )
    links["decisions"] = {n: href(f"/audit/decisions/{line.id}") for n, line in enumerate(lines)}
    table = Table("decisions", words.say("structure_decisions"), columns, shown)
    sections.append(Section(words.say("structure_decisions"), tables=(table,)))
    documents = [(words.say("compare_link"), compare)] if seen is not None and len(seen[1].matrix) >= SMALLEST else []
    return page(
        request, "decision", words.say("structure_title", name=name), sections, words=words, subtitle=subtitle,
        links=links, count=0, documents=documents,
    )  # fmt: skip


def _latest(state: Any, name: str, lines: list[Line]) -> tuple[Decision, Part, list[int], list[Row]] | None:
    """The latest decision with scored rows of the structure: those rows, their numbers, and all its rows as sent."""
    for line in lines[:LATEST]:
        decision = state.ledger.find(line.id)
        if not decision.rows or is_too_large(decision):
            continue
        try:
            parts = parts_scored(decision, pinned(state.store, decision))
        except (RuleError, RefusalError):  # its version is no longer there; the page of the decision says so
            continue
        start = 0
        for part in parts:
            own = part.of_structure(name)
            if own is not None:
                firsts = [start + part.places.index(place) for place in own.places]
                return decision, own, firsts, _rows_of(decision, part.frame, name)
            start += len(part.matrix)
    return None


def _rows_of(decision: Decision, frame: str, name: str) -> list[Row]:
    rows = msgspec.json.decode(unpacked(decision.request))["inputs"][frame]
    return [row for row in rows if row.get("structure_id") == name]
