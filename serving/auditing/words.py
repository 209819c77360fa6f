"""The words of the pages in French and English, and numbers, euros, days and values as each language writes them."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path

from features.versions import EPISODE_UNIT, UNIT, CardFeature
from schemes.statements import wording
from schemes.statements.document import LANGUAGES
from serving.explanations import Value
from serving.families import family_label
from serving.french import typeset
from serving.refusals import RefusalError

TEXTS = Path(__file__).parent / "texts.csv"
UNITS = {UNIT: "unit_year", EPISODE_UNIT: "unit_episode"}


@cache
def texts() -> dict[str, dict[str, str]]:
    """Key → {"fr": …, "en": …} of texts.csv."""
    with TEXTS.open(encoding="utf-8", newline="") as file:
        return {row["key"]: {"fr": row["fr"], "en": row["en"]} for row in csv.DictReader(file)}


@dataclass(frozen=True)
class Words:
    """How one language says things."""

    language: str

    def say(self, key: str, **values: object) -> str:
        """The text of a key, its {places} filled. Errors: KeyError for a key or a place without text."""
        return self.set(texts()[key][self.language].format(**values))

    def either(self, french: str, english: str) -> str:
        """One of two texts."""
        return self.set(french if self.language == "fr" else english)

    def set(self, text: str) -> str:
        """Text with the unbroken spaces that French keeps."""
        return typeset(text) if self.language == "fr" else text

    def euros(self, value: float, *, signed: bool = False) -> str:
        """1 234,50 € or €1,234.50."""
        return wording.euros(Decimal(str(value)), self.language, signed=signed)

    def cents(self, value: int, *, signed: bool = False) -> str:
        """Cents as euros."""
        return wording.euros(Decimal(value) / 100, self.language, signed=signed)

    def count(self, value: int) -> str:
        """1 234 or 1,234."""
        return wording.number(Decimal(value), self.language, decimals=0)

    def decimal(self, value: float, places: int) -> str:
        """A number with so many decimals."""
        return wording.number(Decimal(str(value)), self.language, decimals=places)

    def share(self, value: float) -> str:
        """0.8125 as 81,3 % or 81.3%."""
        return wording.share(Decimal(str(value)), self.language)

    def day(self, value: date) -> str:
        """1er mars 2024 or 1 March 2024."""
        return wording.day(value, self.language)

    def moment(self, recorded_at: str) -> str:
        """A moment of the ledger: its day and time, UTC."""
        return f"{self.day(date.fromisoformat(recorded_at[:10]))}, {recorded_at[11:19]} UTC"

    def family(self, family: str) -> str:
        """Label of a family of characteristics."""
        return family_label(family, self.language)

    def feature(self, feature: CardFeature) -> str:
        """Label of a characteristic."""
        return self.either(feature.label_fr, feature.label_en)

    def unit(self, unit: str) -> str:
        """What euros of a card cover; its own name where it has no words."""
        return self.say(UNITS[unit]) if unit in UNITS else unit

    def value(self, feature: CardFeature, value: Value) -> str:
        """A value of a characteristic: yes or no, text, number, or missing."""
        if value is None or value == "missing":
            return self.say("missing")
        if feature.kind == "flag":
            return self.say("yes" if value else "no")
        return self.plain(value)

    def plain(self, value: float | int | str | bool | None) -> str:
        """A value of a card, with the decimals it has (four at most)."""
        if value is None or isinstance(value, bool):
            return self.say({None: "missing", True: "yes", False: "no"}[value])
        if isinstance(value, str):
            return value
        decimals = len(f"{value:.4f}".rstrip("0").rpartition(".")[2])
        return self.decimal(value, decimals)


def words_asked(given: str | None) -> Words:
    """The words of ?lang=. Errors: RefusalError 422."""
    if given not in (None, *LANGUAGES):
        raise RefusalError(422, "lang is fr or en", field="lang")
    return Words(given or "fr")
