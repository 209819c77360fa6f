"""POST /eds/bundle: the forfait of episodes at admission, from their characteristics or their expected cost."""

from __future__ import annotations

import pandas as pd
from starlette.responses import Response, StreamingResponse

from schemes.eds import bundles, programmes
from schemes.eds.admitted import Bundle
from schemes.eds.allowance import COLUMN as AVOIDABLE_PART
from schemes.eds.allowance import EXPECTED
from schemes.eds.allowance import KEY as AVOIDABLE_SHARE
from schemes.eds.reference import ALL, STRATUM
from serving.bundles_answers import answered, bundles_json
from serving.bundles_scoring import score_episodes
from serving.metrics import ROWS
from serving.reading import JSON
from serving.schemes import Frames, Route, computed
from serving.schemes_columns import EDS_BUNDLE
from serving.schemes_frames import Row, frame_of, refuse, rows_of
from serving.schemes_reading import AskedBundles, AskedFrames, read
from serving.schemes_rules import Book
from serving.settings import ServiceSettings
from serving.store import Store

EPISODES, REFERENCE = "episodes", "reference"


def _bundles(inputs: Frames, asked: AskedFrames, book: Book) -> list[Bundle]:
    return bundles(inputs, inputs[EPISODES], year=asked.year, rules=book["eds"])


BUNDLE = Route("/eds/bundle", "eds", AskedBundles, EDS_BUNDLE, _bundles)


def answer_bundles(
    store: Store, body: bytes, *, settings: ServiceSettings, structures: frozenset[str] | None
) -> Response:
    """The answer to a request for forfaits; episodes name no structure, so `structures` bounds nothing here.

    Errors: RefusalError naming frame, column and row; never a value.
    """
    most = settings.max_rows_schemes
    asked = read(body, AskedBundles, max_rows=most, max_draws=settings.max_draws)
    rows = rows_of(asked.inputs, BUNDLE.frames, max_rows=most)
    book = store.book([BUNDLE.scheme], on=asked.day, known_on=asked.known_on)
    _check_programmes(rows[EPISODES], list(programmes(book["eds"])))
    is_paid_whole, most_explained = book["eds"].decimal(AVOIDABLE_SHARE) == 1, settings.max_rows_explained
    scored = score_episodes(
        rows[EPISODES], asked=asked, store=store, most_explained=most_explained, has_part=not is_paid_whole
    )
    inputs = {name: frame_of(name, given, BUNDLE.frames[name]) for name, given in rows.items()}
    inputs[EPISODES] = _with_pathway(inputs[EPISODES], is_by_pathway=book["eds"].flag("price_by_pathway"))
    _check_avoidable(inputs[EPISODES], is_paid_whole=is_paid_whole)
    _check_reference(inputs[EPISODES], inputs[REFERENCE])
    found = computed(inputs, BUNDLE, asked=asked, book=book)
    assert isinstance(found, list)
    for one in scored:
        card = one.scorer.card
        ROWS.labels(BUNDLE.path.strip("/"), card.model, str(card.version)).inc(len(one.places))
    answer = answered(found, inputs[EPISODES]["episode_id"], asked=asked, book=book, scored=scored)
    return StreamingResponse(bundles_json(*answer), media_type=JSON)


def _check_programmes(rows: list[Row], known: list[str]) -> None:
    """Errors: RefusalError 422 for the first programme that the rules do not have."""
    for place, row in enumerate(rows):
        if "programme" in row and row["programme"] not in known:
            refuse(EPISODES, "programme", place, f"should be a programme of the rules: {', '.join(known)}")


def _with_pathway(episodes: pd.DataFrame, *, is_by_pathway: bool) -> pd.DataFrame:
    """Episodes with the pathway that the price distinguishes, each found once.

    Errors: RefusalError 422 for an episode given twice, and for a pathway that is wanted or not.
    """
    again = episodes["episode_id"].duplicated().to_numpy()
    if again.any():
        refuse(EPISODES, "episode_id", int(again.argmax()), "should be found once; an earlier row has the same")
    if is_by_pathway and "pathway" not in episodes:
        refuse(EPISODES, "pathway", 0, "is missing; the rules price by pathway")
    if not is_by_pathway and "pathway" in episodes:
        refuse(EPISODES, "pathway", 0, "is given and the rules have one price for all pathways; leave it out")
    return episodes if is_by_pathway else episodes.assign(pathway=ALL)


def _check_avoidable(episodes: pd.DataFrame, *, is_paid_whole: bool) -> None:
    """Errors: RefusalError 422 where an expectation does not tell its avoidable part and the rules pay a part of it."""
    if is_paid_whole:
        return
    if AVOIDABLE_PART not in episodes:
        what = "is missing; the rules pay a part of avoidable complications: tell theirs of expected_eur"
        refuse(EPISODES, AVOIDABLE_PART, 0, what)
    over = (episodes[AVOIDABLE_PART] > episodes[EXPECTED]).to_numpy()
    if over.any():
        refuse(EPISODES, AVOIDABLE_PART, int(over.argmax()), f"should be at most {EXPECTED}")


def _check_reference(episodes: pd.DataFrame, reference: pd.DataFrame) -> None:
    """Errors: RefusalError 422 for the first episode whose stratum has no row of reference."""
    given = pd.MultiIndex.from_frame(reference.assign(pathway=reference.get("pathway", ALL))[STRATUM])
    lacking = ~pd.MultiIndex.from_frame(episodes[STRATUM]).isin(given)
    if lacking.any():
        what = f"{REFERENCE} has no row of its programme, sector and pathway; give the reference of every stratum"
        refuse(EPISODES, "programme", int(lacking.argmax()), what)
