"""POST /peps/forfait, /ipep/target, /ipep/interessement, /ipso/forfait: from a body to amounts, by pure functions."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec
import pandas as pd
from starlette.responses import Response

import schemes.ipep
import schemes.ipso
import schemes.peps
from features.errors import ForfaitError
from schemes.amounts import Payment
from schemes.eds.admitted import Bundle
from serving import schemes_columns as columns
from serving.access.callers import check_structures
from serving.metrics import ROWS
from serving.reading import JSON
from serving.refusals import RefusalError
from serving.schemes_answers import Paid, Targets, paid, targets
from serving.schemes_columns import Frame
from serving.schemes_frames import frame_of, refuse, rows_of
from serving.schemes_reading import Asked, AskedForfait, AskedFrames, AskedInteressement, AskedTarget, read
from serving.schemes_refusals import refusal_of_scheme
from serving.schemes_rules import Book
from serving.schemes_scoring import ModelUsed, check_one_version, score
from serving.settings import ServiceSettings
from serving.store import Store

LOG = logging.getLogger("forfait.serving")
FMT = "forfait_medecin_traitant"
Frames = dict[str, pd.DataFrame]
Computed = Payment | schemes.ipep.Target | list[Bundle]


@dataclass(frozen=True)
class Route:
    """A path: its scheme, what is asked, the frames, the function that pays, the model's perimeter ("": the team's)."""

    path: str
    scheme: str
    form: type[AskedFrames]
    frames: Mapping[str, Frame]
    pay: Callable[[Frames, AskedFrames, Book], Computed]
    perimeter: str = ""


def _peps(inputs: Frames, asked: AskedFrames, book: Book) -> Payment:
    return schemes.peps.pay(inputs, year=asked.year, rules=book)


def _ipso(inputs: Frames, asked: AskedFrames, book: Book) -> Payment:
    return schemes.ipso.pay(inputs, year=asked.year, rules=book)


def _interessement(inputs: Frames, asked: AskedFrames, book: Book) -> Payment:
    assert isinstance(asked, AskedInteressement)
    return schemes.ipep.pay(inputs, year=asked.year, rules=book["ipep"], seed=asked.seed, draws=asked.draws)


def _target(inputs: Frames, asked: AskedFrames, book: Book) -> schemes.ipep.Target:
    assert isinstance(asked, AskedTarget)
    return schemes.ipep.targets(inputs, year=asked.year, rules=book["ipep"], seed=asked.seed, draws=asked.draws)


ROUTES = (
    Route("/peps/forfait", "peps", AskedForfait, columns.PEPS, _peps),
    Route("/ipep/target", "ipep", AskedTarget, columns.IPEP_TARGET, _target, "AMO"),
    Route("/ipep/interessement", "ipep", AskedInteressement, columns.IPEP, _interessement, "AMO"),
    Route("/ipso/forfait", "ipso", AskedForfait, columns.IPSO, _ipso, "MG"),
)


def answer_scheme(
    store: Store, body: bytes, *, route: Route, settings: ServiceSettings, structures: frozenset[str] | None
) -> Response:
    """The answer to a request to pay for `structures` (None: any).

    Errors: RefusalError naming frame, column and row, never a value; 403 for a structure that is not one of them.
    """
    most = settings.max_rows_schemes
    asked = read(body, route.form, max_rows=most, max_draws=settings.max_draws)
    assert isinstance(asked, Asked)
    rows = rows_of(asked.inputs, route.frames, max_rows=most)
    check_structures(rows, structures)
    participations = frame_of("participations", rows.pop("participations"), route.frames["participations"])
    book = store.book(_schemes(route, participations), on=asked.day, known_on=asked.known_on)
    perimeter = route.perimeter or _perimeter(participations, book)
    model = score(rows, route.frames, asked=asked, store=store, perimeter=perimeter)
    inputs = {name: frame_of(name, given, route.frames[name]) for name, given in rows.items()}
    inputs["participations"] = participations
    if "members" in inputs:
        check_one_version(inputs)
    answer = _answer(computed(inputs, route, asked=asked, book=book), route, asked=asked, book=book, model=model)
    if model is not None:
        ROWS.labels(route.path.strip("/"), model.model, str(model.version)).inc(model.rows)
    return Response(msgspec.json.encode(answer), media_type=JSON)


def computed(inputs: Frames, route: Route, *, asked: AskedFrames, book: Book) -> Computed:
    """What the scheme pays. Errors: RefusalError for what it refuses, and for numbers that it cannot compute with."""
    try:
        return route.pay(inputs, asked, book)
    except ForfaitError as error:
        raise refusal_of_scheme(error, inputs, route.frames, book=book) from None
    except (ValueError, ArithmeticError, RuntimeError) as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        LOG.error("%s: %s at %s:%s", route.path, type(error).__name__, place.name, place.lineno)
        raise RefusalError(
            422, "these numbers cannot be computed with; look for one that is out of all proportion", field="inputs"
        ) from None


def _answer(found: Computed, route: Route, *, asked: Asked, book: Book, model: ModelUsed | None) -> Paid | Targets:
    assert not isinstance(found, list)
    if isinstance(found, Payment):
        return paid(found, route.scheme, asked=asked, book=book, model=model)
    return targets(found, route.scheme, asked=asked, book=book, model=model)


def _schemes(route: Route, participations: pd.DataFrame) -> set[str]:
    """Schemes whose rules a payment reads."""
    return {*participations["scheme"], *([FMT] if route.scheme == "ipso" else [])}


def _perimeter(participations: pd.DataFrame, book: Book) -> str:
    """The one perimeter of the teams: reference, zones and model are those of one perimeter.

    Errors: RefusalError 422 naming the first row of another one.
    """
    given = participations.get("perimeter", pd.Series(None, index=participations.index, dtype=object))
    found = pd.Series(
        [
            book[scheme].text("perimeter_default") if pd.isna(perimeter) else perimeter
            for scheme, perimeter in zip(participations["scheme"], given, strict=True)
        ]
    )
    other = found != found.iloc[0]
    if other.any():
        what = "is not that of row 0; reference and zones are of one perimeter: send the other teams apart"
        refuse("participations", "perimeter", int(other.to_numpy().argmax()), what)
    return str(found.iloc[0])
