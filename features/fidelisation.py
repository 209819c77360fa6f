"""Fidelisation: in-scope care of each patient given by the team, outside it, and outside but not counted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import ibis
import pandas as pd
from ibis.backends import BaseBackend

from features.counting import write_count
from features.engine import dataset_path
from features.provenance import Provenance
from features.store import read_dataset
from features.tables import BENEFICIARIES, CARE_LINES, DECLARATIONS, FIDELISATION, PATIENTELE
from features.team import IN_TEAM, NEUTRALISED, OUTSIDE, PERIMETERS, TeamCount, by_perimeter, placed_lines

KEY = ("patient_id", "structure_id", "perimeter")


def measure_fidelisation(
    con: BaseBackend, data: Path, count: TeamCount, *, progress: Callable[[str], None] | None = None
) -> pd.DataFrame:
    """The dataset `fidelisation` of a year, written: one row per patient of a structure and perimeter.

    Cents (base of reimbursement) and acts of the in-scope lines given while the patient was present, by place:
    see `placed_lines`; the three places add up to all of them. A patient without in-scope care has zeros.
    With `count.known_before`, what could be known on the eve of that day: a provisional count, recorded as such.
    Errors: MissingError where the year was not read or attributed; InputError where roster and patientele differ.
    """
    say = progress or (lambda step: None)
    say("placing care inside and outside the teams")
    lines = by_perimeter(placed_lines(con, data, count))
    places = (IN_TEAM, OUTSIDE, NEUTRALISED)
    sums = {
        f"{place}_{what}": lines[column].sum(where=lines.place == place)
        for what, column in (("cents", "base_cents"), ("acts", "quantity"))
        for place in places
    }
    counted = lines.group_by(KEY).aggregate(**sums)
    everyone = _everyone(read_dataset(con, PATIENTELE, data, count.year))
    rows = everyone.left_join(counted, KEY).select(
        *[everyone[name] for name in everyone.columns], **{name: counted[name].fill_null(0) for name in sums}
    )
    say("writing fidelisation")
    return write_count(FIDELISATION, data, rows, count.year, provenance=provenance_of(data, count))


def provenance_of(data: Path, count: TeamCount) -> Provenance:
    """What a count of care inside and outside the teams is made from."""
    sources = (BENEFICIARIES, CARE_LINES, DECLARATIONS, PATIENTELE)
    paths = [dataset_path(data, table.name, count.year) for table in sources]
    return Provenance(
        command=f"count --year {count.year}",
        inputs=(count.roster, *(path for path in paths if path.exists())),
        parameters=count.parameters,
    )


def _everyone(patientele: ibis.Table) -> ibis.Table:
    parts = [patientele.select("patient_id", "structure_id", perimeter=ibis.literal(name)) for name in PERIMETERS]
    return ibis.union(*parts, distinct=False)
