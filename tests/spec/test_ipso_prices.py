"""IPSO prices: the socle by age and sex, bricks by non-negative least squares, budget-neutral; by hand."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.errors import InputError, RuleError
from features.tables import BRICK_NAMES
from schemes.ipso import Prices, prices
from schemes.ipso.inputs import tables
from schemes.ipso.prices import flag_shares
from schemes.rulebook import Grid
from tests.schemes.ipso_made import FOUR, Row, ipso_inputs, ipso_rules


def priced(*reference: Row, **overrides: str) -> Prices:
    return prices(tables(ipso_inputs(reference=reference)).reference, ipso_rules(**overrides)["ipso"])


def forfaits(found: Prices, reference: pd.DataFrame) -> np.ndarray:
    price = np.array([float(found.bricks[name] or 0) for name in BRICK_NAMES])
    return found.socle_eur(reference) + reference[list(BRICK_NAMES)].to_numpy(dtype=float) @ price


def test_four_patients_by_hand():
    """Mean 60, ald fitted at 40 on the residuals, all rescaled by 3/4: 45 and 30 EUR; 45 + 45 + 75 + 75 = 240."""
    found = priced(*FOUR)
    assert found.balance == Decimal("0.75")
    assert found.socle.to_dict("records") == [
        {"age_from": 30, "sex": 1, "patients": 4, "mean_eur": Decimal("45.000000")}
    ]
    assert found.bricks["ald"] == Decimal("30.000000")
    reference = tables(ipso_inputs(reference=FOUR)).reference
    assert forfaits(found, reference).tolist() == [45.0, 45.0, 75.0, 75.0]


def test_weights_count():
    """The second of two unflagged patients stands for three: mean (20 + 3 × 60) / 4 = 50; no flag, so 50 × k."""
    found = priced(FOUR[0], {**FOUR[1], "weight": 3.0})
    assert found.socle["mean_eur"].tolist() == [Decimal("20.000000")]
    assert found.balance == Decimal("0.4")


def test_two_bricks_share_what_each_explains():
    """One band of mean 50: ald alone is expected at 80, ald and handicap at 120; ald 30 and handicap 40 beyond it."""
    base = {"observed_eur": 50.0, "expected_eur": 50.0}
    found = priced(
        base,
        {**base, "expected_eur": 80.0, "ald": True},
        {**base, "expected_eur": 120.0, "ald": True, "handicap": True},
    )
    assert found.balance == Decimal(250) / Decimal(250)
    assert (found.bricks["ald"], found.bricks["handicap"]) == (Decimal("30.000000"), Decimal("40.000000"))


def test_a_brick_is_never_negative():
    """Patients of the brick expected below their mean: its price is 0, not less."""
    found = priced(
        {"expected_eur": 70.0, "observed_eur": 60.0}, {"expected_eur": 30.0, "observed_eur": 60.0, "enfant": True}
    )
    assert found.bricks["enfant"] == 0
    assert found.balance == Decimal(100) / Decimal(120)


def test_a_brick_that_nobody_has_is_not_priced():
    """No reference patient has a handicap: None, not 0."""
    found = priced(*FOUR)
    assert found.bricks["handicap"] is None
    assert found.missing == tuple(name for name in BRICK_NAMES if name != "ald")


def test_age_bands_include_their_first_birthday():
    """Bands start at 2 and 6 years: 71 months are in the band from 2, 72 months in the band from 6."""
    found = priced({"age_months": 71, "observed_eur": 10.0}, {"age_months": 72, "observed_eur": 20.0})
    assert found.socle["age_from"].tolist() == [2, 6]
    people = pd.DataFrame({"age_months": [24.0, 71.0, 72.0, 191.0, 12.0, np.nan], "sex": [1.0] * 6})
    means = found.socle_eur(people)
    assert (means[0], means[2]) == (means[1], means[3])
    assert means[0] < means[2]
    assert np.isnan(means[4:]).all()


def test_sexes_have_their_own_mean():
    """A cell is an age band and a sex; someone whose cell is empty has no mean."""
    found = priced(
        {"sex": 1, "observed_eur": 40.0, "expected_eur": 40.0}, {"sex": 2, "observed_eur": 80.0, "expected_eur": 80.0}
    )
    assert found.socle["mean_eur"].tolist() == [Decimal("40.000000"), Decimal("80.000000")]


def test_prices_of_a_grid():
    """brick_prices "grid": its prices as they are, means as observed."""
    rules = ipso_rules(brick_prices="grid")["ipso"]
    rows = tuple({"brick": name, "amount_eur": str(place)} for place, name in enumerate(BRICK_NAMES))
    with_grid = replace(rules, grids={"brick_prices": Grid("prices.csv", rows, "assumed", "made for a test", {})})
    reference = tables(ipso_inputs(reference=FOUR)).reference
    found = prices(reference, with_grid)
    assert found.bricks == {name: Decimal(place) for place, name in enumerate(BRICK_NAMES)}
    assert (found.balance, found.socle["mean_eur"].tolist()) == (1, [Decimal("60.000000")])
    short = replace(rules, grids={"brick_prices": Grid("prices.csv", rows[1:], "assumed", "made for a test", {})})
    with pytest.raises(RuleError, match="nourrisson"):
        prices(reference, short)


def test_refused_rules_and_reference():
    """An unknown way of pricing, bands that do not rise from 0, a reference without people or without spending."""
    with pytest.raises(RuleError, match="brick_prices is 'auction'"):
        priced(*FOUR, brick_prices="auction")
    for bands in ("2, 6", "0, 6, 6", "0, 10, 5"):
        with pytest.raises(RuleError, match="socle_age_starts"):
            priced(*FOUR, socle_age_starts=bands)
    with pytest.raises(InputError, match="reference has no patient"):
        priced()
    with pytest.raises(InputError, match="0 for everyone"):
        priced({"expected_eur": 0.0, "observed_eur": 0.0})


def test_national_shares_are_weighted():
    """One patient of weight 1 with the brick, one of weight 3 without: 25 %."""
    reference = tables(ipso_inputs(reference=[{"ald": True}, {"weight": 3.0}])).reference
    assert flag_shares(reference)["ald"] == 0.25


PEOPLE = st.lists(
    st.fixed_dictionaries(
        {
            "age_months": st.integers(0, 1200),
            "sex": st.integers(1, 2),
            "weight": st.integers(1, 8).map(lambda eighths: eighths / 8),
            "expected_eur": st.integers(100, 100_000).map(lambda cents: cents / 100),
            "observed_eur": st.integers(0, 100_000).map(lambda cents: cents / 100),
            **dict.fromkeys(BRICK_NAMES, st.booleans()),
        }
    ),
    min_size=1,
    max_size=12,
).filter(lambda rows: any(row["observed_eur"] for row in rows))


@settings(max_examples=60, deadline=None)
@given(PEOPLE, st.randoms(use_true_random=False))
def test_properties_of_prices(rows: list[Row], random):
    """Prices are 0 or more; forfaits of the reference add up to its expected spending; rows may come in any order."""
    found = priced(*rows)
    reference = tables(ipso_inputs(reference=rows)).reference
    assert all(price is None or price >= 0 for price in found.bricks.values())
    weight = reference["weight"].to_numpy()
    budget, paid = (weight * reference["expected_eur"]).sum(), (weight * forfaits(found, reference)).sum()
    assert abs(paid - budget) <= 6e-6 * weight.sum()
    shuffled = random.sample(rows, len(rows))
    again = priced(*shuffled)
    assert (again.bricks, again.balance) == (found.bricks, found.balance)
    assert again.socle.equals(found.socle)
