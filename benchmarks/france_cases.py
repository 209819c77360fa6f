"""What the models of fictional France are compared on: training rows, test rows, groups and the truth of one model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from training.balance import balance_factor, capped_target, weighted_quantile
from training.episodes.evaluate import groups_of as episode_groups
from training.episodes.population import Episodes, load_episodes, past_episode_years
from training.episodes.recipes import EPISODE_RECIPES, is_episode_model
from training.episodes.target import levelled, normalised, stratum_factors
from training.evaluation.groups import People, known_of, yearly_groupings
from training.evaluation.money import Grouping
from training.folds import split_by_patient
from training.oracle import EXPECTED, has_oracle, true_cost
from training.population import Rows, experiment_patients, load_rows, past_years
from training.recipes import Recipe, recipe_of

ONE = "all"
DECILE = "decile"  # of a model's own expectation: another grouping for each


@dataclass(frozen=True)
class Sample:
    """Rows with encoded characteristics (ranks of dtype "category"), euros, weight, patient and stratum of price."""

    known: pd.DataFrame
    euros: np.ndarray
    weight: np.ndarray
    patients: np.ndarray
    strata: np.ndarray

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.euros)

    def at(self, places: np.ndarray) -> Sample:
        """Some of the rows, by place."""
        parts = (self.euros, self.weight, self.patients, self.strata)
        return Sample(self.known.iloc[places].reset_index(drop=True), *(part[places] for part in parts))

    def target(self, cap_quantile: float | None) -> np.ndarray:
        """What is learnt: euros at one level between strata, cut at the cap and brought back to their total."""
        level = levelled(self.euros, self.strata) if len(set(self.strata)) > 1 else self.euros
        cap = None if cap_quantile is None else weighted_quantile(level, self.weight, cap_quantile)
        return capped_target(level, self.weight, cap)


@dataclass(frozen=True)
class Case:
    """One model to compare: its recipe, who trains and tests, the truth of the test rows, and their policy groups.

    `rows` is what our own training reads (Rows of years, or Episodes), for training and test.
    """

    recipe: Recipe
    trained: Sample
    tested: Sample
    truth: np.ndarray | None
    groups: tuple[Grouping, ...]
    rows: tuple[Rows, Rows] | tuple[Episodes, Episodes]

    @property
    def by_stratum(self) -> bool:
        """True for episodes: strata are treated by the price, and the fit is read within them."""
        return is_episode_model(self.recipe.model)

    @property
    def cap_quantile(self) -> float | None:
        """Share of training rows below the cap; None for episodes, whose costs are cut already."""
        return None if self.by_stratum else self.recipe.cap_quantile

    @property
    def cap_eur(self) -> float:
        """Cap of the training rows; infinite where there is none."""
        share = self.cap_quantile
        return float("inf") if share is None else weighted_quantile(self.trained.euros, self.trained.weight, share)

    def brought_to_level(
        self, expected: np.ndarray, within: np.ndarray, folded: np.ndarray, fold_rows: np.ndarray
    ) -> np.ndarray:
        """Expectations of the test rows at the level of the training years.

        Of years: times Σ euros / Σ `within`, the expectations of the training rows. Of episodes: times the factor of
        their stratum, from the out-of-fold expectations `folded` of the training rows `fold_rows`.
        """
        known = self.trained
        if self.by_stratum:
            factors = stratum_factors(known.euros[fold_rows], folded, known.strata[fold_rows])
            return normalised(expected, self.tested.strata, factors)
        return expected * balance_factor(within, float(known.weight @ known.euros), known.weight)

    def unseen(self, folds: int, *, seed: int) -> list[tuple[Case, np.ndarray]]:
        """Cases whose training years hold none of the patients that they test, and the places of those test rows.

        A patient of the test year was mostly there in the years before: trees that know their rows by heart know him.
        """
        found = []
        for _, places in split_by_patient(self.tested.patients, folds=folds, seed=seed):
            others = np.flatnonzero(~np.isin(self.trained.patients, self.tested.patients[places]))
            rows = (self.rows[0].at(others), self.rows[1].at(places))
            part = replace(self, trained=self.trained.at(others), tested=self.tested.at(places), rows=rows)
            found.append((part, places))
        return found

    def folds(self, most_rows: int, *, folds: int, seed: int) -> tuple[Sample, list[tuple[np.ndarray, np.ndarray]]]:
        """At most `most_rows` training rows, whole patients, and their folds by patient."""
        some = self.trained.at(self.some_rows(most_rows, seed=seed))
        return some, split_by_patient(some.patients, folds=folds, seed=seed)

    def some_rows(self, most_rows: int, *, seed: int) -> np.ndarray:
        """Places of the training rows of patients drawn at random, at most `most_rows`."""
        codes = pd.factorize(self.trained.patients)[0]
        order = np.random.default_rng(seed).permutation(codes.max() + 1)
        counts = np.cumsum(np.bincount(codes)[order])
        chosen = np.zeros(codes.max() + 1, dtype=bool)
        chosen[order[: max(int(np.searchsorted(counts, most_rows, side="right")), 1)]] = True
        return np.flatnonzero(chosen[codes])


def case_of(data: Path, model: str, year: int) -> Case:
    """The case of a model tested on `year`, of episodes on the year of exit before it where `year` has none."""
    return _of_episodes(data, EPISODE_RECIPES[model], year) if is_episode_model(model) else _of_years(data, model, year)


def _of_years(data: Path, model: str, year: int) -> Case:
    recipe, excluded = recipe_of(model), experiment_patients(data)
    rows, _ = load_rows(data, recipe, past_years(data, year), excluded=excluded)
    tested, _ = load_rows(data, recipe, [year], excluded=excluded)
    trained, test = (_sample(some, recipe, np.full(len(some.exposure), ONE, dtype=object)) for some in (rows, tested))
    people = People(
        tested.patients, known_of(data, year, tested.patients), tested.exposure, tested.exposure, rows.names
    )
    groups, _ = yearly_groupings(data, year, people)
    groups = tuple(group for group in groups if group.name != DECILE)
    return Case(recipe, trained, test, true_year(data, recipe, tested.patients, year), groups, (rows, tested))


def _of_episodes(data: Path, recipe: Recipe, year: int) -> Case:
    trained, _ = load_episodes(data, recipe, past_episode_years(data, recipe, year))
    tested, _ = load_episodes(data, recipe, [year])
    samples = [_sample(some.rows, recipe, some.strata) for some in (trained, tested)]
    labels = episode_groups(tested, tested.cost_eur)
    groups = tuple(Grouping(name, found, name != "size") for name, found in labels.items() if name != DECILE)
    factors = stratum_factors(trained.cost_eur, true_cost(data, trained), trained.strata)
    truth = normalised(true_cost(data, tested), tested.strata, factors)
    return Case(recipe, samples[0], samples[1], truth, groups, (trained, tested))


def _sample(rows: Rows, recipe: Recipe, strata: np.ndarray) -> Sample:
    categories = [known.name for known in recipe.features if known.kind == "category"]
    return Sample(rows.frame(categories), rows.spent_eur, rows.exposure, rows.patients, strata)


def true_year(data: Path, recipe: Recipe, patients: np.ndarray, year: int) -> np.ndarray | None:
    """True expectation of each patient; None where the oracle does not hold this perimeter."""
    if not has_oracle(data, recipe.perimeter):
        return None
    column = EXPECTED[recipe.perimeter]
    truth = pd.read_parquet(data / "oracle" / "expected.parquet", columns=["patient_id", "year", column])
    own = truth[truth["year"] == year].set_index("patient_id", verify_integrity=True)[column]
    return own.loc[patients].to_numpy(float)
