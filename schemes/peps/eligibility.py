"""Who is eligible: patients in a patientele, teams large enough, legal forms; every failed gate with its reason."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

import pandas as pd

from schemes.peps.exact import as_text, ratio
from schemes.peps.team import Team
from schemes.rulebook import Rules

GPS, NURSES = "mg", "ide"


def patientele_flags(people: pd.DataFrame, rules: Rules) -> pd.DataFrame:
    """is_diab, is_age and is_tot of people: age_years, ald_numbers (a list each), has_medecin_traitant, ame.

    DIAB: in ALD diabetes. AGE: from patientele_age_min, or from patientele_age_min_with_ald with one of the ALD of
    patientele_age_ald. Both want a médecin traitant in the team. TOT: a médecin traitant in the team, or AME where
    patientele_tot_includes_ame.
    Rule: PEPS, the three patienteles.
    """
    diabetes, with_ald = (
        {int(number) for number in rules.listed(key)} for key in ("patientele_diab_ald", "patientele_age_ald")
    )
    age, has_doctor = people["age_years"], people["has_medecin_traitant"].astype(bool)
    has_ald = people["ald_numbers"].map(lambda numbers: bool(with_ald & set(numbers))).astype(bool)
    is_old = (age >= rules.whole("patientele_age_min")) | (
        (age >= rules.whole("patientele_age_min_with_ald")) & has_ald
    )
    is_diab = people["ald_numbers"].map(lambda numbers: bool(diabetes & set(numbers))).astype(bool)
    aided = people["ame"].astype(bool) & rules.flag("patientele_tot_includes_ame")
    return pd.DataFrame({"is_diab": is_diab & has_doctor, "is_age": is_old & has_doctor, "is_tot": has_doctor | aided})


def members_of(team: Team, teams: pd.DataFrame) -> dict[str, int] | None:
    """Professionals of a team by profession; None where it has no row in `teams` (no roster)."""
    rows = teams[teams["structure_id"] == team.structure_id]
    if rows.empty:
        return None
    return {str(profession): int(count) for profession, count in zip(rows["profession"], rows["members"], strict=True)}


def failed_gates(team: Team, members: dict[str, int] | None, patients: int) -> list[tuple[str, str]]:
    """Reason and detail of every gate that a team fails; empty where it is eligible.

    Professionals are GPs and nurses (others do not count towards the minimum). A legal form is checked where the
    rules list the forms and the form is known. No roster is a reason of its own; sizes of teams are then unknown.
    Rule: PEPS, who can enter.
    """
    found: list[tuple[str, str] | None] = []
    if team.legal_form and (forms := team.rules.listed("legal_forms")) and team.legal_form not in forms:
        found.append(("legal_form", f"{team.legal_form}; one of {', '.join(forms)} is wanted"))
    if members is None:
        found.append(("no_roster", "no professional on a roster of the structure"))
    else:
        found += [_too_few(*gate, rules=team.rules) for gate in _sizes(members)]
    if not patients:
        found.append(("empty_patientele", f"nobody in the patientele {team.patientele}"))
    else:
        found.append(_too_few("too_few_patients", "min_patients", patients, rules=team.rules))
    return [gate for gate in found if gate is not None]


def size_warnings(team: Team, members: dict[str, int], patients: int) -> list[str]:
    """Warnings of an eligible team: few patients above the gate, patients per GP under the target, form unknown."""
    rules, found = team.rules, []
    if patients < rules.decimal("warn_below_gate_ratio") * rules.whole("min_patients"):
        found.append("near_min_patients")
    target, per_gp = rules.decimal_or_none("target_patients_per_gp"), patients_per_gp(members, patients)
    if target is not None and (per_gp is None or per_gp < target):
        found.append("patients_per_gp_below_target")
    if rules.listed("legal_forms") and not team.legal_form:
        found.append("legal_form_unknown")
    return found


def patients_per_gp(members: dict[str, int], patients: int) -> Decimal | None:
    """Patients in the patientele per GP of the team; None without a GP."""
    return ratio(patients, members.get(GPS, 0))


def professionals(members: dict[str, int]) -> int:
    """GPs and nurses of a team."""
    return members.get(GPS, 0) + members.get(NURSES, 0)


def _sizes(members: dict[str, int]) -> Iterable[tuple[str, str, int]]:
    yield "too_few_professionals", "min_professionals", professionals(members)
    yield "too_few_gps", "min_gps", members.get(GPS, 0)
    yield "too_few_nurses", "min_nurses", members.get(NURSES, 0)


def _too_few(reason: str, key: str, count: int, *, rules: Rules) -> tuple[str, str] | None:
    least = rules.whole(key)
    if count >= least:
        return None
    smallest = rules.whole("small_cell_min") if key == "min_patients" else 0
    shown = f"fewer than {smallest}" if count < smallest else as_text(count)
    return reason, f"{shown}; at least {least} wanted"
