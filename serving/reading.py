"""What a request asks: its body within the limits, its model, version or day, and its rows."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any

import msgspec
from starlette.requests import Request

from features.encoding import safe_name
from serving.refusals import RefusalError

JSON = "application/json"
FIELD = re.compile(r"`\$\.(\w+)(?:\[(\d+)\])?")
QUOTED = re.compile(r"field `([^`]*)`")
ITS_FIELDS = "model, version, on, known_on and rows"
WHICH = 'name the version ("version": 3) or the day whose version in force is meant ("on": "2024-03-01")'


class Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A JSON request: the model, one of version and on, and 1 to 10,000 rows of values by feature name.

    `on`: the version in force on that day, as decided by `known_on` (default: as decided so far).
    """

    model: str
    rows: list[dict[str, Any]]
    version: Annotated[int, msgspec.Meta(ge=1)] | msgspec.UnsetType | None = msgspec.UNSET
    on: date | msgspec.UnsetType | None = msgspec.UNSET
    known_on: date | msgspec.UnsetType | None = msgspec.UNSET


@dataclass(frozen=True)
class Asked:
    """A request that was read: which version of which model, and its rows by name (none when they come as a table)."""

    model: str
    version: int | None
    on: date | None
    rows: list[dict[str, Any]]
    known_on: date | None = None

    def __post_init__(self) -> None:
        """RefusalError unless exactly one of version and day is given; only a day is known on another."""
        if (self.version is None) == (self.on is None):
            many = "version and on are both given; " if self.version is not None else ""
            raise RefusalError(400, f"{many}{WHICH}", field="version")
        if self.known_on is not None and self.on is None:
            raise RefusalError(400, "known_on goes with on, not with version", field="known_on")


class Head(Body, frozen=True, forbid_unknown_fields=True):
    """As a body, its rows left as they were sent."""

    rows: msgspec.Raw  # type: ignore[assignment]


DECODER, HEAD_DECODER = msgspec.json.Decoder(Body), msgspec.json.Decoder(Head)


def media_type(request: Request) -> str:
    """The media type of the body, without its parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def body_of(request: Request, limit: int) -> bytes:
    """The body; RefusalError 413 as soon as it is over `limit` bytes, 400 when it is empty."""
    too_long = RefusalError(413, f"the body is over {limit:,} bytes; send fewer rows at a time")
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > limit:
        raise too_long
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise too_long
        chunks.append(chunk)
    if not size:
        raise RefusalError(400, "the body is empty; /docs says what to send")
    return b"".join(chunks)


def read_json(body: bytes, max_rows: int) -> Asked:
    """What a JSON body asks; RefusalError 400, 413 or 422 that names field and row."""
    too_many = RefusalError(413, f"over {max_rows:,} rows; send fewer, or Parquet or Arrow", field="rows")
    if body.count(b"{") > 2 * max_rows + 1:
        raise too_many
    try:
        asked = DECODER.decode(body)
    except msgspec.ValidationError as error:
        raise _misfit(str(error)) from None
    except RecursionError:
        raise RefusalError(
            400, "the body is nested too deeply; rows hold numbers, true, false, texts or null"
        ) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise RefusalError(400, "the body is not JSON (UTF-8, without NaN or Infinity)") from None
    _check_no_double(asked, body)
    if not asked.rows:
        raise RefusalError(400, "rows is empty; give 1 row or more", field="rows")
    if len(asked.rows) > max_rows:
        raise too_many
    return Asked(asked.model, asked.version or None, asked.on or None, asked.rows, asked.known_on or None)


def read_head(body: bytes) -> tuple[Asked, msgspec.Raw, int] | None:
    """What a JSON body asks, its rows as they were sent, and how many colons are theirs.

    None for a body that is not as it should be; `read_json` says why.
    """
    try:
        head = HEAD_DECODER.decode(body)
        asked = Asked(head.model, head.version or None, head.on or None, [], head.known_on or None)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, RefusalError):
        return None
    return asked, head.rows, body.count(b":") - _top(head)


def read_query(request: Request) -> Asked:
    """What a Parquet or Arrow request asks: ?model=, one of &version= and &on=, with &on= also &known_on=."""
    query = request.query_params
    check_query(request, {"model", "version", "on", "known_on"})
    if "model" not in query:
        raise RefusalError(422, "model is missing; give ?model= and one of &version= and &on=", field="model")
    on, known_on = (day(query.get(name), name) for name in ("on", "known_on"))
    return Asked(query["model"], whole_number(query.get("version")), on, [], known_on)


def check_query(request: Request, known: set[str]) -> None:
    """RefusalError 422 for a query parameter that is unknown or given twice."""
    keys = [key for key, _ in request.query_params.multi_items()]
    wrong = next((key for key in keys if key not in known or keys.count(key) > 1), None)
    if wrong is not None:
        raise RefusalError(422, f"the query takes {', '.join(sorted(known))}, each once", field=safe_name(wrong))


def day(text: str | None, field: str) -> date | None:
    """A day written 2024-03-01; None for None; RefusalError 422 for anything else."""
    if text is None:
        return None
    try:
        return msgspec.convert(text, date)
    except msgspec.ValidationError:
        raise RefusalError(422, f"{field} is not a day; write it as 2024-03-01", field=field) from None


def whole_number(text: str | None) -> int | None:
    """A version number; None for None; RefusalError 422 for anything else."""
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and int(text) > 0):
        raise RefusalError(422, "version is not a version number; give a whole number from 1", field="version")
    return int(text)


def _misfit(message: str) -> RefusalError:
    """The refusal for a body of the wrong shape, from msgspec's message, which holds types and places, no value."""
    if unknown := QUOTED.search(message):
        name = safe_name(unknown.group(1))
        word = "is missing" if message.startswith("Object missing") else f"is not one of {ITS_FIELDS}"
        return RefusalError(422, f"{name or 'a field'} {word}", field=name)
    place = FIELD.search(message)
    what = message.partition(" - at ")[0]
    if place is None:
        return RefusalError(422, f'{what}; give {{"model": …, "version": …, "rows": [{{…}}]}}')
    row = int(place.group(2)) if place.group(2) else None
    days = dict.fromkeys(("on", "known_on"), "a day as 2024-03-01")
    right = (days | {"rows": "an array of objects with a value by feature"}).get(place.group(1))
    return RefusalError(422, f"{what}{f'; give {right}' if right else ''}", field=place.group(1), row=row)


def _check_no_double(asked: Body, body: bytes) -> None:
    check_no_double(body, _top(asked) + sum(map(len, asked.rows)))


def _top(asked: Body) -> int:
    """Fields of the body itself."""
    return 2 + sum(given is not msgspec.UNSET for given in (asked.version, asked.on, asked.known_on))


def check_no_double(body: bytes, fields: int) -> None:
    """RefusalError 400 when an object gives a field twice, which JSON allows and decoders pass over in silence.

    As many colons as `fields` that were kept means that none was lost; the slow look is for the other bodies.
    """
    if body.count(b":") == fields:
        return
    try:
        json.loads(body, object_pairs_hook=_without_double)
    except RecursionError:
        raise RefusalError(
            400, "the body is nested too deeply; rows hold numbers, true, false, texts or null"
        ) from None


def _without_double(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    kept = dict(pairs)
    if len(kept) != len(pairs):
        names = [name for name, _ in pairs]
        double = safe_name(next(name for name in names if names.count(name) > 1))
        raise RefusalError(400, f"{double or 'a field'} is given twice in one object; give it once", field=double)
    return kept
