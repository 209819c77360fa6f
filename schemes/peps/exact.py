"""Exact numbers between floats and cents: ratios to the billionth, figures as text."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

from schemes.amounts import Figure

BILLIONTH = Decimal("1e-9")


def to_billionth(value: Decimal) -> Decimal:
    """The value rounded to the billionth, half away from zero: what is shown is what is used."""
    return value.quantize(BILLIONTH, ROUND_HALF_UP)


def ratio(part: Decimal | int, whole: Decimal | int) -> Decimal | None:
    """part / whole to the billionth; None where the whole is 0."""
    return to_billionth(Decimal(part) / Decimal(whole)) if whole else None


def exact(value: float) -> Decimal:
    """The decimal a float prints as: 0.6 is 0.6, not its binary neighbour."""
    return Decimal(repr(float(value)))


def euros(cents: int) -> Decimal:
    """Whole cents as euros."""
    return Decimal(int(cents)) / 100


def as_text(value: Decimal | int | str | None) -> str:
    """A value as text without trailing zeros; "" where there is none."""
    if value is None:
        return ""
    if not isinstance(value, Decimal):
        return str(value)
    return f"{value.normalize() + 0:f}"


def figure(value: Decimal | int | str | None, unit: str) -> Figure:
    """A figure of an amount; its value is "" where there is none."""
    return Figure(as_text(value), unit)
