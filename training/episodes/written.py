"""Predictions and explanations of episodes as datasets: their rows, hashes of what they come from, and writing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from features.engine import dataset_path
from features.provenance import Provenance, content_hash
from features.scoring import Scorer
from features.store import read_dataset, write_dataset, years_written
from features.tables import EPISODE_FEATURES, EPISODE_PREDICTIONS, EPISODES, Table
from features.work import only_writer

READ = (EPISODES.name, EPISODE_FEATURES.name)


def hashes_of(data: Path, years: Sequence[int]) -> dict[str, str]:
    """Content hash of each file read."""
    return {f"{name}/{year}": content_hash(dataset_path(data, name, year)) for name in READ for year in years}


def with_parts(
    known: pd.DataFrame, scorer: Scorer, expected_eur: np.ndarray, *, avoidable_eur: np.ndarray | None
) -> pd.DataFrame:
    """Rows of EPISODE_PREDICTIONS without a fold; the avoidable part is at most the whole, the typical one the rest."""
    card = scorer.card
    rows = known[["episode_id", "patient_id", "programme", "sector"]].reset_index(drop=True)
    rows = rows.assign(model=card.model, version=card.version, expected_eur=expected_eur)
    rows["fold"] = pd.array([None] * len(rows), dtype="Int64")
    avoidable = np.full(len(rows), np.nan) if avoidable_eur is None else np.clip(avoidable_eur, 0.0, expected_eur)
    return rows.assign(typical_eur=expected_eur - avoidable, avoidable_eur=avoidable)


def write_cross_fitted(data: Path, scorer: Scorer, predictions: pd.DataFrame, years: np.ndarray) -> None:
    """Rows of each training year, beside those of other models and versions."""
    for year in sorted(set(map(int, years))):
        write_beside(EPISODE_PREDICTIONS, data, predictions[years == year], scorer, year=year)


def write_beside(table: Table, data: Path, rows: pd.DataFrame, scorer: Scorer, *, year: int) -> None:
    """Write `rows` of a version; those of other models and versions already there for the year are kept.

    Errors: RuleError while another command writes the same dataset and year, whose rows would be lost.
    """
    card = scorer.card
    with only_writer(data, table.name, year):
        if year in years_written(table, data):
            there = read_dataset(None, table, data, year)
            others = there[(there["model"] != card.model) | (there["version"] != card.version)]
            others = others.astype({"fold": "Int64"}) if "fold" in others else others
            rows = pd.concat([others, rows], ignore_index=True) if len(others) else rows
        write_dataset(table, data, rows, year, provenance=provenance_of(table, data, scorer, year))


def provenance_of(table: Table, data: Path, scorer: Scorer, year: int) -> Provenance:
    """The command that wrote rows of a version, and what they come from."""
    card = scorer.card
    step = "explain" if table is not EPISODE_PREDICTIONS else "train" if year in card.training_years else "predict"
    asked = card.test_year if step == "train" else year
    return Provenance(
        command=f"{step} {card.model} --year {asked}",
        inputs=tuple(dataset_path(data, name, year) for name in READ),
        parameters={"model": card.model, "version": card.version, "version_hash": scorer.hash},
        seed=card.seed,
    )
