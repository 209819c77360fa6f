"""A small PEPS world drawn row by row: what a test does not say takes a default. The year is 2023, in phase 3."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from schemes.amounts import Amount, Payment
from schemes.peps import pay
from schemes.rulebook import Rules
from tests.schemes.rules_made import made_rules

YEAR = 2023
Row = Mapping[str, object]

DEFAULTS: dict[str, dict[str, object]] = {
    "participations": {
        "structure_id": "S1", "structure_name": "Maison", "scheme": "peps", "patientele": "TOT", "perimeter": "MG",
        "from_date": "2021-01-01", "to_date": None, "phase_from": None, "quality_share": 0.0, "carte": False,
        "experience_points": None, "opened_on": None, "legal_form": "SISA",
    },
    "teams": {"structure_id": "S1", "profession": "mg", "members": 4},
    "patients": {
        "structure_id": "S1", "patient_id": "A", "present_share": 1.0, "is_diab": False, "is_age": False,
        "is_tot": True, "expected_eur": 100.0, "zone_id": "35", "fdep_quintile": 3, "in_team_cents": 100_00,
        "outside_cents": 0, "neutralised_cents": 0, "c2s": False, "ame": False,
    },
    "reference": {"patientele": "TOT", "observed_eur": 1000.0, "expected_eur": 1000.0, "patients": 10},
    "zones": {"zone_id": "35", "observed_eur": 100.0, "expected_eur": 100.0, "patients": 10},
    "fee_for_service": {
        "structure_id": "S1", "reference_year": 2020, "reference_ffs_cents": None, "reference_base_eur": None,
        "shadow_ffs_cents": None, "acts_observed": None, "acts_expected": None,
    },
    "modules": {"structure_id": "S1", "module": "binome", "amount_cents": 0},
    "families": {"structure_id": "S1", "family": "ald", "mean_eur": 0.0},
}  # fmt: skip
GIVEN: dict[str, list[Row]] = {
    "participations": [{}],
    "teams": [{}, {"profession": "ide", "members": 2}],
    "patients": [{}],
    "reference": [{"patientele": patientele} for patientele in ("DIAB", "AGE", "TOT")],
    "zones": [{}],
    "fee_for_service": [],
}
EASY = {"min_patients": "1", "local_shrinkage_patients": "0", "poverty_uplift_max": "0"}


def peps_inputs(**rows: Sequence[Row]) -> dict[str, pd.DataFrame]:
    """The named frames of a payment: `rows` over the defaults; modules and families only where given."""
    named = {**GIVEN, **rows}
    return {
        name: pd.DataFrame([{**DEFAULTS[name], **row} for row in given], columns=_columns(name, given))
        for name, given in named.items()
    }


def peps_rules(scheme: str = "peps", **overrides: str) -> dict[str, Rules]:
    """The latest rules of a scheme without size gate, shrinkage or uplift, then `overrides`."""
    return {scheme: made_rules(scheme, **{**EASY, **overrides})}


def paid(inputs: Mapping[str, pd.DataFrame], year: int = YEAR, **overrides: str) -> Payment:
    """The payment of PEPS under its latest rules with parameters replaced."""
    return pay(inputs, year=year, rules=peps_rules(**overrides))


def amount(inputs: Mapping[str, pd.DataFrame], year: int = YEAR, **overrides: str) -> Amount:
    """The only amount of a payment of PEPS."""
    (only,) = paid(inputs, year, **overrides).amounts
    return only


def components(found: Amount) -> dict[str, int]:
    """Cents of each component."""
    return {component.name: component.amount_cents for component in found.components}


def _columns(name: str, given: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys([*DEFAULTS[name], *(column for row in given for column in row)]))
