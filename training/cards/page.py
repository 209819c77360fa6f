"""The card as HTML (self-contained, made to be printed) and as Markdown, from the same sections."""

from __future__ import annotations

from html import escape
from pathlib import Path

from training.cards.compared import important_section
from training.cards.declared import closing_sections, declared_sections
from training.cards.judged import judged_sections
from training.cards.known import Known, Section
from training.cards.wording import texts
from training.evaluation.page_tables import Table
from training.pages import page_template

PACKAGE = Path(__file__).parent
COMMAND = "forfait "


def card_sections(known: Known, language: str) -> list[Section]:
    """Every section, in reading order. Errors: InputError for another language."""
    return [
        *declared_sections(known, language),
        *judged_sections(known, language),
        *important_section(known, language),
        *closing_sections(known, language),
    ]


def card_title(known: Known, language: str) -> tuple[str, str]:
    """Title and subtitle."""
    words, card = texts(language), known.card
    title = known.title_fr if language == "fr" else known.title_en
    return words["title"], words["subtitle"].format(title=title, model=card.model, version=card.version)


def card_html(known: Known, language: str = "fr") -> str:
    """The page: no script, nothing fetched, the same bytes for what is known."""
    title, subtitle = card_title(known, language)
    sections = card_sections(known, language)
    return page_template(PACKAGE, "card.html").render(
        language=language, title=title, subtitle=subtitle, sections=sections, command=COMMAND
    )


def card_markdown(known: Known, language: str = "fr") -> str:
    """The same in Markdown."""
    title, subtitle = card_title(known, language)
    lines = [f"# {title}{texts(language)['colon']}{subtitle}", ""]
    for section in card_sections(known, language):
        lines += [f"## {section.title}", ""]
        lines += [line for text in section.paragraphs for line in (_paragraph(text), "")]
        for caption, shown in section.tables:
            lines += [f"**{caption}**", ""] if caption else []
            lines += [*_markdown(shown), ""]
    return "\n".join(lines)


def _paragraph(text: str) -> str:
    return f"    {text}" if text.startswith(COMMAND) else escape(text, quote=False)


def _markdown(shown: Table) -> list[str]:
    heads = [head.title for head in shown.heads]
    rules = ["---:" if head.is_number else "---" for head in shown.heads]
    return [_row(heads), _row(rules), *(_row(row.cells) for row in shown.rows)]


def _row(cells: object) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"  # type: ignore[attr-defined]
