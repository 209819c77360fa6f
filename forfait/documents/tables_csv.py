"""The tables of a document as CSV: what a spreadsheet of the reader's language opens as numbers."""

from __future__ import annotations

import csv
import io
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from schemes.statements.document import Cell, Column, Document, Masked, Table, parted

SEPARATORS = {"fr": (";", ","), "en": (",", ".")}
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_tables(document: Document) -> dict[str, str]:
    """Name of each table → its CSV: titles of columns, then rows; amounts in euros with two decimals.

    French: semicolons and decimal commas; English: commas and points. Days are YYYY-MM-DD, shares 0 to 1, a masked
    cell is "s", an absent one empty. Text that a spreadsheet would run as a formula begins with an apostrophe.
    """
    return {table.name: _csv(table, document.language) for table in document.tables}


def _csv(table: Table, language: str) -> str:
    separator, comma = SEPARATORS[language]
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=separator, lineterminator="\n")
    writer.writerow([_text(column.title) for column in table.columns])
    for row in table.rows:
        writer.writerow([_plain(cell, column, comma) for cell, column in zip(row, table.columns, strict=True)])
    return buffer.getvalue()


def _plain(cell: Cell, column: Column, comma: str) -> str:
    plain, kind, _ = parted(cell, column.kind)
    if plain is None:
        return ""
    if isinstance(plain, Masked):
        return plain.value
    if isinstance(plain, date):
        return plain.isoformat()
    if isinstance(plain, str):
        return _text(plain)
    return _number(Decimal(str(plain)), kind).replace(".", comma)


def _number(value: Decimal, kind: str) -> str:
    if kind in ("eur_cents", "eur", "eur_whole"):
        euros = (value / 100 if kind == "eur_cents" else value).quantize(Decimal("0.01"), ROUND_HALF_UP)
        return f"{euros if euros else abs(euros):f}"
    if kind == "share":
        return f"{value.quantize(Decimal('0.000001'), ROUND_HALF_UP).normalize() + 0:f}"
    return f"{value.normalize() + 0:f}"


def _text(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULA) else text
