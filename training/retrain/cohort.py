"""The people (or episodes) of one year on whom drift is measured and versions are compared, and those of structures."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from features.engine import dataset_path
from features.errors import InputError
from features.provenance import content_hash
from features.scoring import Scorer, encode_frame
from features.store import read_dataset, years_written
from features.tables import BENEFICIARIES, EPISODE_FEATURES, EPISODES, FEATURE_TABLE, PATIENTELE, SPENDING, STAYS
from training.episodes import is_episode_model
from training.episodes.population import load_episodes
from training.episodes.target import normalised, stratum_factors
from training.evaluate import Observed, groups_of
from training.evaluation.fit import right_total
from training.evaluation.groups import People, known_of, yearly_groupings
from training.evaluation.money import Grouping
from training.population import experiment_patients, load_rows
from training.recipes import Recipe

YEARLY_FILES = (FEATURE_TABLE.name, SPENDING.name, BENEFICIARIES.name, STAYS.name)
EPISODE_FILES = (EPISODES.name, EPISODE_FEATURES.name, BENEFICIARIES.name, FEATURE_TABLE.name)
COST = "cost_in_scope_eur"
ABSENT = "absent"


@dataclass(frozen=True)
class Cohort:
    """Rows of one year: person, weight, characteristics as in the dataset, annual euros by column.

    `target`: the column of `euros` that the model expects; `strata`: what has one price (episodes), else None;
    `structures`: the list on which each row stands, where it stands on one.
    """

    year: int
    patients: np.ndarray
    weight: np.ndarray
    known: pd.DataFrame
    euros: pd.DataFrame
    target: str
    strata: np.ndarray | None = None
    structures: np.ndarray | None = None

    @cached_property
    def persons(self) -> np.ndarray:
        """Number of the person behind each row."""
        return pd.factorize(self.patients)[0]

    def people(self, rows: np.ndarray | None = None) -> int:
        """How many persons stand behind the rows chosen by a mask (default: all)."""
        return self._everyone if rows is None else int(np.count_nonzero(np.bincount(self.persons[rows])))

    @cached_property
    def _everyone(self) -> int:
        return int(self.persons.max()) + 1

    @property
    def spent_eur(self) -> np.ndarray:
        """What was spent of what the model expects."""
        return self.euros[self.target].to_numpy(float)

    def observed(self, cap_eur: float | None = None) -> Observed:
        """What was spent, as the measures of fit read it; the share under the cap is that of the year itself."""
        cap = float("inf") if cap_eur is None else cap_eur
        total = float(self.weight @ self.spent_eur)
        kept = float(self.weight @ np.minimum(self.spent_eur, cap)) / total if total else 1.0
        return Observed(self.spent_eur, self.weight, self.patients, cap, kept)

    def expected(self, scorer: Scorer) -> np.ndarray:
        """Expected euros of each row under a version, as it is frozen."""
        features = scorer.card.features
        gone = [known.name for known in features if known.name not in self.known]
        if gone:
            raise InputError(f"{scorer.card.model} version {scorer.card.version} reads {gone[0]!r}, not in {self.year}")
        return scorer.predict(encode_frame(features, self.known[[known.name for known in features]]))

    def levelled(self, expected: np.ndarray) -> np.ndarray:
        """Expectations brought to what was spent: in all, or in each stratum where strata have their own price."""
        if self.strata is None:
            return expected * right_total(self.observed(), expected)
        return normalised(expected, self.strata, stratum_factors(self.spent_eur, expected, self.strata))


def read_cohort(data: Path, recipe: Recipe, year: int) -> Cohort:
    """The reference of a year: declared doctor, outside the experiments; or final and complete episodes.

    Errors: as `load_rows` and `load_episodes`.
    """
    if is_episode_model(recipe.model):
        return _episodes(data, recipe, year)
    rows, _ = load_rows(data, recipe, [year], excluded=experiment_patients(data))
    return _yearly(data, recipe, year, rows.patients, rows.exposure)


def read_lists(data: Path, recipe: Recipe, year: int) -> tuple[Cohort, int] | None:
    """A row per structure and patient of its list, and how many of the lists have no characteristics or spending.

    weight: present_share, within the patient's life. None where no list of the year is there. Episodes: by
    establishment.
    """
    if is_episode_model(recipe.model):
        return _episodes(data, recipe, year), 0
    if year not in years_written(PATIENTELE, data):
        return None
    listed = read_dataset(None, PATIENTELE, data, year)[["structure_id", "patient_id", "present_share"]]
    rows, _ = load_rows(data, recipe, [year], excluded=pd.Index([]))
    exposure = pd.DataFrame({"patient_id": rows.patients, "exposure": rows.exposure})
    both = listed.merge(exposure, on="patient_id", how="left", validate="many_to_one")
    lost = int(both["exposure"].isna().sum())
    both = both[both["exposure"].notna() & (both["present_share"] > 0)]
    both = both.sort_values(["structure_id", "patient_id"], kind="stable", ignore_index=True)
    patients = both["patient_id"].to_numpy(object)
    found = _yearly(data, recipe, year, patients, both["exposure"].to_numpy(float))
    parts = (found.patients, both["present_share"].to_numpy(float), found.known, found.euros, found.target, None)
    return Cohort(year, *parts, both["structure_id"].astype(str).to_numpy(object)), lost


def groupings_of(
    data: Path, cohort: Cohort, expected: np.ndarray, seen: list[str]
) -> tuple[tuple[Grouping, ...], tuple[str, ...]]:
    """Groupings of a cohort, and the names of those that could not be made for want of a dataset."""
    if cohort.strata is None:
        people = People(cohort.patients, cohort.known, expected, cohort.weight, seen)
        return yearly_groupings(data, cohort.year, people)
    found = groups_of(cohort.known, expected, cohort.weight)
    made = [Grouping(name, np.asarray(labels, dtype=object), True) for name, labels in found.items()]
    return (*made, Grouping("sector", cohort.strata, False)), ()


def files_read(data: Path, model: str, years: tuple[int, ...]) -> dict[str, str]:
    """Content hash of each file that the steps may read, "absent" for one that is not there."""
    names = EPISODE_FILES if is_episode_model(model) else YEARLY_FILES
    wanted = {(name, year) for name in names for year in years}
    if not is_episode_model(model):
        wanted |= {(PATIENTELE.name, year) for year in {*years_written(PATIENTELE, data), *years}}
    paths = {f"{name}/{year}": dataset_path(data, name, year) for name, year in sorted(wanted)}
    return {name: content_hash(path) if path.exists() else ABSENT for name, path in paths.items()}


def _yearly(data: Path, recipe: Recipe, year: int, patients: np.ndarray, exposure: np.ndarray) -> Cohort:
    spent = read_dataset(None, SPENDING, data, year).set_index("patient_id").loc[patients]
    euros = spent[[name for name in spent if str(name).endswith("_eur")]].div(exposure, axis=0).reset_index(drop=True)
    return Cohort(year, patients, exposure, known_of(data, year, patients), euros, recipe.target)


def _episodes(data: Path, recipe: Recipe, year: int) -> Cohort:
    episodes, _ = load_episodes(data, recipe, [year])
    ids = episodes.known["episode_id"].to_numpy(object)
    known = read_dataset(None, EPISODE_FEATURES, data, year).set_index("episode_id").loc[ids].reset_index()
    costs = read_dataset(None, EPISODES, data, year).set_index("episode_id").loc[ids]
    parts = [name for name in costs if str(name).startswith("cost_") and str(name).endswith("_cents")]
    euros = (costs[parts].astype(float) / 100).rename(columns=lambda name: str(name).replace("_cents", "_eur"))
    euros = euros.reset_index(drop=True).assign(**{COST: episodes.cost_eur})
    one = np.ones(len(episodes))
    return Cohort(
        year, episodes.rows.patients, one, known, euros, COST, episodes.strata, episodes.establishments.astype(object)
    )
