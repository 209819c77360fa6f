"""In or out of the forfait on a day, since when and why: which of the two billing regimes applies to a patient."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

import numpy as np
import pandas as pd

from features.errors import InputError
from schemes.peps.exposure import days_of
from schemes.peps.frames import PATIENTELES, checked
from schemes.peps.patients import is_fixed
from schemes.peps.phases import PROSPECTIVE, phase_on, phase_starts
from schemes.peps.team import Team, teams_in
from schemes.rulebook import Rules

STATUS_COLUMNS = ("structure_id", "patient_id", "on_date", "is_in", "since_date", "reason")
REASONS = ("in_forfait", "no_participation", "structure_refused", "participation_not_begun", "participation_ended",
           "phase_1", "phase_2", "outside_phases", "not_yet_present", "left_team", "not_in_patientele",
           "ame_not_covered", "no_expectation")  # fmt: skip
ONE_DAY = timedelta(days=1)
Spell = tuple[str, date | None]


def patient_status(
    inputs: Mapping[str, pd.DataFrame], *, on: date, rules: Mapping[str, Rules], refused: tuple[str, ...] = ()
) -> pd.DataFrame:
    """One row per patient of `inputs`: in the forfait or out of it on a day, since when, and why.

    In (`in_forfait`): present with a team in phase 3, in its patientele, on the day; its acts in the perimeter are
    not billed. Out: acts are billed. `since_date` is the latest day on which a condition of being in was met, or the
    first day of what keeps the patient out; empty where no date tells. Reasons are looked for in this order: the
    structure (`refused`: those a payment refused), its days and phase, the patient's days, the patientele. `patients`
    needs first_day and last_day, the days of the year with the structure.
    Rule: PEPS, two billing regimes. Errors: InputError as for a payment, and for patients without days.
    """
    patients = checked("patients", inputs)
    if missing := [column for column in ("first_day", "last_day") if column not in patients.columns]:
        raise InputError(f"patients: column {', '.join(missing)} is missing; a status wants the days of presence")
    participations = checked("participations", inputs)
    teams, not_teams = teams_in(participations, year=on.year, rules=rules)
    by_structure = {team.structure_id: team for team in teams}
    turned_away = {structure for structure, _, _ in not_teams} | set(refused)
    rows = [
        _of_structure(mine, by_structure.get(str(structure)), on=on, is_refused=structure in turned_away)
        for structure, mine in patients.sort_values(["structure_id", "patient_id"]).groupby("structure_id", sort=True)
    ]
    if not rows:
        return pd.DataFrame(columns=list(STATUS_COLUMNS))
    return pd.concat(rows, ignore_index=True)[list(STATUS_COLUMNS)]


def _of_structure(patients: pd.DataFrame, team: Team | None, *, on: date, is_refused: bool) -> pd.DataFrame:
    reason, since = ("structure_refused", None) if is_refused else _of_team(team, on)
    rows = patients[["structure_id", "patient_id"]].assign(on_date=np.datetime64(on, "s"), is_in=False)
    start = np.datetime64(since, "D") if since else np.datetime64("NaT", "D")
    if team is None or reason != "in_forfait":
        return rows.assign(since_date=start.astype("datetime64[s]"), reason=reason)
    reasons, begun = _of_patients(patients, team, on=on, start=start)
    return rows.assign(is_in=reasons == "in_forfait", since_date=begun.astype("datetime64[s]"), reason=reasons)


def _of_team(team: Team | None, on: date) -> Spell:
    """Why the team's patients are out, and since when; in_forfait and the first day of it where they may be in."""
    if team is None:
        return "no_participation", None
    if on < team.first_day:
        return "participation_not_begun", None
    if on > team.last_day:
        return "participation_ended", team.last_day + ONE_DAY
    phase, starts = phase_on(on, team.phase_from, team.rules), phase_starts(team.phase_from, team.rules)
    if phase is None:
        after = starts[PROSPECTIVE + 1]
        return "outside_phases", after if after is not None and after <= on else None
    start = max(starts[phase] or team.from_date, team.from_date)
    return ("in_forfait" if phase == PROSPECTIVE else f"phase_{phase}"), start


def _of_patients(
    patients: pd.DataFrame, team: Team, *, on: date, start: np.datetime64
) -> tuple[np.ndarray, np.ndarray]:
    first, last = days_of(patients["first_day"]), days_of(patients["last_day"])
    day, never = np.datetime64(on, "D"), np.datetime64("NaT", "D")
    covers_ame = team.rules.flag("patientele_tot_includes_ame")
    tests = [
        (first > day, "not_yet_present", np.full(len(patients), never)),
        (last < day, "left_team", last + np.timedelta64(1, "D")),
        (~patients[PATIENTELES[team.patientele]].to_numpy(dtype=bool), "not_in_patientele", np.maximum(first, start)),
        (patients["ame"].to_numpy(dtype=bool) & (not covers_ame), "ame_not_covered", np.maximum(first, start)),
        (
            patients["expected_eur"].isna().to_numpy() & (not is_fixed(team.rules)),
            "no_expectation",
            np.maximum(first, start),
        ),
    ]
    met = [test for test, _, _ in tests]
    reasons = np.select(met, [name for _, name, _ in tests], default="in_forfait")
    return reasons, np.select(met, [since for _, _, since in tests], default=np.maximum(first, start))
