"""Documents as files: HTML, PDF and CSV of what `schemes.statements` tells."""

from __future__ import annotations

from forfait.documents.html import render_html
from forfait.documents.pdf import render_pdf, render_png
from forfait.documents.tables_csv import csv_tables
from forfait.documents.write import write_document

__all__ = ["csv_tables", "render_html", "render_pdf", "render_png", "write_document"]
