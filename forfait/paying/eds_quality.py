"""Quality of every establishment in a year, from the outcomes of its episodes and the answers of its patients."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

import schemes.eds
from features.answers import EXPERIENCE, read_answers
from features.errors import MissingError
from features.tables import EPISODE_FEATURES, EPISODE_OUTCOMES
from forfait.paying.sources import Sources, rows
from schemes.eds.outcomes import AFTER, COUNTED
from schemes.rulebook import Rules

EVENTS = {"infection": "has_infection", "thrombo_embolic": "has_thrombo_embolic"}
BY_STRATA = {"rehospitalisation": "has_rehospitalisation", "ssr_use": "has_ssr"}
SCREENINGS = {"anaemia_screening": "has_anaemia_screening", "malnutrition_screening": "has_malnutrition_screening"}
CASE_MIX = ["programme", "age_band", "charlson_band"]
HEALTH = "all_proms"
NOBODY = "*"
EPISODE = ["patient_id", "programme", "entry_date"]
ANSWERED = ("establishment_id", "questionnaire", "moment", "patients", "answered", "response_share", "mean_score",
            "mean_change")  # fmt: skip


def quality_of(
    sources: Sources, episodes: pd.DataFrame, answered: pd.DataFrame, *, year: int, rules: Rules
) -> pd.DataFrame:
    """Rows of `quality`: the indicators of the rules for every establishment of the nation, over complete episodes.

    Infection and thrombo-embolic events: expected by the published odds ratios, where the programme has some;
    rehospitalisation and use of SSR: expected by programme, age and Charlson score; screenings: over the episodes
    where the claims tell; chemotherapy in time: over those treated; questionnaires: those after the intervention.
    Errors: MissingError where outcomes are lacking.
    """
    patients = _patients(sources, episodes[episodes["is_complete"]], rules)
    found = [
        *(_events(patients, name, column, rules) for name, column in EVENTS.items()),
        *(_by_strata(patients, name, column) for name, column in BY_STRATA.items()),
        *(_screened(patients, name, column) for name, column in SCREENINGS.items()),
        _chemotherapy(patients, rules),
        *_questionnaires(answered),
    ]
    counted = pd.concat([part for part in found if len(part)] or [pd.DataFrame(columns=COUNTED)], ignore_index=True)
    known = [row["indicator"] for row in rules.grid("indicators")]
    kept = counted[counted["indicator"].isin(known)]
    return kept.astype({"observed": float, "expected": float, "patients": "int64"}).reset_index(drop=True)


def _patients(sources: Sources, episodes: pd.DataFrame, rules: Rules) -> pd.DataFrame:
    """Episodes with their outcomes, and the case mix that they were admitted with."""
    own = episodes[["episode_id", "establishment_id", "intervention_date", "exit_date"]]
    years = sorted(own["exit_date"].dt.year.unique().tolist())
    outcomes = [sources.table(EPISODE_OUTCOMES, past).drop("patient_id", "establishment_id") for past in years]
    known = [sources.table(EPISODE_FEATURES, past).select("episode_id", "age", "charlson_score") for past in years]
    joined = own
    for part in (outcomes, known):
        frame = pd.concat([rows(table) for table in part]) if part else pd.DataFrame({"episode_id": []})
        joined = joined.merge(frame, on="episode_id", how="inner", validate="1:1")
    if len(joined) < len(own):
        raise MissingError(
            f"{len(own) - len(joined)} episodes have no outcome or no characteristic: run forfait episodes again"
        )
    return joined if joined.empty else joined.assign(**_bands(joined, rules))


def _bands(patients: pd.DataFrame, rules: Rules) -> dict[str, np.ndarray]:
    """Band of age and of Charlson score of each patient: how many bounds it reaches."""
    bounds = {"age": "case_mix_ages", "charlson_score": "case_mix_charlson"}
    return {
        f"{name.removesuffix('_score')}_band": np.searchsorted(
            [float(bound) for bound in rules.listed(key)], patients[name].to_numpy(dtype=float), side="right"
        )
        for name, key in bounds.items()
    }


def _events(patients: pd.DataFrame, indicator: str, column: str, rules: Rules) -> pd.DataFrame:
    listed = {row["programme"] for row in rules.grid("odds_ratios") if row["indicator"] == indicator}
    own = patients[patients["programme"].isin(listed)] if len(patients) else patients
    if own.empty:
        return pd.DataFrame(columns=COUNTED)
    return schemes.eds.expected_events(own.rename(columns={column: "has_event"}), indicator, rules)


def _by_strata(patients: pd.DataFrame, indicator: str, column: str) -> pd.DataFrame:
    if patients.empty:
        return pd.DataFrame(columns=COUNTED)
    return schemes.eds.expected_by_strata(patients.rename(columns={column: "has_event"}), indicator, CASE_MIX)


def _screened(patients: pd.DataFrame, indicator: str, column: str) -> pd.DataFrame:
    """Over the episodes where the claims tell: analyses that were not read say neither yes nor no."""
    told = patients[patients[column].notna()] if len(patients) else patients
    if told.empty:
        return pd.DataFrame(columns=COUNTED)
    return schemes.eds.shares(told.assign(has_event=told[column].astype(bool)), indicator)


def _chemotherapy(patients: pd.DataFrame, rules: Rules) -> pd.DataFrame:
    if patients.empty:
        return pd.DataFrame(columns=COUNTED)
    found = schemes.eds.as_quality(schemes.eds.delays(patients, rules), "chemotherapy_in_time", observed="in_time")
    return found[found["patients"] > 0]


def _questionnaires(answered: pd.DataFrame) -> list[pd.DataFrame]:
    after = answered[(answered["moment"] == AFTER) & (answered["establishment_id"] != NOBODY)]
    health, experience = (after[after["questionnaire"] == name] for name in (HEALTH, EXPERIENCE))
    return [
        schemes.eds.as_quality(health, "proms_response", observed="answered"),
        schemes.eds.as_quality(experience, "prems_score", observed="mean_score", patients="answered"),
    ]


def answers_of(path: Path, episodes: pd.DataFrame, *, year: int) -> pd.DataFrame:
    """Answers by establishment, questionnaire and moment (see `schemes.eds.answers`); empty where there is no file.

    `all_proms` counts the patients who answered a measure of health, whichever. The row of establishment "*" counts
    the answers of the year that belong to no complete episode of it. Errors: InputError as `read_answers`.
    """
    nothing = pd.DataFrame({name: pd.Series(dtype=object) for name in ANSWERED})
    if not path.exists():
        return _typed(nothing)
    complete = episodes.loc[episodes["is_complete"], ["episode_id", "establishment_id", *EPISODE]]
    joined = read_answers(path).merge(complete[["episode_id", *EPISODE]], on=EPISODE, how="left", validate="m:1")
    given, lost = joined[joined["episode_id"].notna()], joined[joined["episode_id"].isna()]
    measures = given[(given["questionnaire"] != EXPERIENCE) & given["score"].notna()]
    found = [
        *([schemes.eds.answers(given, complete)] if len(given) else ()),
        *([_any_measure(measures, complete)] if len(measures) else ()),
        _left_out(int((lost["entry_date"].dt.year == year).sum())),
    ]
    return _typed(pd.concat([part for part in found if len(part)] or [nothing], ignore_index=True))


def _any_measure(measures: pd.DataFrame, complete: pd.DataFrame) -> pd.DataFrame:
    """Who answered at least one measure of health; scores of different measures do not mix."""
    one = measures.drop_duplicates(["episode_id", "moment"]).assign(questionnaire=HEALTH)
    return schemes.eds.answers(one, complete).assign(mean_score=np.nan, mean_change=np.nan)


def _left_out(count: int) -> pd.DataFrame:
    whole = {"establishment_id": NOBODY, "questionnaire": NOBODY, "moment": NOBODY, "patients": 0, "answered": count}
    return pd.DataFrame([whole] if count else [])


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    counts, means = ("patients", "answered"), ("response_share", "mean_score", "mean_change")
    return frame.reindex(columns=list(ANSWERED)).astype(dict.fromkeys(counts, "int64") | dict.fromkeys(means, float))
