"""Cross-fitting: every episode priced by a model that saw neither its patient (or establishment) nor its cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from training.balance import balance_factor
from training.episodes.evaluate import r2_after_normalising
from training.episodes.population import Episodes
from training.episodes.target import levelled
from training.estimator import LINKS, SpendingRegressor
from training.folds import split_by_patient

FOLDS = 5
STEP = 10

Expect = Callable[[Episodes], np.ndarray]
Fit = Callable[[Episodes], Expect]


@dataclass(frozen=True)
class Choice:
    """Settings chosen on the folds: the estimator with its number of trees, and what the folds expect of each row.

    `r2`: the best R² within strata of each objective on those folds; `objective` is the better one.
    """

    estimator: SpendingRegressor
    expected_eur: np.ndarray
    r2: dict[str, float]

    @property
    def objective(self) -> str:
        """Objective kept."""
        return str(self.estimator.objective)


def folds_by(groups: np.ndarray, *, seed: int, folds: int = FOLDS) -> np.ndarray:
    """Number of the fold of each row; all rows of a group fall in one."""
    found = np.empty(len(groups), dtype=int)
    for number, (_, unseen) in enumerate(split_by_patient(groups, folds=folds, seed=seed)):
        found[unseen] = number
    return found


def cross_fitted(fit: Fit, episodes: Episodes, fold: np.ndarray) -> np.ndarray:
    """Expected cost of each episode by a model fitted on the other folds."""
    expected = np.empty(len(episodes))
    for number in np.unique(fold):
        unseen = fold == number
        expected[unseen] = fit(episodes.at(np.flatnonzero(~unseen)))(episodes.at(np.flatnonzero(unseen)))
    return expected


def choose(candidates: Sequence[SpendingRegressor], episodes: Episodes, fold: np.ndarray) -> Choice:
    """The candidate and number of trees (at most its `n_estimators`) with the best R² within strata on the folds."""
    best: tuple[float, Choice | None] = (-np.inf, None)
    r2: dict[str, float] = {}
    for candidate in candidates:
        stages = staged(candidate, episodes, fold)
        scores = [r2_after_normalising(episodes.cost_eur, stage, episodes.strata) for stage in stages]
        place = int(np.argmax(scores))
        r2[candidate.objective] = max(scores[place], r2.get(candidate.objective, -np.inf))
        if scores[place] > best[0]:
            chosen = SpendingRegressor(**{**candidate.get_params(), "n_estimators": STEP * (place + 1)})
            best = scores[place], Choice(chosen, stages[place], r2)
    assert best[1] is not None
    return best[1]


def staged(candidate: SpendingRegressor, episodes: Episodes, fold: np.ndarray) -> np.ndarray:
    """Out-of-fold expectations after every tenth tree, shape (stages, n), balanced on the folds that were seen."""
    found = np.empty((int(candidate.n_estimators) // STEP, len(episodes)))
    for number in np.unique(fold):
        seen, unseen = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        known = episodes.at(seen)
        target = levelled(known.cost_eur, known.strata)
        fitted = SpendingRegressor(**candidate.get_params()).fit(known.rows.frame(), target)
        within, beyond = _stages(fitted, known.rows.matrix), _stages(fitted, episodes.rows.matrix[unseen])
        for place, (inside, outside) in enumerate(zip(within, beyond, strict=True)):
            found[place, unseen] = balance_factor(inside, float(target.sum())) * outside
    return found


def _stages(fitted: SpendingRegressor, matrix: np.ndarray) -> list[np.ndarray]:
    """Unbalanced predictions after every tenth tree; those that could not be grown leave it as it was."""
    raw, found = np.zeros(len(matrix)), []
    for start in range(0, int(fitted.n_estimators), STEP):
        if start < fitted.n_trees_:
            more = fitted.booster_.predict(matrix, raw_score=True, start_iteration=start, num_iteration=STEP)
            raw = raw + np.asarray(more)
        found.append(np.exp(raw) if LINKS[fitted.objective] == "log" else raw)
    return found


def boosted(settings: SpendingRegressor) -> Fit:
    """The fit of an estimator with its settings, on costs brought to one level between sectors."""

    def fit(episodes: Episodes) -> Expect:
        fitted = SpendingRegressor(**settings.get_params())
        fitted.fit(episodes.rows.frame(), levelled(episodes.cost_eur, episodes.strata))
        return lambda unseen: fitted.predict(unseen.rows.frame())

    return fit
