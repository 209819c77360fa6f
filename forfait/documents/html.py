"""A document as one HTML page, its figures drawn by Matplotlib but for waterfalls (see `serving.documents.render`)."""

from __future__ import annotations

from forfait.documents.plots import plot_svg
from schemes.statements.document import Document, Figure
from serving.documents.render import html_of, on_screen


def render_html(document: Document) -> str:
    """The page of a document, in its language."""
    return html_of(document, _draw)


def _draw(figure: Figure, language: str) -> str:
    return on_screen(figure, language) if figure.kind == "waterfall" else plot_svg(figure, language)
