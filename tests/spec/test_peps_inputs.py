"""Bad input of a PEPS payment: an error names the frame, the column, the row and what would be right."""

from __future__ import annotations

import re

import pytest

from features.errors import InputError, RuleError
from schemes.peps import pay
from tests.schemes.peps_made import paid, peps_inputs, peps_rules

BAD = {
    "negative care": ({"patients": [{}, {"patient_id": "B", "outside_cents": -1}]},
                      "patients: column outside_cents, row 2: should be a whole number of 0 or more"),
    "negative expectation": ({"patients": [{"expected_eur": -1.0}]},
                             "patients: column expected_eur, row 1: should be a number of 0 or more"),
    "infinite expectation": ({"patients": [{"expected_eur": float("inf")}]}, "patients: column expected_eur, row 1"),
    "part of a cent": ({"patients": [{"in_team_cents": 0.5}]}, "patients: column in_team_cents, row 1"),
    "care not filled": ({"patients": [{"in_team_cents": None}]},
                        "patients: column in_team_cents, row 1: should be a whole number of 0 or more, not empty"),
    "share above 1": ({"patients": [{"present_share": 1.2}]},
                      "patients: column present_share, row 1: should be a share from 0 to 1"),
    "flag that is none": ({"patients": [{"is_tot": "maybe"}]}, "column is_tot, row 1: should be true or false"),
    "quintile 6": ({"patients": [{"fdep_quintile": 6}]}, "patients: column fdep_quintile, row 1: should be a quintile"),
    "zones named otherwise": ({"patients": [{"zone_id": "035"}]},
                              "patients: column zone_id, row 1: should be a zone with a row in zones; not one"),
    "patient twice": ({"patients": [{}, {}]}, "column structure_id and patient_id, row 2: should be found once"),
    "patient in two teams": (
        {"participations": [{}, {"structure_id": "S2"}], "patients": [{}, {"structure_id": "S2"}]},
        "patients: column present_share, row 1 (2 such rows): should be 1 at most over all the teams of a patient"),
    "unknown profession": ({"teams": [{"profession": "chef"}]},
                           "teams: column profession, row 1: should be one of mg, ide, other"),
    "team twice": ({"teams": [{}, {}]}, "teams: column structure_id and profession, row 2: should be found once"),
    "unknown patientele": ({"participations": [{"patientele": "ALL"}]},
                           "participations: column patientele, row 1: should be one of DIAB, AGE, TOT"),
    "no patientele": ({"participations": [{"patientele": ""}]}, "column patientele, row 1: should be filled"),
    "quality in percent": ({"participations": [{"quality_share": 60.0}]},
                           "participations: column quality_share, row 1: should be a share from 0 to 1"),
    "ends before it starts": ({"participations": [{"to_date": "2020-01-01"}]},
                              "participations: column to_date, row 1: should be on or after from_date"),
    "day that is none": ({"participations": [{"from_date": "yesterday"}]},
                         "participations: column from_date, row 1: should be a day, YYYY-MM-DD"),
    "participation twice": ({"participations": [{}, {}]}, "row 2: should be found once"),
    "reference without expectation": ({"reference": [{"expected_eur": 0.0}]},
                                      "reference: column expected_eur, row 1: should be a number above 0"),
    "reference without the patientele": ({"reference": [{"patientele": "DIAB"}]},
                                         "reference: column patientele has no row TOT"),
    "zone twice": ({"zones": [{}, {}]}, "zones: column zone_id, row 2: should be found once"),
    "former revenue twice": ({"fee_for_service": [{}, {}]}, "fee_for_service: column structure_id, row 2"),
    "negative module": ({"modules": [{"amount_cents": -1}]}, "modules: column amount_cents, row 1"),
    "unknown family": ({"families": [{"family": "luck"}]}, "families: column family, row 1: should be one of age_sex"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_rows(case: str):
    """Each is refused before anything is paid, without a patient's identifier in the message."""
    rows, message = BAD[case]
    with pytest.raises(InputError, match=re.escape(message)):
        paid(peps_inputs(**rows))


@pytest.mark.parametrize("name", ["participations", "teams", "patients", "reference", "zones", "fee_for_service"])
def test_missing_frame_and_column(name: str):
    """The message names the frame, then the column."""
    inputs = peps_inputs()
    with pytest.raises(InputError, match=f"{name}: the frame is missing"):
        paid({key: frame for key, frame in inputs.items() if key != name})
    column = inputs[name].columns[0]
    with pytest.raises(InputError, match=f"{name}: column {column} is missing"):
        paid({**inputs, name: inputs[name].drop(columns=column)})


def test_a_patient_may_move_in_the_year():
    """Half a year in each of two teams is no conflict."""
    inputs = peps_inputs(
        participations=[{}, {"structure_id": "S2"}],
        teams=[{"structure_id": s, "profession": p} for s in ("S1", "S2") for p in ("mg", "ide")],
        patients=[{"present_share": 0.5}, {"structure_id": "S2", "present_share": 0.5}],
    )
    assert [found.total_cents for found in paid(inputs).amounts] == [50_00, 50_00]


def test_a_scheme_without_rules():
    """The scheme is named, and those that have rules."""
    inputs = peps_inputs(participations=[{"scheme": "peps2"}])
    with pytest.raises(RuleError, match="peps2: no rules were given for this scheme; there are peps"):
        pay(inputs, year=2023, rules=peps_rules())


def test_unknown_values_of_rules():
    """A basis, an exposure rule or a perimeter that is none."""
    for key, message in {"cap_basis": "reference, shadow", "exposure_rule": "daily, month_started"}.items():
        with pytest.raises(RuleError, match=message):
            paid(peps_inputs(), **{key: "other"})
    with pytest.raises(RuleError, match="perimeter_default is 'other'; it should be MG or MG_IDE"):
        paid(peps_inputs(participations=[{"perimeter": None}]), perimeter_default="other")
