"""What a quality indicator is: its card, the function that counts it, and the decorator that joins them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import ibis

from features.indicators.care import Care

DIRECTIONS = ("increasing", "decreasing")
UNITS = ("patients", "stays")


@dataclass(frozen=True)
class Card:
    """How an indicator is read: what is counted over what, which way is better, after whom, with what limits.

    `direction` is "increasing" where more is better, else "decreasing"; `limits` says what the claims cannot tell.
    """

    name: str
    label_fr: str
    label_en: str
    definition: str
    definition_fr: str
    numerator: str
    denominator: str
    direction: str
    source: str
    limits: str
    unit: str = "patients"


@dataclass(frozen=True)
class Indicator:
    """A card and the function Care -> rows (patient_id, numerator, denominator), one per patient concerned.

    `reads` names datasets that the year may lack, with the years before it that are needed too. `is_searched`: the
    numerator is a code that some extractions do not hold; found nowhere, it leaves the indicator unmeasured.
    """

    card: Card
    count: Callable[[Care], ibis.Table]
    reads: tuple[tuple[str, int], ...] = ()
    is_searched: bool = False


def indicator(
    *, reads: tuple[tuple[str, int], ...] = (), is_searched: bool = False, **card: str
) -> Callable[[Callable[[Care], ibis.Table]], Indicator]:
    """Decorator that makes an `Indicator` of a function: its name is the name, its docstring the definition."""

    def made(count: Callable[[Care], ibis.Table]) -> Indicator:
        definition = " ".join((count.__doc__ or "").split())
        return Indicator(Card(name=count.__name__, definition=definition, **card), count, reads, is_searched)

    return made


def among(concerned: ibis.Table, met: ibis.Table) -> ibis.Table:
    """patient_id, numerator, denominator of each patient of `concerned`: 1 over 1 where in `met`, else 0 over 1."""
    found = met.select("patient_id").distinct().mutate(is_met=True)
    joined = concerned.select("patient_id").left_join(found, "patient_id")
    return joined.select(
        "patient_id",
        numerator=joined.is_met.fill_null(False).cast("int64"),
        denominator=ibis.literal(1, "int64"),
    )
