"""Completion of claims not loaded yet: chain ladder, Mack's standard errors, and what a day could know."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from features.errors import InputError
from features.tables import DEVELOPMENT
from schemes.completion import complete, provisional
from schemes.mack import Array, developed, factors_of, reached, variance_around

TAYLOR_ASHE = """
357848 766940 610542 482940 527326 574398 146342 139950 227229 67948
352118 884021 933894 1183289 445745 320996 527804 266172 425046
290507 1001799 926219 1016654 750816 146923 495992 280405
310608 1108250 776189 1562400 272482 352053 206286
443160 693190 991983 769488 504851 470639
396132 937085 847498 805037 705960
440832 847631 1131398 1063269
359480 1061648 1443370
376686 986608
344014
"""


def cumulative(text: str) -> Array:
    """Cumulative triangle of increments, NaN where not known."""
    rows = [np.cumsum([float(cell) for cell in row.split()]) for row in text.strip().splitlines()]
    width = max(len(row) for row in rows)
    return np.array([np.append(row, np.full(width - len(row), np.nan)) for row in rows])


def test_mack_1993_worked_example():
    """Taylor and Ashe's triangle: reserves and standard errors of Mack 1993, table 3, each year and in all."""
    triangle = cumulative(TAYLOR_ASHE)
    result = developed(triangle, factors_of(triangle))
    reserves = result.ultimate - triangle[np.arange(10), reached(triangle)]
    assert round(reserves.sum()) == 18_680_856
    assert round(np.sqrt(result.covariance.sum())) == 2_447_095
    in_thousands = [0, 95, 470, 710, 985, 1419, 2178, 3920, 4279, 4626]
    assert [round(reserve / 1000) for reserve in reserves] == in_thousands
    errors = np.sqrt(result.covariance.diagonal())
    relative = [round(100 * error / reserve) for error, reserve in zip(errors[1:], reserves[1:], strict=True)]
    assert relative == [80, 26, 19, 27, 29, 26, 22, 23, 29]


def test_variance_of_a_part_around_given_factors():
    """Two rows from 100 to 150 and 170 around 1.5: (0² + 20²) / 100 / 2 = 2; a column without rows keeps its own."""
    whole = factors_of(np.array([[1.0, 1.0, 2.0], [1.0, 2.0, 3.0], [2.0, 3.0, np.nan]]))
    assert whole.factor.tolist() == [1.5, 5 / 3]
    part = np.array([[100.0, 150.0, np.nan], [100.0, 170.0, np.nan]])
    assert variance_around(part, whole).tolist() == [2.0, whole.variance[1]]


def development(months: dict[str, dict[int, int]], structure: str = "*") -> pd.DataFrame:
    """Rows of DEVELOPMENT: cents by month of care and lag."""
    rows = [
        ("TOTAL", structure, pd.Timestamp(f"{month}-01"), lag, 1, cents, cents)
        for month, lags in months.items()
        for lag, cents in lags.items()
    ]
    return pd.DataFrame(rows, columns=DEVELOPMENT.column_names)


FULL_2023 = {f"2023-{month:02d}": {1: 100, 2: 50} for month in range(1, 13)}
BEGUN_2024 = {"2024-01": {1: 100, 2: 50}, "2024-02": {1: 200, 2: 100}, "2024-03": {1: 60, 2: 30}}
READ = {"2024-04": {3: 1}}  # a load of July: the reading went on after the days asked for below


def test_a_month_is_completed_by_the_months_before():
    """Every month doubles half: 2 March 2024 knows January whole, February at lag 1 (× 1.5), nothing of March."""
    found = provisional(development(FULL_2023 | BEGUN_2024 | READ), as_of=date(2024, 3, 2), year=2024)
    assert found.months["known_cents"].tolist() == [150, 200]
    assert found.months["factor"].tolist() == [1.0, 1.5]
    assert found.months["estimated_cents"].tolist() == [150, 300]
    assert found.months["standard_error_cents"].tolist() == [0, 0]
    assert (found.known_cents, found.estimated_cents, found.standard_error_cents) == (350, 450, 0)
    assert found.interval(0.9) == (450, 450)
    assert found.unknown_months == tuple(date(2024, month, 1) for month in range(3, 13))


