"""The price of an episode at admission, before its year is known: components, risk index, price of its stratum."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

import pandas as pd

from schemes.amounts import Component, Walk
from schemes.eds.allowance import AVOIDABLE, KEY, allowances
from schemes.eds.frames import Inputs
from schemes.eds.price import Key, Stratum, bounds_of, exact, risk_index, strata, walk_eur
from schemes.eds.reference import STRATUM
from schemes.money import CENT
from schemes.rulebook import Rules

STEP_KEYS = {
    "reference": ("year_weights", "trim_low_quantile", "trim_high_quantile"),
    "risk": ("risk_index_min", "risk_index_max"),
    "normalisation": (),
    "trend": ("programmes",),
    AVOIDABLE: (KEY,),
    "discount": ("programmes",),
    "coordination": ("programmes",),
}


@dataclass(frozen=True)
class Carried:
    """How an expectation becomes the risk component: ratio × expected_eur + start + bounds + rounding, in euros.

    ratio: euros of the component by euro expected; start: minus the reference, which comes before; bounds: what the
    lowest or highest risk index adds or takes away (0 inside them); rounding: from the exact component to its cents.
    """

    ratio: Decimal
    start_eur: Decimal
    bounds_eur: Decimal
    rounding_eur: Decimal


@dataclass(frozen=True)
class Bundle:
    """The forfait of one episode, step by step; index: the risk that is paid, price: that of its stratum."""

    stratum: Key
    price: Stratum
    expected_eur: float
    index: Decimal
    components: tuple[Component, ...]

    @property
    def forfait_cents(self) -> int:
        """The forfait, which the components add up to."""
        return self.components[-1].running_cents

    @property
    def carried(self) -> Carried:
        """How the expectation becomes the risk component."""
        price = self.price
        unbounded = exact(self.expected_eur) / price.mean_expected_eur / price.mean_index
        risk = price.reference_eur * self.index
        (cents,) = (step.amount_cents for step in self.components if step.name == "risk")
        return Carried(
            ratio=price.reference_eur / price.mean_expected_eur / price.mean_index,
            start_eur=-price.reference_eur,
            bounds_eur=price.reference_eur * (self.index - unbounded),
            rounding_eur=cents * CENT - (risk - price.reference_eur),
        )


def bundle(inputs: Inputs, expected_eur: float, *, stratum: Key, year: int, rules: Rules) -> dict[str, int]:
    """The forfait of one patient before the year is known: component → cents, and "forfait", which they add up to.

    stratum: programme, sector and pathway ("all" without the option). Errors: as `bundles`.
    """
    one = pd.DataFrame([(*stratum, expected_eur)], columns=[*STRATUM, "expected_eur"])
    (found,) = bundles(inputs, one, year=year, rules=rules)
    return {step.name: step.amount_cents for step in found.components} | {"forfait": found.forfait_cents}


def bundles(inputs: Inputs, rows: pd.DataFrame, *, year: int, rules: Rules) -> list[Bundle]:
    """The forfait of each row (programme, sector, pathway, expected_eur), in order, before the year is known.

    Rows tell avoidable_eur too where the rules do not pay avoidable complications whole.

    Inputs: reference. Neither normalisation nor the measured trend of the year counts, so that the forfait of an
    episode does not depend on the others. Errors: as `strata`.
    """
    prices = strata(inputs, rows, year=year, rules=rules, is_provisional=True)
    keys, allowed = zip(*(rows[name] for name in STRATUM), strict=True), allowances(rows, rules)
    each = zip(keys, rows["expected_eur"], allowed, strict=True)
    return [_bundle(key, float(eur), prices, rules, allowed=factor) for key, eur, factor in each]


def _bundle(
    key: Key, expected_eur: float, prices: Mapping[Key, Stratum], rules: Rules, *, allowed: Decimal | None
) -> Bundle:
    price, walk = prices[key], Walk()
    index = risk_index(expected_eur, price, bounds_of(rules))
    for name, running in walk_eur(index, price, allowed=allowed):
        walk.to(name, running, *STEP_KEYS[name])
    return Bundle(key, price, expected_eur, index, tuple(walk.components))
