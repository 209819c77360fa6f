"""IPEP: the four pictures promised to groups, the national reference, and the labels."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from features.errors import InputError
from schemes.ipep import (
    contact_points,
    historical_spending,
    national,
    patientele_described,
    pay,
    potential_gains,
    targets,
)
from schemes.ipep.population import BEFORE, REASONS
from schemes.ipep.spending import national_year
from schemes.labels import labels
from schemes.rulebook import periods
from tests.schemes.ipep_made import (
    BOTH,
    YEAR,
    indicators,
    inputs,
    ipep_rules,
    like,
    members,
    nation,
    participations,
    phase_3,
)

COUNTS = pd.DataFrame(
    [
        ("G1", "0-15", True, False, True, 30),
        ("G1", "85+", False, True, False, 10),
        ("*", "0-15", True, False, False, 100),
        ("*", "40-64", None, True, False, 300),
    ],
    columns=["structure_id", "age_band", "is_woman", "has_ald", "has_c2s", "patients"],
)


def test_patientele_described():
    """30 girls with C2S and 10 old men in ALD, beside a nation of 400; what is missing there stays empty."""
    found = patientele_described(COUNTS).set_index(["topic", "value"])
    assert found["patients"].to_dict() == {
        ("age", "00-15"): 30,
        ("age", "85+"): 10,
        ("ald", "no"): 30,
        ("ald", "yes"): 10,
        ("c2s", "no"): 10,
        ("c2s", "yes"): 30,
        ("sex", "female"): 30,
        ("sex", "male"): 10,
    }
    assert found.loc[("age", "00-15"), ["share", "nation_share"]].tolist() == [0.75, 0.25]
    assert found.loc[("ald", "yes"), ["share", "nation_share"]].tolist() == [0.25, 0.75]
    assert np.isnan(found.loc[("age", "85+"), "nation_share"])


def test_contact_points():
    """Of 40 patients, 20 met a nurse, 60 times, for 400 EUR; of the nation's 400, 100, 200 times, for 2,000 EUR."""
    rows = pd.DataFrame(
        [("G1", YEAR, "infirmier", 20, 60, 0, 400_00), ("*", YEAR, "infirmier", 100, 200, 0, 2000_00)],
        columns=["structure_id", "year", "poste", "patients", "contacts", "base_cents", "reimbursed_cents"],
    )
    (row,) = contact_points(rows, COUNTS).to_dict("records")
    assert (row["share"], row["contacts_per_patient"], row["reimbursed_per_patient_eur"]) == (0.5, 1.5, 10.0)
    assert (row["nation_share"], row["nation_contacts_per_patient"]) == (0.25, 0.5)
    assert row["nation_reimbursed_per_patient_eur"] == 5.0
    with pytest.raises(InputError, match="contacts has a structure that described does not"):
        contact_points(rows, COUNTS[COUNTS["structure_id"] == "*"])


def test_historical_and_expected_spending():
    """Two years, per year lived, the nation beside."""
    frames = inputs(like(10, 900, 1000, 950, 1000), nation=nation(trend=1.02))
    found = historical_spending(frames, year=YEAR, rules=ipep_rules())
    assert found.to_dict("records") == [
        {
            "structure_id": "G1", "year": 2023, "exposure": 10.0, "observed_eur": 950.0, "expected_eur": 1000.0,
            "nation_observed_eur": 1000.0,
        },
        {
            "structure_id": "G1", "year": 2024, "exposure": 10.0, "observed_eur": 900.0, "expected_eur": 1020.0,
            "nation_observed_eur": 1020.0,
        },
    ]  # fmt: skip


def test_potential_gains_of_spending():
    """1 % less than 1,000 EUR: écart and évolution of 10 each, half of it for 10 patients: 50 EUR."""
    frames = inputs(like(10, 1000, 1000, 1000, 1000))
    found = potential_gains(frames, year=YEAR, rules=ipep_rules())
    spending = found[found["lever"] == "spending"]
    assert spending["change"].tolist() == [0.01, 0.02, 0.05]
    assert spending["added_cents"].tolist() == [50_00, 100_00, 250_00]
    assert spending["paid_cents"].tolist() == [90_00, 140_00, 290_00]


def test_potential_gains_of_quality():
    """HbA1c at half of its 50 points: 25 to gain, 10 patients × 4 EUR × 25 / 100; in phase 3, 500 EUR × 0.125."""
    half = indicators({"hba1c": (None, 0.55), "rh30": (None, 0.1)}, BOTH)
    people = like(10, 900, 1000, 1000, 1000)
    for when, added in ((participations(), 10_00), (phase_3(), 62_50)):
        frames = inputs(people, indicators=half, participations=when)
        found = potential_gains(frames, year=YEAR, rules=ipep_rules(), savings=[Decimal("0")])
        assert found["name"].tolist() == ["observed_eur", "hba1c", "rh30"]
        assert found["change"].tolist() == [0.0, 25.0, 0.0]
        assert found["added_cents"].tolist() == [0, added, 0]


