"""IPEP: the quality score on indicators and territories drawn by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.errors import InputError, RuleError
from schemes.ipep.groups import Group
from schemes.ipep.quality import Bounds, Score, quantile, reached, results, score
from tests.schemes.ipep_made import BOTH, TENTHS, YEAR, indicators, ipep_rules

Results = Mapping[str, tuple[float | None, float | None]]
HALF = Fraction(1, 2)


def scored(
    found: Results,
    territories: Mapping[str, Sequence[float]] = BOTH,
    *,
    carte: bool = False,
    experience: str | None = None,
    **rules: str,
) -> Score:
    group = Group("G1", date(2022, 1, 1), carte, None if experience is None else Decimal(experience))
    return score(results({"indicators": indicators(found, territories)}, year=YEAR), group, ipep_rules(**rules))


def points(found: Score) -> dict[str, Fraction | None]:
    return {one.indicator: one.points for one in found.indicators}


@pytest.mark.parametrize(
    ("value", "before", "expected"),
    [
        ("52", None, "6"),
        ("65", None, "10"),
        ("60", None, "10"),
        ("40", None, "0"),
        ("35", "30", "2.5"),
        ("35", "36", "0"),
    ],
)
def test_worked_example_of_the_specifications(value: str, before: str | None, expected: str):
    """Vector 5: ten indicators, D3 = 40, D8 = 60."""
    bounds = Bounds(Fraction(40), Fraction(60))
    share = reached(Fraction(value), None if before is None else Fraction(before), bounds, HALF)
    assert share is not None and share * 100 / 10 == Fraction(expected)


def test_worked_example_through_the_whole_score():
    """Vector 5: ten indicators; territories from 10 to 100 %, so D3 = 37 and D8 = 82; at 64, 6 of 10 points each."""
    names = [f"i{place}" for place in range(10)]
    tens = [place / 10 for place in range(1, 11)]
    found = scored(dict.fromkeys(names, (None, 0.64)), dict.fromkeys(names, tens), socle_indicators=", ".join(names))
    assert set(points(found).values()) == {Fraction(6)}
    assert found.total == 60


def test_deciles_by_hand():
    """Ten values 10..100: D8 at rank 1 + 9 × 0.8 = 8.2, so 82; D3 at rank 3.7, so 37; the order does not matter."""
    values = [Fraction(value) for value in (100, 10, 90, 20, 80, 30, 70, 40, 60, 50)]
    assert quantile(values, Fraction(8, 10)) == 82
    assert quantile(values, Fraction(3, 10)) == 37
    assert quantile(values[:1], Fraction(3, 10)) == 100
    with pytest.raises(ValueError, match="no value"):
        quantile([], Fraction(1, 2))


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=30), st.integers(0, 10))
def test_quantile_is_that_of_numpy(values: list[int], tenths: int):
    """numpy's default, "linear"."""
    mine = quantile([Fraction(value) for value in values], Fraction(tenths, 10))
    assert float(mine) == pytest.approx(np.quantile(values, tenths / 10), abs=1e-9)


def test_territories_weigh_one_each():
    """A territory counts once, whatever its denominator; the nation's row is not one."""
    rows = indicators({"hba1c": (None, 0.55), "rh30": (None, 0.2)}, BOTH)
    rows.loc[rows["entity"] == "territory", "denominator"] = range(22)
    extra = rows.iloc[[-1]].assign(entity="nation", entity_id="*", value_share=1.0)
    group = Group("G1", date(2022, 1, 1), False, None)
    found = score(results({"indicators": pd.concat([rows, extra])}, year=YEAR), group, ipep_rules())
    # (0.55 − 0.3) / 0.5 of 50 points; readmissions at the second decile: all 50.
    assert points(found) == {"hba1c": 25, "rh30": 50}


@pytest.mark.parametrize(
    ("value", "before", "expected"),
    [
        (0.2, None, 100),
        (0.1, None, 100),
        (0.45, None, 50),
        (0.7, None, 0),
        (0.8, 0.9, 25),
        (0.8, 0.75, 0),
        (0.8, 0.6, 0),
    ],
)
def test_a_decreasing_indicator_is_the_mirror(value: float, before: float | None, expected: int):
    """Target at the second decile (0.2), intermediate objective at the seventh (0.7)."""
    found = scored({"rh30": (before, value)}, {"rh30": TENTHS}, socle_indicators="rh30")
    assert points(found) == {"rh30": expected}


@pytest.mark.parametrize(("before", "expected"), [(0.1, 25), (0.2, 0), (0.25, 0), (0.5, 0)])
def test_evolution_counts_below_the_intermediate_objective(before: float, expected: int):
    """At 0.2 under an objective of 0.3: from 0.1 half of the way, for half of the points; no progress, no point."""
    found = scored({"hba1c": (before, 0.2)}, socle_indicators="hba1c")
    assert points(found) == {"hba1c": expected}


