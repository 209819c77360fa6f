"""Words, numbers, euros and days as a reader of the language writes them; the words are in texts.csv."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from pathlib import Path

from schemes.statements.document import Cell, Masked, parted

TEXTS = Path(__file__).parent / "texts.csv"
THIN, UNBROKEN, MINUS = "\u202f", "\u00a0", "−"
ABSENT = "–"
MEASURES = ("eur_cents", "eur", "eur_whole", "share")


@cache
def texts() -> dict[str, dict[str, str]]:
    """Key → {"fr": …, "en": …} of texts.csv."""
    with TEXTS.open(encoding="utf-8", newline="") as file:
        return {row["key"]: {"fr": row["fr"], "en": row["en"]} for row in csv.DictReader(file)}


def say(key: str, language: str, **values: str) -> str:
    """The text of a key, its {places} filled. Errors: KeyError for a key or a place without text."""
    return texts()[key][language].format(**values)


def written(cell: Cell, kind: str, language: str, *, signed: bool = False, decimals: int | None = None) -> str:
    """A cell as text: 1 234,50 € or €1,234.50; "s" where it is masked, a dash where there is none.

    A plain number has the decimals that it has, few where a unit says what it counts, or `decimals` of them.
    """
    plain, kind, unit = parted(cell, kind)
    if isinstance(plain, Masked):
        return plain.value
    if plain is None or plain == "":
        return ABSENT
    if isinstance(plain, date):
        return day(plain, language)
    if isinstance(plain, str):
        return plain
    value = Decimal(str(plain))
    if kind in MEASURES:
        text = _measure(value, kind, language, signed=signed)
    else:
        places = 0 if kind == "count" else _decimals(value, unit) if decimals is None else decimals
        text = ("+" if signed and value > 0 else "") + number(value, language, decimals=places)
    return f"{text}{UNBROKEN}{unit}" if unit else text


def _measure(value: Decimal, kind: str, language: str, *, signed: bool) -> str:
    if kind == "eur_cents":
        return euros(value / 100, language, signed=signed)
    if kind == "eur":
        return euros(value, language, signed=signed)
    if kind == "eur_whole":
        return euros(value, language, signed=signed, decimals=0)
    return ("+" if signed and value > 0 else "") + share(value, language)


def number(value: Decimal, language: str, *, decimals: int) -> str:
    """1234.5 as 1 234,5 (narrow spaces) or 1,234.5, with a true minus sign."""
    rounded = value.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
    digits = f"{abs(rounded):,f}"
    if language == "fr":
        digits = digits.replace(",", THIN).replace(".", ",")
    return f"{MINUS}{digits}" if rounded < 0 else digits


def euros(value: Decimal, language: str, *, signed: bool = False, decimals: int = 2) -> str:
    """1 234,50 € or €1,234.50; with a plus sign too when `signed`."""
    digits = number(abs(value), language, decimals=decimals)
    is_zero = not any(digit in "123456789" for digit in digits)
    sign = "" if is_zero else MINUS if value < 0 else "+" if signed else ""
    return f"{sign}{digits}{UNBROKEN}€" if language == "fr" else f"{sign}€{digits}"


def share(value: Decimal, language: str) -> str:
    """0.8125 as 81,3 % or 81.3%."""
    space = UNBROKEN if language == "fr" else ""
    return f"{number(value * 100, language, decimals=1)}{space}%"


def day(value: date, language: str) -> str:
    """1er mars 2024 or 1 March 2024."""
    month = say("months", language).split(",")[value.month - 1]
    first = "1er" if language == "fr" and value.day == 1 else str(value.day)
    return f"{first} {month} {value.year}"


def often(value: Decimal | None, language: str) -> str:
    """A probability as times in a hundred: 14 fois sur 100; once at least where it is not 0."""
    if value is None:
        return ABSENT
    times = value * 100
    if 0 < times < 1:
        return say("often_rarely", language)
    return say("often", language, times=number(times, language, decimals=0))


def decimals_of(cells: Iterable[Cell]) -> int:
    """Decimals that the plain numbers of a column share: as many as the one that has most."""
    plain = [parted(cell, "number") for cell in cells]
    values = [Decimal(str(value)) for value, _, _ in plain if isinstance(value, int | Decimal)]
    return max((_decimals(value) for value in values), default=0)


def _decimals(value: Decimal, unit: str = "") -> int:
    """Decimals that a plain number has: four at most under 10 (two of a unit), two under 1,000, one above."""
    exponent = value.normalize().as_tuple().exponent
    most = 4 if abs(value) < 10 and not unit else 2 if abs(value) < 1000 else 1
    return min(most, max(0, -exponent)) if isinstance(exponent, int) else 0


def capital(text: str) -> str:
    """Text with a capital first letter; the others as they are."""
    return text[:1].upper() + text[1:]


def uncapital(text: str) -> str:
    """Text with a small first letter, to stand after a colon; an acronym keeps its own."""
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]


def listed(parts: Iterable[str], language: str) -> str:
    """Parts one after the other, between semicolons as the language spaces them."""
    return (" ; " if language == "fr" else "; ").join(parts)
