"""Answers of patients to questionnaires (PROMs, PREMs) around an episode: the file that the payer keeps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from features.payer_files import days, read_rows, refuse, refuse_empty, refuse_unknown

COLUMNS = ("patient_id", "programme", "entry_date", "questionnaire", "moment", "score")
KEY = ["patient_id", "programme", "entry_date", "questionnaire", "moment"]
MOMENTS = ("before", "after")
EXPERIENCE = "prems"


def read_answers(path: Path) -> pd.DataFrame:
    """Rows of the answers, one questionnaire of one patient at one moment, in the order of the file.

    Columns: patient_id, programme and entry_date (of the index stay), which say the episode; questionnaire: `prems`
    for the patient's experience, any other name for a measure of health (PROM); moment: before or after the
    intervention; score (NaN: asked, not answered).
    Errors: MissingError for no file; InputError naming the file, the column and the row (1 is the header).
    """
    rows = read_rows(path, COLUMNS, holds="one answer")
    refuse_empty(path, rows, KEY)
    refuse_unknown(path, rows, "moment", MOMENTS)
    score = pd.to_numeric(rows["score"].where(rows["score"] != ""), errors="coerce").astype("float64")
    refuse(path, "score", (rows["score"] != "") & ~np.isfinite(score), "is not a number")
    typed = rows.assign(entry_date=days(path, rows, "entry_date", shows_value=False), score=score)
    refuse(path, "questionnaire", typed.duplicated(KEY), "has an earlier row of the same episode and moment")
    return typed
