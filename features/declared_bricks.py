"""Bricks that the doctors of an IPSO practice declare for their patients: a file that the practice gives."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from features.payer_files import days, read_rows, refuse, refuse_empty, refuse_unknown
from features.roster import OPEN_END
from features.tables import BRICK_NAMES

COLUMNS = ("structure_id", "patient_id", "brick", "from_date", "to_date")


def read_declared_bricks(path: Path) -> pd.DataFrame:
    """Rows structure_id, patient_id, brick, from_date, to_date (`OPEN_END` where empty).

    Errors: MissingError for no file; InputError for an empty value, an unknown brick, a period that ends before it
    starts, or a brick declared twice for a patient from the same day. No message shows a patient.
    """
    rows = read_rows(path, COLUMNS, holds="one brick of one patient")
    refuse_empty(path, rows, COLUMNS[:4])
    refuse_unknown(path, rows, "brick", BRICK_NAMES)
    declared = rows.assign(
        from_date=days(path, rows, "from_date"), to_date=days(path, rows, "to_date").fillna(OPEN_END)
    )
    refuse(path, "to_date", declared["to_date"] < declared["from_date"], "is before from_date; swap or correct them")
    repeated = declared.duplicated(["structure_id", "patient_id", "brick", "from_date"])
    refuse(path, "brick", repeated, "repeats a row above (same patient and from_date); keep one")
    return declared
