"""A year's spending estimated before it is known: months begun are completed, months to come follow last year's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from scipy.stats import norm

from features.errors import InputError
from schemes.completion import Provisional, provisional

FEWEST_MONTHS = 2
SCALED = {
    "members": ("observed_eur",),
    "fee_for_service": ("shadow_ffs_cents", "acts_observed"),
}


@dataclass(frozen=True)
class YearEstimate:
    """Cents of a year as seen on a day: known, expected in the end, and the standard error of what is expected."""

    known_cents: int
    expected_cents: int
    standard_error_cents: int

    def interval(self, level: float) -> tuple[int, int]:
        """Bounds that hold the final amount in `level` of cases (normal), never below what is known."""
        reach = float(norm.ppf((1 + level) / 2)) * self.standard_error_cents
        low, high = (max(self.known_cents, round(self.expected_cents + sign * reach)) for sign in (-1, 1))
        return low, high


def year_estimate(
    triangle: pd.DataFrame, *, as_of: date, year: int, reference: pd.DataFrame | None = None
) -> YearEstimate:
    """The year's spending of a structure as of a day, with its standard error.

    Months of care begun are completed by chain ladder (`schemes.completion`), to the load of July after the year. A
    month to come is last year's same month, completed alike from what that day knew of it, times the growth seen over
    the months begun; its error is the spread of that growth from month to month. A structure without care in those
    months of last year takes the nation's. `triangle` and `reference` (the nation) are DEVELOPMENT rows of one scope
    and of both years. Errors: InputError where fewer than two months are known, or nobody has the year before.
    """
    seen = _completed(triangle, as_of, year, reference)
    to_come = [month.month for month in seen.unknown_months]
    if not to_come:
        return YearEstimate(seen.known_cents, seen.estimated_cents, seen.standard_error_cents)
    months = _by_month(seen)
    before = next(_years_before(triangle, as_of, year, reference, months.index), None)
    if before is None or len(months) < FEWEST_MONTHS:
        raise InputError(
            f"development: {year} cannot be estimated on {as_of}: it takes {FEWEST_MONTHS} months of care known, and "
            f"the same months of {year - 1}; run forfait count --year {year - 1}"
        )
    estimated, base, rest = (
        rows.to_numpy(float) for rows in (months, before.loc[months.index], before.reindex(to_come).fillna(0))
    )
    growth = estimated.sum() / base.sum()
    squares = np.divide((estimated - growth * base) ** 2, base, out=np.zeros_like(base), where=base > 0)
    spread = float(np.sqrt(squares.sum() / base.sum() * len(base) / (len(base) - 1)))
    error = np.sqrt(spread**2 * ((rest**2).sum() + rest.sum() ** 2 / len(base)) + seen.standard_error_cents**2)
    return YearEstimate(seen.known_cents, seen.estimated_cents + round(growth * rest.sum()), round(float(error)))


def _years_before(
    triangle: pd.DataFrame, as_of: date, year: int, reference: pd.DataFrame | None, months: pd.Index
) -> Iterator[pd.Series]:
    """Months of the year before, of the structure then of the nation, where the months begun have an amount."""
    for rows in (triangle, reference):
        if rows is not None and (pd.to_datetime(rows["care_month"]).dt.year == year - 1).any():
            found = _by_month(_completed(rows, as_of, year - 1, reference))
            if months.isin(found.index).all() and found.loc[months].sum() > 0:
                yield found


def _completed(triangle: pd.DataFrame, as_of: date, year: int, reference: pd.DataFrame | None) -> Provisional:
    return provisional(triangle, as_of=as_of, year=year, reference=reference, until=date(year + 1, 7, 1))


def _by_month(seen: Provisional) -> pd.Series:
    """Cents estimated of each month of care, by its number."""
    return seen.months.set_index(pd.to_datetime(seen.months["care_month"]).dt.month)["estimated_cents"]


def fidelisation_error(patients: pd.DataFrame, known_share: float) -> float:
    """Standard error of a structure's fidelisation at the end of the year, a share of its care being known.

    σ × √((1 − k) / k): σ² is the sampling variance of the ratio in-team / counted care over its patients (linearised),
    k the part of the year's care that is known. 0 where all is known.
    """
    inside, outside = (patients[f"{place}_cents"].to_numpy(float) for place in ("in_team", "outside"))
    total = (inside + outside).sum()
    if total <= 0 or not 0 < known_share < 1:
        return 0.0
    residuals = inside - inside.sum() / total * (inside + outside)
    return float(np.sqrt((residuals**2).sum()) / total * np.sqrt((1 - known_share) / known_share))


def scaled(inputs: Mapping[str, pd.DataFrame], factors: Mapping[str, float], *, year: int) -> dict[str, pd.DataFrame]:
    """The inputs of a payment with the spending of the year of each structure times its factor.

    Observed spending (IPEP), acts and shadow fee-for-service (PEPS). Fidelisation is a ratio of care inside to care
    inside and outside, completed alike, and stays.
    """
    return {name: _scaled(frame, SCALED.get(name, ()), factors, year) for name, frame in inputs.items()}


def _scaled(frame: pd.DataFrame, columns: tuple[str, ...], factors: Mapping[str, float], year: int) -> pd.DataFrame:
    if not columns:
        return frame
    factor = frame["structure_id"].map(factors).fillna(1.0).astype(float)
    if "year" in frame.columns:
        factor = factor.where(frame["year"] == year, 1.0)
    moved = {name: frame[name].astype(float) * factor for name in columns if name in frame.columns}
    whole = {name: values.round() if name.endswith("_cents") else values for name, values in moved.items()}
    return frame.assign(**whole)
