"""Rows of a version written beside those of other models and versions, batch by batch; none is held."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.buckets import bucket_count, bucket_of_text, put_back
from features.provenance import Provenance
from features.store import checked_path, single_path, years_written
from features.tables import Table
from features.versions import Card
from features.work import only_writer
from features.writer import Write, dataset_writer
from training.bulk import batches


@contextmanager
def written_beside(
    table: Table, data: Path, card: Card, year: int, *, provenance: Provenance, buckets: int = 1
) -> Iterator[Write]:
    """Call what it yields with the rows of the version; those of others in the dataset of the year come first.

    The dataset appears, complete, when the block ends well; until then the one before stays. Errors: InputError;
    RuleError while another command writes the same dataset and year, whose rows would be lost.
    """
    with only_writer(data, table.name, year), _beside(table, data, card, year, provenance, buckets) as write:
        yield write


@contextmanager
def _beside(table: Table, data: Path, card: Card, year: int, provenance: Provenance, buckets: int) -> Iterator[Write]:
    put_back(single_path(data, table, year))
    with dataset_writer(table, data, year, provenance=provenance, buckets=buckets) as write:
        if year in years_written(table, data):
            checked_path(table, data, year)
            _copy(table, data, card, year, write=write, buckets=buckets)
        yield write


def unkeyed(table: Table) -> Table:
    """The table, its key not counted again when read or written: one row per patient and feature by construction."""
    return replace(table, key=())


def _copy(table: Table, data: Path, card: Card, year: int, *, write: Write, buckets: int) -> None:
    same = bucket_count(table, data, year) == buckets
    for bucket, batch in batches(table, data, year, table.column_names):
        mine = pc.and_(pc.equal(batch["model"], card.model), pc.equal(batch["version"], card.version))
        others = batch.filter(pc.invert(mine))
        if same and len(others):
            write(others, bucket=bucket)
        elif len(others):
            _moved(others, write, buckets)


def _moved(rows: pa.RecordBatch, write: Write, buckets: int) -> None:
    """Another number of buckets than before: each row goes where its patient now lies."""
    patients = rows["patient_id"].dictionary_encode()
    of_patient = np.array([bucket_of_text(patient, buckets) for patient in patients.dictionary.to_pylist()])
    of_row = of_patient[patients.indices.to_numpy()]
    for bucket in np.unique(of_row).tolist():
        write(rows.filter(pa.array(of_row == bucket)), bucket=bucket)
