"""The inputs of a biosimilars payment: boxes delivered in town on the prescriptions of the hospitals."""

from __future__ import annotations

import pandas as pd

from features.tables import BIOSIMILAR_BOXES
from forfait.paying.sources import Sources, participants, rows

EXPERIMENT, NATIONAL = FAMILY = ("biosimilars", "biosimilars_caqes")


def biosimilars_inputs(sources: Sources, year: int) -> dict[str, pd.DataFrame]:
    """Frames of `schemes.biosimilars.pay` for a year; a hospital in the experiment leaves the national scheme.

    Rule: specs of biosimilars, Article 51 variant: the same boxes at a share raised from 20 to 30 %, not at both.
    Errors: MissingError where boxes were not counted.
    """
    hospitals = participants(sources, FAMILY, year)
    in_experiment = set(hospitals.loc[hospitals["scheme"] == EXPERIMENT, "structure_id"])
    is_twice = (hospitals["scheme"] == NATIONAL) & hospitals["structure_id"].isin(in_experiment)
    counted = rows(sources.table(BIOSIMILAR_BOXES, year))
    return {"participations": hospitals[~is_twice].reset_index(drop=True), "boxes": counted}
