"""The pages of one decision: what it holds, one of its rows taken apart, other versions, and its explanation."""

from __future__ import annotations

from functools import partial
from urllib.parse import quote

import msgspec
from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from schemes.statements.document import Column, Document, KeyFigure, Section, Table, Value
from serving.auditing.account import Account, account_of, account_sections
from serving.auditing.amounts import amounts_section, key_amount, result_of
from serving.auditing.asked import Read, decision_of, read_again, row_asked, whole, words_of
from serving.auditing.cases import Case, Part, case_of
from serving.auditing.law import explanation_of
from serving.auditing.page import HEADERS, link_in, page
from serving.auditing.sources import rules_section
from serving.auditing.structure import SMALLEST
from serving.auditing.versions import compared, compared_sections
from serving.auditing.words import Words
from serving.decisions.record import Decision, UsedVersion
from serving.decisions.structures import structures_of
from serving.documents.render import html_of, on_paper, on_screen, pdf_of
from serving.pages import Period, periods

PDF = "application/pdf"
STRUCTURE = "/audit/structures/"


async def decision_page(request: Request) -> Response:
    """GET /audit/decisions/{id}?row=: a decision, and one of its rows."""
    words, decision = words_of(request, "row"), await decision_of(request)
    read = await read_again(request, decision, words)
    count = sum(len(part.matrix) for part in read.parts)
    row = row_asked(request, count)
    case = case_of(read.parts, row)
    account = await _account(request, case)
    return await run_sync(partial(_shown, request, read, account, row, count, words))


async def versions_page(request: Request) -> Response:
    """GET /audit/decisions/{id}/versions?with=&row=&structure=: two versions on the rows of a part of a decision."""
    words, decision = words_of(request, "with", "row", "structure"), await decision_of(request)
    read = await read_again(request, decision, words)
    count = sum(len(part.matrix) for part in read.parts)
    case = case_of(read.parts, row_asked(request, count))
    name = request.query_params.get("structure", "")
    part = case.part.of_structure(name) if case and name else case.part if case else None
    number = words.count(decision.number)
    if case is None or part is None:
        title = words.say("decision_title", number=number)
        return page(request, "page", title, [Section(title, (read.why_not or words.say("no_case"),))], words=words)
    card, store = case.scorer.card, request.app.state.store
    others = [version for version in store.versions(card.model) if version != card.version]
    asked = whole(request, "with") or (others[-1] if others else None)
    title = words.say("compare_title", model=card.model, number=number)
    if name and len(part.matrix) < SMALLEST:
        sections = [Section(title, (words.say("too_few"),))]
    elif asked is None:
        sections = [Section(title, (words.say("compare_none", model=card.model),))]
    else:
        other = await run_sync(store.scorer, card.model, asked)
        work = partial(compared, part, other)
        one = await run_sync(work, limiter=request.app.state.batches)
        sections = compared_sections(one, _numbers(read, part), words)
    kept = {"row": request.query_params.get("row", ""), "structure": name}
    return page(
        request, "versions", title, sections, words=words,
        subtitle=words.say("structure_title", name=name) if name else "",
        others=others, asked=asked, version=card.version, kept={k: v for k, v in kept.items() if v},
        back=link_in(words)(f"/audit/decisions/{decision.id}"), back_label=words.say("decision_title", number=number),
    )  # fmt: skip


async def explanation(request: Request) -> Response:
    """GET /audit/decisions/{id}/explanation?row=, as a page."""
    document = await _document(request)
    return HTMLResponse(await run_sync(html_of, document, on_screen), headers=HEADERS)


async def explanation_pdf(request: Request) -> Response:
    """GET /audit/decisions/{id}/explanation.pdf?row=, on paper."""
    document = await _document(request)
    work = partial(pdf_of, document, on_paper)
    content = await run_sync(work, limiter=request.app.state.batches)
    name = f"decision-{request.path_params['id']}.pdf"
    return Response(content, headers={**HEADERS, "Content-Disposition": f'inline; filename="{name}"'}, media_type=PDF)


async def _document(request: Request) -> Document:
    words, decision = words_of(request, "row"), await decision_of(request)
    read = await read_again(request, decision, words)
    case = case_of(read.parts, row_asked(request, sum(len(part.matrix) for part in read.parts)))
    account = await _account(request, case)
    held = _periods(request, decision)
    return await run_sync(explanation_of, read, account, result_of(decision), held, words)


