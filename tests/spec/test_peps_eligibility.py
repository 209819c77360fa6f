"""Who is in a PEPS forfait: patients by patientele, teams by size and form; exclusions are counted, refusals named."""

from __future__ import annotations

import pandas as pd
import pytest

from schemes.peps import patientele_flags, pay
from tests.schemes.peps_made import amount, paid, peps_inputs, peps_rules
from tests.schemes.rules_made import made_rules


def flags(age: int, *alds: int, has_doctor: bool = True, ame: bool = False) -> dict[str, bool]:
    person = {"age_years": age, "ald_numbers": alds, "has_medecin_traitant": has_doctor, "ame": ame}
    return patientele_flags(pd.DataFrame([person]), made_rules("peps")).iloc[0].to_dict()


@pytest.mark.parametrize(
    ("age", "alds", "expected"),
    [(52, (16,), (False, True)), (52, (13,), (False, False)), (64, (), (False, False)), (30, (8,), (True, False)),
     (65, (), (False, True)), (49, (16,), (False, False))],
)  # fmt: skip
def test_vector_8_age_and_ald(age: int, alds: tuple[int, ...], expected: tuple[bool, bool]):
    """Spec, section 9, vector 8: 52 in ALD 16 is in AGE, in ALD 13 is not; 64 is not; ALD 8 at 30 is in DIAB."""
    found = flags(age, *alds)
    assert (found["is_diab"], found["is_age"], found["is_tot"]) == (*expected, True)


def test_vector_8_ame_without_medecin_traitant():
    """Spec, section 9, vector 8: in TOT, in neither DIAB nor AGE, whatever the age and the ALD."""
    assert flags(70, 8, has_doctor=False, ame=True) == {"is_diab": False, "is_age": False, "is_tot": True}
    assert not flags(70, has_doctor=False)["is_tot"]


def test_patients_of_another_patientele_are_counted():
    """An AGE team: its one patient of AGE is paid, the two others are counted, nobody is lost."""
    people = [{"patient_id": name, "is_age": name == "A"} for name in "ABC"]
    payment = paid(peps_inputs(participations=[{"patientele": "AGE"}], patients=people))
    assert payment.forfaits["patient_id"].tolist() == ["A"]
    assert payment.excluded.to_numpy().tolist() == [["S1", "not_in_patientele", 2]]


def test_who_is_not_present_or_has_no_expectation_is_counted():
    """A share of 0, or no expectation of the model: out of the forfait, with a warning for the latter."""
    people = [{}, {"patient_id": "B", "present_share": 0.0}, {"patient_id": "C", "expected_eur": None}]
    payment = paid(peps_inputs(patients=people))
    assert payment.excluded.to_numpy().tolist() == [["S1", "no_expectation", 1], ["S1", "not_present", 1]]
    assert "no_expectation" in payment.amounts[0].warnings


def test_ame_where_the_rules_leave_it_out():
    """AME patients are in TOT by default, and counted out where the rules say so."""
    inputs = peps_inputs(patients=[{}, {"patient_id": "B", "ame": True}])
    assert len(paid(inputs).forfaits) == 2
    out = paid(inputs, patientele_tot_includes_ame="no")
    assert out.excluded.to_numpy().tolist() == [["S1", "ame_not_covered", 1]]


def test_patients_of_a_structure_that_takes_no_part_are_counted():
    """S2 is not in PEPS: its patients are in `excluded`, not lost."""
    payment = paid(peps_inputs(patients=[{}, {"structure_id": "S2", "patient_id": "B"}]))
    assert payment.excluded.to_numpy().tolist() == [["S2", "no_participation", 1]]


def test_every_failed_gate_is_a_row():
    """Two GPs and no nurse, one patient: each gate is named, with what is wanted; the patient is counted."""
    payment = paid(peps_inputs(teams=[{"members": 2}]), min_patients="250")
    assert payment.refused.to_numpy().tolist() == [
        ["S1", "too_few_gps", "2; at least 3 wanted"],
        ["S1", "too_few_nurses", "0; at least 1 wanted"],
        ["S1", "too_few_patients", "fewer than 11; at least 250 wanted"],
        ["S1", "too_few_professionals", "2; at least 5 wanted"],
    ]
    assert payment.amounts == ()
    assert payment.excluded.to_numpy().tolist() == [["S1", "structure_refused", 1]]


