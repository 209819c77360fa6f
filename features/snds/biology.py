"""ER_BIO_F → analyses: an act of biology follows its claim line (pitfalls 8 and 9)."""

from __future__ import annotations

import pandas as pd
from ibis import _
from ibis.expr.types import Table

from features.snds.controls import Report
from features.snds.details import account_of_details, followed, received_rows
from features.snds.schema import ER_BIO_F
from features.snds.sources import Sources
from features.tables import ANALYSES

NABM_DIGITS = 4


def read_analyses(sources: Sources, lines: Table) -> tuple[Table | None, Report]:
    """Rows of analyses and the account of ER_BIO_F; None where the table was not received."""
    received = sources.raw_if_present(ER_BIO_F)
    if received is None:
        return None, []
    acts, counts = analysis_rows(sources, received, lines)
    return acts, account_of_details(ER_BIO_F, received=received_rows(sources, received), counts=counts, hits=[])


def analysis_rows(sources: Sources, received: Table, lines: Table) -> tuple[Table, pd.DataFrame]:
    """Rows of analyses, and counts by place.

    The number of acts of a row has a sign that is not read: of a reversal's group, only the detail of the line that
    is left counts, as for CCAM acts.
    """
    lines = lines.mutate(has_detail=lines.reason.isnull())
    acts = sources.materialise("analyses", followed(sources, received, lines, coded="BIO_PRS_IDE"))
    counts = acts.group_by("place").agg(rows=_.count()).execute()
    kept = acts.filter(_.place == "kept").mutate(nabm=_.BIO_PRS_IDE.cast("string").lpad(NABM_DIGITS, "0"))
    return kept.select(ANALYSES.column_names), counts
