"""Expected euros and their explanation from a frozen version: the one scoring code of training, batch and service."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import lightgbm as lgb
import numpy as np

from features.encoding import Encoder, encode_frame, encode_rows, encode_table, encoder_of
from features.explainer import Explainer, explainer_of
from features.parts import Parted, taken_apart
from features.versions import Card, read_version

if TYPE_CHECKING:
    from features.path_shapley import PathShapley

__all__ = ["Scorer", "encode_frame", "encode_rows", "encode_table", "expected_eur", "explained_eur", "load_scorer"]

BASE, FLOOR = "base_eur", "floor_eur"
ALL_CORES_ROWS = 10_000
MANY = 100  # rows from which our own walk is faster than LightGBM's, once compiled; both are equal to rounding


@dataclass(frozen=True)
class Scorer:
    """A loaded version: its trees, its card and the hash of both."""

    booster: lgb.Booster
    card: Card
    hash: str

    def predict(self, matrix: np.ndarray, *, threads: int | None = None) -> np.ndarray:
        """Expected euros for a full year, shape (n,), of an encoded matrix (n, features); `threads`: 0 for all cores.

        By default one thread for fewer than 10,000 rows, all from there: threads that wait cost more than they save.
        """
        used = _threads(matrix) if threads is None else threads
        if self.card.parts:
            raw = self._parted.expected_eur(matrix, threads=used)
        else:
            raw = np.asarray(self.booster.predict(matrix, num_threads=used))
        return expected_eur(raw, self.card.balance_factor, self.card.floor_eur)

    def explain(self, matrix: np.ndarray, *, threads: int | None = None) -> np.ndarray:
        """Euros, shape (n, features + 2): base, one column per feature, floor; each row adds up to `predict`."""
        used = _threads(matrix) if threads is None else threads
        if self.card.reference_rows:
            euros = self.card.balance_factor * self._explainer.explain(matrix, threads=used)
            return with_floor(euros, self.card.floor_eur)
        if len(matrix) < MANY:
            contributions = np.asarray(self.booster.predict(matrix, pred_contrib=True, num_threads=used))
        else:
            contributions = self._paths.explain(matrix)
        return explained_eur(contributions, self.card.balance_factor, self.card.floor_eur)

    @cached_property
    def encoder(self) -> Encoder:
        """What turns rows, tables or frames by feature name into the matrix; built once."""
        return encoder_of(self.card.features)

    @cached_property
    def _parted(self) -> Parted:
        return taken_apart(self.booster, self.card.parts)

    @cached_property
    def _explainer(self) -> Explainer:
        references = np.array(self.card.reference_rows, dtype=float).reshape(-1, len(self.card.features))
        return explainer_of(self._parted, references)

    @cached_property
    def _paths(self) -> PathShapley:
        from features.path_shapley import path_shapley  # numba takes a second to import, and few rows do without

        return path_shapley(self.booster)

    @property
    def explained_names(self) -> list[str]:
        """Names of the columns of `explain`."""
        return [BASE, *(feature.name for feature in self.card.features), FLOOR]


def load_scorer(root: Path, model: str, version: int) -> Scorer:
    """Scorer of a frozen version; errors as `read_version`."""
    card, text, digest = read_version(root, model, version)
    return Scorer(lgb.Booster(model_str=text), card, digest)


def expected_eur(raw: np.ndarray, balance_factor: float, floor_eur: float | None) -> np.ndarray:
    """balance_factor × raw, not below the floor."""
    balanced = balance_factor * raw
    return balanced if floor_eur is None else np.maximum(balanced, floor_eur)


def explained_eur(contributions: np.ndarray, balance_factor: float, floor_eur: float | None) -> np.ndarray:
    """Contributions of an identity-link model in euros; LightGBM puts the base last, we put it first.

    The last column is what the floor adds (0 where it does not bind).
    """
    return with_floor(balance_factor * np.column_stack([contributions[:, -1], contributions[:, :-1]]), floor_eur)


def with_floor(euros: np.ndarray, floor_eur: float | None) -> np.ndarray:
    """Euros with one more column: what the floor adds to the sum of the others (0 where it does not bind)."""
    total = euros.sum(axis=1)
    lifted = np.zeros(len(total)) if floor_eur is None else np.maximum(floor_eur - total, 0.0)
    return np.column_stack([euros, lifted])


def _threads(matrix: np.ndarray) -> int:
    return 1 if len(matrix) < ALL_CORES_ROWS else 0