def test_gates_are_reached_at_the_number():
    """Three GPs, two nurses, 250 patients: in; others than GPs and nurses do not count."""
    people = [{"patient_id": f"P{place:03d}"} for place in range(250)]
    teams = [{"members": 3}, {"profession": "ide", "members": 2}]
    inputs = peps_inputs(patients=people, teams=teams)
    assert paid(inputs, min_patients="250").refused.empty
    others = [{"members": 3}, {"profession": "ide", "members": 1}, {"profession": "other", "members": 9}]
    refused = paid({**inputs, "teams": peps_inputs(teams=others)["teams"]}).refused
    assert refused["reason"].tolist() == ["too_few_professionals"]


@pytest.mark.parametrize(("count", "is_near"), [(10, True), (11, False)])
def test_warning_under_110_percent_of_the_gate(count: int, is_near: bool):
    """A gate of 10 patients: 10 is warned, 11 is not."""
    people = [{"patient_id": f"P{place:03d}"} for place in range(count)]
    found = amount(peps_inputs(patients=people), min_patients="10")
    assert ("near_min_patients" in found.warnings) == is_near


def test_patients_per_gp_of_the_capitation():
    """A target, not a gate: one patient for four GPs is warned and paid."""
    found = amount(peps_inputs(), target_patients_per_gp="920")
    assert "patients_per_gp_below_target" in found.warnings
    assert found.figures["patients_per_gp"].value == "0.25"
    assert "patients_per_gp_below_target" not in amount(peps_inputs(), target_patients_per_gp="0.25").warnings


def test_structure_without_roster():
    """No row in `teams`: refused by that reason; the others are paid."""
    inputs = peps_inputs(
        participations=[{}, {"structure_id": "S2"}], patients=[{}, {"structure_id": "S2", "patient_id": "B"}]
    )
    payment = paid(inputs)
    assert payment.refused[["structure_id", "reason"]].to_numpy().tolist() == [["S2", "no_roster"]]
    assert [found.structure_id for found in payment.amounts] == ["S1"]


def test_empty_patientele():
    """A team of DIAB without a diabetic, and a team without any patient: refused, not paid 0."""
    inputs = peps_inputs(
        participations=[{"patientele": "DIAB"}, {"structure_id": "S2"}],
        teams=[{"structure_id": s, "profession": p} for s in ("S1", "S2") for p in ("mg", "ide")],
    )
    payment = paid(inputs)
    assert payment.refused["reason"].tolist() == ["empty_patientele", "empty_patientele"]
    assert payment.excluded.to_numpy().tolist() == [["S1", "structure_refused", 1]]


def test_legal_form():
    """A form that is not listed is refused, one that is not known is warned, none is checked where none is listed."""
    other = peps_inputs(participations=[{"legal_form": "SARL"}])
    assert paid(other, legal_forms="SISA, CDS").refused["reason"].tolist() == ["legal_form"]
    assert paid(other, legal_forms="none").refused.empty
    unknown = peps_inputs(participations=[{"legal_form": None}])
    assert "legal_form_unknown" in amount(unknown, legal_forms="SISA, CDS").warnings


def test_two_participations_in_a_year():
    """DIAB until June and TOT from July: refused, since a forfait has one patientele a year."""
    rows = [
        {"patientele": "DIAB", "to_date": "2023-06-30"},
        {"from_date": "2023-07-01"},
    ]
    payment = paid(peps_inputs(participations=rows))
    assert payment.refused.to_numpy().tolist() == [["S1", "two_participations", "2 in 2023: peps, peps"]]


def test_other_schemes_of_a_structure_are_left_alone():
    """An IPEP row of the same structure has no patientele, and is none of PEPS's business."""
    rows = [{}, {"scheme": "ipep", "patientele": None}]
    assert len(paid(peps_inputs(participations=rows)).amounts) == 1


def test_nobody_takes_part():
    """No team: nothing is paid, and the frames keep their columns."""
    payment = pay(peps_inputs(participations=[]), year=2023, rules=peps_rules())
    assert payment.amounts == ()
    assert list(payment.refused.columns) == ["structure_id", "reason", "detail"]
    assert payment.excluded.to_numpy().tolist() == [["S1", "no_participation", 1]]
