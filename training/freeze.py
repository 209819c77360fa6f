"""A fitted model as a frozen version: its card, and its number."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pandas as pd

from features.engine import dataset_path
from features.provenance import content_hash
from features.store import years_written
from features.tables import PATIENTELE
from features.versions import Card, read_version, sha256, versions_of, write_version
from training.estimator import LINKS, SpendingRegressor
from training.evaluate import fit_metrics
from training.folds import OutOfFold
from training.judgement import Judgement, observed_of
from training.population import Rows
from training.recipes import Recipe, card_features

NOT_PARAMETERS = ("monotone", "n_jobs", "cap_quantile", "floor_eur", "objective", "random_state", "balance_on")


def card_of(recipe: Recipe, fitted: SpendingRegressor, *, years: tuple[int, ...], seed: int) -> Card:
    """The card of a fitted model, numbered 1, without its data and metrics; the last of `years` tests."""
    parameters = {name: value for name, value in fitted.get_params().items() if name not in NOT_PARAMETERS}
    parameters |= {"balance_on": ", ".join(fitted.balance_on or ()), "trees": fitted.n_trees_}
    parameters |= {"sampled_rows": fitted.sampled_rows_} if fitted.sampled_rows_ else {}
    references = tuple(tuple(None if np.isnan(value) else float(value) for value in row) for row in fitted.reference_)
    return Card(
        model=recipe.model,
        version=1,
        perimeter=recipe.perimeter,
        objective=fitted.objective,
        link="parts" if fitted.parts_ else "identity" if fitted.objective == "blend" else LINKS[fitted.objective],
        parts=fitted.parts_,
        balance_factor=fitted.balance_factor_,
        floor_eur=fitted.floor_,
        cap_quantile=fitted.cap_quantile,
        cap_eur=fitted.cap_,
        features=card_features(recipe),
        reference_rows=references,
        training_years=years[:-1],
        test_year=years[-1],
        parameters=parameters,
        seed=seed,
        model_sha256=sha256(fitted.booster_.model_to_string().encode()),
    )


def metrics_of(judgement: Judgement, folded: OutOfFold, rows: Rows, cap: float | None) -> dict[str, float]:
    """Figures of the card: on the test year (`test_`) and on the training years, out of fold (`folds_`)."""
    tested = judgement.fit.iloc[0].drop("model").to_dict()
    folds = fit_metrics(observed_of(rows, rows, cap), folded.expected_eur)
    return {f"test_{name}": float(value) for name, value in tested.items()} | {
        f"folds_{name}": value for name, value in folds.items()
    }


def population_of(rows: Rows, tested: Rows) -> dict[str, float]:
    """Size and spending of the training (`training_`) and test (`test_`) populations."""
    return {
        f"{name}_{key}": value
        for name, some in (("training", rows), ("test", tested))
        for key, value in {
            "rows": float(len(some.spent_eur)),
            "patients": float(len(pd.unique(some.patients))),
            "patient_years": float(some.exposure.sum()),
            "spent_eur": some.total_eur,
            "mean_eur": some.total_eur / float(some.exposure.sum()),
            "zero_share": float(np.average(some.spent_eur == 0, weights=some.exposure)),
        }.items()
    }


def input_hashes(data: Path, years: list[int]) -> dict[str, str]:
    """Content hash of each file read: characteristics and spending of the years, every patientèle left out."""
    read = [(name, year) for name in ("feature_table", "spending") for year in years]
    read += [(PATIENTELE.name, year) for year in years_written(PATIENTELE, data)]
    return {f"{name}/{year}": content_hash(dataset_path(data, name, year)) for name, year in read}


def freeze(root: Path, card: Card, model_text: str) -> tuple[Card, bool]:
    """The card with its number, and whether it is new: the content of the last version stays that version."""
    known = versions_of(root, card.model)
    if known:
        last, _, _ = read_version(root, card.model, known[-1])
        if msgspec.structs.replace(card, version=last.version) == last:
            return last, False
    numbered = msgspec.structs.replace(card, version=known[-1] + 1 if known else 1)
    write_version(root, numbered, model_text)
    return numbered, True
