"""Texts of the page in French and English, and what the rows are called."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from features.catalogue import by_name
from features.episodes.catalogue import EPISODE_CATALOGUE
from features.postes import POSTES
from training.evaluation.wording import group_name, level_name, written
from training.pages import texts_in
from training.retrain.record import DriftRow, GateResult

POSTE = "poste_"
MOST_WORDS = 5


def words_in(language: str) -> Mapping[str, str]:
    """Every text of texts.csv in one language. Errors: InputError for a language that is not there."""
    return texts_in(Path(__file__).parent, language)


def gate_name(gate: GateResult, language: str) -> str:
    """A gate in words."""
    return words_in(language)[f"gate_{gate.name}"]


def gate_value(gate: GateResult, language: str) -> str:
    """What a gate measured, beside what it wants: "0,012 ≥ −0,010", and the names of what stands out."""
    value = written(gate.value, gate.unit, language)
    wanted = f"{gate.sign} {written(gate.threshold, gate.unit, language)}"
    return f"{value} ({wanted})"


def gate_words(gate: GateResult, language: str) -> str:
    """What stands out of a gate, in words: groups, codes, a structure, a size; at most five, then how many more."""
    shown = [_word(word, language) for word in gate.words[:MOST_WORDS]]
    more = len(gate.words) - len(shown)
    return ", ".join([*shown, *([f"+ {more}"] if more > 0 else [])])


def what(row: DriftRow, language: str) -> str:
    """What a row of drift is about, in words: a feature, a poste, a group."""
    words = words_in(language)
    if row.kind == "spending":
        return _poste(row.name, language)
    if row.kind in ("mix", "calibration"):
        return words["all"] if row.name == "all" else group_name(row.name, language)
    known = _labels().get(row.name)
    return row.name if known is None else known[0 if language == "fr" else 1]


def level(row: DriftRow, language: str) -> str:
    """The level of a row in words."""
    return level_name(row.name, row.level, language) if row.kind in ("mix", "calibration") and row.level else row.level


def _word(word: str, language: str) -> str:
    name, _, place = word.partition("/")
    if name in _labels() and not place:
        return _labels()[name][0 if language == "fr" else 1]
    if not place:
        return _poste(name, language) if name.endswith("_eur") else name
    return f"{group_name(name, language)} : {level_name(name, place, language)}"


def _poste(name: str, language: str) -> str:
    words, poste = words_in(language), name.removeprefix(POSTE).removesuffix("_eur")
    if poste in POSTES:
        return POSTES[poste][0 if language == "fr" else 1]
    return words.get(f"name_{name}", name.removesuffix("_eur").replace("_", " "))


@cache
def _labels() -> Mapping[str, tuple[str, str]]:
    features = (*EPISODE_CATALOGUE, *by_name().values())
    return {known.name: (known.label_fr, known.label_en) for known in features}
