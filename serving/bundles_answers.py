"""What a request for forfaits at admission is answered: components, risk and its explanation, prices, rules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from itertools import islice

import msgspec

from schemes.eds.admitted import Bundle
from schemes.eds.price import Stratum
from schemes.money import CENT, MICRO
from serving.answers import ROWS_A_CHUNK
from serving.bundles_scoring import Scored
from serving.explanations import Explanation
from serving.schemes_answers import CURRENCY, PaidComponent, Warned, label_fr, paid_component
from serving.schemes_reading import AskedBundles
from serving.schemes_rules import Assumed, Book, RuleUsed, assumed, rules_used
from serving.schemes_scoring import ModelUsed, model_used

PACKAGE = "eds"


class RiskOfFeature(msgspec.Struct, frozen=True):
    """Euros that one feature adds to the risk component."""

    feature: str
    label_fr: str
    family: str
    risk_eur: float


class RiskOfFamily(msgspec.Struct, frozen=True):
    """Euros that the features of one family add to the risk component."""

    family: str
    label_fr: str
    risk_eur: float


class Risk(msgspec.Struct, frozen=True):
    """The risk component: base_eur + Σ contributions + floor_eur + bounds_eur + rounding_eur, to 1e-6.

    ratio: euros of the component by euro of contribution of the explanation. base_eur: base of the explanation × ratio,
    less the reference price. bounds_eur: what the lowest or highest risk index adds or takes away.
    """

    ratio: float
    base_eur: float
    contributions: tuple[RiskOfFeature, ...]
    families: tuple[RiskOfFamily, ...]
    floor_eur: float
    bounds_eur: float
    rounding_eur: float


class PricedEpisode(msgspec.Struct, frozen=True, omit_defaults=True):
    """The forfait of an episode; the cents of the components add up to it; explained where features were scored."""

    episode_id: str
    programme: str
    sector: str
    pathway: str
    expected_eur: float
    risk_index: float
    forfait_cents: int
    components: list[PaidComponent]
    explanation: Explanation | msgspec.UnsetType = msgspec.UNSET
    risk: Risk | msgspec.UnsetType = msgspec.UNSET


class PriceOfStratum(msgspec.Struct, frozen=True):
    """The price of a programme, sector and pathway before the year is known; numbers as exact text, to the millionth.

    provisional_eur = reference_eur × trend_ratio × (1 − discount_share): the price of a risk index of 1, without
    coordination. risk index = expected_eur / mean_expected_eur, cut at the bounds of the rules, / mean_index. cap_eur:
    spending of an episode above it will not be counted; null where the rules have no cap.
    """

    programme: str
    sector: str
    pathway: str
    reference_episodes: int
    reference_eur: str
    mean_expected_eur: str
    mean_index: str
    trend_ratio: str
    discount_share: str
    coordination_eur: str
    provisional_eur: str
    cap_eur: str | None
    warnings: list[Warned]


class BundlesHeader(msgspec.Struct, frozen=True, kw_only=True):
    """What the forfaits rest on: day, rules, values that are not official, versions that scored, prices."""

    scheme: str
    year: int
    on: date
    known_on: date | None
    currency: str
    rules: list[RuleUsed]
    assumed: list[Assumed]
    models: list[ModelUsed]
    prices: list[PriceOfStratum]


class Bundles(BundlesHeader, frozen=True, kw_only=True):
    """Forfaits at admission, one for each episode, in the order of the rows."""

    episodes: list[PricedEpisode]


def answered(
    found: Sequence[Bundle], names: Iterable[str], *, asked: AskedBundles, book: Book, scored: Sequence[Scored]
) -> tuple[BundlesHeader, Iterator[PricedEpisode]]:
    """The answer for forfaits: its header, and its episodes as they are written."""
    keys = {key for one in found for step in one.components for key in step.rule_keys}
    prices = {one.stratum: one.price for one in found}
    header = BundlesHeader(
        scheme=PACKAGE,
        year=asked.year,
        on=asked.day,
        known_on=asked.known_on,
        currency=CURRENCY,
        rules=rules_used(book),
        assumed=assumed(book, keys),
        models=[model_used(one.scorer, len(one.places)) for one in scored],
        prices=[_price(key, price) for key, price in sorted(prices.items())],
    )
    return header, _episodes(found, names, scored)


def bundles_json(header: BundlesHeader, episodes: Iterator[PricedEpisode]) -> Iterator[bytes]:
    """JSON of the answer, by parts of 1,000 episodes, so that a large one is never held whole."""
    yield msgspec.json.encode(header)[:-1] + b',"episodes":['
    before = b""
    while part := list(islice(episodes, ROWS_A_CHUNK)):
        yield before + msgspec.json.encode(part)[1:-1]
        before = b","
    yield b"]}"


def _episodes(found: Sequence[Bundle], names: Iterable[str], scored: Sequence[Scored]) -> Iterator[PricedEpisode]:
    by_place = {place: explanations for one in scored for explanations in [one.explanations()] for place in one.places}
    for place, (name, one) in enumerate(zip(names, found, strict=True)):
        explanation = next(by_place.get(place, iter(())), msgspec.UNSET)
        yield PricedEpisode(
            name,
            *one.stratum,
            expected_eur=one.expected_eur,
            risk_index=float(one.index),
            forfait_cents=one.forfait_cents,
            components=[paid_component(PACKAGE, step) for step in one.components],
            explanation=explanation,
            risk=msgspec.UNSET if explanation is msgspec.UNSET else _risk(one, explanation),
        )


def _risk(one: Bundle, explanation: Explanation) -> Risk:
    carried = one.carried
    ratio = float(carried.ratio)
    return Risk(
        ratio=ratio,
        base_eur=ratio * explanation.base_eur + float(carried.start_eur),
        contributions=tuple(
            RiskOfFeature(part.feature, part.label_fr, part.family, ratio * part.contribution_eur)
            for part in explanation.contributions
        ),
        families=tuple(
            RiskOfFamily(total.family, total.label_fr, ratio * total.contribution_eur) for total in explanation.families
        ),
        floor_eur=ratio * explanation.floor_eur,
        bounds_eur=float(carried.bounds_eur),
        rounding_eur=float(carried.rounding_eur),
    )


def _price(key: tuple[str, str, str], price: Stratum) -> PriceOfStratum:
    programme = price.programme
    warnings = [] if programme.is_paid else ["programme_in_preparation"]
    return PriceOfStratum(
        *key,
        reference_episodes=price.episodes,
        reference_eur=_text(price.reference_eur),
        mean_expected_eur=_text(price.mean_expected_eur),
        mean_index=_text(price.mean_index),
        trend_ratio=_text(programme.trend),
        discount_share=_text(programme.discount),
        coordination_eur=_text(programme.coordination_eur),
        provisional_eur=_text(price.provisional_eur),
        cap_eur=None if price.cap_cents is None else str(price.cap_cents * CENT),
        warnings=[Warned(name, label_fr(PACKAGE, name)) for name in warnings],
    )


def _text(value: Decimal) -> str:
    return str(value.quantize(MICRO))
