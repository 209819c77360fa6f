"""A document written to a folder: HTML, PDF and one CSV a table, each whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from forfait.documents.html import render_html
from forfait.documents.pdf import render_pdf
from forfait.documents.tables_csv import csv_tables
from schemes.statements.document import Document

FORMATS = ("html", "pdf", "csv")


def write_document(document: Document, folder: Path, name: str, *, formats: tuple[str, ...] = FORMATS) -> list[Path]:
    """Paths written: `name`.html, `name`.pdf, and `name`-<table>.csv (UTF-8 with its mark, for spreadsheets).

    Everything is rendered before the first file is written; a file already there is replaced in one move.
    Errors: ValueError for a format other than html, pdf and csv, or a name that is not that of a file.
    """
    if unknown := sorted(set(formats) - set(FORMATS)):
        raise ValueError(f"format {unknown[0]!r} is not one of {', '.join(FORMATS)}")
    if Path(name).name != name or name.startswith("."):
        raise ValueError(f"name {name!r} should be that of a file, without a folder")
    contents: dict[str, bytes] = {}
    if "html" in formats:
        contents[f"{name}.html"] = render_html(document).encode("utf-8")
    if "pdf" in formats:
        contents[f"{name}.pdf"] = render_pdf(document)
    if "csv" in formats:
        contents |= {f"{name}-{table}.csv": text.encode("utf-8-sig") for table, text in csv_tables(document).items()}
    folder.mkdir(parents=True, exist_ok=True)
    return [_replace(folder / file, content) for file, content in contents.items()]


def _replace(path: Path, content: bytes) -> Path:
    handle, scratch = tempfile.mkstemp(dir=path.parent, prefix=".writing-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(scratch).chmod(0o644)
        Path(scratch).replace(path)
    except BaseException:
        Path(scratch).unlink(missing_ok=True)
        raise
    return path
