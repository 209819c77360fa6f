"""From price to result: observed spending, cap, low volume, quality first, limits second."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from schemes.amounts import Walk
from schemes.eds.price import RULE_KEYS
from schemes.eds.terms import Phase, QualityTerms
from schemes.money import CENT

COMPONENTS = ("price", "observed", "cap", "low_volume", "quality", "limit")
OPTIONAL = ("shrinkage", "significance", "quality_envelope", "care_paid")


@dataclass(frozen=True)
class Position:
    """A programme of an establishment: price, spending, part of it above the cap, and whether a loss counts."""

    programme: str
    episodes: int
    price_cents: int
    observed_cents: int
    over_cap_cents: int
    has_low_volume: bool = False

    @property
    def raw_cents(self) -> int:
        """Price less spending counted up to the cap."""
        return self.price_cents - self.observed_cents + self.over_cap_cents


@dataclass(frozen=True)
class Safeguards:
    """What stands between the raw result and the amount; `quality`: 0 to 1, None where it is not known."""

    phase: Phase
    terms: QualityTerms
    quality: Decimal | None = None
    shrinkage_episodes: Decimal | None = None
    significance: Decimal | None = None


def result_eur(
    positions: Sequence[Position], safeguards: Safeguards, walk: Walk, *, standard_error_eur: Decimal | None = None
) -> Decimal:
    """Euros due to an establishment (negative: it pays back), unrounded; the steps go into `walk`.

    raw = Σ price − Σ min(spending, cap); a loss of a low-volume programme counts 0 (and offsets no gain of another);
    × n / (n + k), 0 below the significance, where the rules say so; then quality; then limits, parts of Σ price; then
    the separate envelope. A prospective establishment is paid the care itself in place of its acts: + Σ spending.
    Rule: EDS specification, reconciliation and safeguards; TEAM, steps 8 to 10 (quality first, limit second).
    """
    price = sum(one.price_cents for one in positions) * CENT
    observed = sum(one.observed_cents for one in positions) * CENT
    raw = sum(one.raw_cents for one in positions) * CENT
    walk.to("price", price, *RULE_KEYS)
    walk.to("observed", price - observed, "year_of", "programmes")
    walk.to("cap", raw, "cap_quantile")
    running = counted_raw(positions) * CENT
    walk.to("low_volume", running, "programmes")
    if safeguards.shrinkage_episodes is not None:
        episodes = sum(one.episodes for one in positions)
        running = walk.to(
            "shrinkage", running * episodes / (episodes + safeguards.shrinkage_episodes), "shrinkage_episodes"
        )
    if safeguards.significance is not None and standard_error_eur is not None:
        is_chance = abs(running) < safeguards.significance * standard_error_eur
        running = walk.to("significance", Decimal(0) if is_chance else running, "significance_standard_errors")
    running = walk.to(
        "quality",
        modulated(running, safeguards),
        "quality_gain_at_risk_share",
        "quality_loss_relief_share",
        "indicators",
    )
    running = walk.to("limit", limited(running, price, safeguards.phase), "phases")
    if safeguards.terms.envelope is not None:
        running = walk.to("quality_envelope", running + envelope_eur(price, safeguards), "quality_envelope_share")
    if safeguards.phase.is_prospective:
        running = walk.to("care_paid", running + observed, "phases")
    return running


def counted_raw(positions: Sequence[Position]) -> int:
    """Cents of raw results, a loss of a low-volume programme counted 0."""
    return sum(max(0, one.raw_cents) if one.has_low_volume else one.raw_cents for one in positions)


def modulated(raw: Decimal, safeguards: Safeguards) -> Decimal:
    """The raw result after quality Q: a gain × (1 − at risk × (1 − Q)), a loss × (1 − relief × Q).

    Unchanged where quality is not known, or the rules do not modulate. Rule: TEAM, step 9.
    """
    gain, loss = quality_factors(safeguards)
    return raw * (gain if raw > 0 else loss)


def quality_factors(safeguards: Safeguards) -> tuple[Decimal, Decimal]:
    """Factors of a gain and of a loss."""
    one, quality, terms = Decimal(1), safeguards.quality, safeguards.terms
    if quality is None:
        return one, one
    gain = one if terms.gain_at_risk is None else one - terms.gain_at_risk * (one - quality)
    loss = one if terms.loss_relief is None else one - terms.loss_relief * quality
    return gain, loss


def limited(result: Decimal, price: Decimal, phase: Phase) -> Decimal:
    """The result between − loss limit × price and + gain limit × price. Rule: TEAM, step 10."""
    return max(-phase.loss_limit * price, min(phase.gain_limit * price, result))


def envelope_eur(price: Decimal, safeguards: Safeguards) -> Decimal:
    """The separate quality envelope: rate × price × Q; 0 in a phase without effect or where Q is not known."""
    rate, quality = safeguards.terms.envelope, safeguards.quality
    if rate is None or quality is None or not safeguards.phase.has_effect:
        return Decimal(0)
    return rate * price * quality


def results_drawn(
    raw: np.ndarray, price: np.ndarray, *, low_volume: np.ndarray, episodes: int, safeguards: Safeguards
) -> np.ndarray:
    """Results of draws (rows) over programmes (columns), in the unit of `raw`, as `result_eur` up to the limit.

    The envelope, the care paid and the test of significance are left out: they are not results of chance, or need a
    standard error of each draw.
    """
    counted = np.where(low_volume, np.maximum(raw, 0.0), raw).sum(axis=1)
    if safeguards.shrinkage_episodes is not None:
        counted = counted * (episodes / (episodes + float(safeguards.shrinkage_episodes)))
    gain, loss = quality_factors(safeguards)
    counted = counted * np.where(counted > 0, float(gain), float(loss))
    whole, phase = price.sum(axis=1), safeguards.phase
    return np.clip(counted, -float(phase.loss_limit) * whole, float(phase.gain_limit) * whole)
