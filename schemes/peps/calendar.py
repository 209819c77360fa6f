"""The payments of a year: instalments of the advance, and the days on which the year is settled."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from features.errors import RuleError
from schemes.money import allot, round_cents
from schemes.peps.phases import add_months
from schemes.rulebook import Rules

MONTHS_IN_YEAR = 12
PERIOD_START, PERIOD_END = "period_start", "period_end"


@dataclass(frozen=True)
class Instalment:
    """A payment of a year: label (2024-Q1, 2024-M01), due day, cents."""

    label: str
    due_on: date
    cents: int


@dataclass(frozen=True)
class Regularisation:
    """A day on which the year is settled: label (regularisation, second_regularisation) and due day."""

    label: str
    due_on: date


def instalments(
    annual_cents: int, *, year: int, rules: Rules, first_day: date | None = None, last_day: date | None = None
) -> tuple[Instalment, ...]:
    """Instalments of a provisional annual amount; they add up to advance_share × amount, rounded to the cent.

    instalments_per_year equal parts of the advance, each due on the first or last day of its period
    (instalment_due). With `first_day` and `last_day`, only the periods they touch are paid, in equal parts: the
    amount is then that of the days between them.
    Rule: PEPS, payment calendar (quarterly; PRIMORDIAL monthly). Errors: RuleError where the periods do not divide
    the year; ValueError for a negative amount, or days outside the year.
    """
    if annual_cents < 0:
        raise ValueError("a provisional annual amount is negative; instalments want 0 or more")
    begin, end = first_day or date(year, 1, 1), last_day or date(year, 12, 31)
    periods = [one for one in _periods(year, rules) if one[1] <= end and one[2] >= begin]
    if not periods:
        raise ValueError(f"no period of {year} lies between {begin} and {end}")
    advance = round_cents(Decimal(annual_cents) / 100 * rules.decimal("advance_share"))
    is_end = _is_due_at_end(rules)
    cents = allot(advance, [1.0] * len(periods))
    return tuple(
        Instalment(label, last if is_end else first, share)
        for (label, first, last), share in zip(periods, cents, strict=True)
    )


def regularisations(year: int, *, rules: Rules) -> tuple[Regularisation, ...]:
    """Days on which a year is settled: last day of regularisation_month of the next year, and of the second if any.

    Rule: PEPS, payment calendar: once the claims are mature; the second is optional.
    """
    months = (
        ("regularisation", rules.whole("regularisation_month")),
        ("second_regularisation", rules.decimal_or_none("second_regularisation_month")),
    )
    return tuple(
        Regularisation(label, add_months(date(year + 1, 1, 1), int(month)) - timedelta(days=1))
        for label, month in months
        if month is not None
    )


def _periods(year: int, rules: Rules) -> list[tuple[str, date, date]]:
    count = rules.whole("instalments_per_year")
    if count < 1 or MONTHS_IN_YEAR % count:
        raise RuleError(f"{rules.file}: instalments_per_year is {count}; it should divide {MONTHS_IN_YEAR}")
    length = MONTHS_IN_YEAR // count
    starts = [date(year, 1 + place * length, 1) for place in range(count)]
    names = {12: "M{:02d}", 4: "Q{}"}
    name = names.get(count, "P{}")
    return [
        (f"{year}-{name.format(place)}", start, add_months(start, length) - timedelta(days=1))
        for place, start in enumerate(starts, start=1)
    ]


def _is_due_at_end(rules: Rules) -> bool:
    if (due := rules.text("instalment_due")) not in (PERIOD_START, PERIOD_END):
        raise RuleError(f"{rules.file}: instalment_due is {due!r}; it should be {PERIOD_START} or {PERIOD_END}")
    return due == PERIOD_END
