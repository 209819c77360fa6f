"""Libraries that explain boosted trees, each asked the question that it answers, judged by ours on the same rows.

fasttreeshap 0.1.6 is not among them: it needs NumPy below 2.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np

from features.path_shapley import path_shapley
from features.scoring import Scorer
from features.tree_shapley import tree_shapley
from features.versions import Card

REFERENCES = "interventional, 100 references"
PATHS = "path-dependent"


@dataclass(frozen=True)
class Peer:
    """A library: `run` gives scores by feature, shape (n, features), of at most `rows` rows; `asks` which question."""

    name: str
    asks: str
    rows: int
    run: Callable[[Scorer, np.ndarray], np.ndarray]

    def serves(self, card: Card) -> bool:
        """Whether the version has what the question needs, and one run of trees."""
        return not card.parts and (self.asks == PATHS or bool(card.reference_rows))

    def judged(self, scorer: Scorer, rows: np.ndarray, said: np.ndarray) -> str:
        """Version, question, and how far it is from ours: in euros, or in units of the score of a log link."""
        exact = path_shapley(scorer.booster).explain(rows)[:, :-1] if self.asks == PATHS else _paired(scorer, rows)
        gap, unit = float(np.abs(said - exact).max()), "of the log"
        if scorer.card.link == "identity":
            gap, unit = gap * scorer.card.balance_factor, "EUR"
        library = self.name.split()[0]
        return f"{library} {version(library)}, {self.asks}, {len(rows)} rows; differs from ours by {gap:.0e} {unit}"


def _references(scorer: Scorer) -> np.ndarray:
    return np.array(scorer.card.reference_rows, dtype=float)


def _paired(scorer: Scorer, rows: np.ndarray) -> np.ndarray:
    """Interventional values of the score, the mean over the references."""
    references, into = _references(scorer), np.zeros(rows.shape)
    weights = np.full((len(references), 1), 1 / len(references))
    tree_shapley(scorer.booster, references).add(np.ascontiguousarray(rows), np.ones((len(rows), 1)), weights, into)
    return into


def _shap(scorer: Scorer, rows: np.ndarray) -> np.ndarray:
    import shap

    explainer = shap.TreeExplainer(scorer.booster, _references(scorer), feature_perturbation="interventional")
    return np.asarray(explainer.shap_values(rows, check_additivity=False))


def _woodelf(scorer: Scorer, rows: np.ndarray, references: np.ndarray | None) -> np.ndarray:
    import pandas as pd
    from woodelf import WoodelfExplainer  # type: ignore[import-not-found,unused-ignore]

    names = scorer.booster.feature_name()
    frame = pd.DataFrame(rows, columns=names)
    known = None if references is None else pd.DataFrame(references, columns=names)
    return np.asarray(WoodelfExplainer(scorer.booster, known).shap_values(frame, verbose=False))


PEERS = (
    Peer("shap TreeExplainer", REFERENCES, 100, _shap),
    Peer("woodelf-explainer", PATHS, 1_000, lambda scorer, rows: _woodelf(scorer, rows, None)),
    Peer("woodelf-explainer with references", REFERENCES, 1_000,
         lambda scorer, rows: _woodelf(scorer, rows, _references(scorer))),
)  # fmt: skip
