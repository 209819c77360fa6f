"""Which billing regime applies to a patient on a day, since when, and why."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

from features.errors import InputError
from schemes.peps import patient_status
from tests.schemes.peps_made import peps_inputs, peps_rules

YEAR_ROUND = {"first_day": "2023-01-01", "last_day": "2023-12-31"}
ON = date(2023, 6, 15)


def status(*people: dict[str, object], on: date = ON, team: dict[str, object] | None = None, **overrides: str):
    rows = [{**YEAR_ROUND, "patient_id": f"P{place}", **row} for place, row in enumerate(people or ({},))]
    inputs = peps_inputs(participations=[team or {}], patients=rows)
    found = patient_status(inputs, on=on, rules=peps_rules(**overrides))
    return [
        (row.is_in, None if pd.isna(row.since_date) else row.since_date.date(), row.reason)
        for row in found.itertuples(index=False)
    ]


def test_in_the_forfait_since_phase_3():
    """Present all year with a team whose phase 3 began on 1 January 2023."""
    assert status() == [(True, date(2023, 1, 1), "in_forfait")]


def test_in_since_the_patient_came():
    """A patient who came in March is in from then on."""
    assert status({"first_day": "2023-03-10"}) == [(True, date(2023, 3, 10), "in_forfait")]


def test_out_before_and_after_presence():
    """Not yet there: no date tells when; gone: out since the day after the last."""
    found = status({"first_day": "2023-07-01"}, {"last_day": "2023-05-31"})
    assert found == [(False, None, "not_yet_present"), (False, date(2023, 6, 1), "left_team")]


def test_out_of_the_patientele():
    """A patient without ALD 8 of a DIAB team bills acts, as long as he is with the team."""
    found = status({"is_diab": True}, {"first_day": "2023-02-01"}, team={"patientele": "DIAB"})
    assert found == [(True, date(2023, 1, 1), "in_forfait"), (False, date(2023, 2, 1), "not_in_patientele")]


def test_out_for_ame_or_without_expectation():
    """AME where the rules leave it out; a patient whom the model does not price."""
    found = status({"ame": True}, {"expected_eur": None}, patientele_tot_includes_ame="no")
    assert [reason for _, _, reason in found] == ["ame_not_covered", "no_expectation"]


@pytest.mark.parametrize(
    ("on", "reason", "since"),
    [
        (date(2021, 6, 1), "phase_1", date(2021, 1, 1)),
        (date(2022, 6, 1), "phase_2", date(2022, 1, 1)),
        (date(2026, 6, 1), "structure_refused", None),
    ],
)
def test_out_while_the_team_is_not_in_phase_3(on: date, reason: str, since: date | None):
    """Acts are billed in phases 1 and 2; after the phases the structure has no year."""
    assert status(on=on) == [(False, since, reason)]


def test_out_before_and_after_participation():
    """The team's own days come first."""
    assert status(team={"from_date": "2023-09-01"}) == [(False, None, "participation_not_begun")]
    assert status(team={"to_date": "2023-04-30"}) == [(False, date(2023, 5, 1), "participation_ended")]


def test_out_where_the_structure_is_refused_or_takes_no_part():
    """A structure that a payment refused, and one that is not in PEPS."""
    inputs = peps_inputs(patients=[YEAR_ROUND, {**YEAR_ROUND, "structure_id": "S2", "patient_id": "B"}])
    found = patient_status(inputs, on=ON, rules=peps_rules(), refused=("S1",))
    assert found["reason"].tolist() == ["structure_refused", "no_participation"]
    assert not found["is_in"].any()


def test_days_of_presence_are_wanted():
    """The error names the columns."""
    with pytest.raises(InputError, match="column first_day, last_day is missing"):
        patient_status(peps_inputs(), on=ON, rules=peps_rules())


def test_nobody():
    """No patient: an empty frame with its columns."""
    empty = peps_inputs(patients=[])
    empty["patients"] = empty["patients"].assign(first_day=[], last_day=[])
    assert list(patient_status(empty, on=ON, rules=peps_rules()).columns)[:2] == ["structure_id", "patient_id"]
