"""How much of what can be known a model reaches, on fictional data, where the true expectation is known.

Only the demo and the benchmarks call it: no other step reads `data/oracle`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from sklearn.metrics import r2_score

from features.errors import InputError, MissingError
from features.versions import Card
from training.episodes.evaluate import fit_table, r2_differences
from training.episodes.target import normalised, stratum_factors
from training.population import experiment_patients, load_rows
from training.recipes import Recipe, recipe_of

if TYPE_CHECKING:
    from training.episodes import EpisodeResult
    from training.episodes.population import Episodes

EXPECTED = {
    "MG": "expected_mg_eur",
    "MG_IDE": "expected_mg_ide_eur",
    "TOTAL": "expected_total_eur",
    "AMO": "expected_amo_eur",
}
KEY = ["patient_id", "year"]
ORACLE, TRUTH = "oracle", "truth_eur"
EPISODE_KEY = ["patient_id", "programme", "entry_date"]


def has_oracle(data: Path, perimeter: str) -> bool:
    """Whether data/oracle knows what a perimeter costs; that of an older `forfait synth` knew fewer."""
    path = data / ORACLE / "expected.parquet"
    return path.exists() and EXPECTED.get(perimeter) in pq.read_schema(path).names


def oracle_share(data: Path, model: str, year: int, predictions: pd.DataFrame) -> pd.DataFrame:
    """R² of the model and of the true expectation on the patients that tested the model, and their ratio.

    Spending is annualised, weighted by exposure and not capped: the truth is that of uncapped spending.
    Columns: patients, model_r2, oracle_r2, share. Errors: MissingError without the oracle of `forfait synth`.
    """
    both = _known_truth(data, recipe_of(model), year).merge(
        predictions[[*KEY, "expected_eur"]], on=KEY, validate="one_to_one"
    )
    model_r2, oracle_r2 = _r2(both, "expected_eur"), _r2(both, TRUTH)
    share = model_r2 / oracle_r2
    return pd.DataFrame([{"patients": len(both), "model_r2": model_r2, "oracle_r2": oracle_r2, "share": share}])


def oracle_table(data: Path, card: Card, predictions: pd.DataFrame) -> pd.DataFrame:
    """`oracle_share` of the test year, then of the training years on patients held out (folds of the training).

    Column judged_on: test_year or held_out. Errors: those of `oracle_share`.
    """
    tested = oracle_share(data, card.model, card.test_year or 0, predictions)
    best, reached = oracle_r2(data, recipe_of(card.model), card.training_years), card.metrics["folds_r2"]
    patients = card.population["training_patients"]
    held_out = {"patients": int(patients), "model_r2": reached, "oracle_r2": best, "share": reached / best}
    table = pd.concat([tested, pd.DataFrame([held_out])], ignore_index=True)
    return table.assign(judged_on=["test_year", "held_out"])[["judged_on", *tested.columns]]


def oracle_r2(data: Path, recipe: Recipe, years: Sequence[int]) -> float:
    """R² of the true expectation on the national reference of several years, as in `oracle_share`. Errors: the same."""
    return _r2(pd.concat([_known_truth(data, recipe, year) for year in years], ignore_index=True), TRUTH)


def _known_truth(data: Path, recipe: Recipe, year: int) -> pd.DataFrame:
    """patient_id, year, annual euros spent, weight and true expectation of the patients of the national reference."""
    path = data / ORACLE / "expected.parquet"
    if not has_oracle(data, recipe.perimeter):
        raise MissingError(
            f"{path} holds no expectation of {recipe.perimeter}: draw a fictional country (forfait synth)"
        )
    rows, _ = load_rows(data, recipe, [year], excluded=experiment_patients(data))
    known = pd.DataFrame({"patient_id": rows.patients, "year": year, "spent": rows.spent_eur, "weight": rows.exposure})
    truth = pd.read_parquet(path, columns=[*KEY, EXPECTED[recipe.perimeter]])
    truth = truth.rename(columns={EXPECTED[recipe.perimeter]: TRUTH})
    return known.merge(truth, on=KEY, validate="one_to_one")


def _r2(rows: pd.DataFrame, column: str) -> float:
    return float(r2_score(rows["spent"], rows[column], sample_weight=rows["weight"]))


def episode_oracle(data: Path, result: EpisodeResult) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The fit on the test year with a row for the true expectation, and R² of the model minus that of each other.

    The truth is normalised by stratum as the models are, on the training years. Column share of the fit: R² over that
    of the oracle. Errors: MissingError without the oracle of `forfait synth`; InputError for an episode it lacks.
    """
    trained, tested = (true_cost(data, episodes) for episodes in (result.trained, result.tested))
    factors = stratum_factors(result.trained.cost_eur, trained, result.trained.strata)
    expected = {**result.judged.expected, ORACLE: normalised(tested, result.tested.strata, factors)}
    fit = fit_table(result.tested, expected, seed=result.card.seed)
    best = float(fit.loc[fit["model"] == ORACLE, "r2"].iloc[0])
    return fit.assign(share=fit["r2"] / best), r2_differences(result.tested, expected, seed=result.card.seed)


def true_cost(data: Path, episodes: Episodes) -> np.ndarray:
    """True expectation of each episode, not normalised by stratum. Errors: as `episode_oracle`."""
    path = data / "oracle" / "episodes.parquet"
    if not path.exists():
        raise MissingError(f"{path} is missing: only fictional data has an oracle (forfait synth)")
    truth = pd.read_parquet(path, columns=[*EPISODE_KEY, "expected_in_scope_eur"])
    truth = truth.assign(entry_date=pd.to_datetime(truth["entry_date"]).astype("datetime64[us]"))
    known = episodes.known[EPISODE_KEY]
    known = known.assign(entry_date=pd.to_datetime(known["entry_date"]).astype("datetime64[us]"))
    both = known.merge(truth, on=EPISODE_KEY, how="left", validate="one_to_one")
    if lacking := int(both["expected_in_scope_eur"].isna().sum()):
        raise InputError(f"oracle/episodes.parquet lacks {lacking} of {len(both)} episodes; run forfait synth again")
    return both["expected_in_scope_eur"].to_numpy(float)
