"""Texts of the page in French and English, and figures as a reader writes them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pandas as pd

from features.codes import listed
from features.errors import InputError
from training.evaluation.record import Figure, Verdict

LANGUAGES = ("fr", "en")
DASH = "–"
LEVELS_FR = {
    " women": " ans, femmes", " men": " ans, hommes", "no ALD": "sans ALD", "no C2S": "sans C2S", "no AME": "sans AME",
    "under 80": "moins de 80 ans", "80+ ans": "80 ans et plus", "public and private": "public et privé",
    "private": "privé", "no stay": "sans séjour", "deceased": "décédés", "alive": "vivants",
    "known before": "déjà connus", "new": "nouveaux", "no care": "sans soins", "some care": "avec soins",
    "unknown": "inconnu", "missing": "inconnu", "all": "tous",
}  # fmt: skip
LEVELS_EN = {"no ": "no ", "missing": "unknown"}


@cache
def texts(language: str) -> Mapping[str, str]:
    """Every text of texts.csv in one language. Errors: InputError for a language that is not there."""
    if language not in LANGUAGES:
        raise InputError(f"language {language!r} is unknown; choose one of {', '.join(LANGUAGES)}")
    frame = pd.read_csv(Path(__file__).parent / "texts.csv", dtype=str, keep_default_na=False)
    return dict(zip(frame["name"], frame[language], strict=True))


def number(value: float | None, digits: int, language: str) -> str:
    """A figure: narrow space and comma in French, comma and point in English; a dash where there is none."""
    if value is None or math.isnan(value):
        return DASH
    if math.isinf(value):
        return "∞"
    text = f"{value:,.{digits}f}"
    text = text.replace("-", "−") if float(value) and text.strip("-0.,") else text.replace("-", "")
    return text.replace(",", "\u202f").replace(".", ",") if language == "fr" else text


def written(value: float | None, unit: str, language: str, *, signed: bool = False) -> str:
    """A figure with its unit: share as per cent, EUR without cents above 100, ratio and measures with 3 decimals."""
    if value is None or math.isnan(value):
        return DASH
    plus = "+" if signed and value > 0 else ""
    if unit == "share":
        return f"{plus}{number(100 * value, 1, language)}{chr(0x202F) if language == 'fr' else ''}%"
    if unit == "EUR":
        euros = number(value, 0 if abs(value) >= 100 else 2, language)
        return f"{plus}{euros}\u202f€" if language == "fr" else f"{plus}{euros} EUR"
    return plus + number(value, 0 if unit == "count" else 3, language)


def between(low: float | None, high: float | None, unit: str, language: str) -> str:
    """An interval as a reader writes it; a dash where there is none."""
    if low is None or high is None:
        return DASH
    joint = " à " if language == "fr" else " to "
    return written(low, unit, language) + joint + written(high, unit, language)


def level_name(group: str, level: str, language: str) -> str:
    """A level in words."""
    if group == "ald_group":
        label = {row["ald_code"]: row[f"label_{language}"] for row in listed("ald_codes")}[str(int(level))]
        return f"{int(level)}. {label}"
    if group in ("decile", "fdep", "past_quintile") and level.isdigit():
        return str(int(level))
    if language == "fr":
        for english, french in LEVELS_FR.items():
            level = level.replace(english, french)
    return level.replace("missing", "unknown") if language == "en" else level


def group_name(group: str, language: str) -> str:
    """A grouping in words; its own name where the texts have none (groups given by a caller)."""
    return texts(language).get(f"group_{group}", group)


def model_name(model: str, this: str, language: str) -> str:
    """A model in words."""
    words = texts(language)
    return f"{words['model_this']} ({this})" if model == this else words.get(f"model_{model}", model)


def sentence(verdict: Verdict, language: str) -> str:
    """The sentence of a verdict, its figures written in."""
    words = dict(verdict.words)
    known = dict(words)
    if "group" in words:
        known["level"] = level_name(words["group"], words["level"], language)
        known["group"] = group_name(words["group"], language)
    for figure in verdict.figures:
        known |= _written(figure, language)
    return texts(language)[f"v_{verdict.name}"].format(**known)


def _written(figure: Figure, language: str) -> dict[str, str]:
    signed = figure.name in ("net", "gain")
    ends = {f"{figure.name}_low": figure.low, f"{figure.name}_high": figure.high}
    values = {figure.name: figure.value, **ends}
    return {name: written(value, figure.unit, language, signed=signed) for name, value in values.items()}
