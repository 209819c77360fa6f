"""Texts of the page of cells in French and English."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from features.catalogue import by_name
from training.evaluation.wording import group_name, level_name
from training.pages import texts_in


def words(language: str) -> Mapping[str, str]:
    """Every text of texts.csv in one language. Errors: InputError for a language that is not there."""
    return texts_in(Path(__file__).parent, language)


def cells_name(cells: str, language: str) -> str:
    """Cells in words: those of the texts, the label of a feature, the name of a group; crossed ones joined by ×."""
    told = []
    for part in cells.split("=")[0].split("*"):
        feature = by_name().get(part)
        label = (feature.label_fr if language == "fr" else feature.label_en) if feature else group_name(part, language)
        told.append(words(language).get(f"cells_{part}", label))
    return " × ".join(told)


def cell_level(cells: str, level: str, language: str) -> str:
    """A level in words; that of a group of an evaluation as there."""
    known = words(language)
    parts = [known.get(f"level_{part}") for part in level.split(" × ")]
    if any(parts):
        return " × ".join(told or part for told, part in zip(parts, level.split(" × "), strict=True))
    is_group = cells not in by_name() and f"cells_{cells}" not in known and "*" not in cells
    return level_name(cells, level, language) if is_group else level
