"""A document as one HTML page: everything in it, nothing fetched; made for screens, keyboards and A4 paper."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from forfait.documents.plots import plot_svg
from forfait.documents.waterfall import waterfall_svg
from forfait.documents.words import in_words
from schemes.statements.document import Document, Figure

TEMPLATES = Path(__file__).parent / "templates"
FONT = "system-ui, sans-serif"


def render_html(document: Document) -> str:
    """The page of a document, in its language."""
    return _template().render(page=in_words(document, _draw))


@cache
def _template() -> Template:
    pages = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return pages.get_template("document.html")


def _draw(figure: Figure, language: str) -> str:
    if figure.kind == "waterfall":
        return waterfall_svg(figure, language, font=FONT)
    return plot_svg(figure, language)
