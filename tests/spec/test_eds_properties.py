"""Properties of any EDS payment: bounded, monotone, adding up, blind to the order of rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from schemes.amounts import Payment, Walk, amounts_frame, figures_frame
from schemes.eds import forfaits, pay
from schemes.eds.settle import Position, Safeguards, result_eur, results_drawn
from schemes.eds.terms import chosen_phase, quality_terms
from tests.schemes.eds_made import eds_inputs, eds_rules, episodes, participations, predictions, volumes

COSTS = st.lists(st.integers(-100_00, 60_000_00).map(lambda cents: cents / 100), min_size=1, max_size=12)
PHASES = st.sampled_from(["simulation", "upside", "two_sided_light", "two_sided", "two_sided_reduced"])
QUALITY = st.one_of(st.just(np.nan), st.floats(0, 1))
RULES = eds_rules({"pth": {"discount_share": "0.02", "trend_ratio": "1.013"}})


def paid(costs: list[float], expected: object, *, phase: str, quality: float, volume: int = 100) -> Payment:
    inputs = eds_inputs(costs, expected, volumes=volumes(volume),  # type: ignore[arg-type]
                        participations=participations({"phase": phase, "quality_share": quality}))  # fmt: skip
    return pay(inputs, year=2024, rules=RULES, luck=(0, 0))


@settings(deadline=None, max_examples=60)
@given(COSTS, PHASES, QUALITY, st.integers(0, 60))
def test_results_are_bounded_and_add_up(costs: list[float], phase: str, quality: float, volume: int):
    """Within the limits of the phase to half a cent; components, patients and forfaits add up to the cent."""
    payment = paid(costs, 10_000.0, phase=phase, quality=quality, volume=volume)
    (amount,) = payment.amounts
    price, found = amount.components[0].amount_cents, chosen_phase(phase, RULES)
    low, high = -float(found.loss_limit) * price - 0.5, float(found.gain_limit) * price + 0.5
    assert low <= amount.total_cents <= high
    assert sum(step.amount_cents for step in amount.components) == amount.total_cents
    assert payment.forfaits["amount_cents"].sum() == amount.total_cents
    if volume < 31:
        assert amount.total_cents >= 0


@settings(deadline=None, max_examples=40)
@given(COSTS, PHASES, st.integers(1, 5_000_00))
def test_spending_more_never_pays_more(costs: list[float], phase: str, more_cents: int):
    """One euro more on an episode never raises the result."""
    before = paid(costs, 10_000.0, phase=phase, quality=0.7).total_cents
    after = paid([costs[0] + more_cents / 100, *costs[1:]], 10_000.0, phase=phase, quality=0.7).total_cents
    assert after <= before


@settings(deadline=None, max_examples=40)
@given(COSTS, PHASES, st.floats(0, 1), st.floats(0, 1))
def test_better_quality_never_pays_less(costs: list[float], phase: str, one: float, other: float):
    """Gains kept and losses relieved both grow with quality."""
    low, high = sorted((one, other))
    assert (
        paid(costs, 10_000.0, phase=phase, quality=low).total_cents
        <= paid(costs, 10_000.0, phase=phase, quality=high).total_cents
    )


@settings(deadline=None, max_examples=40)
@given(st.lists(st.floats(1.0, 90_000.0), min_size=2, max_size=12))
def test_forfaits_follow_risk_and_stay_within_bounds(expected: list[float]):
    """A higher prediction never has a lower forfait; components add up; the index stays within 0.5 and 3."""
    rows = forfaits(eds_inputs([1.0] * len(expected), expected), year=2024, rules=RULES)
    ordered = rows.assign(expected=expected).sort_values("expected")
    assert (np.diff(ordered["forfait_cents"]) >= 0).all()
    assert rows["risk_index"].between(0.5, 3).all()
    parts = [name for name in rows if name.endswith("_cents")][:6]
    assert (rows[parts].sum(axis=1) == rows["forfait_cents"]).all()


@settings(deadline=None, max_examples=15)
@given(st.randoms(use_true_random=False))
def test_order_of_rows_changes_nothing(random):
    """Same amounts, figures, intervals and forfaits in any order of any frame."""
    rows = pd.concat([episodes([7_000.0, 12_345.67, 30_000.0]), episodes([9_000.0, 8_000.5], "H2")], ignore_index=True)
    expected = [7_777.7, 10_101.1, 14_000.3, 9_000.9, 12_000.0]
    made = eds_inputs(
        episodes=rows, predictions=predictions(rows, expected),
        participations=participations({}, {"structure_id": "H2"}),
        volumes=pd.concat([volumes(), volumes(establishment="H2")]),
    )  # fmt: skip
    shuffled = {name: frame.sample(frac=1, random_state=random.randint(0, 2**31)) for name, frame in made.items()}
    first, second = (pay(inputs, year=2024, rules=RULES, luck=(3, 50)) for inputs in (made, shuffled))
    assert first.amounts == second.amounts
    pd.testing.assert_frame_equal(amounts_frame(first.amounts), amounts_frame(second.amounts))
    pd.testing.assert_frame_equal(figures_frame(first.amounts), figures_frame(second.amounts))
    pd.testing.assert_frame_equal(first.forfaits, second.forfaits)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(1, 10**7), st.integers(0, 10**7), st.booleans()), min_size=1, max_size=4), PHASES)
def test_drawn_results_are_those_of_the_payment(given_positions: list[tuple[int, int, bool]], phase: str):
    """The arrays of the bootstrap compute what the exact walk computes."""
    positions = [Position(str(i), 5, price, spent, 0, low) for i, (price, spent, low) in enumerate(given_positions)]
    safeguards = Safeguards(chosen_phase(phase, RULES), quality_terms(RULES), quality=None)
    exact = result_eur(positions, safeguards, Walk())
    raw = np.array([[one.raw_cents / 100 for one in positions]])
    price = np.array([[one.price_cents / 100 for one in positions]])
    low = np.array([one.has_low_volume for one in positions])
    (drawn,) = results_drawn(raw, price, low_volume=low, episodes=5, safeguards=safeguards)
    assert abs(float(exact) - drawn) < 1e-6
