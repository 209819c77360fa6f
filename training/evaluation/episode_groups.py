"""The groups of a model of episodes: those it sees, and those that it may not see or that are known afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from features.codes import listed
from features.reference_data import reference
from features.store import read_dataset, years_written
from features.tables import BENEFICIARIES, EPISODE_FEATURES, EPISODES, Table
from training.episodes.evaluate import size_names
from training.episodes.population import Episodes
from training.evaluation.groups import People, as_texts, flagged, of_features
from training.evaluation.money import Grouping

CHARLSON_EDGES = (1.0, 3.0, 5.0)
CHARLSON = np.array(["0", "1 to 2", "3 to 4", "5 and over"], dtype=object)
PRIOR = ("prior_long_stay", "prior_ssr", "prior_had")
SITUATIONS = ("lives_alone", "lives_in_ems", "minimum_income")
AFTER = ("died_in_window", "is_truncated")
LEVELS = ("1", "2", "3", "4")


def known_of_episodes(data: Path, episodes: Episodes) -> pd.DataFrame:
    """The characteristics of EPISODE_FEATURES of each episode, in the order of the episodes."""
    return _by_episode(data, EPISODE_FEATURES, episodes)


def episode_groupings(
    data: Path, episodes: Episodes, known: pd.DataFrame, expected: np.ndarray, *, seen: Sequence[str]
) -> tuple[tuple[Grouping, ...], tuple[str, ...]]:
    """Groupings of the episodes, and the names of those that could not be made for want of a dataset.

    Seen or not: decile of expectation, age × sex, ALD, C2S, AME, FDep quintile, ALD × C2S × 80 or over, Charlson's
    score, each condition, living alone, in medico-social housing or on minimum income, prior stays. Never seen: sector,
    size of the establishment, region, department. Known afterwards: death in the window, a window cut short, level of
    the GHM.
    """
    people = People(episodes.rows.patients, known, expected, episodes.rows.exposure, seen)
    made = [*of_features(people), *_of_illness(known, seen), *_of_provider(episodes), *_afterwards(data, episodes)]
    year = int(episodes.known["year"].iloc[0])
    if year not in years_written(BENEFICIARIES, data):
        return tuple(made), ("department",)
    persons = read_dataset(None, BENEFICIARIES, data, year).set_index("patient_id").reindex(episodes.rows.patients)
    regions = reference("regions").set_index("department")["region"]
    places = {"region": persons["department"].map(regions), "department": persons["department"]}
    return (*made, *(Grouping(name, as_texts(labels), False) for name, labels in places.items())), ()


def _of_illness(known: pd.DataFrame, seen: Sequence[str]) -> list[Grouping]:
    made = []
    if "charlson_score" in known:
        place = np.searchsorted(CHARLSON_EDGES, known["charlson_score"].to_numpy(float), side="right")
        made.append(Grouping("charlson", CHARLSON[place], "charlson_score" in seen))
    conditions = [row["name"] for row in listed("episode_conditions") if row["name"] not in SITUATIONS]
    for group, flags in (("condition", conditions), ("prior", PRIOR)):
        made += [Grouping(group, flagged(known[name] == 1, name), name in seen) for name in flags if name in known]
    made += [
        Grouping(name, flagged(known[name] == 1, "yes", "no"), name in seen) for name in SITUATIONS if name in known
    ]
    return made


def _of_provider(episodes: Episodes) -> list[Grouping]:
    sizes = size_names(episodes.establishments).astype(object)
    return [Grouping("sector", as_texts(episodes.strata), False), Grouping("size", sizes, False)]


def _afterwards(data: Path, episodes: Episodes) -> list[Grouping]:
    rows = _by_episode(data, EPISODES, episodes)
    made = [Grouping(name, flagged(rows[name].fillna(False), "yes", "no"), False) for name in AFTER]
    level = rows["ghm"].astype(object).fillna("").astype(str).str[-1:]
    return [*made, Grouping("ghm_level", level.where(level.isin(LEVELS), "other").to_numpy(object), False)]


def _by_episode(data: Path, table: Table, episodes: Episodes) -> pd.DataFrame:
    years = sorted(set(episodes.known["year"].astype(int)))
    frames = [read_dataset(None, table, data, year) for year in years]
    rows = pd.concat(frames, ignore_index=True).set_index("episode_id")
    return rows.loc[episodes.known["episode_id"]].reset_index()