def test_a_load_of_the_day_itself_is_not_known_yet():
    """On 1 March the load of 1 March is not in: January is at lag 1, and February unknown."""
    rows = complete(development(FULL_2023 | BEGUN_2024 | READ), as_of=date(2024, 3, 1), year=2024)
    assert rows["care_month"].tolist() == [pd.Timestamp("2024-01-01")]
    assert rows["known_cents"].tolist() == [100]
    assert rows["estimated_cents"].tolist() == [150]


LATE = {f"2022-{month:02d}": {1: 80} | ({10: 20} if month <= 9 else {}) for month in range(1, 13)}


def test_what_the_reading_did_not_see_is_unknown_not_zero():
    """2022 was read up to the load of July 2023: lag 10 of October to December is missing, and is completed."""
    rows = complete(development(LATE), as_of=date(2024, 6, 1), year=2022)
    assert rows["known_cents"].tolist() == [100] * 9 + [80] * 3
    assert rows["estimated_cents"].tolist() == [100] * 12


def test_completed_to_the_load_that_settles_the_year():
    """Settled on the load of July 2023, October to December stay at 80: the rest comes too late to count."""
    rows = complete(development(LATE), as_of=date(2024, 6, 1), year=2022, until=date(2023, 7, 1))
    assert rows["estimated_cents"].tolist() == [100] * 9 + [80] * 3
    early = complete(development(LATE), as_of=date(2023, 3, 2), year=2022, until=date(2023, 7, 1))
    assert early["estimated_cents"].tolist()[:5] == [100] * 5


def test_a_structure_takes_the_factors_of_the_nation():
    """The nation loads half late; the structure's own months, all at lag 1 so far, are completed by 1.5."""
    nation = development(FULL_2023 | BEGUN_2024 | READ)
    own = development({"2024-01": {1: 10, 2: 5}, "2024-02": {1: 20}}, structure="T1")
    rows = complete(own, as_of=date(2024, 3, 2), year=2024, reference=nation)
    assert rows["known_cents"].tolist() == [15, 20]
    assert rows["estimated_cents"].tolist() == [15, 30]


def test_a_month_without_care_stays_at_zero():
    """A structure without care in February: 0 known, 0 estimated, no factor; the error is not a division by zero."""
    nation = development(FULL_2023 | BEGUN_2024 | READ)
    own = development({"2024-01": {1: 10, 2: 5}}, structure="T1")
    february = complete(own, as_of=date(2024, 3, 2), year=2024, reference=nation).iloc[1]
    assert (february["known_cents"], february["estimated_cents"], february["standard_error_cents"]) == (0, 0, 0)
    assert np.isnan(february["factor"])


def test_interval_has_the_mean_and_error_of_the_estimate():
    """Undoing the bounds gives back the lognormal's mean and standard deviation: what is to come, and its error."""
    rng = np.random.default_rng(1)
    months = {f"2023-{m:02d}": {1: int(rng.integers(10**6, 2 * 10**6)), 2: int(rng.integers(10**5, 10**6))}
              for m in range(1, 13)}  # fmt: skip
    found = provisional(development(months), as_of=date(2024, 1, 2), year=2023)
    lower, upper = (np.log(bound - found.known_cents) for bound in found.interval(0.9))
    spread = (upper - lower) / 2 / norm.ppf(0.95)
    mean = np.exp((upper + lower) / 2 + spread**2 / 2)
    assert mean == pytest.approx(found.estimated_cents - found.known_cents, rel=1e-4)
    assert mean * np.sqrt(np.expm1(spread**2)) == pytest.approx(found.standard_error_cents, rel=1e-4)


def simulated(rng: np.random.Generator) -> tuple[Array, Array]:
    """Thirty-six months under Mack's model (independent gamma steps), and what a day knows of them."""
    whole = np.empty((36, 6))
    whole[:, 0] = rng.gamma(100.0, 1000.0, 36)
    for k, (factor, variance) in enumerate(zip((2.0, 1.3, 1.1, 1.05, 1.02), (900, 400, 100, 50, 20), strict=True)):
        more = (factor - 1) * whole[:, k]
        whole[:, k + 1] = whole[:, k] + rng.gamma(more**2 / (variance * whole[:, k]), variance * whole[:, k] / more)
    age = np.arange(36)[::-1]
    return whole, np.where(np.arange(6)[None, :] <= age[:, None], whole, np.nan)


