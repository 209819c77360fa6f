"""A year estimated before it is known: months begun completed, months to come after last year's, the error of both."""

from __future__ import annotations

from datetime import date
from math import sqrt

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.errors import InputError
from schemes.estimate import YearEstimate, fidelisation_error, scaled, year_estimate

APRIL = date(2024, 4, 15)
EVEN = (1.0,) * 12
UNEVEN = (1.0, 1.2, 1.1, 1.0, 1.2, 1.1, 1.0, 1.2, 1.1, 1.0, 1.2, 1.1)


def triangle(growth: tuple[float, ...] | None, *, last: tuple[float, ...] | None = EVEN) -> pd.DataFrame:
    """1,000 cents a month of 2023 and 2024 times its growth: 80 % loaded after a month, the rest after two."""
    rows = [
        ("MG", "T1", pd.Timestamp(year, month, 1), lag, 1, round(1000 * times * share), 0)
        for year, by_month in ((2023, last), (2024, growth))
        for month, times in enumerate(by_month or (), start=1)
        for lag, share in ((1, 0.8), (2, 0.2))
    ]
    columns = ["scope", "structure_id", "care_month", "lag_months", "lines", "base_cents", "reimbursed_cents"]
    return pd.DataFrame(rows, columns=columns)


def test_months_to_come_follow_last_year():
    """15 April: January 1,000, February 1,200, 880 of March's 1,100. 3,300 against 3,000: 1.1; 3,300 + 9 × 1,100.

    Spread of the growth: √((0.1² + 0.1²) / 3 × 3 / 2) = 0.1; error 0.1 × √(9 × 1,000² + 9,000² / 3) = 600.
    """
    assert year_estimate(triangle(UNEVEN), as_of=APRIL, year=2024) == YearEstimate(3080, 13200, 600)


def test_even_growth_has_no_error():
    """Every month 10 % above last year's."""
    assert year_estimate(triangle((1.1,) * 12), as_of=APRIL, year=2024) == YearEstimate(3080, 13200, 0)


def test_a_year_whose_months_are_all_begun_is_completed_only():
    """31 January: eleven months are whole, 80 % of December are known, nothing is left to compare with last year."""
    found = year_estimate(triangle(EVEN), as_of=date(2025, 1, 31), year=2024)
    assert found == YearEstimate(11_800, 12_000, 0)
    assert year_estimate(triangle(EVEN, last=None), as_of=date(2025, 1, 31), year=2024).expected_cents == 12_000


def test_what_was_loaded_later_does_not_count():
    """Care of December 2023 loaded in August 2024 was not known in April."""
    late = triangle(UNEVEN).iloc[[0]].assign(care_month=pd.Timestamp(2023, 12, 1), lag_months=8, base_cents=5000)
    seen = pd.concat([triangle(UNEVEN), late], ignore_index=True)
    assert year_estimate(seen, as_of=APRIL, year=2024) == YearEstimate(3080, 13200, 600)


def test_last_year_is_completed_too():
    """On 15 March January is whole and 80 % of February are known; the year before is whole: 12 × 1,000."""
    found = year_estimate(triangle(EVEN), as_of=date(2024, 3, 15), year=2024)
    assert (found.known_cents, found.expected_cents) == (1800, 12_000)


@pytest.mark.parametrize("last", [None, (0.0,) * 12])
def test_a_structure_without_a_year_before_takes_the_nations(last: tuple[float, ...] | None):
    """It grows as the nation's months did, from its own level: 3,300 + 9 × 1,100."""
    nation = triangle(EVEN).assign(structure_id="*")
    found = year_estimate(triangle((1.1,) * 12, last=last), as_of=APRIL, year=2024, reference=nation)
    assert (found.known_cents, found.expected_cents) == (3080, 13200)


@pytest.mark.parametrize(("last", "as_of"), [(None, APRIL), (EVEN, date(2024, 2, 15))])
def test_what_cannot_be_estimated(last: tuple[float, ...] | None, as_of: date):
    """No year before, one month of care: told, with the count to run."""
    with pytest.raises(InputError, match="run forfait count --year 2023"):
        year_estimate(triangle(EVEN, last=last), as_of=as_of, year=2024)


def test_less_known_is_less_sure():
    """The error falls from month to month of knowledge."""
    errors = [
        year_estimate(triangle(UNEVEN), as_of=date(2024, month, 15), year=2024).standard_error_cents
        for month in range(4, 13)
    ]
    assert errors == sorted(errors, reverse=True)
    assert len(set(errors)) == len(errors)


def test_interval_by_hand():
    """13,200 ± 1.645 × 600; where the claims known pass an end, they are the end."""
    assert YearEstimate(3080, 13200, 600).interval(0.90) == (12213, 14187)
    assert YearEstimate(13_000, 13_200, 600).interval(0.90) == (13_000, 14_187)
    assert YearEstimate(1000, 900, 10).interval(0.90) == (1000, 1000), "a reversal to come takes nothing back"


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 10**8), st.floats(0.05, 0.98))
def test_interval_is_never_below_what_is_known(known: int, expected: int, error: int, level: float):
    """Its ends are in order, and widen with the level."""
    found = YearEstimate(known, expected, error)
    (low, high), (lower, higher) = found.interval(level), found.interval(level + 0.01)
    assert known <= lower <= low <= high <= higher


def test_error_of_a_fidelisation_by_hand():
    """300 of 400 and 100 of 200 in the team: 2/3; residuals ± 33.33 of 600; half known: × √(0.5 / 0.5)."""
    patients = pd.DataFrame({"in_team_cents": [300, 100], "outside_cents": [100, 100]})
    sampling = sqrt(2 * (100 / 3) ** 2) / 600
    assert fidelisation_error(patients, 0.5) == pytest.approx(sampling, rel=1e-12)
    assert fidelisation_error(patients, 0.8) == pytest.approx(sampling / 2, rel=1e-12)


@pytest.mark.parametrize(
    ("in_team", "outside", "known"), [([300, 100], [100, 100], 1.0), ([0, 0], [0, 0], 0.5), ([300, 30], [100, 10], 0.5)]
)
def test_a_fidelisation_without_error(in_team: list[int], outside: list[int], known: float):
    """All known, no care at all, or the same part for every patient."""
    patients = pd.DataFrame({"in_team_cents": in_team, "outside_cents": outside})
    assert fidelisation_error(patients, known) == pytest.approx(0.0, abs=1e-15)


def test_only_the_spending_of_the_year_and_structure_is_scaled():
    """A factor on a structure moves its members' observed euros of the year, and its acts; no expectation, no care."""
    inputs = {
        "members": pd.DataFrame(
            {"structure_id": ["G1", "G1", "G2"], "year": [2023, 2024, 2024], "observed_eur": [10.0, 10.0, 10.0]}
        ),
        "fee_for_service": pd.DataFrame(
            {"structure_id": ["G1", "G2"], "shadow_ffs_cents": [105, 105], "acts_observed": [10, 10]}
        ),
        "patients": pd.DataFrame({"structure_id": ["G1"], "in_team_cents": [100], "expected_eur": [10.0]}),
    }
    moved = scaled(inputs, {"G1": 1.1}, year=2024)
    assert moved["members"]["observed_eur"].tolist() == [10.0, 11.0, 10.0]
    assert moved["fee_for_service"]["shadow_ffs_cents"].tolist() == [116, 105]
    assert moved["fee_for_service"]["acts_observed"].tolist() == [11.0, 10.0]
    assert moved["patients"].equals(inputs["patients"])
