"""Which frozen version scores the episodes of a programme, and whether it may."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from features.admission import why_not_at_admission
from features.errors import RuleError
from features.scoring import Scorer
from features.versions import EPISODE_UNIT
from serving.refusals import RefusalError
from serving.schemes_reading import AskedBundles
from serving.store import Store

FRAME, VERSIONS = "episodes", "versions"
PART, PART_OF = "avoidable", "part_of"


def chosen(by_programme: Mapping[str, Sequence[int]], asked: AskedBundles, store: Store) -> dict[str, Scorer]:
    """The version for each programme: the one named, else that of eds_<programme> in force on the day asked.

    by_programme: the rows to score. Errors: RefusalError 404 for a version that is not there, 422 for one that no row
    needs or that does not predict the whole cost of an episode; RuleError for one that knows what comes later.
    """
    found: dict[str, Scorer] = {}
    for model, version in asked.versions.items():
        scorer = _there(store, model, version)
        programme = scorer.card.perimeter
        if programme not in by_programme or programme in found:
            why = "is the second one of its programme" if programme in found else "is of no programme with features"
            raise RefusalError(422, f"{model} {why}; leave it out", field=VERSIONS)
        found[programme] = _fit(scorer)
    for programme, places in by_programme.items():
        if programme not in found:
            found[programme] = _fit(_in_force(store, programme, asked, row=places[0]))
    return found


def _there(store: Store, model: str, version: int) -> Scorer:
    try:
        return store.scorer(model, version)
    except RefusalError as refusal:
        raise RefusalError(refusal.status, refusal.message, field=VERSIONS) from None


def _in_force(store: Store, programme: str, asked: AskedBundles, *, row: int) -> Scorer:
    model = f"eds_{programme}"
    try:
        return store.scorer(model, store.entry(model, asked.day, known_on=asked.known_on).version)
    except RefusalError as refusal:
        what = f"{FRAME}, row {row}: {model}: {refusal.message}"
        raise RefusalError(refusal.status, what, field=refusal.field and VERSIONS, row=row) from None


def _fit(scorer: Scorer) -> Scorer:
    """The version, where it predicts the whole cost of an episode from what is known at admission."""
    card = scorer.card
    if card.unit != EPISODE_UNIT:
        raise RefusalError(422, f"{card.model} predicts {card.unit}, not {EPISODE_UNIT}; name another", field=VERSIONS)
    if PART_OF in card.parameters:
        whole = card.parameters[PART_OF]
        raise RefusalError(422, f"{card.model} predicts a part of {whole}; name {whole}", field=VERSIONS)
    for feature in card.features:
        if why := why_not_at_admission(feature.name):
            what = f"{card.model} version {card.version}: feature {feature.name} may not describe an episode"
            raise RuleError(f"{what}: {why}; promote a version without it")
    return scorer


def avoidable_part(scorer: Scorer, store: Store) -> Scorer:
    """The version of the avoidable part that the card names.

    Errors: RefusalError 422 for a card that names none; RuleError for a part that is not the one frozen with it.
    """
    card, named = scorer.card, scorer.card.parameters
    if f"{PART}_model" not in named:
        what = (
            f"{card.model} version {card.version} does not tell avoidable complications apart, and the rules pay a part"
        )
        raise RefusalError(422, f"{what} of them; name a version that does", field=VERSIONS)
    part = store.scorer(str(named[f"{PART}_model"]), int(str(named[f"{PART}_version"])))
    if part.hash != named[f"{PART}_hash"]:
        what = f"{part.card.model} version {part.card.version} is not the part frozen with {card.model}"
        raise RuleError(f"{what} version {card.version}; restore its frozen files")
    return part
