"""T1 to T10 of the EDS specification (§5.8), to the cent: one hospital, three patients, then a million euros."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from schemes.amounts import Amount
from schemes.eds import forfaits, funnel_limits, pay, prices
from schemes.money import round_cents
from schemes.rulebook import Rules
from tests.schemes.eds_made import eds_inputs, eds_rules, participations, reference, volumes, weights, with_grid

RISKS = [8_000.0, 10_000.0, 14_500.0]
COSTS = [7_000.0, 9_000.0, 30_000.0]


def team_rules(**overrides: str) -> Rules:
    """Weights .17, .33, .50 (oldest first), trend 0.98, discount 2 %."""
    made = eds_rules({"pth": {"trend_ratio": "0.98", "discount_share": "0.02"}}, **overrides)
    return with_grid(made, "year_weights", weights("0.17", "0.33", "0.50"))


def team_reference() -> pd.DataFrame:
    """Yearly means 9,800; 9,600; 9,400; and 2024 at 1.045 times the trend of the price."""
    years = {2021: 9_800.0, 2022: 9_600.0, 2023: 9_400.0, 2024: 9_763.7694}
    return pd.concat([reference(mean, year=year) for year, mean in years.items()])


def team() -> dict[str, pd.DataFrame]:
    return eds_inputs(COSTS, RISKS, reference=team_reference())


def price(name: str) -> Decimal:
    (row,) = prices(team(), year=2024, rules=team_rules()).to_dict("records")
    return Decimal(row[name])


def test_t1_reference_of_three_years():
    """9,800 × .17 + 9,600 × .33 + 9,400 × .50 = 9,534.00."""
    assert price("reference_eur") == Decimal("9534.00")


def test_t2_price_before_the_year():
    """9,534 × 0.98 × (1 − 0.02) × 1 = 9,156.4536."""
    assert price("provisional_eur") == Decimal("9156.4536")


def test_t3_normalisation_is_kept_within_five_percent():
    """Risk indices .80, 1.00, 1.45: 3 / 3.25 = 0.923077, kept at 0.95."""
    assert price("normalisation_raw").quantize(Decimal("0.000001")) == Decimal("0.923077")
    assert price("normalisation") == Decimal("0.95")


def test_t4_trend_is_kept_within_three_percent():
    """Measured 1.045 times the trend of the price: 1.03 counts."""
    assert price("measured_trend") / Decimal("0.98") == Decimal("1.045")
    assert price("trend_update") == Decimal("1.03")


def test_t5_forfaits_of_three_patients():
    """7,167.67; 8,959.59; 12,991.41; together 29,118.67, and each is the sum of its components."""
    rows = forfaits(team(), year=2024, rules=team_rules())
    assert list(rows["forfait_cents"]) == [7_167_67, 8_959_59, 12_991_41]
    assert rows["forfait_cents"].sum() == 29_118_67
    parts = ["reference", "risk", "normalisation", "trend", "discount", "coordination"]
    assert list(rows[[f"{part}_cents" for part in parts]].sum(axis=1)) == list(rows["forfait_cents"])


def test_t6_cost_above_the_cap_is_not_counted():
    """29,118.67 − (7,000 + 9,000 + 22,000) = −8,881.33."""
    (amount,) = pay(team(), year=2024, rules=team_rules()).amounts
    assert amount.figures["raw_eur"].value == "-8881.33"
    steps = {step.name: (step.amount_cents, step.running_cents) for step in amount.components}
    assert steps["price"] == (29_118_67, 29_118_67)
    assert steps["observed"] == (-46_000_00, -16_881_33)
    assert steps["cap"] == (8_000_00, -8_881_33)


def million(spend_eur: float, phase: str, **overrides: str) -> Amount:
    """One hundred patients priced 10,000 each, quality 60, and what they spent."""
    inputs = eds_inputs(
        [spend_eur / 100] * 100, participations=participations({"phase": phase, "quality_share": 0.60}),
        volumes=volumes(31),
    )  # fmt: skip
    (amount,) = pay(inputs, year=2024, rules=eds_rules(**overrides)).amounts
    return amount


@pytest.mark.parametrize(("phase", "due"), [("upside", 96_000_00), ("two_sided_light", 50_000_00)])
def test_t7_gain(phase: str, due: int):
    """1,000,000 − 900,000 at quality 60: 96,000; under 10 % stays 96,000; 5 % gives 50,000."""
    amount = million(900_000, phase)
    assert amount.figures["before_limit_eur"].value == "96000.00"
    assert amount.total_cents == due


@pytest.mark.parametrize(
    ("relief", "phase", "before", "due"),
    [
        ("0.10", "two_sided", "-235000.00", -200_000_00),
        ("0.15", "two_sided_light", "-227500.00", -50_000_00),
        ("0.10", "upside", "-235000.00", 0),
    ],
)
def test_t8_loss(relief: str, phase: str, before: str, due: int):
    """1,250,000 spent: −235,000 then −200,000 at 20 %; relief .15: −227,500 then −50,000; upside only: 0."""
    amount = million(1_250_000, phase, quality_loss_relief_share=relief)
    assert amount.figures["before_limit_eur"].value == before
    assert amount.total_cents == due


@pytest.mark.parametrize(
    ("expected", "probability", "limit"),
    [(10, 0.025, "0.3775"), (10, 0.975, "1.6160"), (10, 0.999, "2.0662"), (2, 0.025, "0.0000")],
)
def test_t9_t10_funnel_limits(expected: float, probability: float, limit: str):
    """Interpolated exact Poisson limits for 10 expected events; a limit below 0 (−0.4076 for 2) is 0."""
    (found,) = funnel_limits(np.array([expected]), probability, eds_rules())
    assert f"{found:.4f}" == limit


def test_t10_before_the_floor():
    """(o − α) / E = −0.4076 with o = 0, F(0) = e⁻²: what the floor replaces."""
    alpha = (np.exp(-2.0) - 0.025) / np.exp(-2.0)
    assert f"{(0 - alpha) / 2:.4f}" == "-0.4076"


def test_sums_of_vectors_are_exact():
    """No tolerance: cents of the three forfaits recompose the price of the hospital."""
    (amount,) = pay(team(), year=2024, rules=team_rules()).amounts
    rows = forfaits(team(), year=2024, rules=team_rules())
    assert amount.components[0].amount_cents == round_cents(Decimal(int(rows["forfait_cents"].sum())) / 100)
