"""What the rules say of programmes, phases and quality, read into records."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from features.errors import InputError, RuleError
from schemes.rulebook import Rules


@dataclass(frozen=True)
class Programme:
    """A programme: windows in days around the intervention, and the parameters of its price."""

    name: str
    is_paid: bool
    pre_days: int
    post_days: int
    trend: Decimal
    discount: Decimal
    coordination_eur: Decimal
    low_volume_episodes: int


@dataclass(frozen=True)
class Phase:
    """A phase: limits of gains and losses as parts of the price; prospective: the forfait replaces the acts."""

    name: str
    from_year: int
    gain_limit: Decimal
    loss_limit: Decimal
    is_prospective: bool

    @property
    def has_effect(self) -> bool:
        """Whether anything can be paid or taken back."""
        return self.gain_limit > 0 or self.loss_limit > 0


@dataclass(frozen=True)
class QualityTerms:
    """What quality does: modulates gains and losses, or gives a separate envelope, or nothing."""

    gain_at_risk: Decimal | None
    loss_relief: Decimal | None
    envelope: Decimal | None


def programmes(rules: Rules) -> dict[str, Programme]:
    """Programmes of the rules by name: a row of the grid is a programme, the code knows none by itself."""
    return {
        row["programme"]: Programme(
            name=row["programme"],
            is_paid=row["pays"] == "yes",
            pre_days=int(row["pre_days"]),
            post_days=int(row["post_days"]),
            trend=Decimal(row["trend_ratio"]),
            discount=Decimal(row["discount_share"]),
            coordination_eur=Decimal(row["coordination_eur"]),
            low_volume_episodes=int(row["low_volume_episodes"]),
        )
        for row in rules.grid("programmes")
    }


def known_programmes(names: Iterable[str], rules: Rules) -> dict[str, Programme]:
    """Programmes of the rules, where they have all the names. Errors: RuleError naming those they lack."""
    known = programmes(rules)
    if unknown := sorted(set(names) - set(known)):
        raise RuleError(
            f"{rules.file}: grid programmes has no {', '.join(unknown)}; it has {', '.join(known)}: add a row"
        )
    return known


def phases(rules: Rules) -> dict[str, Phase]:
    """Phases of the rules by name."""
    return {
        row["phase"]: Phase(
            row["phase"], int(row["from_year"]), Decimal(row["gain_limit_share"]), Decimal(row["loss_limit_share"]),
            row["is_prospective"] == "yes",
        )
        for row in rules.grid("phases")
    }  # fmt: skip


def phase_of(year_of_participation: int, rules: Rules) -> Phase:
    """The phase of a year of participation (the calendar year of the start is 1): the last one begun.

    Errors: RuleError where no phase has begun.
    """
    begun = [phase for phase in phases(rules).values() if 0 < phase.from_year <= year_of_participation]
    if not begun:
        raise RuleError(f"{rules.file}: grid phases has none for year {year_of_participation} of a participation")
    return max(begun, key=lambda phase: phase.from_year)


def chosen_phase(name: str, rules: Rules) -> Phase:
    """A phase chosen by a participation. Errors: InputError for one that the rules do not have."""
    known = phases(rules)
    if name not in known:
        raise InputError(f"participations: phase should be empty or one of {', '.join(known)}")
    return known[name]


def quality_terms(rules: Rules) -> QualityTerms:
    """What quality does under the rules.

    Errors: RuleError where it both modulates the result and gives a separate envelope: it would count twice.
    """
    terms = QualityTerms(
        rules.decimal_or_none("quality_gain_at_risk_share"),
        rules.decimal_or_none("quality_loss_relief_share"),
        rules.decimal_or_none("quality_envelope_share"),
    )
    if terms.envelope is not None and (terms.gain_at_risk is not None or terms.loss_relief is not None):
        raise RuleError(
            f"{rules.file}: quality_envelope_share and a modulation (quality_gain_at_risk_share, "
            "quality_loss_relief_share) are both set; quality would count twice: set one of them to none"
        )
    return terms


def year_weights(rules: Rules) -> tuple[Decimal, ...]:
    """Weights of the reference years, oldest first. Errors: RuleError where they do not add up to more than 0."""
    weights = tuple(Decimal(row["weight"]) for row in rules.grid("year_weights"))
    if min(weights) < 0 or sum(weights) <= 0:
        raise RuleError(f"{rules.file}: grid year_weights should hold weights of 0 or more, not all 0")
    return weights
