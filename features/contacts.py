"""Points of contact: where the patients of each structure, and everyone, meet care."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import ibis
import pandas as pd
from ibis.backends import BaseBackend

from features.counting import write_count
from features.engine import dataset_path
from features.present import present_spells, while_present
from features.provenance import Provenance
from features.store import read_dataset
from features.tables import CARE_LINES, CONTACTS, PATIENTELE

NATION = "*"


def measure_contacts(
    con: BaseBackend,
    data: Path,
    year: int,
    *,
    roster: Path | None = None,
    progress: Callable[[str], None] | None = None,
) -> pd.DataFrame:
    """The dataset `contacts` of a year, written: by structure, and "*" for everyone, one row per poste met.

    A contact is a day on which a patient met a performer, or an establishment, for at least one act of the poste:
    several lines of one visit or dispensing are one contact. Cents count every line in the target, those of
    supplements included. A structure's patients count while present; one who left and came back counts in
    between too unless the roster is given (see `present_spells`).
    Errors: MissingError where the year was not read or attributed.
    """
    say = progress or (lambda step: None)
    lines = read_dataset(con, CARE_LINES, data, year)
    lines = lines.filter(lines.is_in_target).select(
        "patient_id", "care_date", "poste", "quantity", "base_cents", "reimbursed_cents",
        number=ibis.coalesce(lines.performer_id, lines.establishment_id, ibis.literal("")),
    )  # fmt: skip
    spells = present_spells(con, data, year, roster=roster)
    say("counting contacts")
    groups = (while_present(lines, spells), lines.mutate(structure_id=ibis.literal(NATION)))
    rows = ibis.union(*[_counted(group) for group in groups], distinct=False)
    inputs = tuple(dataset_path(data, table.name, year) for table in (CARE_LINES, PATIENTELE))
    provenance = Provenance(command=f"count --year {year}", inputs=inputs + (() if roster is None else (roster,)))
    return write_count(CONTACTS, data, rows, year, provenance=provenance)


def _counted(lines: ibis.Table) -> ibis.Table:
    """One row per structure and poste, through visits, then patients: no distinct count over all the lines."""
    patient = ["structure_id", "poste", "patient_id"]
    visits = lines.group_by([*patient, "care_date", "number"]).aggregate(
        has_act=(lines.quantity > 0).cast("int32").max(),
        base_cents=lines.base_cents.sum(),
        reimbursed_cents=lines.reimbursed_cents.sum(),
    )
    patients = visits.group_by(patient).aggregate(
        contacts=visits.has_act.sum(),
        base_cents=visits.base_cents.sum(),
        reimbursed_cents=visits.reimbursed_cents.sum(),
    )
    return patients.group_by(["structure_id", "poste"]).aggregate(
        patients=(patients.contacts > 0).cast("int32").sum(),
        contacts=patients.contacts.sum(),
        base_cents=patients.base_cents.sum(),
        reimbursed_cents=patients.reimbursed_cents.sum(),
    )
