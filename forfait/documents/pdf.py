"""A document as PDF, its figures drawn by Matplotlib but for waterfalls (see `serving.documents.render`)."""

from __future__ import annotations

from forfait.documents.plots import plot_svg
from schemes.statements.document import Document, Figure
from serving.documents.render import on_paper, pdf_of, png_of


def render_pdf(document: Document) -> bytes:
    """The PDF of a document: A4, accessible, without a date of its own."""
    return pdf_of(document, _draw)


def render_png(document: Document, *, ppi: float = 96.0) -> list[bytes]:
    """The pages of the PDF as pictures, to look at."""
    return png_of(document, _draw, ppi=ppi)


def _draw(figure: Figure, language: str) -> str:
    """A drawing; narrower where it stands beside its table."""
    if figure.kind == "waterfall":
        return on_paper(figure, language)
    return plot_svg(figure, language, is_half=figure.is_beside)
