"""Months that are due for a patient: by contract, presence on the list and participation of the practice."""

from __future__ import annotations

from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from features.errors import RuleError
from schemes.ipso.inputs import DAYS, KEY, SPELL, Days, Tables

Months = npt.NDArray[np.float64]

EXPOSURE_RULES = ("daily", "month_started", "quarter_started")
IN_YEAR, IN_QUARTER = 12, 3
QUARTERS = IN_YEAR // IN_QUARTER
NOTHING_LEFT = 1e-9


def month_shares(first: Days, last: Days, *, rule: str, year: int) -> Months:
    """One row per spell, one column per month of the year: the part of the month that is due, 0 to 1.

    daily: days of the spell over days of the month; month_started: 1 for a month touched; quarter_started: 1 for the
    three months of a quarter touched. Spells include both their days; what lies outside the year does not count.
    Errors: RuleError for another rule.
    """
    if rule not in EXPOSURE_RULES:
        raise RuleError(f"exposure_rule is {rule!r}; it should be one of {', '.join(EXPOSURE_RULES)}")
    edges = np.arange(f"{year}-01", f"{year + 1}-02", dtype="datetime64[M]").astype("datetime64[D]")
    start, after = edges[:-1][None, :], edges[1:][None, :]
    inside = np.minimum(last[:, None] + 1, after) - np.maximum(first[:, None], start)
    touched = np.maximum(inside.astype(np.int64), 0)
    if rule == "daily":
        return touched / (after - start).astype(np.int64)
    if rule == "month_started":
        return (touched > 0).astype(np.float64)
    by_quarter = touched.reshape(len(touched), QUARTERS, IN_QUARTER).sum(axis=2) > 0
    return np.repeat(by_quarter, IN_QUARTER, axis=1).astype(np.float64)


def months_due(found: Tables, *, rule: str, year: int) -> Months:
    """One row per patient of `found.patients`, one column per month: the part of the month that is due.

    A day counts when the practice takes part, the patient is on its list (first_day to last_day) and, where contracts
    are given, one is open. Without first_day and last_day, present_share × 12 months are spread evenly over the months
    otherwise due. A month is due once: where two practices could claim it, the one with the patient first has it
    (equal days: the first by structure_id).
    """
    spells = _spells(found)
    first, last = (_days(spells[column]) for column in SPELL)
    is_whole = last >= first
    rows = spells["row"].to_numpy()[is_whole]
    due = np.zeros((len(found.patients), IN_YEAR))
    np.add.at(due, rows, month_shares(first[is_whole], last[is_whole], rule=rule, year=year))
    due = np.minimum(due, 1.0)
    if not _has_days(found.patients):
        whole = due.sum(axis=1)
        asked = found.patients["present_share"].to_numpy() * IN_YEAR
        due *= np.minimum(1.0, asked / np.where(whole > 0, whole, 1.0))[:, None]
    starts = np.full(len(due), np.datetime64("9999-12-31", "D"))
    np.minimum.at(starts, rows, first[is_whole])
    return _once(due, found.patients, starts)


def category_shares(first_day: date, quarters: int, *, year: int) -> npt.NDArray[np.float64]:
    """λ of each month of a blend: k / quarters in the k-th quarter since the one of `first_day`, 0 before, at most 1.

    Rule: IPSO phase 2, λ rising from 0 to 1 over blend_quarters (steps of one quarter: assumed).
    """
    start = first_day.year * QUARTERS + (first_day.month - 1) // IN_QUARTER
    gone = np.array([year * QUARTERS + month // IN_QUARTER - start + 1 for month in range(IN_YEAR)])
    return np.clip(gone / quarters, 0.0, 1.0)


def _has_days(patients: pd.DataFrame) -> bool:
    return set(DAYS) <= set(patients.columns)


def _spells(found: Tables) -> pd.DataFrame:
    """row, from_date, to_date: days on which the practice takes part, the patient is listed and a contract is open."""
    listed = found.patients[KEY].assign(row=range(len(found.patients)))
    taking_part = found.participations[["structure_id", *SPELL]]
    spells = listed.merge(taking_part, on="structure_id", how="inner", validate="m:m")
    if _has_days(found.patients):
        there = found.patients.iloc[spells["row"].to_numpy()][DAYS].reset_index(drop=True)
        spells = _within(spells, there["first_day"], there["last_day"])
    if found.contracts is not None:
        signed = found.contracts[[*KEY, *SPELL]].rename(columns={"from_date": "signed_on", "to_date": "ended_on"})
        spells = spells.merge(signed, on=KEY, how="inner", validate="m:m")
        spells = _within(spells, spells["signed_on"], spells["ended_on"])
    return spells


def _within(spells: pd.DataFrame, first: pd.Series, last: pd.Series) -> pd.DataFrame:
    later, sooner = (
        np.maximum(_days(spells["from_date"]), _days(first)),
        np.minimum(_days(spells["to_date"]), _days(last)),
    )
    return spells.assign(from_date=pd.Series(later), to_date=pd.Series(sooner))


def _days(values: pd.Series) -> Days:
    return values.to_numpy().astype("datetime64[D]")


def _once(due: Months, patients: pd.DataFrame, starts: Days) -> Months:
    """Parts of months, none due twice for one patient."""
    shared = patients["patient_id"].duplicated(keep=False).to_numpy()
    if not shared.any():
        return due
    order = patients.assign(row=range(len(patients)), start=starts)[shared]
    order = order.sort_values(["patient_id", "start", "structure_id"], kind="stable")
    for rows in order.groupby("patient_id")["row"].agg(list):
        left = np.ones(IN_YEAR)
        for row in rows:
            due[row] = np.minimum(due[row], left)
            left = left - due[row]
    due[due < NOTHING_LEFT] = 0.0
    return due
