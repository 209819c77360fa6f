"""Numbers, euros and days as French readers write them."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from features.versions import EPISODE_UNIT, UNIT

THIN, UNBROKEN = "\u202f", "\u00a0"
MONTHS = (
    "janvier", "février", "mars", "avril", "mai", "juin",
    "juillet", "août", "septembre", "octobre", "novembre", "décembre",
)  # fmt: skip


class Unit(NamedTuple):
    """A unit of a card in words: after an amount, and what the amount covers."""

    per: str
    whole: str


UNITS = {UNIT: Unit("par an", "pour une année entière"), EPISODE_UNIT: Unit("par épisode", "pour un épisode de soins")}


def unit(name: str) -> Unit:
    """The words for the unit of a card; its name where it has none."""
    return UNITS.get(name, Unit(f"({name})", f"({name})"))


def number(value: float, decimals: int = 0) -> str:
    """1234.5 as "1 234,5", with narrow spaces and a true minus sign."""
    text = f"{abs(value):,.{decimals}f}".replace(",", THIN).replace(".", ",")
    return f"−{text}" if value < 0 and any(digit in "123456789" for digit in text) else text


def plain(value: float | int | str | None) -> str:
    """A value of a card or an explanation, with the decimals it has (six at most)."""
    if value is None:
        return "manquant"
    if isinstance(value, str | bool):
        return {"True": "oui", "False": "non"}.get(str(value), str(value))
    whole, _, decimals = f"{value:.6f}".rstrip("0").rstrip(".").partition(".")
    return number(float(value), len(decimals)) if whole else str(value)


def euros(value: float, *, signed: bool = False) -> str:
    """1234.5 as "1 234,50 €"; with its sign when `signed`."""
    sign = "+" if signed and value >= 0.005 else ""
    return f"{sign}{number(value, 2)}{UNBROKEN}€"


def typeset(text: str) -> str:
    """`text` with the spaces that French keeps before a colon and inside quotes, so that no line begins with them."""
    for mark in (":", ";", "?", "!", "»"):
        text = text.replace(f" {mark}", f"{UNBROKEN}{mark}")
    return text.replace("« ", f"«{UNBROKEN}")


def day(value: date) -> str:
    """1 March 2024 as "1er mars 2024"."""
    return f"{'1er' if value.day == 1 else value.day} {MONTHS[value.month - 1]} {value.year}"
