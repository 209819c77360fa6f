"""What a request to pay asks: year, day of the rules, frames, version that scores; read strictly."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, TypeVar

import msgspec

from features.encoding import safe_name
from schemes.ipep.chance import DRAWS
from serving.reading import FIELD, QUOTED, check_no_double
from serving.refusals import RefusalError

MOST_SEED = 2**32 - 1
Version = Annotated[int, msgspec.Meta(ge=1)]
NESTED = "the body is nested too deeply; inputs hold frames, frames hold rows, rows hold values by column"


class AskedFrames(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A request: `inputs` by frame, under the rules in force on a day (default: 1 January of the year)."""

    year: Annotated[int, msgspec.Meta(ge=2000, le=2100)]
    inputs: dict[str, Any]
    on: date | None = None
    known_on: date | None = None

    @property
    def day(self) -> date:
        """The day on which rules and version are asked for."""
        return self.on or date(self.year, 1, 1)


class Asked(AskedFrames, frozen=True, kw_only=True):
    """A request to pay: `model` scores the rows that carry features, with `version`, or with the one in force then.

    The seed moves nothing but the figures of chance of IPEP.
    """

    model: str | None = None
    version: Version | None = None
    seed: Annotated[int, msgspec.Meta(ge=0, le=MOST_SEED)] = 0


class AskedForfait(Asked, frozen=True, kw_only=True):
    """A request for forfaits; those of each patient are answered where they are asked for."""

    with_patients: bool = False


class AskedTarget(Asked, frozen=True, kw_only=True):
    """A request for targets; `draws` groups without effect give their interval."""

    draws: Annotated[int, msgspec.Meta(ge=1)] = DRAWS


class AskedInteressement(AskedForfait, frozen=True, kw_only=True):
    """A request for the payment of gains and quality; 0 draws leave the figures of chance out, amounts stay."""

    draws: Annotated[int, msgspec.Meta(ge=0)] = DRAWS


class AskedBundles(AskedFrames, frozen=True, kw_only=True):
    """A request for the forfaits of episodes at admission: `versions` by model name, else those in force on the day.

    Each model scores the rows with features of its programme; explanations can be left out.
    """

    versions: dict[str, Version] = {}
    with_explanations: bool = True


Form = TypeVar("Form", bound=AskedFrames)


def read(body: bytes, form: type[Form], *, max_rows: int, max_draws: int) -> Form:
    """What a body asks. Errors: RefusalError 400, 413 or 422 that names the field."""
    if body.count(b"{") > 2 * max_rows + 2:
        raise RefusalError(413, f"over {max_rows:,} rows in all; send fewer at a time", field="inputs")
    given = _decoded(body)
    try:
        asked = msgspec.convert(given, form)
    except msgspec.ValidationError as error:
        raise _misfit(str(error), form) from None
    check_no_double(body, _fields(given))
    if getattr(asked, "draws", 0) > max_draws:
        raise RefusalError(422, f"draws should be {max_draws:,} at most", field="draws")
    return asked


def _decoded(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except msgspec.ValidationError:
        raise RefusalError(422, "a number is out of range; give finite numbers", field="inputs") from None
    except RecursionError:
        raise RefusalError(400, NESTED) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise RefusalError(400, "the body is not JSON (UTF-8, without NaN or Infinity)") from None


def _fields(given: dict[str, Any]) -> int:
    """Fields of the request, its objects, rows and features; what is nested deeper is not of a request."""
    frames, objects = given["inputs"], [one for one in given.values() if isinstance(one, dict)]
    rows = [row for frame in frames.values() if isinstance(frame, list) for row in frame if isinstance(row, dict)]
    features = [row["features"] for row in rows if isinstance(row.get("features"), dict)]
    return len(given) + sum(map(len, objects)) + sum(map(len, rows)) + sum(map(len, features))


def _misfit(message: str, form: type[AskedFrames]) -> RefusalError:
    """The refusal for a body of the wrong shape, from msgspec's message, which holds types and places, no value."""
    names = ", ".join(form.__struct_fields__)
    if unknown := QUOTED.search(message):
        name = safe_name(unknown.group(1))
        word = "is missing" if message.startswith("Object missing") else f"is not one of {names}"
        return RefusalError(422, f"{name or 'a field'} {word}", field=name)
    place, what = FIELD.search(message), message.partition(" - at ")[0]
    if place is None:
        return RefusalError(422, f"{what}; give an object with {names}")
    right = {"on": "; give a day as 2024-03-01", "known_on": "; give a day as 2024-03-01"}.get(place.group(1), "")
    return RefusalError(422, f"{place.group(1)}: {what}{right}", field=place.group(1))
