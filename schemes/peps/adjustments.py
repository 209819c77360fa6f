"""What moves a forfait after its patients are priced: quality, activity, the cap and the floor."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from features.errors import InputError, RuleError
from schemes.peps.exact import to_billionth
from schemes.rulebook import Rules

ZERO, ONE = Decimal(0), Decimal(1)
BASES = ("reference", "shadow")


@dataclass(frozen=True)
class Quality:
    """Quality share used, the part of the team's days it holds for, and the warning it calls for."""

    share: Decimal | None
    days_share: Decimal
    warning: str | None


def quality_used(known: Decimal | None, rules: Rules, *, presumed_days_share: Decimal) -> Quality:
    """Quality of a team: the share known, else the share that the rules presume, else none.

    A share that is known holds for all days. Where it is not known, presumed_quality_share stands in for the part
    of the days on which it is presumed (`quality_presumed`, `quality_presumed_in_part`); where nothing is presumed
    there is neither bonus nor malus (`quality_unknown`): not known is not 0.
    Rule: PEPS, quality modulation; PRIMORDIAL presumes the bonus in its first phase.
    """
    if known is not None:
        return Quality(known, ONE, None)
    presumed = rules.decimal_or_none("presumed_quality_share")
    if presumed is None or not presumed_days_share:
        return Quality(None, ONE, "quality_unknown")
    whole = presumed_days_share == ONE
    return Quality(presumed, presumed_days_share, "quality_presumed" if whole else "quality_presumed_in_part")


def quality_eur(gross_eur: Decimal, quality: Quality, rules: Rules) -> Decimal:
    """Bonus less malus; 0 where the quality is not known.

    gross × days share × (quality_bonus_max × Q − quality_malus_max × (1 − Q))
    Rule: PEPS, quality modulation of the forfait; no malus by default.
    """
    if quality.share is None:
        return ZERO
    bonus, malus = rules.decimal("quality_bonus_max"), rules.decimal("quality_malus_max")
    return gross_eur * quality.days_share * (bonus * quality.share - malus * (ONE - quality.share))


def activity_eur(gross_eur: Decimal, rules: Rules, *, observed: Decimal | None, expected: Decimal | None) -> Decimal:
    """What acts far from expected add or take away; 0 within the corridor, or where it does not apply.

    gross × activity_shared_share × (r − 1 ∓ activity_corridor_share), r = observed / expected acts, for the part of
    r beyond the corridor: more acts than expected add, fewer take away.
    Rule: PEPS, activity in extreme cases (mechanism not public, assumed). Errors: InputError for 0 expected acts.
    """
    if not rules.flag("activity_corridor_applies") or observed is None or expected is None:
        return ZERO
    if expected == 0:
        raise InputError("fee_for_service: column acts_expected should be above 0 where the activity corridor applies")
    gap, corridor = observed / expected - ONE, rules.decimal("activity_corridor_share")
    beyond = max(gap - corridor, ZERO) + min(gap + corridor, ZERO)
    return gross_eur * rules.decimal("activity_shared_share") * to_billionth(beyond)


@dataclass(frozen=True)
class FormerRevenue:
    """Fee-for-service that the forfait is compared with, by both definitions; None where it is not known."""

    reference_eur: Decimal | None
    shadow_eur: Decimal | None

    def on(self, rules: Rules) -> Decimal | None:
        """Revenue by the definition of cap_basis. Errors: RuleError for another definition."""
        if (basis := rules.text("cap_basis")) not in BASES:
            raise RuleError(f"{rules.file}: cap_basis is {basis!r}; it should be one of {', '.join(BASES)}")
        return self.reference_eur if basis == "reference" else self.shadow_eur

    def capped(self, rules: Rules) -> FormerRevenue:
        """Caps by both definitions: (1 + cap_over_ffs) × revenue; None where the rules have no cap."""
        share = rules.decimal_or_none("cap_over_ffs")
        return self.times(None if share is None else ONE + share)

    def floored(self, rules: Rules) -> FormerRevenue:
        """Floors by both definitions: (1 − floor_under_ffs) × revenue; None where the rules have no floor."""
        share = rules.decimal_or_none("floor_under_ffs")
        return self.times(None if share is None else ONE - share)

    def times(self, factor: Decimal | None) -> FormerRevenue:
        """Both revenues times a factor; None where either is None."""
        if factor is None:
            return FormerRevenue(None, None)
        return FormerRevenue(*(None if eur is None else eur * factor for eur in (self.reference_eur, self.shadow_eur)))


def rescaled_reference(
    former_eur: Decimal | None, base_eur: Decimal, *, former_base_eur: Decimal | None, tariff_index: Decimal
) -> Decimal | None:
    """Former fee-for-service at today's list and tariffs: former × base now / base then × tariff index.

    `base_eur` is the sum of base forfaits before the tariff index. None where the former revenue or its list is not
    known (a structure created from scratch).
    Rule: PEPS, cap over the former revenue (wording of the definition assumed).
    """
    if former_eur is None or not former_base_eur:
        return None
    return former_eur * base_eur / former_base_eur * tariff_index