def test_standard_errors_cover_what_happens():
    """On 300 simulated triangles (seed 3), the truth lies within 1.645 standard errors in 90 % of them (± 5)."""
    rng = np.random.default_rng(3)
    inside = []
    for _ in range(300):
        whole, known = simulated(rng)
        result = developed(known, factors_of(known))
        error = np.sqrt(result.covariance.sum())
        inside.append(abs(whole[:, -1].sum() - result.ultimate.sum()) <= 1.645 * error)
    assert 0.85 <= np.mean(inside) <= 0.95


INCREMENTS = st.lists(st.lists(st.integers(1, 10**6), min_size=4, max_size=4), min_size=24, max_size=24)


@settings(max_examples=25, deadline=None)
@given(increments=INCREMENTS, order=st.randoms(use_true_random=False))
def test_estimates_are_bounded_and_scale(increments: list[list[int]], order: object):
    """Never below what is known; any order of rows; ten times the cents, ten times estimate and error (rounding)."""
    months = [f"{year}-{month:02d}" for year in (2022, 2023) for month in range(1, 13)]
    rows = development({m: dict(enumerate(lags, start=1)) for m, lags in zip(months, increments, strict=True)})
    found = provisional(rows, as_of=date(2023, 11, 15), year=2023)
    assert (found.months["estimated_cents"] >= found.months["known_cents"]).all()
    assert found.interval(0.8)[0] <= found.estimated_cents
    assert found.known_cents <= found.interval(0.8)[0] <= found.interval(0.8)[1] <= found.interval(0.95)[1]
    places = list(range(len(rows)))
    order.shuffle(places)  # type: ignore[attr-defined]
    pd.testing.assert_frame_equal(
        provisional(rows.iloc[places], as_of=date(2023, 11, 15), year=2023).months, found.months
    )
    tenfold = provisional(rows.assign(base_cents=rows["base_cents"] * 10), as_of=date(2023, 11, 15), year=2023)
    assert abs(tenfold.estimated_cents - 10 * found.estimated_cents) <= 10 * 12
    assert abs(tenfold.standard_error_cents - 10 * found.standard_error_cents) <= 10


@settings(max_examples=25, deadline=None)
@given(later=st.integers(0, 10**9))
def test_a_day_knows_nothing_of_later_loads(later: int):
    """Whatever is loaded from the day on changes nothing of what the day says."""
    changed = BEGUN_2024 | {"2024-02": {1: 200, 2: later}, "2024-03": {1: later}} | READ
    as_of = date(2024, 3, 2)
    before = complete(development(FULL_2023 | BEGUN_2024 | READ), as_of=as_of, year=2024)
    pd.testing.assert_frame_equal(complete(development(FULL_2023 | changed), as_of=as_of, year=2024), before)


def test_tables_that_cannot_be_completed():
    """Errors say what is wrong: several structures, a missing column, no row, nothing loaded yet."""
    nation = development(FULL_2023)
    both = pd.concat([nation, development(FULL_2023, structure="T1")])
    with pytest.raises(InputError, match=r"several values of structure_id \(2\)"):
        complete(both, as_of=date(2024, 3, 1), year=2023)
    with pytest.raises(InputError, match="column lag_months is missing"):
        complete(nation.drop(columns="lag_months"), as_of=date(2024, 3, 1), year=2023)
    with pytest.raises(InputError, match="run forfait count"):
        complete(nation.head(0), as_of=date(2024, 3, 1), year=2023)
    with pytest.raises(InputError, match="nothing was loaded before 2023-02-01"):
        complete(nation, as_of=date(2023, 2, 1), year=2023)
    with pytest.raises(InputError, match="nothing of 2024 was loaded before 2024-01-15"):
        complete(nation, as_of=date(2024, 1, 15), year=2024)
