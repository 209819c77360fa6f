"""From datasets to a frozen, tested, registered version: past years train, the last year tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd

from features.scoring import Scorer, load_scorer
from features.versions import Card
from training import judgement
from training.estimator import SpendingRegressor
from training.folds import OutOfFold, out_of_fold
from training.freeze import card_of, freeze, input_hashes, metrics_of, population_of
from training.judgement import Judgement, judge
from training.population import Rows, experiment_patients, load_columns, past_years
from training.recipes import Recipe, card_features, recipe_of

FOLDS = 5
EXPLAINED_SAMPLE = 2000
ROWS_PER_LEAF = 10_000

Say = Callable[[str], None]


@dataclass(frozen=True)
class TrainingResult:
    """A version and what was learnt of it.

    `scorer`: the frozen version, with its card and hash; `is_new`: false where the same inputs had already given
    it; `test`: see Judgement; `population`: patients kept and left out, by year and reason; `tested`:
    the rows of the test year; `notes`: what a reader must know beside the figures.
    """

    recipe: Recipe
    scorer: Scorer
    is_new: bool
    test: Judgement
    population: pd.DataFrame
    tested: Rows
    notes: tuple[str, ...]

    @property
    def card(self) -> Card:
        """The card of the version."""
        return self.scorer.card

    @cached_property
    def sample(self) -> np.ndarray:
        """Encoded rows of at most 2,000 test patients, drawn by the seed of the card."""
        drawn = np.random.default_rng(self.card.seed).permutation(len(self.tested.spent_eur))
        return self.tested.at(drawn[:EXPLAINED_SAMPLE]).matrix

    @cached_property
    def explained(self) -> np.ndarray:
        """Euros of `sample`, as `Scorer.explain`."""
        return self.scorer.explain(self.sample)

    @property
    def importance(self) -> pd.DataFrame:
        """Mean absolute euros by feature over the sample, largest first (with label_fr and family)."""
        features = self.card.features
        table = pd.DataFrame(
            {
                "feature": [feature.name for feature in features],
                "label_fr": [feature.label_fr for feature in features],
                "family": [feature.family for feature in features],
                "mean_absolute_eur": np.abs(self.explained[:, 1:-1]).mean(axis=0),
            }
        )
        return table.sort_values("mean_absolute_eur", ascending=False, kind="stable", ignore_index=True)


def train(
    data: Path,
    model: str,
    year: int,
    *,
    root: Path,
    seed: int = 0,
    recipe: Recipe | None = None,
    progress: Say | None = None,
) -> TrainingResult:
    """A version of `model` trained on the years before `year`, tested on `year`, frozen under `root`, registered.

    The same seed and inputs give the same files; where they are those of the last version, it is returned and no
    new one is made. `recipe` replaces the one of that name (for tests and experiments).
    Errors: MissingError without data, InputError for an unknown model, RequestError for a value out of range.
    """
    from training.registry import register  # MLflow takes seconds to import

    say = progress or (lambda step: None)
    recipe = recipe or recipe_of(model)
    years = past_years(data, year)
    say("1/6 reading characteristics and spending")
    rows, tested, population = _load(data, recipe, years, year)
    fitted, folded = fit_recipe(recipe, rows, seed, say)
    say("4/6 fitting the baselines and testing on the last year")
    test = judge(recipe, fitted, rows, tested, seed=seed)
    say("5/6 freezing and explaining the version")
    card = msgspec.structs.replace(
        card_of(recipe, fitted, years=(*years, year), seed=seed),
        population=population_of(rows, tested),
        metrics=metrics_of(test, folded, rows, fitted.cap_),
        data_hashes=input_hashes(data, [*years, year]),
    )
    card, is_new = freeze(root, card, fitted.booster_.model_to_string())
    scorer, notes = load_scorer(root, card.model, card.version), _notes(years, year, is_new)
    notes += sampling_notes(fitted, rows)
    result = TrainingResult(recipe, scorer, is_new, test, population, tested, notes)
    say("6/6 registering in MLflow")
    register(result, root)
    return result


def _load(data: Path, recipe: Recipe, years: list[int], year: int) -> tuple[Rows, Rows, pd.DataFrame]:
    """Training rows, test rows, and the counts of both; the national reference is without the experiments."""
    excluded = experiment_patients(data)
    rows, kept = load_columns(data, recipe, years, excluded=excluded)
    tested, kept_of_test = load_columns(data, recipe, [year], excluded=excluded)
    return rows, tested, pd.concat([kept, kept_of_test], ignore_index=True)


def fit_recipe(recipe: Recipe, rows: Rows, seed: int, say: Say) -> tuple[SpendingRegressor, OutOfFold]:
    """The estimator of a recipe fitted on all `rows`, and what its folds by patient expect of them."""
    estimator = estimator_of(recipe, rows, seed=seed)
    say("2/6 choosing the number of trees, and predicting patients by folds without them")
    folded = out_of_fold(estimator, rows, folds=FOLDS, seed=seed)
    say("3/6 fitting on all past years")
    estimator.set_params(n_estimators=folded.trees)
    estimator.fit(rows.given, rows.spent_eur, sample_weight=rows.exposure, groups=rows.patients)
    return estimator, folded


def estimator_of(recipe: Recipe, rows: Rows, *, seed: int) -> SpendingRegressor:
    """The estimator of a recipe, not fitted; its leaves depend on the number of rows."""
    return SpendingRegressor(
        objective=recipe.objective,
        n_estimators=recipe.most_trees,
        min_child_samples=smallest_leaf(len(rows.spent_eur)),
        cap_quantile=recipe.cap_quantile,
        floor_eur=recipe.floor_eur,
        balance_on=[name for name in recipe.balance_on if name in rows.names],
        monotone={known.name: known.monotone for known in card_features(recipe) if known.monotone},
        random_state=seed,
    ).set_params(**recipe.parameters)


def smallest_leaf(rows: int) -> int:
    """Fewest rows of a leaf: one in 10,000, from 11 (SNDS disclosure rule) to 1,000 (stability on national data)."""
    return min(max(rows // ROWS_PER_LEAF, 11), 1000)


def sampling_notes(fitted: SpendingRegressor, rows: Rows) -> tuple[str, ...]:
    """What was learnt on a sample of the rows, where there are many; nothing of a few."""
    notes = []
    if fitted.sampled_rows_:
        notes.append(
            f"formules, nombres d'arbres et poids appris sur {fitted.sampled_rows_} lignes de patients tirés au sort ; "
            f"arbres appris sur les {len(rows.spent_eur)}"
        )
    if len(rows.spent_eur) > judgement.MOST_ROWS:
        notes.append(f"modèles de comparaison appris sur {judgement.MOST_ROWS} lignes de patients tirés au sort")
    return tuple(notes)


def _notes(years: list[int], year: int, is_new: bool) -> tuple[str, ...]:
    trained = ", ".join(map(str, years))
    notes = [
        f"appris sur {trained}, testé sur {year}, qu'aucun apprentissage n'a vu",
        "référence nationale : les patients des structures de l'expérimentation sont écartés (comptés ci-dessous)",
    ]
    if len(years) == 1:
        notes.append(f"{trained} est la seule année passée : la stabilité du modèle d'une année à l'autre reste à voir")
    if not is_new:
        notes.append("mêmes données et même graine que cette version : aucune nouvelle n'a été faite")
    return tuple(notes)
