"""The patients of a team who are paid for, with their exposure, and the counts of those who are not."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from schemes.frames import refuse
from schemes.peps.exposure import days_in, days_of, exposure_shares
from schemes.peps.frames import PATIENTELES
from schemes.peps.team import Team
from schemes.rulebook import Rules

EXCLUSIONS = ("no_participation", "structure_refused", "not_in_patientele", "ame_not_covered", "not_present",
              "no_expectation")  # fmt: skip
DAILY_SLACK, STARTED_SLACK = 1e-9, {"daily": 0.0, "month_started": 1 / 12, "quarter_started": 1 / 4}


def check_patients(patients: pd.DataFrame, teams: Iterable[Team], zones: pd.DataFrame) -> None:
    """Nothing where the zones of the teams' patients are those of `zones`, and each is in one team at a time.

    A patient may move from a team to another in the year: the shares present add up to 1 at most (a started month
    or quarter may count twice). A patient whose zone has no row in `zones` is paid at the national level and counted
    (`zone_unknown`); where none has one, the two frames do not name zones alike. Errors: InputError naming column
    and row for that, and for a patient in two teams at once.
    """
    listed = tuple(teams)
    ours = patients["structure_id"].isin([team.structure_id for team in listed]).to_numpy()
    named, found = ours & patients["zone_id"].notna().to_numpy(), ~is_zone_unknown(patients, zones)
    if not (named & found).any():
        refuse("patients", "zone_id", named, "a zone with a row in zones; not one of them has it")
    begun = 0.0
    if "first_day" not in patients:
        begun = max((STARTED_SLACK.get(team.rules.text("exposure_rule"), 0.0) for team in listed), default=0.0)
    by_patient = patients["present_share"].where(ours, 0.0).groupby(patients["patient_id"])
    several = pd.Series(ours).groupby(patients["patient_id"]).transform("sum").to_numpy()
    over = by_patient.transform("sum").to_numpy() > 1 + DAILY_SLACK + begun * np.maximum(several - 1, 0)
    refuse("patients", "present_share", ours & (several > 1) & over, "1 at most over all the teams of a patient")


def is_zone_unknown(patients: pd.DataFrame, zones: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Whether a patient's zone is empty or has no row in `zones`."""
    return ~patients["zone_id"].isin(zones["zone_id"].dropna()).to_numpy(dtype=bool)


def window_share(team: Team, year: int) -> float:
    """Part of the year that the team is in the scheme, by days."""
    return team.days / days_in(year)


def exposures(patients: pd.DataFrame, team: Team, year: int) -> npt.NDArray[np.float64]:
    """Part of the year that each patient counts for, within the team's days in the scheme.

    By days: the share present, at most the days with the team within the scheme (all the days of the scheme where
    first_day and last_day are not given). By months or quarters begun: from first_day and last_day; where these are
    not given, the share present is taken as computed under the rule, at most the team's own.
    Rule: PEPS, entries and exits.
    """
    rule = team.rules.text("exposure_rule")
    given = patients["present_share"].to_numpy()
    if "first_day" not in patients:
        start, end = pd.Series([team.first_day]), pd.Series([team.last_day])
        return np.minimum(given, exposure_shares(start, end, rule, year)[0])
    first = pd.Series(np.maximum(days_of(patients["first_day"]), _day64(team.first_day)))
    last = pd.Series(np.minimum(days_of(patients["last_day"]), _day64(team.last_day)))
    within = exposure_shares(first, last, rule, year)
    return np.minimum(given, within) if rule == "daily" else np.where(given > 0, within, 0.0)


def _day64(day: date) -> np.datetime64:
    return np.datetime64(day, "D")


def select(patients: pd.DataFrame, team: Team, year: int) -> tuple[pd.DataFrame, dict[str, int]]:
    """Patients of a team who are paid for, with `exposure`, and the count of the others by the first reason met.

    Reasons, in this order: not in the team's patientele, AME where the rules leave it out, not present on a day of
    the scheme, no expectation of the model (unless the forfait is fixed).
    """
    exposed = patients.assign(exposure=exposures(patients, team, year))
    tests = {
        "not_in_patientele": ~exposed[PATIENTELES[team.patientele]].to_numpy(),
        "ame_not_covered": exposed["ame"].to_numpy() & (not _covers_ame(team.rules)),
        "not_present": exposed["exposure"].to_numpy() <= 0,
        "no_expectation": exposed["expected_eur"].isna().to_numpy() & (not is_fixed(team.rules)),
    }
    left, counts = np.ones(len(exposed), dtype=bool), {}
    for reason, met in tests.items():
        counts[reason] = int((left & met).sum())
        left &= ~met
    return exposed[left], {reason: count for reason, count in counts.items() if count}


def is_fixed(rules: Rules) -> bool:
    """Whether the forfait is one fixed amount per patient, without the model."""
    return rules.decimal_or_none("fixed_forfait_eur") is not None


def _covers_ame(rules: Rules) -> bool:
    return rules.flag("patientele_tot_includes_ame")
