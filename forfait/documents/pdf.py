"""A document as PDF, by Typst: the fonts of its wheel only, no network, the same bytes each time, tagged (PDF/UA-1)."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import typst

from forfait.documents.plots import plot_svg
from forfait.documents.waterfall import NARROW, WIDE, waterfall_svg
from forfait.documents.words import in_words
from schemes.statements.document import Document, Figure

TEMPLATE = Path(__file__).parent / "templates" / "document.typ"
FONT = "Libertinus Serif"


def render_pdf(document: Document) -> bytes:
    """The PDF of a document: A4, accessible, without a date of its own."""
    return _compiler().compile(_template(), format="pdf", sys_inputs=_inputs(document), pdf_standards="ua-1")  # type: ignore[return-value]


def render_png(document: Document, *, ppi: float = 96.0) -> list[bytes]:
    """The pages of the PDF as pictures, to look at."""
    pages = _compiler().compile(_template(), format="png", sys_inputs=_inputs(document), ppi=ppi)
    return pages if isinstance(pages, list) else [pages or b""]


def _inputs(document: Document) -> dict[str, str]:
    return {"page": json.dumps(in_words(document, _draw), ensure_ascii=False)}


@cache
def _compiler() -> typst.Compiler:
    """One compiler for all documents of a process; fonts of the system would change the bytes from one to another."""
    return typst.Compiler(ignore_system_fonts=True)


@cache
def _template() -> bytes:
    return TEMPLATE.read_bytes()


def _draw(figure: Figure, language: str) -> str:
    """A drawing; narrower where it stands beside its table."""
    if figure.kind == "waterfall":
        return waterfall_svg(figure, language, font=FONT, frame=NARROW if figure.is_beside else WIDE)
    return plot_svg(figure, language, is_half=figure.is_beside)
