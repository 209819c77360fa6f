"""What every page of this folder is made with: its template, its texts, its drawings, the marks of its verdicts."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from features.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TEMPLATES = Path(__file__).parent / "templates"
LANGUAGES = ("fr", "en")
ORDER = ("bad", "doubt", "good", "told")
MARKS = {"good": "✓", "doubt": "◐", "bad": "✗", "told": "·"}
IDENTIFIER = re.compile(r'(?<=\bid=")([^"]+)|(?<=href="#)([^"]+)|(?<=url\(#)([^)]+)')
UNDATED = dict.fromkeys(("Date", "Creator", "Format", "Type"))


@cache
def page_template(package: Path, name: str) -> Template:
    """The template of that name in the folder `templates` of a package; it may extend and import those shared here."""
    pages = Environment(
        loader=FileSystemLoader([package / "templates", TEMPLATES]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters["unbroken"] = unbroken
    return pages.get_template(name)


@cache
def texts_in(package: Path, language: str, name: str = "texts") -> Mapping[str, str]:
    """Texts of a package in one language, from its CSV of that name (columns name, fr, en).

    Errors: InputError for a language that is not there.
    """
    if language not in LANGUAGES:
        raise InputError(f"language {language!r} is unknown; choose one of {', '.join(LANGUAGES)}")
    frame = pd.read_csv(package / f"{name}.csv", dtype=str, keep_default_na=False)
    return dict(zip(frame["name"], frame[language], strict=True))


def inline_svg(canvas: Figure, told: str, *, name: str = "") -> str:
    """A drawing as an SVG element, `told` to who cannot see it: neither date nor maker, so the same bytes again.

    Where a page holds several, identifiers begin with the drawing's `name`.
    """
    buffer = io.StringIO()
    canvas.savefig(buffer, format="svg", metadata=UNDATED)
    svg = buffer.getvalue()
    svg = re.sub(r"\s*<metadata>.*?</metadata>", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    if name:
        svg = IDENTIFIER.sub(lambda found: f"{name}-{found.group()}", svg)
    return svg.replace("<svg ", f'<svg role="img" aria-label="{told}" ', 1).strip()


def unbroken(text: str) -> str:
    """French text whose colons and semicolons do not begin a line."""
    return text.replace(" :", "\u00a0:").replace(" ;", "\u202f;").replace(" %", "\u202f%").replace(" »", "\u202f»")
