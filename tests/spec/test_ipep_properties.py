"""IPEP: what holds for every group, whatever its members."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from schemes.amounts import Amount, Payment
from schemes.ipep import pay
from tests.schemes.ipep_made import YEAR, inputs, ipep_rules, members, nation, participations, phase_3

EUROS = st.integers(0, 500_000).map(lambda cents: cents / 100)
PATIENT = st.tuples(EUROS, EUROS.map(lambda euros: euros + 1), EUROS, EUROS.map(lambda euros: euros + 1))
GROUP = st.lists(PATIENT, min_size=1, max_size=12)
PHASES = st.sampled_from([participations(), phase_3(), phase_3(experience_points=20)])
TRENDS = st.tuples(st.integers(80, 120), st.integers(80, 120), st.integers(1000, 6000))


def payment(group: list[tuple[float, ...]], when: pd.DataFrame, trends: tuple[int, int, int]) -> Payment:
    now, before, cap = trends
    frames = inputs(
        members(*(list(column) for column in zip(*group, strict=True))),
        participations=when,
        nation=nation(now / 100, before / 100, float(cap)),
    )
    return pay(frames, year=YEAR, rules=ipep_rules(), draws=0)


def amount(*given: object) -> Amount:
    return payment(*given).amounts[0]  # type: ignore[arg-type]


@settings(max_examples=30, deadline=None)
@given(GROUP, PHASES, TRENDS)
def test_cents_add_up_and_nothing_is_owed(group, when, trends):
    """Components add up to the amount, patients to it as well; nobody ever pays."""
    found = payment(group, when, trends)
    one = found.amounts[0]
    assert sum(component.amount_cents for component in one.components) == one.total_cents
    assert int(found.forfaits["amount_cents"].sum()) == one.total_cents == found.total_cents
    assert one.total_cents >= 0 and (found.forfaits["amount_cents"] >= 0).all()


@settings(max_examples=20, deadline=None)
@given(GROUP, PHASES, TRENDS, EUROS, st.integers(0, 11))
def test_spending_more_never_pays_more(group, when, trends, more, place):
    """One more euro of one member in the year never raises the amount."""
    place %= len(group)
    spent, *rest = group[place]
    dearer = [*group[:place], (spent + more, *rest), *group[place + 1 :]]
    assert amount(dearer, when, trends).total_cents <= amount(group, when, trends).total_cents


@settings(max_examples=12, deadline=None)
@given(GROUP, PHASES, TRENDS, st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(group, when, trends, shuffle):
    """Not an amount, not a figure, not a cent of a patient, draws included."""
    frames = inputs(
        members(*(list(column) for column in zip(*group, strict=True))),
        participations=when,
        nation=nation(trends[0] / 100, trends[1] / 100, float(trends[2])),
    )
    mixed = {name: rows.sample(frac=1, random_state=shuffle.randrange(2**31)) for name, rows in frames.items()}
    first, second = (pay(one, year=YEAR, rules=ipep_rules(), draws=20, seed=4) for one in (frames, mixed))
    assert first.amounts == second.amounts
    pd.testing.assert_frame_equal(first.forfaits, second.forfaits)


@settings(max_examples=10, deadline=None)
@given(GROUP, GROUP, TRENDS)
def test_another_group_changes_nothing(group, other, trends):
    """A group is paid the same beside another."""
    alone = payment(group, participations(), trends)
    both = inputs(
        pd.concat(
            members(*(list(column) for column in zip(*rows, strict=True)), structure=name)
            for name, rows in (("G1", group), ("G0", other))
        ),
        participations=participations({}, {"structure_id": "G0", "phase_from": pd.Timestamp("2024-02-01")}),
        nation=nation(trends[0] / 100, trends[1] / 100, float(trends[2])),
    )
    found = pay(both, year=YEAR, rules=ipep_rules(amorcage_eur="1000"), draws=0)
    assert [one.structure_id for one in found.amounts] == ["G0", "G1"]
    assert replace(found.amounts[1]) == alone.amounts[0]
    assert found.amounts[0].total_cents == 1000_00


@settings(max_examples=10, deadline=None)
@given(st.integers(1, 400))
def test_every_member_is_paid_or_counted(count):
    """Members of the year = patients with cents + counted exclusions."""
    rng = np.random.default_rng(count)
    people = members(*(rng.gamma(1, 1000, count) for _ in range(4))).reset_index(drop=True)
    people["is_consumer"] = rng.random(len(people)) < 0.7
    people["present_share"] = np.where(rng.random(len(people)) < 0.1, 0.0, 1.0)
    people.loc[rng.random(len(people)) < 0.1, "expected_eur"] = np.nan
    found = pay(inputs(people), year=YEAR, rules=ipep_rules(), draws=0)
    out = found.excluded[~found.excluded["reason"].str.endswith("_before")]
    if found.amounts:
        assert len(found.forfaits) + int(out["patients"].sum()) == count
