"""IPSO: declared bricks beside those of the claims, counted and tested by hand."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

from schemes.ipso import upcoding
from tests.schemes.ipso_made import FOUR, Inputs, ipso_inputs, ipso_rules


def control(inputs: Inputs, on: date = date(2023, 1, 1), **overrides: str) -> pd.DataFrame:
    found = upcoding(inputs, year=on.year, rules=ipso_rules(on, **overrides))
    return found.set_index(["structure_id", "brick"])


def practice() -> Inputs:
    """Four patients: A and B declared with ald, B and C flagged; C is there for half of the year."""
    patients = [
        {"patient_id": "A"},
        {"patient_id": "B", "ald": True},
        {"patient_id": "C", "ald": True, "present_share": 0.5},
        {"patient_id": "D"},
    ]
    return ipso_inputs(patients, reference=FOUR, declared=[{"patient_id": "A"}, {"patient_id": "B"}])


def test_counts_and_euros():
    """Of 4: 2 declared, 2 flagged, 1 both. A's 30 EUR are at stake; C's half of 30 EUR was not declared."""
    row = control(practice()).loc[("P1", "ald")]
    counts = ["patients", "declared", "flagged", "both", "only_declared", "only_flagged"]
    assert row[counts].tolist() == [4, 2, 2, 1, 1, 1]
    assert (row["price_eur"], row["at_stake_cents"], row["missed_cents"]) == (30.0, 30_00, 15_00)


def test_exact_chance_of_over_declaration():
    """The nation flags 2 of 4: P(X ≥ 2 of 4 at 50 %) = 11/16; P(X ≥ 4) = 1/16."""
    row = control(practice()).loc[("P1", "ald")]
    assert (row["nation_share"], row["declared_share"], row["nation_ratio"]) == (0.5, 0.5, 1.0)
    assert row["p_value"] == pytest.approx(11 / 16, abs=1e-12)
    inputs = practice()
    inputs["declared"] = ipso_inputs(declared=[{"patient_id": who} for who in "ABCD"])["declared"]
    assert control(inputs).loc[("P1", "ald"), "p_value"] == pytest.approx(1 / 16, abs=1e-12)


def test_a_brick_that_nobody_has():
    """Nobody declared, nobody flagged: certain to have 0 or more; no ratio to a share of 0."""
    row = control(practice()).loc[("P1", "handicap")]
    assert (row["declared"], row["p_value"], row["at_stake_cents"]) == (0, 1.0, 0)
    assert pd.isna(row["nation_ratio"])
    assert pd.isna(row["price_eur"])


def test_an_old_list_is_no_upcoding():
    """The nation has as many patients of 40 as of 80, and personne_agee flags the old: 50 %. The practice has two
    patients of 80, both declared: P(2 of 2 at 50 %) = 1/4, but certain at its own ages."""
    old = {"age_months": 960, "personne_agee": True}
    inputs = ipso_inputs(
        [{"patient_id": who, **old} for who in "AB"],
        reference=[{}, old],
        declared=[{"patient_id": who, "brick": "personne_agee"} for who in "AB"],
    )
    row = control(inputs).loc[("P1", "personne_agee")]
    assert (row["p_value"], row["nation_share_at_mix"], row["p_value_at_mix"]) == (0.25, 1.0, 1.0)


def test_euros_follow_the_phase():
    """2022: 62.5 % of the year's price of A; mean phase: nothing rests on bricks."""
    assert control(practice(), date(2022, 1, 1)).loc[("P1", "ald"), "at_stake_cents"] == 18_75
    row = control(practice(), date(2021, 1, 1)).loc[("P1", "ald")]
    assert (row["only_declared"], row["at_stake_cents"]) == (1, 0)


def test_patients_without_flags_are_left_out():
    """In the mean phase a patient without known flags is paid, and not in the control."""
    inputs = practice()
    inputs["patients"]["ald"] = [None, True, True, False]
    row = control(inputs, date(2021, 1, 1)).loc[("P1", "ald")]
    assert (row["patients"], row["declared"], row["only_declared"]) == (3, 1, 0)


def test_no_practice_no_row():
    """Columns are there even where nobody is paid."""
    found = upcoding(ipso_inputs(participations=[]), year=2023, rules=ipso_rules())
    assert (len(found), list(found.columns)[:2]) == (0, ["structure_id", "brick"])
