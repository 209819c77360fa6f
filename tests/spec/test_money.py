"""Euros to cents: one rounding, exact sums, shares that add up."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemes.amounts import Amount, Walk, amounts_frame
from schemes.money import allot, round_cents, total_eur

CENTS = st.integers(-(10**9), 10**9)
WEIGHTS = st.lists(st.floats(0, 1e6, allow_nan=False), min_size=1, max_size=30)


def test_half_a_cent_rounds_away_from_zero():
    """505.215 EUR is 505.22; -0.005 EUR is -0.01."""
    assert [round_cents(Decimal(text)) for text in ("505.215", "-0.005", "0.0049")] == [50522, -1, 0]


def test_sum_is_exact_whatever_the_order():
    """Ten times 0.1 is 1, and a large amount does not swallow a small one."""
    assert total_eur([0.1] * 10) == Decimal("1.000000")
    assert total_eur([1e12, 0.01, -1e12]) == total_eur([0.01, 1e12, -1e12]) == Decimal("0.010000")


def test_empty_amount_is_refused():
    """Not found is never 0."""
    with pytest.raises(ValueError, match="not a finite number"):
        total_eur([1.0, float("nan")])


def test_left_over_cents_go_to_the_largest_remainders():
    """100 cents in three: 34, 33, 33; in 1:2 parts of 10: 3 and 7."""
    assert allot(100, [1, 1, 1]) == [34, 33, 33]
    assert allot(10, [1, 2]) == [3, 7]
    assert allot(-5, [0, 0]) == [-3, -2]


def test_nothing_to_share_among_nobody():
    """A total with no one to receive it is an error, not a loss."""
    assert allot(0, []) == []
    with pytest.raises(ValueError, match="among nobody"):
        allot(1, [])
    with pytest.raises(ValueError, match="negative"):
        allot(1, [1, -1])


@given(CENTS, WEIGHTS)
def test_shares_add_up(total: int, weights: list[float]):
    """To the cent, and none is further than a cent from its part."""
    shares = allot(total, weights)
    assert sum(shares) == total
    whole = sum(map(Decimal, weights))
    if whole:
        assert all(abs(share - total * Decimal(w) / whole) <= 1 for share, w in zip(shares, weights, strict=True))


@given(st.lists(st.decimals(-(10**6), 10**6, places=6), min_size=1, max_size=12))
def test_components_recompose_the_amount(steps: list[Decimal]):
    """Each component is the difference of two rounded amounts, so that their sum is the last one."""
    walk = Walk()
    for number, euros in enumerate(steps):
        walk.to(f"step_{number}", euros, "a_key")
    amount = Amount("S1", "peps", 2024, tuple(walk.components), {})
    frame = amounts_frame([amount])
    assert frame["amount_cents"].sum() == amount.total_cents == round_cents(steps[-1])
    assert frame["amount_cents"].cumsum().tolist() == frame["running_cents"].tolist()
