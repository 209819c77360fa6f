"""The rows that versions scored in a decision, encoded again as they were and checked against what was recorded."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from features.errors import RuleError
from features.scoring import Scorer
from serving.answering import OPERATIONS, PAYING, query_asked
from serving.batch import read_table
from serving.bundles import BUNDLE, EPISODES
from serving.decisions.record import Characteristics, Decision, UsedVersion, unpacked
from serving.decisions.recording import is_json
from serving.decisions.witness import Pinned
from serving.schemes import ROUTES
from serving.schemes_frames import FEATURES

MOST_BYTES, MOST_ROWS = 4 * 1024 * 1024, 20_000
PART_OF = "part_of"
FRAMES = {route.path: route.frames for route in ROUTES}
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Part:
    """Rows that one version scored: frame ("" for plain rows), places in it, what stood beside, and the matrix."""

    scorer: Scorer
    frame: str
    places: tuple[int, ...]
    beside: tuple[Row, ...]
    matrix: np.ndarray

    def of_structure(self, structure: str) -> Part | None:
        """The rows of a structure; None where there is none."""
        kept = [n for n, row in enumerate(self.beside) if row.get("structure_id") == structure]
        if not kept:
            return None
        places, beside = tuple(self.places[n] for n in kept), tuple(self.beside[n] for n in kept)
        return Part(self.scorer, self.frame, places, beside, self.matrix[kept])


@dataclass(frozen=True)
class Case:
    """One row of a decision: the part that it stands in, and its number there."""

    part: Part
    number: int

    @property
    def scorer(self) -> Scorer:
        """The version that scored it."""
        return self.part.scorer

    @property
    def matrix(self) -> np.ndarray:
        """Its characteristics, shape (1, features)."""
        return self.part.matrix[self.number : self.number + 1]


def is_too_large(decision: Decision) -> bool:
    """Whether a decision is more than a page computes again; POST /decisions/{id}/replay has no such limit."""
    return len(decision.request) + len(decision.result) > MOST_BYTES or decision.rows > MOST_ROWS


def parts_scored(decision: Decision, store: Pinned) -> list[Part]:
    """Every row that a version scored, in the order of the request; none where expectations came with it.

    Errors: RuleError where a version, or the characteristics, are not those that were recorded.
    """
    if not decision.rows:
        return []
    versions = msgspec.json.decode(decision.versions, type=list[UsedVersion])
    parts = list(_parts(decision, store, versions))
    recorded = msgspec.json.decode(decision.characteristics, type=list[Characteristics])
    known = {(one.model, one.version, one.rows, one.sha256) for one in recorded}
    for part in parts:
        card, digest = part.scorer.card, hashlib.sha256(np.ascontiguousarray(part.matrix, dtype="<f8").data).hexdigest()
        if (card.model, card.version, len(part.matrix), digest) not in known:
            raise RuleError(
                f"decision {decision.number}: its characteristics are not those recorded; verify the ledger"
            )
    return parts


def case_of(parts: Sequence[Part], row: int) -> Case | None:
    """The row of that number, counted over all parts from 0; None where there is none."""
    for part in parts:
        if row < len(part.matrix):
            return Case(part, row)
        row -= len(part.matrix)
    return None


def _parts(decision: Decision, store: Pinned, versions: Sequence[UsedVersion]) -> Iterator[Part]:
    body = unpacked(decision.request)
    if not is_json(decision.request_type):
        scorer = _loaded(store, versions[0])
        asked = query_asked(decision.query)
        assert asked.model == scorer.card.model
        features = scorer.card.features
        table = read_table(body, decision.request_type, features=features, max_rows=MOST_ROWS)
        matrix = scorer.encoder.table(table)
        yield Part(scorer, "", tuple(range(len(matrix))), ({},) * len(matrix), matrix)
        return
    given = msgspec.json.decode(body)
    if decision.route in OPERATIONS:
        yield _part(_loaded(store, versions[0]), "", list(enumerate(given["rows"])))
    elif decision.route == BUNDLE.path:
        yield from _episodes(given["inputs"][EPISODES], [_loaded(store, one) for one in versions])
    elif decision.route in PAYING:
        scorer = _loaded(store, versions[0])
        for name, rows in given["inputs"].items():
            if FRAMES[decision.route][name].is_scored and any(FEATURES in row for row in rows):
                yield _part(scorer, name, [(n, row) for n, row in enumerate(rows) if FEATURES in row])


def _episodes(rows: Sequence[Row], scorers: Sequence[Scorer]) -> Iterator[Part]:
    """Each programme with the version of its own; the version of the avoidable part stands behind that of the whole."""
    whole = {one.card.perimeter: one for one in scorers if PART_OF not in one.card.parameters}
    for programme, scorer in whole.items():
        own = [(n, row) for n, row in enumerate(rows) if FEATURES in row and row["programme"] == programme]
        if own:
            yield _part(scorer, EPISODES, own)


def _part(scorer: Scorer, frame: str, rows: Sequence[tuple[int, Row]]) -> Part:
    given = [row[FEATURES] if frame else row for _, row in rows]
    beside = tuple({name: value for name, value in row.items() if name != FEATURES} if frame else {} for _, row in rows)
    return Part(scorer, frame, tuple(place for place, _ in rows), beside, scorer.encoder.rows(given))


def _loaded(store: Pinned, used: UsedVersion) -> Scorer:
    """The version, where it is the one that decided; read past the witness, which would note these rows again."""
    if used.is_in_force:
        store.by_day.add((used.model, used.version))
    seen = store.scorer(used.model, used.version)
    return seen._scorer  # type: ignore[attr-defined, no-any-return]
