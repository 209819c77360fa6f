"""Units of rules: each says how its values are written, so that a value is refused when read and not when paid."""

from __future__ import annotations

from datetime import date
from decimal import Decimal, InvalidOperation

NUMBERS = frozenset({
    "EUR", "EUR per patient", "EUR per patient and year", "EUR per patient and month", "EUR per box", "ratio", "points",
})  # fmt: skip
WHOLE = frozenset({
    "years", "months", "quarters", "days", "patients", "episodes", "professionals", "people", "acts", "cells",
    "classes", "decile", "quintile", "parts", "draws", "payments per year", "month of the year",
})  # fmt: skip


def is_known(unit: str) -> bool:
    """Whether the unit is one whose values can be checked."""
    return unit in NUMBERS | WHOLE | {"share", "day", "yes or no", "text"} or unit.startswith(("list of ", "one of "))


def wanted(unit: str, value: str) -> str:
    """What a value of a unit should be, where it is not; "" where it is. "none" is the caller's to judge.

    Numbers are plain decimals ("0.50", no exponent); a share is 0 to 1; a whole number is 0 or more; a list holds no
    empty and no repeated part; "one of a, b" takes a or b.
    """
    if unit.startswith("one of "):
        choices = unit.removeprefix("one of ").split(", ")
        return "" if value in choices else f"one of {', '.join(choices)}"
    if unit.startswith("list of "):
        parts = [part.strip() for part in value.split(",")]
        return "" if all(parts) and len(set(parts)) == len(parts) else "a list a, b, c without empty or repeated part"
    if unit == "yes or no":
        return "" if value in ("yes", "no") else "yes or no"
    if unit == "day":
        return "" if _is_day(value) else "a day, 2022-01-31"
    if unit == "text":
        return "" if value.strip() else "text"
    return _wanted_number(unit, value)


def _wanted_number(unit: str, value: str) -> str:
    number = _number(value)
    if unit == "share":
        return "" if number is not None and 0 <= number <= 1 else "a number from 0 to 1"
    if unit in WHOLE:
        return "" if number is not None and value.isdigit() else "a whole number, 0 or more"
    return "" if number is not None else "a number"


def _number(value: str) -> Decimal | None:
    if not set(value) <= set("-.0123456789"):
        return None
    try:
        return Decimal(value)
    except InvalidOperation:
        return None


def _is_day(value: str) -> bool:
    try:
        return date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False
