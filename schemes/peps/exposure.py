"""The part of a year that counts for a patient, by days or by months and quarters begun."""

from __future__ import annotations

import calendar
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from features.errors import RuleError

EXPOSURE_RULES = ("daily", "month_started", "quarter_started")
MONTHS_OF = {"month_started": 1, "quarter_started": 3}
MONTHS_IN_YEAR = 12


def exposure_share(first_day: date, last_day: date, rule: str, year: int) -> float:
    """Part of the year that a stay from `first_day` to `last_day`, both included, counts for, 0 to 1.

    daily: days of the year within the stay / 365 (366); month_started, quarter_started: months or quarters
    touched / 12 or 4. Days outside the year do not count.
    Rule: PEPS, entries, exits and proration (a started quarter is due: precedent of the FPMT).
    Errors: RuleError for another rule.
    """
    return float(exposure_shares(pd.Series([first_day]), pd.Series([last_day]), rule, year)[0])


def exposure_shares(first_days: pd.Series, last_days: pd.Series, rule: str, year: int) -> npt.NDArray[np.float64]:
    """`exposure_share` of many stays at once. Errors: RuleError for an unknown rule."""
    if rule not in EXPOSURE_RULES:
        raise RuleError(f"exposure_rule is {rule!r}; it should be one of {', '.join(EXPOSURE_RULES)}")
    first = np.maximum(days_of(first_days), np.datetime64(f"{year}-01-01", "D"))
    last = np.minimum(days_of(last_days), np.datetime64(f"{year}-12-31", "D"))
    if rule == "daily":
        count, whole = (last - first).astype(np.int64) + 1, days_in(year)
    else:
        length = MONTHS_OF[rule]
        count = _month(last) // length - _month(first) // length + 1
        whole = MONTHS_IN_YEAR // length
    return np.where(last >= first, count, 0) / whole


def days_of(days: pd.Series) -> npt.NDArray[np.datetime64]:
    """Days as numpy days, from dates, timestamps or text YYYY-MM-DD."""
    return pd.to_datetime(days).to_numpy().astype("datetime64[D]")


def days_in(year: int) -> int:
    """365, or 366 in a leap year."""
    return 366 if calendar.isleap(year) else 365


def _month(days: npt.NDArray[np.datetime64]) -> npt.NDArray[np.int64]:
    return days.astype("datetime64[M]").astype(np.int64)
