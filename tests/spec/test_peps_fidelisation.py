"""Fidelisation of a PEPS team: observed, neutralised, by patient, and the start-up schedule of PRIMORDIAL."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from features.errors import RuleError
from schemes.peps.fidelisation import scheduled_mean, scheduled_rate, used_rate
from tests.schemes.peps_made import amount, components, paid, peps_inputs
from tests.schemes.rules_made import made_rules

PRIMORDIAL = made_rules(
    "primordial",
    tau_schedule_from="2023-01-01",
    tau_schedule_to="2025-12-31",
    tau_schedule_start="1",
    tau_schedule_end="0.80",
)
SCHEDULE = {key: PRIMORDIAL.text(key) for key in PRIMORDIAL.parameters if key.startswith("tau_schedule")}
FIVE_PLACES = Decimal("0.00001")


@pytest.mark.parametrize(
    ("day", "rate"),
    [
        (date(2023, 1, 1), "1"),
        (date(2024, 7, 1), "0.90009"),
        (date(2025, 12, 31), "0.8"),
        (date(2026, 6, 1), "0.8"),
        (date(2022, 6, 1), "1"),
    ],
)
def test_vector_4_schedule(day: date, rate: str):
    """Spec, section 9, vector 4: 1.00 − 0.20 × days / 1095, 0.90009 on 1 July 2024, 0.80 from the end of 2025 on."""
    found = scheduled_rate(day, PRIMORDIAL)
    assert found is not None
    assert found.quantize(FIVE_PLACES) == Decimal(rate)
    assert scheduled_rate(date(2024, 7, 1), PRIMORDIAL) == Decimal(1) - Decimal("0.2") * 547 / 1095


@pytest.mark.parametrize(("observed", "used"), [("0.74", "0.90009"), ("0.93", "0.93000")])
def test_vector_4_the_better_rate_is_used(observed: str, used: str):
    """Spec, section 9, vector 4: observed 0.74 → 0.90009; observed 0.93 → 0.93."""
    found = used_rate(Decimal(observed), scheduled_rate(date(2024, 7, 1), PRIMORDIAL))
    assert found is not None
    assert found.quantize(FIVE_PLACES) == Decimal(used)


def test_observed_rate_of_the_team():
    """(90 + 60) / (100 + 100) = 0.75, for every patient."""
    people = [
        {"in_team_cents": 90_00, "outside_cents": 10_00},
        {"patient_id": "B", "in_team_cents": 60_00, "outside_cents": 40_00},
    ]
    found = amount(peps_inputs(patients=people))
    assert components(found)["fidelisation"] == -50_00
    figures = {name: figure.value for name, figure in found.figures.items()}
    assert (figures["tau_observed"], figures["tau_schedule"], figures["tau_used"]) == ("0.75", "", "0.75")
    assert (figures["in_team_eur"], figures["outside_eur"], figures["neutralised_eur"]) == ("150", "50", "0")


def test_neutralised_acts_leave_the_denominator():
    """80 inside, 20 outside, 500 neutralised: 0.80."""
    people = [{"in_team_cents": 80_00, "outside_cents": 20_00, "neutralised_cents": 500_00}]
    found = amount(peps_inputs(patients=people))
    assert (found.figures["tau_used"].value, found.figures["neutralised_eur"].value) == ("0.8", "500")


def test_patients_outside_the_patientele_do_not_count():
    """The rate of a DIAB team is that of its DIAB patients."""
    people = [
        {"is_diab": True, "in_team_cents": 90_00, "outside_cents": 10_00},
        {"patient_id": "B", "in_team_cents": 0, "outside_cents": 900_00},
    ]
    found = amount(peps_inputs(participations=[{"patientele": "DIAB"}], patients=people))
    assert found.figures["tau_used"].value == "0.9"


def test_patient_level_is_shrunk_to_the_team():
    """Team 60 / 120. κ = 60: A (60 + 30) / 120 = 0.75, B (0 + 30) / 120 = 0.25, C without care 30 / 60 = 0.50."""
    people = [
        {"in_team_cents": 60_00, "outside_cents": 0, "expected_eur": 100.0},
        {"patient_id": "B", "in_team_cents": 0, "outside_cents": 60_00, "expected_eur": 200.0},
        {"patient_id": "C", "in_team_cents": 0, "outside_cents": 0, "expected_eur": 400.0},
    ]
    found = amount(peps_inputs(patients=people), fidelisation_level="patient", fidelisation_shrinkage_eur="60")
    assert found.total_cents == 75_00 + 50_00 + 200_00
    assert found.figures["tau_used"].value == "0.5"
    assert found.figures["tau_mean"].value == "0.464285714"


def test_patient_without_care_has_the_rate_of_the_team_without_shrinkage():
    """κ = 0 and nothing to divide: 0.80, not 0."""
    people = [
        {"in_team_cents": 80_00, "outside_cents": 20_00},
        {"patient_id": "B", "in_team_cents": 0, "outside_cents": 0},
    ]
    found = amount(peps_inputs(patients=people), fidelisation_level="patient", fidelisation_shrinkage_eur="0")
    assert found.total_cents == 160_00


def test_schedule_is_averaged_over_the_year():
    """2023 from 1 January to 31 December: 1 − 0.2 × 182 / 1095, the schedule of 2 July, the middle of the year."""
    mean = scheduled_mean(date(2023, 1, 1), date(2023, 12, 31), PRIMORDIAL)
    middle = scheduled_rate(date(2023, 7, 2), PRIMORDIAL)
    assert middle is not None
    assert mean == middle.quantize(Decimal("1e-9")) == Decimal("0.966757991")


def test_schedule_stands_in_for_a_lower_rate():
    """Observed 0.74 in 2023, schedule 0.966757991: 96.68 EUR of 100."""
    found = amount(peps_inputs(patients=[{"in_team_cents": 74_00, "outside_cents": 26_00}]), **SCHEDULE)
    assert found.total_cents == 96_68
    assert (found.figures["tau_observed"].value, found.figures["tau_used"].value) == ("0.74", "0.966757991")


def test_schedule_of_a_team_that_begins_in_the_year():
    """From 1 July 2024 on: the mean of the days with the scheme, not of the whole year."""
    inputs = peps_inputs(
        participations=[{"from_date": "2024-07-01", "phase_from": "2022-07-01"}],
        patients=[{"in_team_cents": 1, "outside_cents": 99}],
    )
    found = amount(inputs, 2024, **SCHEDULE)
    wanted = scheduled_mean(date(2024, 7, 1), date(2024, 12, 31), PRIMORDIAL)
    assert Decimal(found.figures["tau_schedule"].value) == wanted


def test_schedule_holds_at_patient_level():
    """No patient is paid below the schedule."""
    people = [
        {"in_team_cents": 100_00},
        {"patient_id": "B", "in_team_cents": 0, "outside_cents": 100_00},
    ]
    found = amount(
        peps_inputs(patients=people), fidelisation_level="patient", fidelisation_shrinkage_eur="0", **SCHEDULE
    )
    assert found.total_cents == 100_00 + 96_68


def test_no_care_measured_is_not_a_rate():
    """Without any care that counts, and without schedule, the team is refused: no rate is presumed."""
    inputs = peps_inputs(patients=[{"in_team_cents": 0, "neutralised_cents": 10_00}])
    assert paid(inputs).refused["reason"].tolist() == ["no_care_measured"]
    found = amount(inputs, **SCHEDULE)
    assert found.figures["tau_observed"].value == ""
    assert "fidelisation_by_schedule" in found.warnings


def test_unknown_level_and_schedule_that_ends_before_it_starts():
    """Errors of the rules name file and key."""
    with pytest.raises(RuleError, match="fidelisation_level is 'doctor'; it should be one of team, patient"):
        amount(peps_inputs(), fidelisation_level="doctor")
    with pytest.raises(RuleError, match="tau_schedule_to 2022-01-01 is not after tau_schedule_from"):
        amount(peps_inputs(), **{**SCHEDULE, "tau_schedule_to": "2022-01-01"})
