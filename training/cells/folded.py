"""A version fitted again without each fold in turn, so that a layer can be judged on patients that neither it nor the
model has seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import msgspec
import numpy as np
import pandas as pd

from features.scoring import Scorer
from features.versions import Card
from training.cells.declare import Cells
from training.cells.layer import FitRows, Layer, Rule, fit_layer, floored
from training.estimator import SpendingRegressor
from training.folds import split_by_patient
from training.freeze import card_of
from training.population import Rows
from training.recipes import Recipe

Say = Callable[[str], None]


@dataclass(frozen=True)
class Fold:
    """Rows that a fit saw and those that it did not (numbers), and euros before the floor that it expects of each."""

    seen: np.ndarray
    unseen: np.ndarray
    of_seen: np.ndarray
    of_unseen: np.ndarray


@dataclass(frozen=True)
class Folded:
    """All training rows, the folds, the floor, and how a layer is fitted (rule, directions by feature number)."""

    rows: Rows
    folds: tuple[Fold, ...]
    floor: float | None
    rule: Rule
    directions: dict[int, int]

    @cached_property
    def people(self) -> np.ndarray:
        """Number of the patient of each row."""
        return pd.factorize(self.rows.patients)[0]

    @property
    def before(self) -> np.ndarray:
        """Expected euros of each row by the fit that did not see it."""
        expected = np.empty(len(self.rows.exposure))
        for fold in self.folds:
            expected[fold.unseen] = floored(fold.of_unseen, self.floor)
        return expected

    def after(self, cells: Sequence[Cells]) -> np.ndarray:
        """The same with a layer of `cells` that was fitted, in each fold, on the rows that its fit saw."""
        expected = np.empty(len(self.rows.exposure))
        codes = [one.codes(self.rows.matrix) for one in cells]
        for fold in self.folds:
            layer = self._layer(cells, [code[fold.seen] for code in codes], fold.seen, fold.of_seen)
            added = layer.of_codes([code[fold.unseen] for code in codes], len(fold.unseen))
            expected[fold.unseen] = floored(fold.of_unseen + added, self.floor)
        return expected

    def whole(self, cells: Sequence[Cells], before_floor: np.ndarray) -> Layer:
        """The layer of `cells` on all rows, of which these euros are expected before the floor."""
        everyone = np.arange(len(before_floor))
        return self._layer(cells, [one.codes(self.rows.matrix) for one in cells], everyone, before_floor)

    def _layer(
        self, cells: Sequence[Cells], codes: Sequence[np.ndarray], chosen: np.ndarray, before_floor: np.ndarray
    ) -> Layer:
        rows = self.rows
        some = FitRows(
            before_floor, rows.spent_eur[chosen], rows.exposure[chosen], self.people[chosen], self.floor
        )  # fmt: skip
        return fit_layer(cells, codes, rows=some, rule=self.rule, directions=self.directions)


def folded(
    card: Card, recipe: Recipe, rows: Rows, *, rule: Rule, folds: int = 5, progress: Say | None = None
) -> Folded:
    """The version of `card` fitted again on the rows without each fold of patients, its trees as many as the card's."""
    say = progress or (lambda step: None)
    found = []
    for number, (seen, unseen) in enumerate(split_by_patient(rows.patients, folds=folds, seed=card.seed), 1):
        say(f"fitting again without fold {number}/{folds}")
        estimator = estimator_of(card)
        estimator.fit(
            rows.frame().iloc[seen], rows.spent_eur[seen], sample_weight=rows.exposure[seen], groups=rows.patients[seen]
        )
        years = (*card.training_years, card.test_year or 0)
        one = bare(Scorer(estimator.booster_, card_of(recipe, estimator, years=years, seed=card.seed), ""))
        found.append(Fold(seen, unseen, one.predict(rows.matrix[seen]), one.predict(rows.matrix[unseen])))
    directions = {place: known.monotone for place, known in enumerate(card.features) if known.monotone}
    return Folded(rows, tuple(found), card.floor_eur, rule, directions)


def bare(scorer: Scorer) -> Scorer:
    """The version without its floor."""
    return replace(scorer, card=msgspec.structs.replace(scorer.card, floor_eur=None))


def estimator_of(card: Card) -> SpendingRegressor:
    """The estimator, not fitted, whose parameters are those of the card."""
    taken = set(SpendingRegressor().get_params()) - {"balance_on"}
    given = {name: value for name, value in card.parameters.items() if name in taken}
    cells = [name for name in str(card.parameters.get("balance_on") or "").split(", ") if name]
    return SpendingRegressor().set_params(
        **given,
        objective=card.objective,
        cap_quantile=card.cap_quantile,
        floor_eur=card.floor_eur,
        balance_on=cells or None,
        monotone={known.name: known.monotone for known in card.features if known.monotone},
        random_state=card.seed,
    )
