"""What quality is counted from: expected events, the delay to chemotherapy, and the answers of patients."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.special import expit

from features.errors import InputError, RuleError
from schemes.rulebook import Rules

SPAN = 50.0
COUNTED = ["establishment_id", "indicator", "observed", "expected", "patients"]
BEFORE, AFTER = "before", "after"


def expected_events(patients: pd.DataFrame, indicator: str, rules: Rules) -> pd.DataFrame:
    """Events observed and expected by establishment, as rows of the frame `quality`.

    p = 1 / (1 + exp(−(a + Σ ln(odds ratio) × factor))), with the published odds ratios of the indicator and programme;
    expected = Σ p. The constant is not published: a is set so that the expected events of the frame (give the
    nation) are those observed, by programme. No event anywhere expects none.
    `patients`: establishment_id, programme, has_event, and a column of booleans for every factor of the programme.
    Rule: HAS and ATIH, indirect standardisation; odds ratios of 2021 (associations, not causes).
    Errors: RuleError for an indicator and programme without odds ratios; InputError for a factor without a column.
    """
    _needs("patients", patients, ["establishment_id", "programme", "has_event"])
    found = []
    for programme, part in patients.groupby("programme", sort=True):
        weights = _log_odds(str(programme), indicator, rules)
        _needs("patients", part, list(weights))
        score = sum((part[name].astype(float) * weight for name, weight in weights.items()), 0.0 * part["has_event"])
        found.append(part.assign(expected=_calibrated(np.asarray(score, dtype=float), float(part["has_event"].sum()))))
    return _counted(pd.concat(found), indicator) if found else pd.DataFrame(columns=COUNTED)


def _log_odds(programme: str, indicator: str, rules: Rules) -> dict[str, float]:
    rows = [r for r in rules.grid("odds_ratios") if (r["indicator"], r["programme"]) == (indicator, programme)]
    if not rows:
        raise RuleError(
            f"{rules.file}: grid odds_ratios has none for {indicator} of {programme}; use expected_by_strata"
        )
    return {row["factor"]: float(np.log(float(row["odds_ratio"]))) for row in rows}


def _calibrated(score: np.ndarray, events: float) -> np.ndarray:
    """Probabilities that add up to the events; 0 or 1 for all where nobody or everybody has one."""
    if events in (0.0, float(len(score))):
        return np.full(len(score), events / max(len(score), 1))
    ordered = np.sort(score)
    constant = brentq(lambda a: float(expit(a + ordered).sum()) - events, -SPAN - ordered[-1], SPAN - ordered[0])
    return expit(constant + score)


def expected_by_strata(patients: pd.DataFrame, indicator: str, strata: Sequence[str]) -> pd.DataFrame:
    """Events observed and expected by establishment: expected = Σ rate of the frame in the stratum of each patient.

    For indicators without published odds ratios, such as rehospitalisation. `strata`: columns known at admission.
    """
    _needs("patients", patients, ["establishment_id", "has_event", *strata])
    rates = patients.groupby(list(strata), dropna=False)["has_event"].transform("mean")
    return _counted(patients.assign(expected=rates), indicator)


def _counted(patients: pd.DataFrame, indicator: str) -> pd.DataFrame:
    grouped = patients.groupby("establishment_id", sort=True)
    counted = grouped.agg(observed=("has_event", "sum"), patients=("has_event", "size")).reset_index()
    expected = grouped["expected"].agg(lambda values: float(np.sort(values).sum())).reset_index(drop=True)
    return counted.assign(indicator=indicator, expected=expected, observed=counted["observed"].astype(float))[COUNTED]


def shares(patients: pd.DataFrame, indicator: str) -> pd.DataFrame:
    """Patients for whom something was done (has_event), by establishment, as rows of `quality`: screenings."""
    _needs("patients", patients, ["establishment_id", "has_event"])
    return _counted(patients.assign(expected=0.0), indicator).assign(expected=np.nan)


def as_quality(rows: pd.DataFrame, indicator: str, *, observed: str, patients: str = "patients") -> pd.DataFrame:
    """Rows of `delays` or `answers` as rows of `quality`: the column observed, over patients; nothing is expected.

    For one questionnaire and moment of `answers`, choose its rows before.
    """
    _needs("rows", rows, ["establishment_id", observed, patients])
    made = {"establishment_id": rows["establishment_id"], "indicator": indicator, "observed": rows[observed],
            "expected": np.nan, "patients": rows[patients]}  # fmt: skip
    return pd.DataFrame(made)[COUNTED].reset_index(drop=True)


def delays(episodes: pd.DataFrame, rules: Rules) -> pd.DataFrame:
    """The delay from surgery to chemotherapy by establishment: episodes, patients treated, median_days, in_time.

    `episodes`: establishment_id, intervention_date, chemotherapy_date (first after the intervention; empty: none).
    in_time: within chemotherapy_days_max, the day itself included; in_time_share: among those treated.
    An establishment whose patients had none stands in the answer with an empty delay.
    """
    _needs("episodes", episodes, ["establishment_id", "intervention_date", "chemotherapy_date"])
    days = (pd.to_datetime(episodes["chemotherapy_date"]) - pd.to_datetime(episodes["intervention_date"])).dt.days
    if (days < 0).any():
        row = int((days < 0).to_numpy().argmax()) + 1
        raise InputError(f"episodes: row {row}, chemotherapy_date is before intervention_date; give the first after it")
    made = episodes.assign(days=days, is_in_time=days <= rules.whole("chemotherapy_days_max"))
    grouped = made.groupby("establishment_id", sort=True)
    found = grouped.agg(episodes=("days", "size"), patients=("days", "count"), median_days=("days", "median"),
                        in_time=("is_in_time", "sum")).reset_index()  # fmt: skip
    return found.assign(in_time_share=found["in_time"] / found["patients"].where(found["patients"] > 0))


def answers(given: pd.DataFrame, episodes: pd.DataFrame) -> pd.DataFrame:
    """PROMs and PREMs by establishment, questionnaire and moment: patients, answered, response_share, mean scores.

    `given`: episode_id, questionnaire, moment (before, after), score; from the file that the payer keeps. patients are
    the episodes of the establishment. mean_change: after − before, over those who answered both (shown on `after`).
    Errors: InputError for an answer of no known episode, or two of one episode, questionnaire and moment.
    """
    key = ["episode_id", "questionnaire", "moment"]
    _needs("answers", given, [*key, "score"])
    if given.duplicated(key).any():
        raise InputError(f"answers: row {int(given.duplicated(key).to_numpy().argmax()) + 1} repeats {', '.join(key)}")
    rows = given.merge(episodes[["episode_id", "establishment_id"]], on="episode_id", how="left", validate="m:1")
    if rows["establishment_id"].isna().any():
        row = int(rows["establishment_id"].isna().to_numpy().argmax()) + 1
        raise InputError(f"answers: row {row} is of an episode that episodes does not have")
    known = rows[rows["score"].notna()]
    before = known[known["moment"] == BEFORE].set_index(["episode_id", "questionnaire"])["score"]
    paired = pd.MultiIndex.from_frame(known[["episode_id", "questionnaire"]])
    change = known["score"] - before.reindex(paired).to_numpy()
    made = known.assign(change=change.where(known["moment"] == AFTER))
    found = made.groupby(["establishment_id", "questionnaire", "moment"], sort=True).agg(
        answered=("score", "size"), mean_score=("score", "mean"), mean_change=("change", "mean")
    )
    size = episodes.groupby("establishment_id").size()
    found = found.reset_index()
    patients = found["establishment_id"].map(size)
    return found.assign(patients=patients, response_share=found["answered"] / patients)


def _needs(name: str, frame: pd.DataFrame, columns: Sequence[str]) -> None:
    """Errors: InputError naming the columns that a frame lacks."""
    if lacking := [column for column in columns if column not in frame.columns]:
        raise InputError(f"{name}: column {', '.join(lacking)} is missing; it has {', '.join(map(str, frame.columns))}")
