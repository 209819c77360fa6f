"""Texts of the model card in French and English."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path

import pandas as pd

from training.evaluation.page_tables import Head, Row, Table
from training.evaluation.wording import is_french
from training.evaluation.wording import texts as evaluation_texts


@cache
def texts(language: str) -> Mapping[str, str]:
    """Every text of the card in one language. Errors: InputError for a language that is not there."""
    evaluation_texts(language)  # refuses another language, and says which are there
    frame = pd.read_csv(Path(__file__).parent / "texts.csv", dtype=str, keep_default_na=False)
    return dict(zip(frame["name"], frame["fr" if is_french(language) else "en"], strict=True))


def unbroken(text: str) -> str:
    """French text whose colons and semicolons do not begin a line."""
    return text.replace(" :", "\u00a0:").replace(" ;", "\u202f;").replace(" %", "\u202f%").replace(" »", "\u202f»")


def table(names: Sequence[str], rows: Iterable[Sequence[str]], language: str, numbers: Iterable[str] = ()) -> Table:
    """A table of words, its headings by name; `numbers` stand to the right."""
    words, right = texts(language), set(numbers)
    heads = tuple(Head(words.get(f"col_{name}", name), name in right) for name in names)
    return Table(heads, tuple(Row(tuple(row)) for row in rows))
