"""From episodes to a frozen, tested, registered version: past years train and are cross-fitted, the last year tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd

from features.errors import InputError
from features.scoring import Scorer, load_scorer
from features.versions import EPISODE_UNIT, Card
from training.episodes.folds import Choice, choose, folds_by
from training.episodes.judgement import EpisodeJudgement, judge_episodes
from training.episodes.population import Episodes, load_episodes, past_episode_years, policy_of
from training.episodes.recipes import (
    AVOIDABLE,
    DEPTHS,
    OBJECTIVES,
    SLOWER,
    avoidable_recipe,
    checked_recipe,
    episode_recipe_of,
)
from training.episodes.target import levelled
from training.episodes.written import hashes_of, with_parts, write_cross_fitted
from training.estimator import SpendingRegressor
from training.freeze import card_of, freeze, population_of
from training.judgement import Judgement
from training.recipes import Recipe, card_features
from training.train import TrainingResult

SMALLEST_LEAF = 20
FEWEST_EVENTS = 30
ONE_THREAD_BELOW = 50_000  # on few rows threads wait for each other

Say = Callable[[str], None]


@dataclass(frozen=True)
class EpisodeResult:
    """A version of a model of episodes and what was learnt of it.

    `version`: as of any model (card, hash, importance, pictures); `judged`: see EpisodeJudgement; `trained`, `tested`:
    the episodes of the years before and of the test year; `avoidable`: the frozen part of avoidable complications,
    None where too few episodes have any; `predictions`: the cross-fitted rows of EPISODE_PREDICTIONS, written.
    """

    version: TrainingResult
    judged: EpisodeJudgement
    trained: Episodes
    tested: Episodes
    avoidable: Scorer | None
    predictions: pd.DataFrame

    @property
    def card(self) -> Card:
        """The card of the version."""
        return self.version.card


def train_episodes(
    data: Path,
    model: str,
    year: int,
    *,
    root: Path,
    seed: int = 0,
    recipe: Recipe | None = None,
    progress: Say | None = None,
) -> EpisodeResult:
    """A version of `model` trained on the years of exit before `year`, tested on `year`, frozen under `root`.

    Settings (objective, depth, trees) are chosen on folds of the training years; the test year chooses nothing. The
    cross-fitted predictions of the training years are written to EPISODE_PREDICTIONS. The same seed and inputs give
    the same files and version. Errors: MissingError without data or with too few episodes; InputError for an unknown
    model or a characteristic that is not known at admission.
    """
    from training.episodes.report import registered  # MLflow takes seconds to import

    say = progress or (lambda step: None)
    recipe = checked_recipe(recipe or episode_recipe_of(model))
    run = _Run(data, root, recipe, (*past_episode_years(data, recipe, year), year), seed)
    say("1/5 reading episodes and what was known at admission")
    samples, population, policy = _load(run)
    learnt = _learn(run, samples, say)
    say("4/5 freezing the version and its avoidable part")
    result = _kept(run, learnt, samples, population=population, policy=policy)
    say("5/5 registering in MLflow")
    registered(result, root)
    return result


@dataclass(frozen=True)
class _Learnt:
    """What was learnt: folds by patient, settings chosen on them, the model fitted on all of them, its judgement."""

    fold: np.ndarray
    choice: Choice
    fitted: SpendingRegressor
    judged: EpisodeJudgement


def _learn(run: _Run, samples: tuple[Episodes, Episodes], say: Say) -> _Learnt:
    trained = samples[0]
    say("2/5 choosing objective, depth and trees on folds by patient")
    fold = folds_by(trained.rows.patients, seed=run.seed)
    choice, fitted = choose_and_fit(run.recipe, trained, seed=run.seed)
    say("3/5 fitting the baselines and testing on the last year")
    judged = judge_episodes(
        run.recipe, choice, lambda rows: fitted.predict(rows.rows.frame()), samples=samples, seed=run.seed
    )
    return _Learnt(fold, choice, fitted, judged)


def _kept(
    run: _Run, learnt: _Learnt, samples: tuple[Episodes, Episodes], *, population: pd.DataFrame, policy: str
) -> EpisodeResult:
    """The result, once its versions are frozen and the cross-fitted predictions written."""
    trained, judged, recipe = samples[0], learnt.judged, run.recipe
    avoidable, avoidable_folds = run.avoidable(trained, learnt.fold)
    own = {"index_dx_policy": policy, "folds": int(learnt.fold.max()) + 1, **_named_part(avoidable)}
    card, is_new = run.freeze(recipe, learnt.fitted, samples, own=own, metrics=_metrics(judged))
    scorer = load_scorer(run.root, card.model, card.version)
    expected = np.maximum(learnt.choice.expected_eur, recipe.floor_eur or 0.0)
    predictions = with_parts(trained.known, scorer, expected, avoidable_eur=avoidable_folds).assign(fold=learnt.fold)
    write_cross_fitted(run.data, scorer, predictions, trained.known["year"].to_numpy())
    plain = Judgement(judged.fit, judged.differences, judged.ratios, float("inf"))
    notes = _notes(run.years[:-1], run.years[-1], is_new)
    version = TrainingResult(recipe, scorer, is_new, plain, population, samples[1].rows, notes)
    return EpisodeResult(version, judged, *samples, avoidable, predictions)


def choose_and_fit(recipe: Recipe, trained: Episodes, *, seed: int) -> tuple[Choice, SpendingRegressor]:
    """Settings chosen on folds by patient, and the estimator fitted with them on all `trained`."""
    choice = choose(candidates(recipe, trained, seed=seed), trained, folds_by(trained.rows.patients, seed=seed))
    return choice, _fit(choice, trained)


def candidates(recipe: Recipe, episodes: Episodes, *, seed: int) -> list[SpendingRegressor]:
    """The settings that the folds compare: each objective, trees of depth 1 to 3, and of the deepest grown slowly.

    Few rows ask for little trees; thousands pay for slow ones, each on fewer characteristics.
    """
    quick = [_settings(recipe, episodes, (objective, depth), seed=seed) for objective in OBJECTIVES for depth in DEPTHS]
    slow = [_settings(recipe, episodes, (objective, DEPTHS[-1]), seed=seed) for objective in OBJECTIVES]
    return [*quick, *(settings.set_params(**SLOWER) for settings in slow)]


def _settings(recipe: Recipe, episodes: Episodes, shape: tuple[str, int], *, seed: int) -> SpendingRegressor:
    objective, depth = shape
    return SpendingRegressor(
        objective=objective,
        n_estimators=recipe.most_trees,
        max_depth=depth,
        num_leaves=2**depth,
        min_child_samples=max(SMALLEST_LEAF, len(episodes) // 1000),
        floor_eur=recipe.floor_eur,
        monotone={known.name: known.monotone for known in card_features(recipe) if known.monotone},
        random_state=seed,
        n_jobs=1 if len(episodes) < ONE_THREAD_BELOW else None,
    ).set_params(**recipe.parameters)


def _fit(choice: Choice, episodes: Episodes) -> SpendingRegressor:
    target = levelled(episodes.cost_eur, episodes.strata)
    return SpendingRegressor(**choice.estimator.get_params()).fit(episodes.rows.frame(), target)


def _load(run: _Run) -> tuple[tuple[Episodes, Episodes], pd.DataFrame, str]:
    years, year = run.years[:-1], run.years[-1]
    trained, kept = load_episodes(run.data, run.recipe, years)
    tested, kept_of_test = load_episodes(run.data, run.recipe, [year])
    policies = sorted({policy_of(run.data, known) for known in run.years})
    if len(policies) > 1:
        raise InputError(
            f"episode_features: index_dx_policy is {' and '.join(policies)} in different years; "
            "build every year under one: forfait episodes"
        )
    return (trained, tested), pd.concat([kept, kept_of_test], ignore_index=True), policies[0]


@dataclass(frozen=True)
class _Run:
    """What is asked, and where its versions are frozen: data, root, recipe, years (the last tests), seed."""

    data: Path
    root: Path
    recipe: Recipe
    years: tuple[int, ...]
    seed: int

    def freeze(
        self,
        recipe: Recipe,
        fitted: SpendingRegressor,
        samples: tuple[Episodes, Episodes],
        *,
        own: dict[str, str | int],
        metrics: dict[str, float],
    ) -> tuple[Card, bool]:
        """The frozen card and whether it is new."""
        plain = card_of(recipe, fitted, years=self.years, seed=self.seed)
        card = msgspec.structs.replace(
            plain,
            unit=EPISODE_UNIT,
            parameters={**plain.parameters, **own},
            population=population_of(samples[0].rows, samples[1].rows),
            metrics={name: value for name, value in metrics.items() if np.isfinite(value)},
            data_hashes=hashes_of(self.data, self.years),
        )
        return freeze(self.root, card, fitted.booster_.model_to_string())

    def avoidable(self, trained: Episodes, fold: np.ndarray) -> tuple[Scorer | None, np.ndarray | None]:
        """The frozen model of the avoidable part and its cross-fitted euros; None where too few episodes have any.

        One Tweedie model with log link is P(PAC) × E[cost | PAC]: a Poisson number of gamma amounts.
        """
        part = trained.with_cost(trained.known["avoidable_eur"].to_numpy(float))
        if int((part.cost_eur > 0).sum()) < FEWEST_EVENTS:
            return None, None
        recipe = avoidable_recipe(self.recipe)
        settings = [_settings(recipe, part, ("tweedie", depth), seed=self.seed) for depth in DEPTHS]
        choice = choose(settings, part, fold)
        fitted = _fit(choice, part)
        metrics = {"folds_r2": choice.r2["tweedie"], "events": float((part.cost_eur > 0).sum())}
        card, _ = self.freeze(recipe, fitted, (part, part), own={"part_of": self.recipe.model}, metrics=metrics)
        return load_scorer(self.root, card.model, card.version), choice.expected_eur


def _named_part(avoidable: Scorer | None) -> dict[str, str | int]:
    if avoidable is None:
        return {}
    card = avoidable.card
    named: dict[str, str | int] = {"model": card.model, "version": card.version, "hash": avoidable.hash}
    return {f"{AVOIDABLE}_{name}": value for name, value in named.items()}


def _metrics(judged: EpisodeJudgement) -> dict[str, float]:
    """Figures of the card: test year, folds by objective, checks, factor of each stratum, baselines."""
    found = {f"test_{name}": float(value) for name, value in judged.fit.iloc[0].drop("model").items()}
    found |= {f"test_r2_{row['model']}": float(row["r2"]) for _, row in judged.fit.iloc[1:].iterrows()}
    found |= {f"folds_r2_{name}": value for name, value in judged.folds_r2.items()}
    found |= {f"{row['evaluation']}_r2": float(row["r2"]) for _, row in judged.checks.iterrows()}
    own = judged.factors["lightgbm"]
    return found | {f"factor_{name}": value for name, value in own.items()} | {"glm_alpha": judged.alpha}


def _notes(years: Sequence[int], year: int, is_new: bool) -> tuple[str, ...]:
    trained = ", ".join(map(str, years))
    notes = [
        f"appris sur {trained}, testé sur {year}, qu'aucun choix n'a vu",
        "coûts coupés au 1er et au 99e centile par secteur et par année ; le secteur est traité par le prix",
        "comparaisons après la même normalisation par strate, tirée des années d'apprentissage",
    ]
    if len(years) == 1:
        notes.append(f"{trained} est la seule année passée : la stabilité d'une année à l'autre reste à voir")
    if not is_new:
        notes.append("mêmes données et même graine que cette version : aucune nouvelle n'a été faite")
    return tuple(notes)
