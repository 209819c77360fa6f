"""Exposure, instalments and regularisation of PEPS, by the day."""

from __future__ import annotations

from datetime import date

import pytest

from features.errors import RuleError
from schemes.peps import exposure_share, instalments, regularisations
from tests.schemes.peps_made import amount, components, peps_inputs
from tests.schemes.rules_made import made_rules

RULES = made_rules("peps", instalments_per_year="4", advance_share="0.90", instalment_due="period_end")


@pytest.mark.parametrize(
    ("first", "last", "rule", "year", "share"),
    [
        (date(2023, 1, 1), date(2023, 12, 31), "daily", 2023, 1.0),
        (date(2023, 3, 31), date(2023, 4, 1), "daily", 2023, 2 / 365),
        (date(2024, 2, 29), date(2024, 2, 29), "daily", 2024, 1 / 366),
        (date(2023, 3, 31), date(2023, 4, 1), "month_started", 2023, 2 / 12),
        (date(2023, 3, 31), date(2023, 4, 1), "quarter_started", 2023, 2 / 4),
        (date(2023, 4, 1), date(2023, 6, 30), "quarter_started", 2023, 1 / 4),
        (date(2022, 6, 1), date(2023, 1, 1), "month_started", 2023, 1 / 12),
        (date(2022, 6, 1), date(2022, 12, 31), "quarter_started", 2023, 0.0),
    ],
)
def test_exposure_rules(first: date, last: date, rule: str, year: int, share: float):
    """Days over 365, or months and quarters begun; days of other years do not count."""
    assert exposure_share(first, last, rule, year) == share


def test_unknown_exposure_rule():
    """The message names the three."""
    with pytest.raises(RuleError, match="daily, month_started, quarter_started"):
        exposure_share(date(2023, 1, 1), date(2023, 1, 1), "weekly", 2023)


def test_a_started_quarter_is_due():
    """Ten days from 27 June to 6 July are two quarters, half of 100 EUR; by days they are 10 of 365."""
    days = {"first_day": "2023-06-27", "last_day": "2023-07-06", "present_share": 10 / 365}
    inputs = peps_inputs(patients=[days])
    assert components(amount(inputs, exposure_rule="quarter_started"))["base"] == 50_00
    assert components(amount(inputs, exposure_rule="month_started"))["base"] == 16_67
    assert components(amount(inputs, exposure_rule="daily"))["base"] == 2_74


def test_exposure_without_days_is_taken_as_given():
    """Without first_day and last_day the share present is used, and the amount says so."""
    found = amount(peps_inputs(patients=[{"present_share": 0.25}]), exposure_rule="quarter_started")
    assert components(found)["base"] == 25_00
    assert "exposure_as_given" in found.warnings


def test_quarterly_instalments():
    """A quarter of 90 % of 1,000.01 EUR each, due on the last day of the quarter; they add up to 900.01 EUR."""
    found = instalments(1000_01, year=2024, rules=RULES)
    assert [(one.label, one.due_on, one.cents) for one in found] == [
        ("2024-Q1", date(2024, 3, 31), 225_01),
        ("2024-Q2", date(2024, 6, 30), 225_00),
        ("2024-Q3", date(2024, 9, 30), 225_00),
        ("2024-Q4", date(2024, 12, 31), 225_00),
    ]


def test_monthly_instalments_of_primordial():
    """Twelve months of 75 EUR, due on the first day where the rules say so."""
    rules = made_rules("primordial", advance_share="0.90", instalment_due="period_start")
    found = instalments(1000_00, year=2024, rules=rules)
    assert {one.cents for one in found} == {75_00}
    assert [found[1].label, found[1].due_on, len(found)] == ["2024-M02", date(2024, 2, 1), 12]


def test_instalments_of_a_team_that_begins_in_the_year():
    """From 15 May on: quarters 2, 3 and 4 share the advance."""
    found = instalments(1000_00, year=2024, rules=RULES, first_day=date(2024, 5, 15))
    assert [(one.label, one.cents) for one in found] == [
        ("2024-Q2", 300_00),
        ("2024-Q3", 300_00),
        ("2024-Q4", 300_00),
    ]


def test_instalments_that_cannot_be():
    """A negative amount, days outside the year, a year that does not divide."""
    with pytest.raises(ValueError, match="negative"):
        instalments(-1, year=2024, rules=RULES)
    with pytest.raises(ValueError, match="no period of 2024"):
        instalments(1, year=2024, rules=RULES, first_day=date(2025, 1, 1), last_day=date(2025, 2, 1))
    with pytest.raises(RuleError, match="instalments_per_year is 5; it should divide 12"):
        instalments(1, year=2024, rules=made_rules("peps", instalments_per_year="5"))
    with pytest.raises(RuleError, match="instalment_due is 'noon'; it should be period_start or period_end"):
        instalments(1, year=2024, rules=made_rules("peps", instalment_due="noon"))


def test_regularisation_dates():
    """End of September of the next year; a second one where the rules have it."""
    assert [(one.label, one.due_on) for one in regularisations(2024, rules=RULES)] == [
        ("regularisation", date(2025, 9, 30))
    ]
    two = made_rules("peps", second_regularisation_month="12")
    assert [one.due_on for one in regularisations(2024, rules=two)] == [date(2025, 9, 30), date(2025, 12, 31)]
