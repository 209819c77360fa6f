"""What a page is asked: a decision that the caller may read, a row, days, names; each refused where it cannot be."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import partial

from anyio.to_thread import run_sync
from starlette.requests import Request

from features.errors import RuleError
from serving.access.callers import Caller
from serving.answering import RECORDED
from serving.auditing.cases import Part, is_too_large, parts_scored
from serving.auditing.words import Words, words_asked
from serving.decisions.ledger import UNKNOWN
from serving.decisions.record import Decision
from serving.decisions.replay import Replayed, pinned, replayed
from serving.decisions.routes import ID, may_read
from serving.decisions.search import Wanted
from serving.reading import check_query, day
from serving.refusals import RefusalError
from serving.schemes_columns import LONGEST_TEXT
from serving.store import MODEL_NAME

LONGEST = {"caller": 512}  # a caller of a provider has the address of it before its name
LAST_DAY = date(9998, 12, 31)
SEARCHED = {"lang", "id", "from", "to", "caller", "route", "model", "structure", "before"}


@dataclass(frozen=True)
class Read:
    """A decision computed again: its rows, and whether it came to the same; or why it was not."""

    decision: Decision
    parts: tuple[Part, ...]
    replayed: Replayed | None
    why_not: str


def caller_of(request: Request) -> Caller:
    """Who opens the page."""
    found = request.state.caller
    assert isinstance(found, Caller)
    return found


def words_of(request: Request, *others: str) -> Words:
    """The language asked; the query takes it and `others`. Errors: RefusalError 422."""
    check_query(request, {"lang", *others})
    return words_asked(request.query_params.get("lang"))


async def decision_of(request: Request) -> Decision:
    """The decision of the path. Errors: RefusalError 404 for one unknown, or that the caller may not read."""
    name = request.path_params["id"]
    if not ID.fullmatch(name):
        raise RefusalError(404, UNKNOWN, field="id")
    found = await run_sync(request.app.state.ledger.find, name)
    if not await run_sync(may_read, caller_of(request), found):
        raise RefusalError(404, UNKNOWN, field="id")
    assert isinstance(found, Decision)
    return found


async def read_again(request: Request, decision: Decision, words: Words) -> Read:
    """The decision, its rows encoded again and its answer computed again, where it is not too large for a page."""
    if is_too_large(decision):
        return Read(decision, (), None, words.say("too_large", rows=words.count(decision.rows)))
    state = request.app.state
    try:
        result = await replayed(state, decision)
        store = pinned(state.store, decision)
        parts = await run_sync(partial(parts_scored, decision, store), limiter=state.batches)
    except (RuleError, RefusalError) as error:
        why = error.message if isinstance(error, RefusalError) else str(error)
        return Read(decision, (), None, words.say("replay_why", why=why))
    return Read(decision, tuple(parts), result, "")


def row_asked(request: Request, count: int) -> int:
    """?row=, from 1 as people count, as a number from 0. Errors: RefusalError 422."""
    row = whole(request, "row") or 1
    if count and row > count:
        raise RefusalError(422, "row is beyond the last one", field="row")
    return row - 1


def whole(request: Request, field: str) -> int | None:
    """A whole number from 1; None where there is none. Errors: RefusalError 422."""
    text = request.query_params.get(field)
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and int(text) > 0):
        raise RefusalError(422, f"{field} is a whole number from 1", field=field)
    return int(text)


def wanted_of(request: Request) -> Wanted:
    """What a search looks for. Errors: RefusalError 422 for what cannot be."""
    check_query(request, SEARCHED)
    for name, text in request.query_params.items():
        if len(text) > LONGEST.get(name, LONGEST_TEXT) or not text.isprintable():
            raise RefusalError(422, f"{name} is a short text", field=name)
    given = {name: text.strip() for name, text in request.query_params.items() if text.strip()}
    days = [_day(given.get(name), name) for name in ("from", "to")]
    model, route = given.get("model", ""), given.get("route", "")
    if model and not MODEL_NAME.fullmatch(model):
        raise RefusalError(422, "model is the name of a model", field="model")
    if route and route not in RECORDED:
        raise RefusalError(422, f"route is one of {', '.join(RECORDED)}", field="route")
    texts = {name: given.get(name, "") for name in ("id", "caller", "structure")}
    return Wanted(first=days[0], last=days[1], model=model, route=route, before=whole(request, "before"), **texts)


def _day(text: str | None, field: str) -> date | None:
    found = day(text, field)
    if found is not None and found > LAST_DAY:
        raise RefusalError(422, f"{field} is not a day that a ledger knows", field=field)
    return found


def query_of(wanted: Wanted) -> dict[str, str]:
    """The query that asks for the same, without its page."""
    names = {"first": "from", "last": "to"}
    return {names.get(name, name): str(value) for name, value in vars(wanted).items() if value and name != "before"}
