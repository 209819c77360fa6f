"""What a reader of the attribution should know: sizes, conflicts, stale contracts, unknown persons."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import pandas as pd

from features.contracts import DECLARED_AGAIN
from features.roster import professionals_in_two
from features.tables import ATTRIBUTION_REPORT

MIN_PATIENTS, WARNING_RATIO = 250, 1.10
ALL = "*"


@dataclass(frozen=True)
class Attribution:
    """What an attribution found: roster as given, contracts, spells, spells within the year, patientèle."""

    roster: pd.DataFrame
    contracts: pd.DataFrame
    spells: pd.DataFrame
    present: pd.DataFrame
    patientele: pd.DataFrame
    active_numbers: set[str]
    year: int


def report_of(found: Attribution, people: pd.DataFrame) -> pd.DataFrame:
    """Rows of `attribution_report`: each control, per structure ("*" for all)."""
    structures = sorted(found.roster["structure_id"].unique())
    rows = [row for structure in structures for row in _of_structure(found, structure)]
    unknown = set(found.spells["patient_id"]) - set(people["patient_id"])
    rows.append((ALL, "unknown_person", len(unknown), "declared, but absent from beneficiaries: left out"))
    rows.append((ALL, "two_structures_by_contract", *_two_contracts(found)))
    return pd.DataFrame(rows, columns=ATTRIBUTION_REPORT.column_names)


def _of_structure(found: Attribution, structure: str) -> list[tuple[str, str, int, str | None]]:
    own = found.patientele[found.patientele["structure_id"] == structure]
    again = own["reason"] == DECLARED_AGAIN
    sizes = [
        (structure, f"patientele_{name}", int(own[f"is_{name}"].sum()), _size(int(own[f"is_{name}"].sum())))
        for name in ("tot", "age", "diab")
    ]
    aided = int((own["reason"] == "ame_majority").sum())
    return [
        *sizes,
        (structure, "ame_majority", aided, "AME without a contract, majority of their general-practice acts: TOT only"),
        (structure, "declared_again", int(again.sum()), "doctor left, patient declared again within 90 days: kept"),
        (structure, "stale_contract", *_stale(found, structure)),
        (structure, "professional_in_two_structures", *_two_rosters(found, structure)),
        (structure, "professional_without_patient", 0, _without_patient(found, structure)),
    ]


def _size(patients: int) -> str | None:
    if patients < MIN_PATIENTS:
        return f"below the minimum of {MIN_PATIENTS} patients"
    if patients < MIN_PATIENTS * WARNING_RATIO:
        return f"below 110 % of the minimum of {MIN_PATIENTS} patients"
    return None


def _stale(found: Attribution, structure: str) -> tuple[int, str | None]:
    """Patients whose declared professional has no care line in the year (retired, moved, another number)."""
    own = found.present[(found.present["structure_id"] == structure) & (found.present["doctor_id"] != "")]
    stale = own[~own["doctor_id"].isin(found.active_numbers)]
    numbers = ", ".join(sorted(stale["doctor_id"].unique()))
    return stale["patient_id"].nunique(), f"no care line in the year for: {numbers}" if numbers else None


def _two_rosters(found: Attribution, structure: str) -> tuple[int, str | None]:
    """Patients of professionals who are on the roster of another structure at the same time."""
    pairs = professionals_in_two(found.roster)
    shared = pairs[pairs["structure_id"] == structure]
    patients = found.present[found.present["doctor_id"].isin(shared["professional_id"])]["patient_id"].nunique()
    named = ", ".join(f"{row['professional_id']} (also {row['other_id']})" for row in shared.to_dict("records"))
    return patients, f"patients go to the first by roster date: {named}" if named else None


def _without_patient(found: Attribution, structure: str) -> str | None:
    is_own = (found.roster["structure_id"] == structure) & (found.roster["profession"] == "mg")
    own = found.roster[is_own]["professional_id"]
    idle = sorted(set(own) - set(found.present["doctor_id"]))
    return f"on the roster, declared by nobody in the year: {', '.join(idle)}" if idle else None


def _two_contracts(found: Attribution) -> tuple[int, str]:
    """Patients with contracts open on one day of the year with professionals of two structures."""
    first, last = pd.Timestamp(date(found.year, 1, 1)), pd.Timestamp(date(found.year, 12, 31))
    lines = found.roster[["structure_id", "professional_id", "from_date", "to_date"]]
    held = found.contracts.merge(lines, left_on="doctor_id", right_on="professional_id", validate="m:m")
    held = held.assign(
        first=held[["start_date", "from_date"]].max(axis=1), last=held[["end_date", "to_date"]].min(axis=1)
    )
    held = held[(held["first"] <= held["last"]) & (held["first"] <= last) & (held["last"] >= first)]
    several = held[held.groupby("patient_id")["doctor_id"].transform("nunique") > 1]
    pairs = several.merge(several, on="patient_id", suffixes=("", "_other"), validate="m:m")
    shared = (pairs["first"] <= pairs["last_other"]) & (pairs["first_other"] <= pairs["last"])
    differ = (pairs["structure_id"] != pairs["structure_id_other"]) & (pairs["doctor_id"] != pairs["doctor_id_other"])
    patients = pairs[shared & differ]["patient_id"].nunique()
    return patients, "open contracts with two structures on one day: the latest begun governs"
