"""How much of what can be known a model reaches, on fictional data, where the true expectation is known.

Only the demo and the benchmarks call it: no other step reads `data/oracle`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import r2_score

from features.errors import MissingError
from features.store import read_dataset
from features.tables import SPENDING
from training.balance import weighted_quantile
from training.recipes import recipe_of

EXPECTED = {"MG": "expected_mg_eur", "MG_IDE": "expected_mg_ide_eur", "TOTAL": "expected_total_eur"}
KEY = ["patient_id", "year"]


def oracle_share(data: Path, model: str, year: int, predictions: pd.DataFrame) -> pd.DataFrame:
    """R² of the model and of the true expectation on the same patients and weights, and their ratio.

    One row uncapped, one with spending above the cap of the year's patients set to it. The truth being that of
    uncapped spending, each expectation is there mapped by the increasing function that fits capped spending best.
    Columns: spending, cap_eur, patients, model_r2, oracle_r2, share.
    Errors: MissingError without the oracle of `forfait synth`.
    """
    recipe = recipe_of(model)
    path = data / "oracle" / "expected.parquet"
    if not path.exists():
        raise MissingError(f"{path} is missing: only fictional data has an oracle (forfait synth)")
    truth = pd.read_parquet(path, columns=[*KEY, EXPECTED[recipe.perimeter]])
    spent = read_dataset(None, SPENDING, data, year)[[*KEY, "exposure_share", recipe.target]]
    both = predictions[[*KEY, "expected_eur"]].merge(spent, on=KEY, validate="one_to_one")
    both = both.merge(truth, on=KEY, validate="one_to_one")
    both = both[both["exposure_share"] > 0]
    weight = both["exposure_share"].to_numpy(float)
    observed = both[recipe.target].to_numpy(float) / weight
    cap = weighted_quantile(observed, weight, recipe.cap_quantile)
    expected = both[["expected_eur", EXPECTED[recipe.perimeter]]].to_numpy(float)
    return pd.DataFrame([_shares(observed, weight, expected, cap_eur) for cap_eur in (np.inf, cap)])


def _shares(observed: np.ndarray, weight: np.ndarray, expected: np.ndarray, cap_eur: float) -> dict[str, object]:
    if np.isfinite(cap_eur):
        observed = np.minimum(observed, cap_eur)
        fits = [IsotonicRegression().fit(column, observed, weight).predict(column) for column in expected.T]
    else:
        fits = list(expected.T)
    model_r2, oracle_r2 = (r2_score(observed, fit, sample_weight=weight) for fit in fits)
    return {
        "spending": "capped" if np.isfinite(cap_eur) else "uncapped",
        "cap_eur": float(cap_eur),
        "patients": len(observed),
        "model_r2": float(model_r2),
        "oracle_r2": float(oracle_r2),
        "share": float(model_r2 / oracle_r2),
    }