async def _account(request: Request, case: Case | None) -> Account | None:
    """The account of a row, computed in a thread, a few at a time."""
    return None if case is None else await run_sync(account_of, case, limiter=request.app.state.batches)


def _periods(request: Request, decision: Decision) -> list[Period]:
    versions = msgspec.json.decode(decision.versions, type=list[UsedVersion])
    entries = request.app.state.store.register()
    return [period for model in dict.fromkeys(used.model for used in versions) for period in periods(entries, model)]


def _numbers(read: Read, part: Part) -> list[int]:
    """Numbers of the rows in the decision, for a part or some rows of it."""
    start = 0
    for one in read.parts:
        if one.scorer is part.scorer and one.frame == part.frame and set(part.places) <= set(one.places):
            return [start + one.places.index(place) for place in part.places]
        start += len(one.matrix)
    return []


def _shown(request: Request, read: Read, account: Account | None, row: int, count: int, words: Words) -> Response:
    decision, result, href = read.decision, result_of(read.decision), link_in(words)
    case = account.case if account else None
    sections = [_facts(read, words), amounts_section(decision, result, case, words)]
    after = sum(section is not None for section in sections)
    sections += account_sections(account, words) if account else []
    sections.append(rules_section(decision, result, words))
    address, number = f"/audit/decisions/{decision.id}", words.count(decision.number)
    kept = {"row": row + 1} if count > 1 else {}
    documents = [
        (words.say("explanation_html"), href(f"{address}/explanation", **kept)),
        (words.say("explanation_pdf"), href(f"{address}/explanation.pdf", **kept)),
    ]
    if case is not None:
        documents.append((words.say("compare_link"), href(f"{address}/versions", **kept)))
    return page(
        request, "decision", words.say("decision_title", number=number), [one for one in sections if one], words=words,
        subtitle=f"{decision.route} · {words.moment(decision.recorded_at)} · {decision.caller}",
        links={"facts": _links(read, words)}, form_after=after, count=count, row=row, kept={}, action=address,
        row_label=_row_label(case, row, count, words), documents=documents,
    )  # fmt: skip


def _row_label(case: Case | None, row: int, count: int, words: Words) -> str:
    label = words.say("row_of", row=words.count(row + 1), count=words.count(count))
    if case is None or not case.part.frame:
        return label
    place = words.count(case.part.places[case.number] + 1)
    return f"{label} ({words.say('row_frame', frame=case.part.frame, place=place)})"


def _facts(read: Read, words: Words) -> Section:
    decision = read.decision
    amount = key_amount(decision, result_of(decision), words)
    state = read.replayed.verdict if read.replayed else "none"
    again = KeyFigure(words.say("replay"), Value(words.say(f"replay_{state}")), words.say("replay_note"))
    paragraphs = [read.why_not] if read.why_not else []
    if read.replayed is not None and read.replayed.differing:
        paragraphs.append(words.say("replay_places", places=", ".join(read.replayed.differing)))
    if read.replayed is not None and read.replayed.rounded:
        paragraphs.append(words.say("replay_moved", places=", ".join(read.replayed.rounded)))
    if not read.why_not and not read.parts:
        paragraphs.append(words.say("no_case"))
    columns = (Column("item", words.say("item")), Column("value", words.say("value")))
    rows = tuple((label, value) for label, value, _ in _rows(read, words))
    table = Table("facts", words.say("decision_facts"), columns, rows)
    figures = tuple(one for one in (amount, again) if one is not None)
    return Section(words.say("decision_facts"), tuple(paragraphs), figures, (table,))


def _rows(read: Read, words: Words) -> list[tuple[str, str, str]]:
    """Label, value and address of each fact; an empty address is no link."""
    decision, href = read.decision, link_in(words)
    versions = msgspec.json.decode(decision.versions, type=list[UsedVersion])
    structures = sorted(structures_of(decision))
    return [
        (words.say("f_id"), decision.id, ""),
        (words.say("rows"), words.count(decision.rows), ""),
        *(
            (words.say("model_title", model=used.model, version=used.version), f"{used.hash[:16]}…",
             href(f"/audit/models/{used.model}/versions/{used.version}"))
            for used in versions
        ),
        *((words.say("structure_title", name=one), one, href(STRUCTURE + quote(one, safe=""))) for one in structures),
        (words.say("hash"), decision.hash, ""),
        (words.say("previous_hash"), decision.previous_hash, ""),
    ]  # fmt: skip


def _links(read: Read, words: Words) -> dict[int, str]:
    return {place: address for place, (_, _, address) in enumerate(_rows(read, words)) if address}
