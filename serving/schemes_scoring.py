"""Characteristics in place of an expectation: the service scores them as POST /predict does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec
import numpy as np
import pandas as pd

from features.encoding import FeatureError
from features.scoring import Scorer
from serving.refusals import RefusalError
from serving.schemes_columns import VERSION, Frame
from serving.schemes_frames import FEATURES, Row, refuse
from serving.schemes_reading import Asked
from serving.store import Store

EXPECTED = "expected_eur"
WHICH = "name it, with version, or with the day on which its version was in force (on)"


class ModelUsed(msgspec.Struct, frozen=True):
    """The version that scored the rows with features: hash of its files, perimeter, how many rows."""

    model: str
    version: int
    hash: str
    perimeter: str
    unit: str
    rows: int


def score(
    rows: Mapping[str, list[Row]], frames: Mapping[str, Frame], *, asked: Asked, store: Store, perimeter: str
) -> ModelUsed | None:
    """Put expected_eur of a full year in place of `features`, in the rows themselves; None where no row has any.

    Errors: RefusalError 404 for an unknown version, 422 for a model that is not wanted, is missing or is that of
    another perimeter, for features beside an expectation, and for values that /predict would refuse.
    """
    places = {name: [n for n, row in enumerate(given) if FEATURES in row] for name, given in rows.items()}
    places = {name: found for name, found in places.items() if found and frames[name].is_scored}
    if not places:
        if asked.model is not None or asked.version is not None:
            field = "model" if asked.model is not None else "version"
            raise RefusalError(422, f"{field} is given and no row has features; leave it out", field=field)
        return None
    scorer = _scorer(asked, store)
    if scorer.card.perimeter != perimeter:
        raise RefusalError(
            422, f"the model predicts {scorer.card.perimeter}; this payment is of {perimeter}", field="model"
        )
    for name, found in places.items():
        _fill(name, [(place, rows[name][place]) for place in found], frames[name], scorer)
    return model_used(scorer, sum(map(len, places.values())))


def check_one_version(frames: Mapping[str, pd.DataFrame]) -> None:
    """Nothing where all the expectations of `members`, and those of the nation, are of one frozen version.

    Errors: RefusalError 422 naming frame, column and row: a change of model would be paid as an evolution.
    """
    members = frames["members"]
    predicted = members[members[EXPECTED].notna()]
    if predicted.empty:
        return
    for column in VERSION:
        empty, other = predicted[column].isna(), predicted[column] != predicted[column].iloc[0]
        for wrong, what in ((empty, "is null beside an expectation; name its version"), (other, _OTHER)):
            if wrong.any():
                refuse("members", column, int(predicted.index[wrong][0]), what)
    version_hash = predicted["version_hash"].iloc[0]
    for name in ("nation", "residuals"):
        if name in frames and "version_hash" in frames[name]:
            given = frames[name]["version_hash"]
            wrong = given.notna() & (given != version_hash)
            if wrong.any():
                refuse(name, "version_hash", int(given.index[wrong][0]), "is not that of members; use one version")


_OTHER = "is not that of the first expectation; score every year with one frozen version"


def _scorer(asked: Asked, store: Store) -> Scorer:
    if asked.model is None:
        raise RefusalError(422, f"rows have features and model is missing; {WHICH}", field="model")
    version = asked.version
    if version is None:
        version = store.entry(asked.model, asked.day, known_on=asked.known_on).version
    return store.scorer(asked.model, version)


def encoded(name: str, places: Sequence[tuple[int, Row]], frame: Frame, scorer: Scorer) -> np.ndarray:
    """Matrix of the features of rows, each with its place in the frame.

    Errors: RefusalError 422 for features beside what the service writes, and for what /predict would refuse.
    """
    written = (EXPECTED, *frame.filled)
    for place, row in places:
        if not isinstance(row[FEATURES], dict):
            refuse(name, FEATURES, place, "should be an object of feature name and value")
        _check_not_given(name, place, row, written)
    try:
        return scorer.encoder.rows([row[FEATURES] for _, row in places])
    except FeatureError as error:
        raise _refused(name, error, [place for place, _ in places]) from None


def model_used(scorer: Scorer, rows: int) -> ModelUsed:
    """What an answer says of the version that scored `rows` rows."""
    card = scorer.card
    return ModelUsed(card.model, card.version, scorer.hash, card.perimeter, card.unit, rows)


def _fill(name: str, places: Sequence[tuple[int, Row]], frame: Frame, scorer: Scorer) -> None:
    euros = scorer.predict(encoded(name, places, frame, scorer))
    version = dict(zip(VERSION, (scorer.card.model, scorer.card.version, scorer.hash), strict=True))
    for (_, row), expected in zip(places, euros.tolist(), strict=True):
        del row[FEATURES]
        row |= {column: version[column] for column in frame.filled} | {EXPECTED: expected}


def _check_not_given(name: str, place: int, row: Row, written: Iterable[str]) -> None:
    given = next((column for column in written if column in row), None)
    if given is not None:
        refuse(name, given, place, f"is given beside {FEATURES}, which the service scores; give one of the two")


def _refused(name: str, error: FeatureError, places: Sequence[int]) -> RefusalError:
    row = None if error.row is None else places[error.row]
    what = str(error).partition(": ")[2] if error.row is not None else str(error)
    where = f"{name}, row {row}" if row is not None else name
    field = f"{name}.{FEATURES}.{error.field}" if error.field else f"{name}.{FEATURES}"
    return RefusalError(422, f"{where}: {what}", field=field, row=row)
