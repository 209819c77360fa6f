"""IPSO months: which months are due for a patient, and how much of the forfait by category counts in each."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.errors import RuleError
from schemes.ipso.inputs import tables
from schemes.ipso.months import category_shares, month_shares, months_due
from tests.schemes.ipso_made import PATIENT, Inputs, ipso_inputs


def shares(first: str, last: str, rule: str, year: int = 2023) -> list[float]:
    return month_shares(np.array([first], "datetime64[D]"), np.array([last], "datetime64[D]"), rule=rule, year=year)[
        0
    ].tolist()


def due(inputs: Inputs, rule: str = "month_started") -> list[list[float]]:
    return months_due(tables(inputs), rule=rule, year=2023).tolist()


def months(first: int, last: int) -> list[float]:
    return [float(first <= month <= last) for month in range(1, 13)]


def test_a_month_started_is_due():
    """31 March to 1 May: March, April and May are due."""
    assert shares("2023-03-31", "2023-05-01", "month_started") == months(3, 5)


def test_a_quarter_started_is_due():
    """31 March to 1 May: the first two quarters."""
    assert shares("2023-03-31", "2023-05-01", "quarter_started") == months(1, 6)


def test_days_of_a_month():
    """31 March to 3 April: 1 day of 31, 3 of 30."""
    assert shares("2023-03-31", "2023-04-03", "daily") == [0, 0, 1 / 31, 3 / 30, *[0] * 8]
    assert shares("2024-02-01", "2024-02-29", "daily", 2024)[1] == 1.0


def test_outside_the_year_nothing_is_due():
    """A spell over the year is the whole year; one of the year before is nothing."""
    assert shares("2020-06-16", "2199-12-31", "month_started") == months(1, 12)
    assert shares("2022-01-01", "2022-12-31", "month_started") == months(13, 13)


def test_an_unknown_rule_is_refused():
    with pytest.raises(RuleError, match="exposure_rule is 'weekly'"):
        shares("2023-01-01", "2023-12-31", "weekly")


def test_participation_bounds_presence():
    """A practice that leaves on 30 June is due six months of a patient there all year."""
    assert due(ipso_inputs(participations=[{"to_date": "2023-06-30"}])) == [months(1, 6)]


def test_two_participations_are_joined():
    """January to March, then October on: six months; a month in both counts once."""
    spells = [
        {"to_date": "2023-03-10"},
        {"from_date": "2023-03-20", "to_date": "2023-04-02"},
        {"from_date": "2023-10-01"},
    ]
    assert due(ipso_inputs(participations=spells)) == [
        [month_first + month_last for month_first, month_last in zip(months(1, 4), months(10, 12), strict=True)]
    ]


def test_days_on_the_list_bound_months():
    """On the list from 15 May to 1 July: May, June, July."""
    days = {"first_day": date(2023, 5, 15), "last_day": pd.Timestamp("2023-07-01")}
    assert due(ipso_inputs([days])) == [months(5, 7)]


def test_present_share_is_spread_where_no_day_is_given():
    """Half of the year without days: half of each month; a practice there for half of the year owes six months."""
    assert due(ipso_inputs([{"present_share": 0.5}])) == [[0.5] * 12]
    joined = [{"from_date": "2023-07-01"}]
    assert due(ipso_inputs([{"present_share": 0.5}], participations=joined)) == [months(7, 12)]


def test_signed_contracts_bound_months():
    """Contracts from 10 February to 3 April and from 1 December on; the practice leaves on 30 November."""
    inputs = ipso_inputs(participations=[{"to_date": "2023-12-15"}])
    inputs["contracts"] = pd.DataFrame(
        [("P1", "A", "2023-02-10", "2023-04-03"), ("P1", "A", date(2023, 12, 1), None)],
        columns=["structure_id", "patient_id", "from_date", "to_date"],
    )
    assert due(inputs) == [[0, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1]]


def test_a_month_is_due_once():
    """A patient who leaves P2 on 10 May for P1: May is due to P2, which had the patient first."""
    days = [
        {"structure_id": "P1", "first_day": "2023-05-11", "last_day": "2023-12-31"},
        {"structure_id": "P2", "first_day": "2023-01-01", "last_day": "2023-05-10"},
    ]
    inputs = ipso_inputs(days, participations=[{}, {"structure_id": "P2"}])
    assert due(inputs) == [months(6, 12), months(1, 5)]


def test_shares_of_two_practices_never_exceed_a_year():
    """Without days, P1 has 0.75 of each month and P2, listed for half of the year too, the 0.25 left."""
    rows = [{"structure_id": "P1", "present_share": 0.75}, {"structure_id": "P2", "present_share": 0.5}]
    assert due(ipso_inputs(rows, participations=[{}, {"structure_id": "P2"}])) == [[0.75] * 12, [0.25] * 12]


def test_blend_rises_by_quarter():
    """Four quarters from 1 January 2022: 25, 50, 75 and 100 %; 0 before, 100 % after."""
    assert category_shares(date(2022, 1, 1), 4, year=2022).tolist() == [0.25] * 3 + [0.5] * 3 + [0.75] * 3 + [1.0] * 3
    assert category_shares(date(2022, 1, 1), 4, year=2021).tolist() == [0.0] * 12
    assert category_shares(date(2022, 1, 1), 4, year=2023).tolist() == [1.0] * 12
    assert category_shares(date(2022, 5, 20), 2, year=2022).tolist() == [0.0] * 3 + [0.5] * 3 + [1.0] * 6


@given(st.dates(date(2022, 1, 1), date(2024, 12, 31)), st.integers(0, 800))
def test_rules_are_ordered(first: date, length: int):
    """Days ≤ months started ≤ quarters started, month by month, and each is between 0 and 1."""
    last = np.datetime64(first) + length
    daily, month, quarter = (
        np.array(shares(str(first), str(last), rule)) for rule in ("daily", "month_started", "quarter_started")
    )
    assert ((daily >= 0) & (daily <= month) & (month <= quarter) & (quarter <= 1)).all()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 364), st.integers(0, 364)), min_size=1, max_size=4))
def test_months_of_one_patient_add_up_to_a_year_at_most(spells: list[tuple[int, int]]):
    """Whatever the spells in several practices, no month is due more than once, and each month touched is due."""
    start = np.datetime64("2023-01-01")
    rows = [
        {
            **PATIENT,
            "structure_id": f"P{place}",
            "first_day": str(start + min(pair)),
            "last_day": str(start + max(pair)),
        }
        for place, pair in enumerate(spells)
    ]
    practices = [{"structure_id": row["structure_id"]} for row in rows]
    found = np.array(due(ipso_inputs(rows, participations=practices)))
    touched = np.array([shares(row["first_day"], row["last_day"], "month_started") for row in rows])
    assert found.sum(axis=0).tolist() == touched.max(axis=0).tolist()
