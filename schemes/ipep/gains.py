"""The two gains of a group and what they pay: level against the expected, and evolution against the expected one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from features.errors import RuleError
from schemes.amounts import Walk
from schemes.ipep.spending import Means
from schemes.rulebook import Rules

SPENDING = ("winsor_quantile", "scope_excluded_postes")
WEIGHTS = ("weight_ecart_numerator", "weight_evolution_numerator", "weight_denominator")


@dataclass(frozen=True)
class Sharing:
    """Weights of the two gains, floor of each, share paid to the group."""

    ecart: Decimal
    evolution: Decimal
    denominator: Decimal
    floor: Decimal
    share: Decimal


def gain_ecart(m: Means) -> Decimal:
    """Euros per year lived below the expected: expected − observed. Rule: IPEP payment, écart."""
    return m.expected - m.observed


def gain_evolution_ratio(m: Means) -> Decimal:
    """(expected now / expected before − observed now / observed before) × observed before.

    Computed as expected now / expected before × observed before − observed now, the same where someone spent before.
    Rule: IPEP payment, évolution (shape assumed, ratio).
    """
    return m.expected / m.expected_before * m.observed_before - m.observed


def gain_evolution_difference(m: Means) -> Decimal:
    """(expected now − expected before) − (observed now − observed before). Rule: IPEP, évolution (difference)."""
    return (m.expected - m.expected_before) - (m.observed - m.observed_before)


EVOLUTIONS: Mapping[str, Callable[[Means], Decimal]] = {
    "ratio": gain_evolution_ratio,
    "difference": gain_evolution_difference,
}


def variant(rules: Rules) -> str:
    """Name of the evolution the rules pay. Errors: RuleError for one that has no formula."""
    name = rules.text("evolution_variant")
    if name not in EVOLUTIONS:
        raise RuleError(f"{rules.file}: evolution_variant is {name!r}; it should be {' or '.join(EVOLUTIONS)}")
    return name


def gain_evolution(m: Means, rules: Rules) -> Decimal:
    """The evolution the rules pay, in euros per year lived."""
    return EVOLUTIONS[variant(rules)](m)


def sharing(rules: Rules) -> Sharing:
    """How gains are shared. Errors: RuleError where the two weights do not add up to the denominator."""
    ecart, evolution, denominator = (rules.decimal(key) for key in WEIGHTS)
    if ecart + evolution != denominator or denominator <= 0:
        raise RuleError(
            f"{rules.file}: weights {ecart} and {evolution} over {denominator}; écart and évolution should add up to 1"
        )
    return Sharing(ecart, evolution, denominator, rules.decimal("component_floor_eur"), rules.decimal("sharing_share"))


def gains_eur(m: Means, rules: Rules, walk: Walk | None = None) -> Decimal:
    """Euros of the group for its gains, unrounded; each gain floored by itself, then shared, for every patient.

    gains = patients × share × (w_écart × max(floor, écart) + w_évolution × max(floor, évolution))
    Rule: IPEP payment (weights 1/3 and 2/3, share 50 %, each negative component counted 0).
    """
    s, steps = sharing(rules), walk or Walk()
    level = m.patients * s.ecart * max(s.floor, gain_ecart(m)) / s.denominator
    steps.to("ecart", level, WEIGHTS[0], WEIGHTS[2], "component_floor_eur", *SPENDING)
    evolution = m.patients * s.evolution * max(s.floor, gain_evolution(m, rules)) / s.denominator
    steps.to(
        "evolution", level + evolution, WEIGHTS[1], WEIGHTS[2], "component_floor_eur", "evolution_variant", *SPENDING
    )
    return steps.to("sharing", (level + evolution) * s.share, "sharing_share")
