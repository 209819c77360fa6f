"""Episodes with characteristics in place of an expected cost: each programme scored by the model of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from features.admission import why_not_at_admission
from features.encoding import safe_name
from features.scoring import Scorer
from schemes.eds.allowance import COLUMN as AVOIDABLE
from serving.bundles_versions import FRAME, avoidable_part, chosen
from serving.explanations import Explanation, explained
from serving.refusals import RefusalError
from serving.schemes_columns import EDS_BUNDLE
from serving.schemes_frames import FEATURES, Row, refuse
from serving.schemes_reading import AskedBundles
from serving.schemes_scoring import EXPECTED, encoded
from serving.store import Store


@dataclass(frozen=True)
class Scored:
    """The rows of one programme that were scored: places in the frame, version, characteristics, expected euros.

    euros: the output of `Scorer.explain`; None where no explanation is asked for.
    """

    scorer: Scorer
    places: tuple[int, ...]
    matrix: np.ndarray
    expected_eur: np.ndarray
    euros: np.ndarray | None

    def explanations(self) -> Iterator[Explanation]:
        """The explanation of each row, in order; none where none is asked for."""
        if self.euros is not None:
            features = self.scorer.card.features
            yield from explained(features, self.matrix, expected_eur=self.expected_eur, euros=self.euros)


def score_episodes(
    rows: list[Row], *, asked: AskedBundles, store: Store, most_explained: int, has_part: bool
) -> list[Scored]:
    """Put expected_eur in place of `features` in the rows, by programme; one element for each programme scored.

    has_part: avoidable_eur too, from the part that the version names; at most the whole.
    Errors: RefusalError 422 for a feature that is unknown, known after admission only or chosen by the provider, for
    what /predict would refuse, and for a version that no row needs; 404 for a version that is not there; 413 for too
    many rows to explain.
    """
    places = [place for place, row in enumerate(rows) if FEATURES in row]
    if asked.with_explanations and len(places) > most_explained:
        what = f"over {most_explained:,} rows to explain; send fewer, or with_explanations false"
        raise RefusalError(413, what, field="with_explanations")
    by_programme: dict[str, list[int]] = {}
    _check_at_admission(places, rows)
    for place in places:
        by_programme.setdefault(_programme(place, rows[place]), []).append(place)
    found = []
    for programme, scorer in chosen(by_programme, asked, store).items():
        own = [(place, rows[place]) for place in by_programme[programme]]
        part = avoidable_part(scorer, store) if has_part else None
        found.append(_scored(scorer, own, part, is_explained=asked.with_explanations))
    return found


def _check_at_admission(places: Sequence[int], rows: Sequence[Row]) -> None:
    """Errors: RefusalError 422 for the first name that is known after admission only, or chosen by the provider."""
    known: set[str] = set()
    for place in places:
        given = rows[place][FEATURES]
        names = given if isinstance(given, dict) else {}
        for name in (name for name in names if name not in known):
            if why := why_not_at_admission(name):
                shown = safe_name(name)
                what = f"feature {shown or '(name not shown)'} may not describe an episode: {why}; leave it out"
                refuse(FRAME, f"{FEATURES}.{shown}" if shown else FEATURES, place, what)
            known.add(name)


def _programme(place: int, row: Row) -> str:
    if "programme" not in row:
        refuse(FRAME, "programme", place, "is missing; give it")
    return str(row["programme"])


def _scored(scorer: Scorer, rows: Sequence[tuple[int, Row]], part: Scorer | None, *, is_explained: bool) -> Scored:
    matrix = encoded(FRAME, rows, EDS_BUNDLE[FRAME], scorer)
    expected = scorer.predict(matrix)
    if part is not None:
        for (_, row), eur in zip(rows, np.clip(part.predict(matrix), 0.0, expected).tolist(), strict=True):
            row[AVOIDABLE] = eur
    for (place, row), eur in zip(rows, expected.tolist(), strict=True):
        if not eur > 0:
            refuse(FRAME, FEATURES, place, "the version expects no cost of this episode; use a version with a floor")
        del row[FEATURES]
        row[EXPECTED] = eur
    places = tuple(place for place, _ in rows)
    return Scored(scorer, places, matrix, expected, scorer.explain(matrix) if is_explained else None)
