"""How much of what can be known a model reaches, on fictional data, where the true expectation is known.

Only the demo and the benchmarks call it: no other step reads `data/oracle`.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from sklearn.metrics import r2_score

from features.errors import MissingError
from training.population import experiment_patients, load_rows
from training.recipes import recipe_of

EXPECTED = {"MG": "expected_mg_eur", "MG_IDE": "expected_mg_ide_eur", "TOTAL": "expected_total_eur"}
KEY = ["patient_id", "year"]


def oracle_share(data: Path, model: str, year: int, predictions: pd.DataFrame) -> pd.DataFrame:
    """R² of the model and of the true expectation on the patients that tested the model, and their ratio.

    Spending is annualised, weighted by exposure and not capped: the truth is that of uncapped spending.
    Columns: patients, model_r2, oracle_r2, share. Errors: MissingError without the oracle of `forfait synth`.
    """
    recipe = recipe_of(model)
    path = data / "oracle" / "expected.parquet"
    if not path.exists():
        raise MissingError(f"{path} is missing: only fictional data has an oracle (forfait synth)")
    rows, _ = load_rows(data, recipe, [year], excluded=experiment_patients(data))
    tested = pd.DataFrame({"patient_id": rows.patients, "year": year, "spent": rows.spent_eur, "weight": rows.exposure})
    truth = pd.read_parquet(path, columns=[*KEY, EXPECTED[recipe.perimeter]])
    both = tested.merge(predictions[[*KEY, "expected_eur"]], on=KEY, validate="one_to_one")
    both = both.merge(truth, on=KEY, validate="one_to_one")
    model_r2, oracle_r2 = (
        float(r2_score(both["spent"], both[column], sample_weight=both["weight"]))
        for column in ("expected_eur", EXPECTED[recipe.perimeter])
    )
    share = model_r2 / oracle_r2
    return pd.DataFrame([{"patients": len(both), "model_r2": model_r2, "oracle_r2": oracle_r2, "share": share}])
