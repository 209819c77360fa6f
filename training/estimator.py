"""SpendingRegressor: boosted trees for skewed, non-negative spending, in scikit-learn's form.

The target is capped for training and the whole amount is put back by a balance factor; explanations are in
euros and add up to the prediction. It works on any table and target, not only on ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import lightgbm as lgb
import numpy as np
import pandas as pd
import pyarrow as pa
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils import Tags, check_array, check_random_state
from sklearn.utils.validation import (
    _check_sample_weight,
    check_consistent_length,
    check_is_fitted,
    column_or_1d,
    validate_data,
)

from features.explainer import explainer_of
from features.parts import Part, taken_apart
from features.scoring import BASE, FLOOR, expected_eur, explained_eur, with_floor
from training.balance import balance_factor, capped_target, held_out, weighted_quantile
from training.basis import Shape
from training.big.columns import dense, only_numbers, rows_at
from training.big.sample import Learnt, Truth, sampled
from training.choice import PATIENCE, blend, folds_of, with_cells
from training.encoding import encode_table, learn_encoding, ranks_out_of_fold, tree_names, unordered
from training.members import Table
from training.trees import balance_cells, counted_in_rows, grow, without_training_data

LINKS = {"blend": "parts", "regression": "identity", "poisson": "log", "tweedie": "log", "gamma": "log"}
REFERENCES = 100
FEWEST_ROWS = 200


class SpendingRegressor(RegressorMixin, BaseEstimator):
    """Regressor whose weighted predictions add up to the weighted spending it was fitted on.

    prediction = max(balance_factor_ × inverse link of the trees + balance_shift_, floor_eur)

    Parameters (all keyword):
    objective: "blend" (formulas and trees weighed out of fold, see training/choice.py; n_estimators is then the most
    trees of each), "regression" (squared error, additive in euros), "poisson", "tweedie" or "gamma" (log link).
    n_estimators, learning_rate, num_leaves, max_depth, min_child_samples, reg_lambda, feature_fraction,
    bagging_fraction, extra_trees (thresholds drawn at random), max_bin: as in LightGBM; bagging is redrawn at
    each tree; reg_lambda counts rows of mean target, whatever the objective and unit.
    tweedie_power: variance power, between 1 and 2.
    cap_quantile: share (0 to 1) of the weighted target above which training caps it; None does not.
    floor_eur: lowest prediction (0 or more); needs a target without negative values. A blend is floored at 0 by
    itself where no target is negative.
    balance: put the capped or lost amount back, so that Σ weight × prediction = Σ weight × target.
    balance_on: columns on whose large cells the amount is put back as well (see training/trees.py); None: one
    factor for all.
    monotone: mapping of column name (or `x0`, `x1`… of an array) to -1, 0 or +1.
    early_stopping_rounds: stop after as many trees without progress on the held-out groups; None never does.
    validation_fraction: share of groups held out for early stopping, and not trained on.
    random_state: seed. n_jobs: threads (None: all). The fitted model does not depend on the number of threads.

    Attributes: booster_, parts_, weights_ and sampled_rows_ (of a blend; see training/big/sample.py), floor_,
    balance_factor_, balance_shift_ (only where the target has negative values), cap_, n_trees_, reference_ (encoded
    reference rows of a log link), encoding_, n_features_in_, feature_names_in_.
    """

    def __init__(
        self,
        *,
        objective: str = "blend",
        n_estimators: int = 400,
        learning_rate: float = 0.05,
        num_leaves: int = 12,
        max_depth: int = 4,
        min_child_samples: int = 20,
        reg_lambda: float = 10.0,
        feature_fraction: float = 0.5,
        bagging_fraction: float = 0.8,
        extra_trees: bool = True,
        max_bin: int = 255,
        tweedie_power: float = 1.5,
        cap_quantile: float | None = None,
        floor_eur: float | None = None,
        balance: bool = True,
        balance_on: Sequence[str] | None = None,
        monotone: Mapping[str, int] | None = None,
        early_stopping_rounds: int | None = None,
        validation_fraction: float = 0.15,
        random_state: int | np.random.RandomState | None = 0,
        n_jobs: int | None = None,
    ) -> None:
        """Parameters as above; they are checked by `fit`."""
        self.objective, self.tweedie_power = objective, tweedie_power
        self.n_estimators, self.learning_rate = n_estimators, learning_rate
        self.num_leaves, self.max_depth, self.min_child_samples = num_leaves, max_depth, min_child_samples
        self.reg_lambda, self.extra_trees, self.max_bin = reg_lambda, extra_trees, max_bin
        self.feature_fraction, self.bagging_fraction = feature_fraction, bagging_fraction
        self.cap_quantile, self.floor_eur, self.monotone = cap_quantile, floor_eur, monotone
        self.balance, self.balance_on = balance, balance_on
        self.early_stopping_rounds, self.validation_fraction = early_stopping_rounds, validation_fraction
        self.random_state, self.n_jobs = random_state, n_jobs

    def fit(self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None) -> Self:
        """The fitted estimator. `groups` (a label per row, such as the patient) are never split by early stopping.

        Errors: ValueError for parameters that contradict each other or the data.
        """
        validate_data(self, X, y, skip_check_array=True)
        y = check_array(column_or_1d(y, warn=True), ensure_2d=False, dtype=float, ensure_min_samples=2)
        weight = _check_sample_weight(sample_weight, X, dtype=float, ensure_non_negative=True)
        check_consistent_length(X, y, weight)
        self._check_target(y, weight)
        self.encoding_ = learn_encoding(X, y, weight)
        matrix = self._matrix(X)
        self.cap_ = None if self.cap_quantile is None else weighted_quantile(y, weight, self.cap_quantile)
        generator = np.random.default_rng(check_random_state(self.random_state).randint(2**31 - 1))
        held = self._hold_out(y, groups, generator)
        parameters = self.tree_parameters(self._names) | {"seed": int(generator.integers(2**31 - 1))}
        self.parts_: tuple[Part, ...] = ()
        self.weights_: Mapping[str, float] = {}
        self.sampled_rows_: int | None = None
        self.floor_ = self.floor_eur
        if self._is_blend(len(y)):
            self._blend(X, matrix, (y, weight), parameters, groups)
        else:
            self.booster_ = without_training_data(self._grow(matrix, y, weight, parameters, held))
        self._parted = taken_apart(self.booster_, self.parts_) if self.parts_ else None
        self.n_trees_ = self.booster_.num_trees()
        self._balance(matrix, y, weight)
        self.reference_ = self._references(matrix, weight, generator)
        return self

    def _is_blend(self, rows: int) -> bool:
        return self.objective == "blend" and rows >= FEWEST_ROWS

    def _blend(self, X: Any, matrix: Any, truth: Truth, parameters: dict[str, Any], groups: Any) -> None:
        whole = Learnt(X, matrix, truth, capped_target(*truth, self.cap_), groups)
        some = sampled(whole, parameters, tree_names(self._names))
        self.sampled_rows_ = len(some.capped) if some.grow else None
        folds = folds_of(len(some.capped), some.groups, parameters["seed"])
        ranked, values = ranks_out_of_fold(self.encoding_, some.X, some.matrix, some.truth, folds)
        directions = {n: sign for n, name in enumerate(self._names) if (sign := (self.monotone or {}).get(name, 0))}
        shape = Shape(unordered(some.X, self.encoding_), values, directions)
        table = Table(ranked, np.asarray(some.matrix, float), some.capped, some.truth[1], folds, shape, some.grow)
        stopped = some.parameters(parameters) | {"early_stopping_round": self.early_stopping_rounds or PATIENCE}
        found = blend(table, stopped, tree_names(self._names))
        del table, some  # and the bins of all rows that a sample grows its trees on
        cells = self.balance_columns(self._names)
        if cells:
            found = with_cells(found, matrix, truth, parameters, cells=cells)
        self.booster_, self.parts_, self.weights_ = lgb.Booster(model_str=found.text), found.parts, found.weights
        if self.floor_ is None and not (truth[0] < 0).any():
            self.floor_ = 0.0

    def predict(self, X: Any) -> np.ndarray:
        """Expected target of each row, shape (n,), in the unit of the target."""
        check_is_fitted(self)
        raw = self._raw(self._matrix(X, reset=False))
        return expected_eur(raw, self.balance_factor_, self.floor_) + self.balance_shift_

    def explain(self, X: Any) -> pd.DataFrame:
        """Euros of each row: `base_eur`, one column per feature, `floor_eur` where a floor is set.

        They add up to `predict`. The base is the mean prediction: of the training rows, or of the reference rows
        for a log link.
        """
        check_is_fitted(self)
        matrix = self._matrix(X, reset=False)
        if len(self.reference_):
            explainer = explainer_of(self._parted or taken_apart(self.booster_, ()), self.reference_)
            euros = with_floor(self.balance_factor_ * explainer.explain(matrix, threads=self._threads), self.floor_)
        else:
            contributions = self.booster_.predict(matrix, pred_contrib=True, num_threads=self._threads)
            euros = explained_eur(np.asarray(contributions), self.balance_factor_, self.floor_)
        euros[:, 0] += self.balance_shift_
        frame = pd.DataFrame(euros, columns=[BASE, *self._names, FLOOR], index=getattr(X, "index", None))
        return frame if self.floor_ is not None else frame.drop(columns=FLOOR)

    def tree_parameters(self, names: Sequence[str]) -> dict[str, Any]:
        """LightGBM's parameters for columns `names`, without the seed; deterministic on any number of threads."""
        monotone = dict(self.monotone or {})
        unknown = sorted(set(monotone) - set(names))
        if unknown:
            raise ValueError(f"monotone names {unknown[0]!r}, which is not a column; columns: {list(names[:8])}")
        return {
            "objective": "regression" if self.objective == "blend" else self.objective,
            "tweedie_variance_power": self.tweedie_power,
            "num_iterations": self.n_estimators,
            "learning_rate": self.learning_rate,
            "num_leaves": self.num_leaves,
            "max_depth": self.max_depth,
            "min_data_in_leaf": self.min_child_samples,
            "lambda_l2": self.reg_lambda,
            "feature_fraction": self.feature_fraction,
            "bagging_fraction": self.bagging_fraction,
            "bagging_freq": int(self.bagging_fraction < 1),
            "extra_trees": self.extra_trees,
            "max_bin": self.max_bin,
            "monotone_constraints": [monotone.get(name, 0) for name in names] if any(monotone.values()) else None,
            "early_stopping_round": self.early_stopping_rounds,
            "num_threads": self._threads,
            "deterministic": True,
            "force_row_wise": True,
            "verbosity": -1,
        }

    def balance_columns(self, names: Sequence[str]) -> list[int]:
        """Places among `names` of the columns of `balance_on`; empty where the balance is one factor for all."""
        wanted = list(self.balance_on or ()) if self.balance else []
        unknown = [name for name in wanted if name not in names]
        if unknown:
            raise ValueError(f"balance_on names {unknown[0]!r}, which is not a column; columns: {list(names[:8])}")
        return [list(names).index(name) for name in wanted]

    def __sklearn_tags__(self) -> Tags:
        """Tags of scikit-learn: missing values are taken; a log link takes no negative target."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.target_tags.positive_only = LINKS.get(self.objective) == "log"
        return tags

    @property
    def _threads(self) -> int:
        return self.n_jobs if self.n_jobs and self.n_jobs > 0 else 0

    @property
    def _names(self) -> list[str]:
        given = getattr(self, "feature_names_in_", None)
        return [f"x{number}" for number in range(self.n_features_in_)] if given is None else list(given)

    def _matrix(self, X: Any, *, reset: bool = True) -> Any:
        checks = {"dtype": [np.float64, np.float32], "ensure_all_finite": "allow-nan"}
        if not isinstance(X, (pd.DataFrame, pa.Table)):
            return validate_data(self, X, reset=reset, **checks)
        validate_data(self, X, reset=reset, skip_check_array=True)
        if isinstance(X, pa.Table):
            return only_numbers(X)
        return check_array(encode_table(self.encoding_, X), estimator=self, **checks)

    def _raw(self, matrix: np.ndarray) -> np.ndarray:
        if self._parted:
            return self._parted.expected_eur(matrix, threads=self._threads)
        return np.asarray(self.booster_.predict(matrix, num_threads=self._threads))

    def _check_target(self, y: np.ndarray, weight: np.ndarray) -> None:
        if self.objective not in LINKS:
            raise ValueError(f"objective {self.objective!r} is unknown; choose one of {', '.join(LINKS)}")
        if weight.sum() <= 0:
            raise ValueError("every sample_weight is zero; give at least one positive weight")
        if (y < 0).any() and (LINKS[self.objective] == "log" or self.floor_eur is not None):
            raise ValueError("the target has negative values; use objective='regression' without floor_eur")
        if self.floor_eur is not None and self.floor_eur < 0:
            raise ValueError(f"floor_eur is {self.floor_eur}; it should be 0 or more")
        if self.objective == "gamma" and (y == 0).any():
            raise ValueError("the target has zeros, which gamma does not take; use objective='tweedie'")
        if LINKS[self.objective] == "log" and not weight @ y > 0:
            raise ValueError("the target is zero everywhere; use objective='regression'")

    def _hold_out(self, y: np.ndarray, groups: Any, generator: np.random.Generator) -> np.ndarray | None:
        if not self.early_stopping_rounds:
            return None
        labels = np.arange(len(y)) if groups is None else np.asarray(groups)
        check_consistent_length(y, labels)
        return held_out(labels, self.validation_fraction, generator)

    def _grow(
        self, matrix: np.ndarray, y: np.ndarray, weight: np.ndarray, parameters: dict[str, Any], held: np.ndarray | None
    ) -> lgb.Booster:
        cells = self.balance_columns(self._names)
        target = capped_target(y, weight, self.cap_)
        parameters = counted_in_rows(parameters, target, weight)
        asked, names = dict(parameters), tree_names(self._names)
        data = lgb.Dataset(
            matrix, target, weight=weight, feature_name=names, params=asked, free_raw_data=not cells
        )  # fmt: skip
        booster = grow(data, parameters, held)
        return balance_cells(booster, data, y, parameters, columns=cells) if cells else booster

    def _balance(self, matrix: np.ndarray, y: np.ndarray, weight: np.ndarray) -> None:
        self.balance_factor_, self.balance_shift_ = 1.0, 0.0
        if not self.balance:
            return
        raw = self._raw(matrix)
        if (y < 0).any():
            self.balance_shift_ = float(weight @ (y - raw) / weight.sum())
        else:
            some = weight > 0
            self.balance_factor_ = balance_factor(raw[some], float(weight @ y), weight[some], floor=self.floor_)

    def _references(self, matrix: np.ndarray, weight: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        if LINKS[self.objective] != "log" and all(part.link == "identity" for part in self.parts_):
            return np.empty((0, self.n_features_in_))
        count = min(REFERENCES, int((weight > 0).sum()))
        return dense(rows_at(matrix, generator.choice(len(matrix), count, replace=False, p=weight / weight.sum())))
