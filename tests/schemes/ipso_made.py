"""IPSO frames made for a test: a practice, its patients, a national reference; what a test does not say is 0 or no."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import pandas as pd

from features.tables import BRICK_NAMES
from schemes.rulebook import Rules
from tests.schemes.rules_made import made_rules

Row = Mapping[str, object]
Inputs = dict[str, pd.DataFrame]

PATIENT = {
    "structure_id": "P1", "patient_id": "A", "present_share": 1.0, "age_months": 480, "sex": 1, "expected_eur": 90.0,
    "in_team_cents": 8000, "outside_cents": 2000, **dict.fromkeys(BRICK_NAMES, False),
}  # fmt: skip
REFERENCE = {
    "age_months": 480, "sex": 1, "weight": 1.0, "expected_eur": 60.0, "observed_eur": 60.0,
    **dict.fromkeys(BRICK_NAMES, False),
}  # fmt: skip
PARTICIPATION = {"structure_id": "P1", "scheme": "ipso", "from_date": "2020-06-16", "to_date": ""}
DECLARED = {"structure_id": "P1", "patient_id": "A", "brick": "ald", "from_date": "2020-01-01", "to_date": ""}


def rows_over(default: Row, rows: Sequence[Row]) -> pd.DataFrame:
    """Rows over the values of a default, with all its columns even where there is no row."""
    return pd.DataFrame([{**default, **row} for row in rows], columns=list(dict.fromkeys([*default, *_names(rows)])))


def _names(rows: Sequence[Row]) -> list[str]:
    return [name for row in rows for name in row]


def ipso_inputs(
    patients: Sequence[Row] = ({},),
    *,
    reference: Sequence[Row] = ({},),
    declared: Sequence[Row] = (),
    participations: Sequence[Row] = ({},),
) -> Inputs:
    """The frames of a payment, rows over the defaults."""
    return {
        "participations": rows_over(PARTICIPATION, participations),
        "patients": rows_over(PATIENT, patients),
        "declared": rows_over(DECLARED, declared),
        "reference": rows_over(REFERENCE, reference),
    }


def ipso_rules(on: date = date(2023, 1, 1), **overrides: str) -> dict[str, Rules]:
    """The rules of a day, forfait of the médecin traitant of 2024 (40 years: 5 EUR, with an ALD: 46 EUR)."""
    return {
        "ipso": made_rules("ipso", on=on, **overrides),
        "forfait_medecin_traitant": made_rules("forfait_medecin_traitant", on=date(2024, 1, 1)),
    }


# Four reference patients aged 40, of weight 1, balanced (240 EUR expected and observed). Mean 60 EUR; what the model
# expects beyond it is −40, −40, 20, 60, so that ald is fitted at 40 EUR; the forfaits 60, 60, 100, 100 are rescaled by
# 240 / 320 = 3/4: the socle's mean is 45 EUR and the brick ald 30 EUR.
FOUR = (
    {"expected_eur": 20.0, "observed_eur": 20.0},
    {"expected_eur": 20.0, "observed_eur": 60.0},
    {"expected_eur": 80.0, "observed_eur": 40.0, "ald": True},
    {"expected_eur": 120.0, "observed_eur": 120.0, "ald": True},
)
