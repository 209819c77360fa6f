"""A document as the words a template writes: every cell as text, every figure as SVG; the same for HTML and PDF."""

from __future__ import annotations

from collections.abc import Callable
from textwrap import wrap
from typing import Any

from schemes.statements.document import Column, Document, Figure, KeyFigure, Section, Table
from schemes.statements.wording import UNBROKEN, decimals_of, say, written
from serving.french import typeset

NUMERIC = ("eur_cents", "eur", "eur_whole", "share", "count", "number", "mixed")
LONGEST_WORTH, LONGEST_FIGURE, LONGEST_TITLE = 60, 32, 22
Draw = Callable[[Figure, str], str]


def in_words(document: Document, draw: Draw) -> dict[str, Any]:
    """The document as nested text: what `draw` makes of a figure in the document's language stands as its SVG."""
    language = document.language
    return {
        "title": _set(document.title, language),
        "subtitle": _set(document.subtitle, language),
        "language": language,
        "is_one_page": document.is_one_page,
        "notes_title": say("notes_title", language),
        "page_word": say("page_word", language),
        "notes": [_set(note, language) for note in document.notes],
        "sections": [_section(section, language, draw) for section in document.sections],
    }


def _section(section: Section, language: str, draw: Draw) -> dict[str, Any]:
    return {
        "title": _set(section.title, language),
        "is_alert": section.is_alert,
        "paragraphs": [_set(text, language) for text in section.paragraphs],
        "key_figures": [_key_figure(one, language) for one in section.key_figures],
        "tables": [table_in_words(table, language) for table in section.tables],
        "figures": [_figure(figure, language, draw) for figure in section.figures],
    }


def _key_figure(one: KeyFigure, language: str) -> dict[str, str]:
    return {
        "label": _set(one.label, language),
        "value": written(one.value, "text", language),
        "note": _set(one.note, language),
    }


def table_in_words(table: Table, language: str) -> dict[str, Any]:
    """A table as words: caption, columns with their share of the width, rows of texts."""
    cells = _cells(table, language)
    return {
        "name": table.name,
        "caption": _set(table.caption, language),
        "is_fine": table.is_fine,
        "has_total": table.has_total,
        "columns": [
            {
                "title": _title(column, language),
                "is_number": column.kind in NUMERIC and not _is_wordy(column, [row[place] for row in cells]),
                "worth": _worth([column.title if column.kind == "text" else "", *(row[place] for row in cells)]),
            }
            for place, column in enumerate(table.columns)
        ],
        "rows": cells,
    }


def _title(column: Column, language: str) -> str:
    """The title of a column; that of figures in short lines, so that it does not widen them."""
    title = _set(column.title, language)
    return "\n".join(wrap(title, LONGEST_TITLE)) if column.kind in NUMERIC else title


def _cells(table: Table, language: str) -> list[list[str]]:
    """Every cell as text; plain numbers of a column have as many decimals as one another."""
    totals = {len(table.rows) - 1} if table.has_total else set()
    shared = [
        decimals_of(row[place] for row in table.rows) if column.kind == "number" else None
        for place, column in enumerate(table.columns)
    ]
    return [
        [
            _set(
                written(
                    cell, column.kind, language, signed=column.is_signed and place not in totals, decimals=decimals
                ),
                language,
            )
            for cell, column, decimals in zip(row, table.columns, shared, strict=True)
        ]
        for place, row in enumerate(table.rows)
    ]


def _is_wordy(column: Column, texts: list[str]) -> bool:
    """Whether a column that mixes figures and words holds sentences, which are read from the left."""
    return column.kind == "mixed" and any(len(text) > LONGEST_FIGURE for text in texts)


def _worth(texts: list[str]) -> int:
    """How much of the width a column of words is worth: its longest text, within bounds."""
    return max(6, min(LONGEST_WORTH, max(len(text) for text in texts)))


def _figure(figure: Figure, language: str, draw: Draw) -> dict[str, Any]:
    return {
        "caption": _set(figure.caption, language),
        "alt": _set(figure.alt, language),
        "is_beside": figure.is_beside,
        "svg": draw(figure, language),
    }


def _set(text: str, language: str) -> str:
    """Text with the unbroken spaces that French keeps."""
    return typeset(text).replace(" %", f"{UNBROKEN}%") if language == "fr" else text