def test_a_missing_indicator_is_not_zero():
    """Its weight goes to the others, and it is named."""
    found = scored({"hba1c": (None, 0.55)})
    assert points(found) == {"hba1c": 50, "rh30": None}
    assert (found.total, found.missing) == (50, ("rh30",))


def test_an_evolution_without_the_year_before_is_missing():
    """Below the objective, without a result of the year before: nothing can be said, so it is not 0."""
    assert scored({"hba1c": (None, 0.2), "rh30": (None, 0.1)}).missing == ("hba1c",)
    assert scored({"hba1c": (None, 0.55), "rh30": (None, 0.1)}).missing == ()


def test_an_indicator_without_territories_is_missing():
    """No distribution, no target."""
    assert scored({"hba1c": (0.9, 0.9), "rh30": (0.1, 0.1)}, {"hba1c": TENTHS}).missing == ("rh30",)


def test_no_indicator_no_score():
    """Not 0: none."""
    assert scored({}).total is None


def test_a_la_carte_indicators_share_thirty_points():
    """Socle 70 points over two indicators, carte 30 over one; without the choice the carte does not count."""
    rules = {"carte_indicators": "hpe", "decreasing_indicators": "rh30"}
    found = {"hba1c": (None, 0.9), "rh30": (None, 0.45), "hpe": (None, 0.55)}
    around = {**BOTH, "hpe": TENTHS}
    chosen = scored(found, around, carte=True, **rules)
    assert points(chosen) == {"hba1c": 35, "rh30": Fraction(35, 2), "hpe": 15}
    assert chosen.total == Decimal("67.5")
    assert scored(found, around, carte=False, **rules).total == 75


def test_an_empty_component_leaves_its_points_to_the_other():
    """No result à la carte: the socle is worth 100."""
    found = scored({"hba1c": (None, 0.9), "rh30": (None, 0.1)}, carte=True, carte_indicators="hpe")
    assert (found.total, found.missing) == (100, ("hpe",))
    assert scored({"hba1c": (None, 0.9), "rh30": (None, 0.1)}, carte=True, carte_indicators="none").total == 100


def test_experience_adds_up_to_twenty_points_above_a_hundred():
    """The sum of indicators is cut at 100, experience is added after."""
    best: Results = {"hba1c": (None, 0.9), "rh30": (None, 0.1)}
    assert scored(best, experience="20").total == 120
    assert scored(best, experience="0").total == 100
    assert scored(best).total == 100
    assert scored(best, quality_points_without_carte="130", experience="5").total == 105


def test_bad_indicators_are_refused():
    """A share above 1, two results of one entity, an indicator twice in the rules."""
    rows = indicators({"hba1c": (0.5, 0.5)}, BOTH)
    with pytest.raises(InputError, match="indicators, row 3: value_share is missing, or not a number of 0 to 1"):
        results({"indicators": rows.assign(value_share=rows["value_share"].where(rows.index != 2, 1.5))}, year=YEAR)
    with pytest.raises(InputError, match="indicators: row 25 repeats an entity, indicator and year"):
        results({"indicators": pd.concat([rows, rows.iloc[[0]]])}, year=YEAR)
    with pytest.raises(RuleError, match="stands twice"):
        scored({}, socle_indicators="hba1c, hba1c")


SHARE = st.integers(0, 1000).map(lambda thousandths: thousandths / 1000)


def test_passing_the_objective_costs_the_points_of_evolution():
    """The assumed formula steps down there: 0.29 after 0.1 has 47.5 points, 0.3 none. Worth asking of the true text."""
    assert scored({"hba1c": (0.1, 0.29)}, socle_indicators="hba1c").total == Decimal("47.5")
    assert scored({"hba1c": (0.1, 0.3)}, socle_indicators="hba1c").total == 0


@settings(max_examples=50, deadline=None)
@given(st.lists(SHARE, min_size=1, max_size=20), SHARE, SHARE, SHARE)
def test_score_is_bounded_and_grows_with_the_result(territories: list[float], before: float, one: float, other: float):
    """From 0 to 100, 50 below the objective; on each side of it a better result never lowers the score."""
    low, high = sorted((one, other))
    for name, (worse, better) in {"hba1c": (low, high), "rh30": (high, low)}.items():
        totals = [
            scored({name: (before, value)}, {name: territories}, socle_indicators=name).total
            for value in (worse, better)
        ]
        sign = -1 if name == "rh30" else 1
        objective = quantile([sign * Fraction(repr(value)) for value in territories], Fraction(3, 10))
        below = [sign * Fraction(repr(value)) < objective for value in (worse, better)]
        assert totals[0] is not None and totals[1] is not None
        for total, is_below in zip(totals, below, strict=True):
            assert total is not None and 0 <= total <= (50 if is_below else 100)
        if below[0] == below[1]:
            assert totals[0] <= totals[1]
