"""The inputs of a biosimilars payment: boxes delivered in town on the prescriptions of the hospitals."""

from __future__ import annotations

import pandas as pd

from features.tables import BIOSIMILAR_BOXES
from forfait.paying.sources import Sources, participants, rows

FAMILY = ("biosimilars", "biosimilars_caqes")


def biosimilars_inputs(sources: Sources, year: int) -> dict[str, pd.DataFrame]:
    """Frames of `schemes.biosimilars.pay` for a year. Errors: MissingError where boxes were not counted."""
    hospitals = participants(sources, FAMILY, year)
    counted = rows(sources.table(BIOSIMILAR_BOXES, year))
    return {"participations": hospitals, "boxes": counted}
