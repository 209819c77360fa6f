"""The nation's fixed sample, drawn over the ids of a year's patients before their characteristics are read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from features.tables import FEATURE_TABLE
from training.bulk import batches
from training.population import experiment_patients

NATIONAL_SAMPLE = 10_000
ASKED = ["patient_id", "has_declared_doctor"]


@dataclass(frozen=True)
class Sample:
    """Patients drawn among those of reference: `places` among them, ascending, and the `rank` in which each was drawn.

    `excluded`: patients of the experiments, who are of no reference.
    """

    places: np.ndarray
    rank: np.ndarray
    excluded: pd.Index

    def found(self, batch: pa.RecordBatch, before: int) -> tuple[np.ndarray, np.ndarray, int]:
        """Rows of a batch that were drawn, their ranks, and its patients of reference, after so many `before`."""
        rows = np.flatnonzero(_is_reference(batch, self.excluded))
        first, last = np.searchsorted(self.places, [before, before + len(rows)])
        return rows[self.places[first:last] - before], self.rank[first:last], len(rows)


def drawn_sample(data: Path, year: int) -> Sample:
    """At most 10,000 patients of `feature_table` with a declared doctor outside the experiments, always the same.

    As pandas draws them from all rows of reference with the seed 0. Memory: 8 bytes per patient of reference, in
    passing.
    """
    excluded = experiment_patients(data)
    count = sum(int(_is_reference(batch, excluded).sum()) for _, batch in batches(FEATURE_TABLE, data, year, ASKED))
    drawn = np.random.RandomState(0).choice(count, min(NATIONAL_SAMPLE, count), replace=False)
    rank = np.argsort(drawn)
    return Sample(drawn[rank], rank, excluded)


def _is_reference(batch: pa.RecordBatch, excluded: pd.Index) -> np.ndarray:
    has_doctor = batch["has_declared_doctor"].to_numpy(zero_copy_only=False).astype(bool)
    if not len(excluded):
        return has_doctor
    return has_doctor & (excluded.get_indexer(batch["patient_id"].to_pandas()) < 0)
