"""Fidelisation: the part of in-scope care that patients take in their team, observed or by the start-up schedule."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import numpy.typing as npt
import pandas as pd

from features.errors import RuleError
from schemes.peps.exact import ratio, to_billionth
from schemes.rulebook import Rules

LEVELS = ("team", "patient")


@dataclass(frozen=True)
class Fidelisation:
    """Rates of a team: observed, of the schedule, used at team level; cents behind them; one rate per patient."""

    observed: Decimal | None
    schedule: Decimal | None
    used: Decimal
    in_team_cents: int
    outside_cents: int
    neutralised_cents: int
    by_patient: npt.NDArray[np.float64]


def observed_rate(in_team_cents: int, outside_cents: int) -> Decimal | None:
    """in-team / (in-team + outside), to the billionth; None where no care counts. Neutralised acts are in neither."""
    return ratio(in_team_cents, in_team_cents + outside_cents)


def scheduled_rate(day: date, rules: Rules) -> Decimal | None:
    """Rate of the start-up schedule on a day; None where the rules have no schedule.

    start + (end − start) × days since tau_schedule_from / days of the schedule; the start before it, the end after.
    Rule: PRIMORDIAL, fidelisation of 100 % in 2023 down to 80 % at the end of 2025.
    """
    if rules.text("tau_schedule_from") == "none":
        return None
    first, last = rules.day("tau_schedule_from"), rules.day("tau_schedule_to")
    if last <= first:
        raise RuleError(f"{rules.file}: tau_schedule_to {last} is not after tau_schedule_from {first}")
    start, end = rules.decimal("tau_schedule_start"), rules.decimal("tau_schedule_end")
    gone = min(max((day - first).days, 0), (last - first).days)
    return start + (end - start) * gone / (last - first).days


def scheduled_mean(first_day: date, last_day: date, rules: Rules) -> Decimal | None:
    """Mean of the schedule over days, both included, to the billionth; None where the rules have no schedule."""
    days = (first_day + timedelta(days=place) for place in range((last_day - first_day).days + 1))
    rates = [scheduled_rate(day, rules) for day in days]
    known = [rate for rate in rates if rate is not None]
    return to_billionth(sum(known, Decimal(0)) / len(known)) if known else None


def used_rate(observed: Decimal | None, schedule: Decimal | None) -> Decimal | None:
    """max(observed, schedule) of those known; None where neither is: no rate is presumed."""
    return max((rate for rate in (observed, schedule) if rate is not None), default=None)


def patient_rates(patients: pd.DataFrame, team_rate: Decimal, rules: Rules) -> npt.NDArray[np.float64]:
    """Rate of each patient: (in-team + κ × team rate) / (all + κ), κ = fidelisation_shrinkage_eur.

    A patient without care has the team's rate, also where κ is 0.
    """
    kappa = float(rules.decimal("fidelisation_shrinkage_eur"))
    inside = patients["in_team_cents"].to_numpy() / 100
    counted = inside + patients["outside_cents"].to_numpy() / 100
    whole = counted + kappa
    rates = (inside + kappa * float(team_rate)) / np.where(whole > 0, whole, 1.0)
    return np.where(whole > 0, rates, float(team_rate))


def fidelisation(patients: pd.DataFrame, *, first_day: date, last_day: date, rules: Rules) -> Fidelisation | None:
    """The rates of a team over days; None where no care was measured and no schedule stands in.

    Team level: every patient has the rate used, max(observed, schedule's mean over the days). Patient level: each
    has its own, shrunk to the team's observed rate, and never below the schedule; the rate used is then the team's.
    Errors: RuleError for a level other than team or patient.
    """
    if (level := rules.text("fidelisation_level")) not in LEVELS:
        raise RuleError(f"{rules.file}: fidelisation_level is {level!r}; it should be one of {', '.join(LEVELS)}")
    inside, outside, neutralised = (
        int(patients[f"{where}_cents"].sum()) for where in ("in_team", "outside", "neutralised")
    )
    observed, schedule = observed_rate(inside, outside), scheduled_mean(first_day, last_day, rules)
    used = used_rate(observed, schedule)
    if used is None:
        return None
    rates = np.full(len(patients), float(used))
    if level == "patient" and observed is not None:
        rates = np.maximum(patient_rates(patients, observed, rules), float(schedule or 0))
    return Fidelisation(observed, schedule, used, inside, outside, neutralised, rates)
