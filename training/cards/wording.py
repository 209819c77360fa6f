"""Texts of the model card in French and English."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from training.evaluation.page_tables import Head, Row, Table
from training.pages import texts_in


def texts(language: str) -> Mapping[str, str]:
    """Every text of the card in one language. Errors: InputError for a language that is not there."""
    return texts_in(Path(__file__).parent, language.partition(" ")[0])


def table(names: Sequence[str], rows: Iterable[Sequence[str]], language: str, numbers: Iterable[str] = ()) -> Table:
    """A table of words, its headings by name; `numbers` stand to the right."""
    words, right = texts(language), set(numbers)
    heads = tuple(Head(words.get(f"col_{name}", name), name in right) for name in names)
    return Table(heads, tuple(Row(tuple(row)) for row in rows))
