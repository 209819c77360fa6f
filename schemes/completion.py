"""Completion: what care of a year will have cost once all claims are in, from those known on a day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm

from features.errors import InputError
from features.tables import DEVELOPMENT
from schemes.mack import Developed, developed, factors_of, reached, variance_around

MONTHS_IN_YEAR = 12


@dataclass(frozen=True)
class Provisional:
    """A year's spending as estimated on a day: by month of care, and in all.

    months: care_month, known_cents, factor, estimated_cents, standard_error_cents. unknown_months: months of care
    of which nothing could be known yet; the totals do not speak of them.
    """

    as_of: date
    year: int
    months: pd.DataFrame
    unknown_months: tuple[date, ...]
    known_cents: int
    estimated_cents: int
    standard_error_cents: int

    def interval(self, confidence: float) -> tuple[int, int]:
        """Bounds of the estimate, in cents: lognormal on what is still to come, so never below what is known."""
        to_come, error = self.estimated_cents - self.known_cents, self.standard_error_cents
        if to_come <= 0 or error <= 0:
            return self.estimated_cents, self.estimated_cents
        spread = float(np.sqrt(np.log1p((error / to_come) ** 2)))
        reach = float(norm.ppf((1 + confidence) / 2)) * spread
        bounds = [to_come * float(np.exp(sign * reach - spread**2 / 2)) for sign in (-1, 1)]
        return self.known_cents + round(bounds[0]), self.known_cents + round(bounds[1])


def complete(
    triangle: pd.DataFrame, *, as_of: date, year: int, reference: pd.DataFrame | None = None, until: date | None = None
) -> pd.DataFrame:
    """Months of care of a year completed: the `months` of `provisional`."""
    return provisional(triangle, as_of=as_of, year=year, reference=reference, until=until).months


def provisional(
    triangle: pd.DataFrame, *, as_of: date, year: int, reference: pd.DataFrame | None = None, until: date | None = None
) -> Provisional:
    """The year's spending (base of reimbursement) as estimated from the claims loaded before `as_of`.

    `triangle` holds the rows of DEVELOPMENT of one scope and structure, for the year and the years before it.
    Completion factors are those of the chain ladder over months of care and months until known, with Mack's
    standard errors. With a `reference` (the nation's triangle, for a small structure) factors and their error are
    the reference's, and the structure's own variation around them is added. Care is completed to the longest lag
    seen before `as_of`, or to the load of the month of `until` (the last that settles the year).
    A load counts where its first day is before `as_of` (claims carry the first of a month).
    Errors: InputError for another table, several scopes or structures, or no month known.
    """
    whole = triangle if reference is None else reference
    for rows in (triangle, whole):
        _check(rows)
    loads = _last_loads(pd.concat([triangle, whole]), as_of)
    base, own = _cumulative(whole, loads), _cumulative(triangle, loads)
    lags = slice(_first_lag(base, as_of), None)
    base, every = _begun(base.iloc[:, lags]), _begun(own.iloc[:, lags])
    own = every[[month.year == year for month in every.index]]
    if own.empty:
        raise InputError(f"development: nothing of {year} was loaded before {as_of}; there is nothing to complete")
    factors = factors_of(base.to_numpy())
    process = None if reference is None else variance_around(every.to_numpy(), factors)
    end = None if until is None else _columns(until, own)
    result = developed(own.to_numpy(), factors, process=process, until=end)
    return _summed(own, result, as_of=as_of, year=year)


def _check(rows: pd.DataFrame) -> None:
    missing = [name for name in DEVELOPMENT.column_names if name not in rows.columns]
    if missing:
        raise InputError(f"development: column {', '.join(missing)} is missing")
    if rows.empty:
        raise InputError("development: no row; run forfait count")
    for name in ("scope", "structure_id"):
        if rows[name].nunique() > 1:
            raise InputError(f"development: several values of {name} ({rows[name].nunique()}); complete one at a time")


def _number(months: pd.Series | pd.DatetimeIndex) -> NDArray[np.int64]:
    """Months counted from year 0, so that a difference is a number of months."""
    stamps = pd.DatetimeIndex(months)
    return np.asarray(stamps.year * MONTHS_IN_YEAR + stamps.month - 1, dtype=np.int64)


def _last_loads(rows: pd.DataFrame, as_of: date) -> dict[int, int]:
    """Last load known of each year of care (as a number of months): the last one read, or the last before `as_of`.

    Reading a year stops at some load; what was loaded later is not zero but unknown.
    """
    care = _number(rows["care_month"])
    loaded: pd.Series = pd.Series(care + rows["lag_months"].to_numpy()).groupby(care // MONTHS_IN_YEAR).max()
    before = as_of.year * MONTHS_IN_YEAR + as_of.month - 1 - (1 if as_of.day == 1 else 0)
    years = loaded.index.to_numpy()
    return {int(y): min(int(load), before) for y, load in zip(years, loaded.to_numpy(), strict=True)}


def _cumulative(rows: pd.DataFrame, loads: dict[int, int]) -> pd.DataFrame:
    """Cents known after each lag, by month of care (every month of every year), NaN where not known yet."""
    years = sorted(loads)
    index = pd.DatetimeIndex([f"{year}-{month:02d}-01" for year in years for month in range(1, MONTHS_IN_YEAR + 1)])
    last = np.array([loads[month.year] for month in index]) - _number(index)
    lags = range(max(int(last.max()), 0) + 1)
    cents = rows.assign(care_month=pd.DatetimeIndex(rows["care_month"])).pivot_table(
        index="care_month", columns="lag_months", values="base_cents", aggfunc="sum", fill_value=0
    )
    filled = cents.reindex(index=index, columns=lags, fill_value=0).astype("float64")
    filled = filled.where(np.asarray(lags)[None, :] <= last[:, None])
    return filled.cumsum(axis=1, skipna=True).where(filled.notna())


def _first_lag(base: pd.DataFrame, as_of: date) -> int:
    known = base.fillna(0).sum().to_numpy() > 0
    if not known.any():
        raise InputError(f"development: nothing was loaded before {as_of}")
    return int(known.argmax())


def _begun(cumulative: pd.DataFrame) -> pd.DataFrame:
    """Months of care of which something could be known."""
    return cumulative[reached(cumulative.to_numpy()) >= 0]


def _columns(until: date, own: pd.DataFrame) -> NDArray[np.int64]:
    """Place of the column of the load of `until`, for each month of care, within those there are."""
    lag = until.year * MONTHS_IN_YEAR + until.month - 1 - _number(pd.DatetimeIndex(own.index))
    return np.clip(lag - int(own.columns[0]), 0, own.shape[1] - 1)


def _summed(own: pd.DataFrame, result: Developed, *, as_of: date, year: int) -> Provisional:
    cumulative = own.to_numpy()
    known = cumulative[np.arange(len(own)), reached(cumulative)]
    months = pd.DataFrame(
        {
            "care_month": own.index,
            "known_cents": known.astype("int64"),
            "factor": np.divide(result.ultimate, known, out=np.full(known.shape, np.nan), where=known > 0),
            "estimated_cents": np.rint(result.ultimate).astype("int64"),
            "standard_error_cents": np.rint(np.sqrt(result.covariance.diagonal())).astype("int64"),
        }
    )
    begun = {month.month for month in months["care_month"]}
    return Provisional(
        as_of=as_of,
        year=year,
        months=months,
        unknown_months=tuple(date(year, month, 1) for month in range(1, MONTHS_IN_YEAR + 1) if month not in begun),
        known_cents=int(months["known_cents"].sum()),
        estimated_cents=int(months["estimated_cents"].sum()),
        standard_error_cents=round(float(np.sqrt(result.covariance.sum()))),
    )
