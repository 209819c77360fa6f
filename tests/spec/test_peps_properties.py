"""Properties of any PEPS payment: bounded, monotone, adding up, blind to the order of rows."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from schemes.amounts import Payment, amounts_frame, figures_frame
from schemes.money import round_cents
from tests.schemes.peps_made import paid, peps_inputs

CENTS = st.integers(0, 500_00)
PERSON = st.fixed_dictionaries(
    {
        "present_share": st.integers(0, 365).map(lambda days: days / 365),
        "expected_eur": st.one_of(st.none(), st.floats(0, 5000)),
        "is_diab": st.booleans(),
        "zone_id": st.sampled_from(["35", "75", None]),
        "fdep_quintile": st.sampled_from([1, 4, 5, None]),
        "in_team_cents": CENTS,
        "outside_cents": CENTS,
        "neutralised_cents": CENTS,
    }
)
ZONES = [{"observed_eur": 130.0}, {"zone_id": "75", "observed_eur": 95.0}]
RULES = st.fixed_dictionaries(
    {
        "fidelisation_level": st.sampled_from(["team", "patient"]),
        "cap_basis": st.sampled_from(["reference", "shadow"]),
        "cap_over_ffs": st.sampled_from(["none", "0.20"]),
        "poverty_uplift_max": st.sampled_from(["0", "0.05"]),
        "activity_corridor_applies": st.sampled_from(["yes", "no"]),
        "quality_malus_max": st.sampled_from(["0", "0.03"]),
    }
)
TEAM = st.fixed_dictionaries(
    {
        "quality_share": st.one_of(st.none(), st.floats(0, 1)),
        "patientele": st.sampled_from(["TOT", "DIAB"]),
        "phase_from": st.sampled_from(["2021-01-01", "2021-05-17", "2022-03-01", "2023-01-01"]),
        "to_date": st.sampled_from([None, "2023-10-11"]),
    }
)
FORMER = st.fixed_dictionaries(
    {
        "reference_ffs_cents": st.one_of(st.none(), st.integers(0, 5000_00)),
        "reference_base_eur": st.one_of(st.none(), st.floats(1, 5000)),
        "shadow_ffs_cents": st.one_of(st.none(), st.integers(0, 5000_00)),
        "acts_observed": st.integers(0, 300),
        "acts_expected": st.integers(1, 300),
    }
)
PEOPLE = st.lists(PERSON, min_size=1, max_size=6)
FEW = settings(max_examples=25, deadline=None)


def world(people: list[dict[str, Any]], team: dict[str, Any], former: dict[str, Any]) -> dict[str, pd.DataFrame]:
    rows = [{**row, "patient_id": f"P{place}"} for place, row in enumerate(people)]
    return peps_inputs(patients=rows, participations=[team], fee_for_service=[former], zones=ZONES)


def bytes_of(payment: Payment) -> list[str]:
    frames = (amounts_frame(payment.amounts), figures_frame(payment.amounts), payment.forfaits)
    return [frame.to_csv(index=False) for frame in (*frames, payment.refused, payment.excluded)]


@FEW
@given(PEOPLE, TEAM, FORMER, RULES)
def test_components_and_patients_add_up(people: Any, team: Any, former: Any, rules: Any):
    """Components recompose the amount, patients add up to it, and paid and excluded are all the patients."""
    payment = paid(world(people, team, former), **rules)
    for found in payment.amounts:
        assert sum(step.amount_cents for step in found.components) == found.total_cents
        running = 0
        for step in found.components:
            running += step.amount_cents
            assert running == step.running_cents
        assert payment.forfaits["amount_cents"].sum() == found.total_cents
    assert len(payment.forfaits) + payment.excluded["patients"].sum() == len(people)
    assert (len(payment.amounts) == 0) == (len(payment.refused) > 0)


@FEW
@given(PEOPLE, TEAM, FORMER, RULES)
def test_bounded(people: Any, team: Any, former: Any, rules: Any):
    """Never negative, and never above the cap of the rules where there is one."""
    for found in paid(world(people, team, former), **rules).amounts:
        assert found.total_cents >= 0
        if cap := found.figures["cap_eur"].value:
            assert found.total_cents <= round_cents(Decimal(cap))


@FEW
@given(PEOPLE, TEAM, FORMER, RULES, st.randoms(use_true_random=False))
def test_order_of_rows_changes_nothing(people: Any, team: Any, former: Any, rules: Any, random: Any):
    """The same bytes from shuffled frames."""
    inputs = world(people, team, former)
    shuffled = {
        name: frame.sample(frac=1.0, random_state=random.randint(0, 10**6)).reset_index(drop=True)
        for name, frame in inputs.items()
    }
    assert bytes_of(paid(inputs, **rules)) == bytes_of(paid(shuffled, **rules))


@FEW
@given(PEOPLE, FORMER, RULES, st.integers(0, 5), st.floats(0, 1000))
def test_more_expected_never_pays_less(people: Any, former: Any, rules: Any, place: int, more: float):
    """A higher expectation of one patient, all else equal."""
    place %= len(people)
    people[place]["expected_eur"] = people[place]["expected_eur"] or 0.0
    before = paid(world(people, {}, former), **rules).total_cents
    people[place]["expected_eur"] += more
    assert paid(world(people, {}, former), **rules).total_cents >= before


@FEW
@given(PEOPLE, FORMER, RULES, st.integers(0, 5), CENTS)
def test_more_care_in_the_team_never_pays_less(people: Any, former: Any, rules: Any, place: int, more: int):
    """Care that moves from outside into the team raises fidelisation, and never lowers the forfait."""
    place %= len(people)
    before = paid(world(people, {}, former), **rules).total_cents
    moved = min(more, people[place]["outside_cents"])
    people[place]["in_team_cents"] += moved
    people[place]["outside_cents"] -= moved
    assert paid(world(people, {}, former), **rules).total_cents >= before


@FEW
@given(PEOPLE, FORMER, RULES, st.floats(0, 1), st.floats(0, 1))
def test_better_quality_never_pays_less(people: Any, former: Any, rules: Any, one: float, other: float):
    """Quality between 0 and 1."""
    low, high = sorted((one, other))
    lower, higher = (paid(world(people, {"quality_share": share}, former), **rules) for share in (low, high))
    assert higher.total_cents >= lower.total_cents


@FEW
@given(PEOPLE, TEAM, FORMER, RULES)
def test_a_year_replayed_twice(people: Any, team: Any, former: Any, rules: Any):
    """The same bytes, and the inputs are left as they were."""
    inputs = world(people, team, former)
    copies = {name: frame.copy() for name, frame in inputs.items()}
    assert bytes_of(paid(inputs, **rules)) == bytes_of(paid(inputs, **rules))
    for name, frame in inputs.items():
        pd.testing.assert_frame_equal(frame, copies[name])
