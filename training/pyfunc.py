"""What MLflow loads as a pyfunc: a frozen version, as text and JSON, scored by the code of the service."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from features.scoring import Scorer, encode_frame, load_scorer


@dataclass(frozen=True)
class LoadedVersion:
    """A version as MLflow's pyfunc expects it."""

    scorer: Scorer

    def predict(self, frame: pd.DataFrame, params: dict[str, object] | None = None) -> np.ndarray:
        """Expected euros for a full year, shape (n,), of a frame of features by name.

        Errors: RequestError naming field and row, as the service.
        """
        return self.scorer.predict(encode_frame(self.scorer.card.features, frame))


def _load_pyfunc(path: str) -> LoadedVersion:
    """MLflow's entry point: `path` holds <model>/<version>/model.txt and card.json."""
    root = Path(path)
    card = next(root.glob("*/*/card.json"))
    return LoadedVersion(load_scorer(root, card.parent.parent.name, int(card.parent.name)))