def reference_people() -> pd.DataFrame:
    """2,000 reference patients in two years, the second dearer by 5 %, of whom some are born, die or leave."""
    rng = np.random.default_rng(7)
    expected = rng.gamma(1, 1500, 2000)
    people = members(
        *(expected * rng.gamma(0.5, 2, 2000) * 1.05, expected, expected * rng.gamma(0.5, 2, 2000), expected)
    ).reset_index(drop=True)
    people["exposure_share"] = np.where(rng.random(len(people)) < 0.1, 0.5, 1.0)
    people["is_consumer"] = rng.random(len(people)) < 0.9
    return people[rng.random(len(people)) < 0.9].reset_index(drop=True)


def test_the_nation_held_against_itself_gains_nothing():
    """Reference made of the very patients of a group: no écart, no évolution, under every cut, to the millionth."""
    people, rules = reference_people(), ipep_rules()
    frames = inputs(people) | national(people.drop(columns="structure_id"), year=YEAR, rules=rules)
    amount = pay(frames, year=YEAR, rules=rules, draws=50).amounts[0]
    for name in ("gain_ecart_eur", "gain_evolution_eur", "gain_ecart_p995_eur", "gain_evolution_uncapped_eur"):
        assert abs(Decimal(amount.figures[name].value)) <= Decimal("0.000002")
    assert amount.figures["observed_eur"].value == amount.figures["expected_eur"].value


def test_national_cap_by_hand():
    """100 patients from 1 to 100 EUR a year: P99 is 99; cut there, 100 counts 99, on both sides."""
    euros = [float(value) for value in range(1, 101)]
    made = national(members(euros, euros, euros, euros).drop(columns="structure_id"), year=YEAR, rules=ipep_rules())
    row = made["nation"].set_index("year").loc[YEAR]
    assert row[["patients", "exposure", "cap_eur", "cap_eur_p995"]].tolist() == [100, 100, 99, 100]
    assert row[["observed_eur", "expected_eur", "observed_uncapped_eur"]].tolist() == [5049, 5049, 5050]
    assert made["residuals"]["observed_eur"].max() == 99
    assert (
        len(national(members(euros, euros, euros, euros), year=YEAR, rules=ipep_rules(), sample=10)["residuals"]) == 10
    )


def test_the_nation_says_its_cuts():
    """`national_year` gives none under a cut that the nation does not state."""
    assert national_year({"nation": nation()}, YEAR, "p995") is None
    with pytest.raises(InputError, match=r"nation: the row of 2024 has .* of 0"):
        national_year({"nation": nation(trend=0)}, YEAR)


def test_every_name_has_its_labels():
    """Components, figures, warnings, refusals and exclusions, in two languages, whatever the period of the rules."""
    known = labels("ipep")
    full = nation().assign(
        cap_eur_p995=1e9, observed_p995_eur=1.0, expected_p995_eur=1.0,
        observed_uncapped_eur=1.0, expected_uncapped_eur=1.0,
    )  # fmt: skip
    names = {"amorcage", "floor", "modulation"}
    for when in (participations(), phase_3()):
        frames = inputs(like(10, 900, 1000, 1000, 1000), nation=full, participations=when)
        amount = pay(frames, year=YEAR, rules=ipep_rules(), draws=10).amounts[0]
        names |= {component.name for component in amount.components} | set(amount.figures)
        names |= set(amount.warnings)
        names |= set(targets(frames, year=YEAR, rules=ipep_rules(), draws=10).figures["figure"])
    for rules in periods("ipep"):
        named = {*rules.listed("socle_indicators"), *rules.listed("carte_indicators")}
        names |= {f"quality_{name}_points" for name in named} | {f"missing_{name}" for name in named}
    names |= {*REASONS, *(name + BEFORE for name in REASONS[1:])}
    names |= {"close_to_gate", "experience_not_measured", "no_sensitivity", "no_chance"}
    names |= {
        "not_taking_part", "not_started", "trajectory_over", "no_patients", "below_min_patients", "no_year_before",
        "no_expected_spending", "no_quality_score", "no_start_up_amount",
    }  # fmt: skip
    assert sorted(names - set(known)) == []
    assert [name for name, words in known.items() if not words["fr"] or not words["en"]] == []
