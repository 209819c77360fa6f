"""Texts of the twin's page in French and English, and its lines and cells in words."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from features.versions import EPISODE_UNIT
from training.evaluation.wording import number, written
from training.pages import LANGUAGES, texts_in
from training.twin.record import Cell, Line, Twin

AXES = ("age", "sex", "ald", "c2s", "comorbidity")


def texts(language: str) -> Mapping[str, str]:
    """Every text of the page in one language. Errors: InputError for a language that is not there."""
    return texts_in(Path(__file__).parent, language)


def per_unit(twin: Twin, name: str, language: str) -> str:
    """A text that differs between years and episodes."""
    return texts(language)[f"{name}_{'episode' if twin.unit == EPISODE_UNIT else 'year'}"]


def label_of(twin: Twin, feature: str, language: str) -> str:
    """A feature in words."""
    return twin.labels[feature][LANGUAGES.index(language)]


def line_words(twin: Twin, line: Line, language: str) -> str:
    """A line in words: its feature, and the band, level or sex where there is one."""
    parts = [label_of(twin, line.feature, language)]
    if line.category is not None or not is_flag(line):
        parts.append(band_words(twin, line, language))
    if line.is_woman is not None:
        parts.append(texts(language)["women" if line.is_woman else "men"])
    return ", ".join(part for part in parts if part)


def is_flag(line: Line) -> bool:
    """Whether a line is that of a yes or no."""
    return line.category is None and line.low == 1 and line.below is None


def band_words(twin: Twin, line: Line, language: str) -> str:
    """The band or level of a line: "45 à 64", "95 et plus"; empty where it holds for every value."""
    words, is_whole = texts(language), line.feature in twin.whole
    if line.category is not None:
        return line.category
    ends = {name: _figure(value, language) for name, value in (("low", line.low), ("below", line.below))}
    if line.below is None:
        return "" if line.low is None else words["band_from"].format(**ends)
    if line.low is None:
        return words["band_under"].format(**ends)
    if not is_whole:
        return words["band_wide"].format(**ends)
    last = line.below - 1
    if last == line.low:
        return ends["low"]
    return words["band_both"].format(low=ends["low"], high=_figure(last, language))


def cell_words(cell: Cell, language: str) -> tuple[str, ...]:
    """The bounds of a cell in words, axis by axis."""
    words, bounds = texts(language), cell.bounds
    found = []
    for axis in AXES:
        low, high = bounds[f"{axis}_from"], bounds[f"{axis}_to"]
        if axis == "sex":
            found.append(words["any"] if low != high else words["men" if low == 1 else "women"])
        elif axis == "c2s":
            found.append(words["any"] if low != high else words["yes" if low else "no"])
        elif high is None:
            found.append(words["any"] if not low else words["band_from"].format(low=low))
        else:
            found.append(str(low) if low == high else words["band_both"].format(low=low, high=high))
    return tuple(found)


def points_words(points_eur: int, language: str) -> str:
    """Whole euros with their sign."""
    return written(float(points_eur), "EUR", language, signed=True).replace(",00", "").replace(".00", "")


def cents_words(cents: int, language: str) -> str:
    """An amount to the cent."""
    text = number(cents / 100, 2, language)
    return f"{text}\u202f€" if language == "fr" else f"{text} EUR"


def _figure(value: float | None, language: str) -> str:
    return "" if value is None else number(value, 0 if value == round(value) else 2, language)
