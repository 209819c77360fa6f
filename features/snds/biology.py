"""ER_BIO_F → analyses: an act of biology follows its claim line (pitfalls 8 and 9)."""

from __future__ import annotations

import pandas as pd
from ibis import _
from ibis.expr.types import Table

from features.snds.controls import Report
from features.snds.details import of_lines_left, read_details
from features.snds.schema import ER_BIO_F
from features.snds.sources import Sources
from features.tables import ANALYSES

NABM_DIGITS = 4


def read_analyses(sources: Sources, lines: Table) -> tuple[Table | None, Report]:
    """Rows of analyses and the account of ER_BIO_F; None where the table was not received."""
    return read_details(sources, ER_BIO_F, lines, analysis_rows)


def analysis_rows(sources: Sources, received: Table, lines: Table) -> tuple[Table, pd.DataFrame]:
    """Rows of analyses, and counts by place; the number of acts of a row has a sign that is not read."""
    kept, counts = of_lines_left(sources, received, lines, coded="BIO_PRS_IDE")
    return kept.mutate(nabm=_.BIO_PRS_IDE.cast("string").lpad(NABM_DIGITS, "0")).select(ANALYSES.column_names), counts
