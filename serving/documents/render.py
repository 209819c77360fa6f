"""A document as one HTML page or as PDF: everything in it, nothing fetched, the same bytes each time.

HTML is made for screens, keyboards and A4 paper; PDF is by Typst, tagged (PDF/UA-1), with the fonts of its wheel only.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import typst
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from schemes.statements.document import Document, Figure
from serving.documents.waterfall import NARROW, WIDE, waterfall_svg
from serving.documents.words import Draw, in_words

TEMPLATES = Path(__file__).parent / "templates"
SCREEN_FONT, PAPER_FONT = "system-ui, sans-serif", "Libertinus Serif"


def html_of(document: Document, draw: Draw) -> str:
    """The page of a document, in its language."""
    return _page().render(page=in_words(document, draw))


def pdf_of(document: Document, draw: Draw) -> bytes:
    """The PDF of a document: A4, accessible, without a date of its own."""
    return _compiler().compile(_sheet(), format="pdf", sys_inputs=_inputs(document, draw), pdf_standards="ua-1")  # type: ignore[return-value]


def png_of(document: Document, draw: Draw, *, ppi: float = 96.0) -> list[bytes]:
    """The pages of the PDF as pictures, to look at."""
    pages = _compiler().compile(_sheet(), format="png", sys_inputs=_inputs(document, draw), ppi=ppi)
    return pages if isinstance(pages, list) else [pages or b""]


def on_screen(figure: Figure, language: str) -> str:
    """A waterfall for a page."""
    return waterfall_svg(figure, language, font=SCREEN_FONT)


def on_paper(figure: Figure, language: str) -> str:
    """A waterfall for paper; narrower where it stands beside its table."""
    return waterfall_svg(figure, language, font=PAPER_FONT, frame=NARROW if figure.is_beside else WIDE)


def _inputs(document: Document, draw: Draw) -> dict[str, str]:
    return {"page": json.dumps(in_words(document, draw), ensure_ascii=False)}


@cache
def _compiler() -> typst.Compiler:
    """One compiler for all documents of a process; fonts of the system would change the bytes from one to another."""
    return typst.Compiler(ignore_system_fonts=True)


@cache
def _sheet() -> bytes:
    return (TEMPLATES / "document.typ").read_bytes()


@cache
def _page() -> Template:
    pages = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return pages.get_template("document.html")
