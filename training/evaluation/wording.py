"""Texts of the page in French and English, and figures as a reader writes them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from features.codes import listed
from features.episodes.catalogue import EPISODE_CATALOGUE
from features.errors import InputError
from features.versions import EPISODE_UNIT
from training.evaluation.record import Figure, Verdict
from training.pages import LANGUAGES, texts_in

EPISODE = "episode"
DASH = "–"
LEVELS_FR = {
    " women": " ans, femmes", " men": " ans, hommes", "no ALD": "sans ALD", "no C2S": "sans C2S", "no AME": "sans AME",
    "under 80": "moins de 80 ans", "80+ ans": "80 ans et plus", "public and private": "public et privé",
    "private": "privé", "no stay": "sans séjour", "deceased": "décédés", "alive": "vivants",
    "known before": "déjà connus", "new": "nouveaux", "no care": "sans soins", "some care": "avec soins",
    "unknown": "inconnu", "missing": "inconnu", "all": "tous", "under 31 episodes": "moins de 31 épisodes",
    "100 episodes or more": "100 épisodes et plus", "31 to 99 episodes": "31 à 99 épisodes", "1 to 2": "1 à 2",
    "3 to 4": "3 à 4", "5 and over": "5 et plus",
}  # fmt: skip
SELF_TOLD = (
    "age_sex", "ald", "ald_group", "c2s", "ame", "ald_c2s_old", "new", "no_care", "deceased", "condition", "prior",
)  # fmt: skip
WHOLE_FR = {"yes": "oui", "no": "non", "other": "autre"}
LEVELS_EN = {"no ": "no ", "missing": "unknown"}


def voice_of(language: str, unit: str) -> str:
    """The language, in the words of an episode where the amounts are per episode: "fr", or "fr episode"."""
    return f"{language} {EPISODE}" if unit == EPISODE_UNIT else language


def is_french(language: str) -> bool:
    """Whether a language or voice is French."""
    return language.split(" ")[0] == "fr"


@cache
def texts(language: str) -> Mapping[str, str]:
    """Every text in one language or voice: of texts.csv, those of texts_episode.csv over them where it is asked.

    Errors: InputError for a language that is not there.
    """
    plain, _, voice = language.partition(" ")
    if plain not in LANGUAGES or voice not in ("", EPISODE):
        raise InputError(f"language {language!r} is unknown; choose one of {', '.join(LANGUAGES)}")
    found: dict[str, str] = {}
    for name in ("texts", f"texts_{EPISODE}") if voice else ("texts",):
        found |= texts_in(Path(__file__).parent, plain, name)
    return found


def number(value: float | None, digits: int, language: str) -> str:
    """A figure: narrow space and comma in French, comma and point in English; a dash where there is none."""
    if value is None or math.isnan(value):
        return DASH
    if math.isinf(value):
        return "∞"
    text = f"{value:,.{digits}f}"
    text = text.replace("-", "−") if float(value) and text.strip("-0.,") else text.replace("-", "")
    return text.replace(",", "\u202f").replace(".", ",") if is_french(language) else text


def written(value: float | None, unit: str, language: str, *, signed: bool = False) -> str:
    """A figure with its unit: share as per cent, EUR without cents above 100, ratio and measures with 3 decimals."""
    if value is None or math.isnan(value):
        return DASH
    plus = "+" if signed and value > 0 else ""
    if unit == "share":
        return f"{plus}{number(100 * value, 1, language)}{chr(0x202F) if is_french(language) else ''}%"
    if unit == "EUR":
        euros = number(value, 0 if abs(value) >= 100 else 2, language)
        return f"{plus}{euros}\u202f€" if is_french(language) else f"{plus}{euros} EUR"
    return plus + number(value, 0 if unit == "count" else 3, language)


def between(low: float | None, high: float | None, unit: str, language: str) -> str:
    """An interval as a reader writes it, its unit once; a dash where there is none."""
    if low is None:
        return DASH
    if high is None:
        return written(low, unit, language) + (" ou plus" if is_french(language) else " or more")
    joint = " à " if is_french(language) else " to "
    if unit == "EUR":
        digits = 0 if max(abs(low), abs(high)) >= 100 else 2
        ends = [number(end, digits, language) for end in (low, high)]
        return f"{joint.join(ends)}\u202f€" if is_french(language) else f"{joint.join(ends)} EUR"
    if unit == "share":
        return number(100 * low, 1, language) + joint + written(high, unit, language)
    return written(low, unit, language) + joint + written(high, unit, language)


def level_name(group: str, level: str, language: str) -> str:
    """A level in words."""
    if group == "ald_group":
        label = "label_fr" if is_french(language) else "label_en"
        return f"{int(level)}. {next(row[label] for row in listed('ald_codes') if row['ald_code'] == str(int(level)))}"
    if group in ("condition", "prior"):
        known = next(one for one in EPISODE_CATALOGUE if one.name == level)
        return known.label_fr if is_french(language) else known.label_en
    if group in ("decile", "fdep", "past_quintile") and level.isdigit():
        return str(int(level))
    if is_french(language):
        level = WHOLE_FR.get(level, level)
        for english, french in LEVELS_FR.items():
            level = level.replace(english, french)
    return level.replace("missing", "unknown") if not is_french(language) else level


def group_name(group: str, language: str) -> str:
    """A grouping in words; its own name where the texts have none (groups given by a caller)."""
    return texts(language).get(f"group_{group}", group)


def cell_name(group: str, level: str, language: str) -> str:
    """A group and its level in words; the level alone where it says which group."""
    if group in SELF_TOLD:
        return level_name(group, level, language)
    joint = "\u202f: " if is_french(language) else ": "
    return f"{group_name(group, language)}{joint}{level_name(group, level, language)}"


def model_name(model: str, this: str, language: str) -> str:
    """A model in words."""
    words = texts(language)
    return f"{words['model_this']} ({this})" if model == this else words.get(f"model_{model}", model)


def sentence(verdict: Verdict, language: str) -> str:
    """The sentence of a verdict, its figures written in."""
    words = dict(verdict.words)
    known = dict(words)
    if "group" in words:
        known["group"] = cell_name(words["group"], words["level"], language)
    for figure in verdict.figures:
        known |= _written(figure, language)
    return texts(language)[f"v_{verdict.name}"].format(**known)


def meaning(verdict: Verdict, language: str) -> str:
    """Why the verdict matters, in a sentence."""
    return texts(language)[f"m_{verdict.name}"]


def _written(figure: Figure, language: str) -> dict[str, str]:
    signed = figure.name in ("net", "gain")
    ends = {f"{figure.name}_low": figure.low, f"{figure.name}_high": figure.high}
    values = {figure.name: figure.value, **ends}
    return {name: written(value, figure.unit, language, signed=signed) for name, value in values.items()}
