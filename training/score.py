"""A year of patients scored and explained by a frozen version, and what each structure's patients add up to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from features.buckets import bucket_count, dataset_files
from features.engine import dataset_path
from features.provenance import Provenance
from features.scoring import Scorer, load_scorer
from features.store import checked_path, read_dataset
from features.tables import EXPLANATIONS, FEATURE_TABLE, PREDICTIONS, Table
from features.writer import Write
from training.beside import unkeyed, written_beside
from training.bulk import EXPLAINED_ONCE, PREDICTED_ONCE, Answered, ahead, answering, batches, behind, encoded
from training.long_rows import AT_ONCE, long_rows
from training.means import Members, Sums, add_up, by_family, members_of, no_sums, summary
from training.reference_sample import ASKED, Sample, drawn_sample

Step = Callable[[str], None]


@dataclass(frozen=True)
class Scored:
    """What was written: patients, and their mean expected euros."""

    patients: int
    mean_eur: float


@dataclass(frozen=True)
class Explained:
    """A batch to be explained: bucket, patients, their encoded rows (n, features), and patients read until its end."""

    bucket: int
    patients: pa.RecordBatch
    matrix: np.ndarray
    read: int


def predict_year(data: Path, root: Path, model: str, version: int, year: int) -> pd.DataFrame:
    """As `score_year`, its rows read back: for as many patients as fit in memory."""
    score_year(data, root, model, version, year)
    rows = read_dataset(None, PREDICTIONS, data, year)
    return rows[(rows["model"] == model) & (rows["version"] == version)].reset_index(drop=True)


def score_year(
    data: Path, root: Path, model: str, version: int, year: int, *, progress: Step = lambda _: None
) -> Scored:
    """The dataset `predictions` of the year, written: expected euros of each patient of `feature_table`.

    Rows of other models or versions already written for the year are kept. Memory does not grow with the patients.
    Errors: MissingError without features or version; RequestError for a value out of range.
    """
    scorer = load_scorer(root, model, version)
    total, done, euros = _checked_rows(data, year), 0, 0.0
    alike = {"year": year, "model": model, "version": version}
    with (
        _written(PREDICTIONS, data, scorer, year) as write,
        answering(
            scorer, lambda rows: scorer.predict(rows)[:, None], width=1, merging=total >= PREDICTED_ONCE
        ) as asked,
        behind() as later,
    ):
        for bucket, patients, matrix in ahead(_encoded_batches(scorer, data, year)):
            expected = np.empty(len(matrix))
            for stretch, place, answers in asked(matrix):
                expected[stretch] = answers[place, 0]
            rows = {"patient_id": patients} | {name: pa.repeat(value, len(matrix)) for name, value in alike.items()}
            later(partial(write, pa.table(rows | {"expected_eur": expected}), bucket=bucket))
            done, euros = done + len(matrix), euros + float(expected.sum())
            progress(f"patient {done}/{total}")
    return Scored(done, euros / done if done else float("nan"))


def explain_year(
    data: Path, root: Path, model: str, version: int, year: int, *, everyone: bool = False,
    progress: Step = lambda _: None,
) -> pd.DataFrame:  # fmt: skip
    """Mean euros per family of each structure and of the nation ("*"), and their difference.

    The dataset `explanations` is written on the way, for the patients of the structures (`patientele` of the
    year), or for all where there is no structure or `everyone` is asked for: a row per feature that moves the
    patient's euros (0 is left out), the base and the floor. The nation is a fixed sample of at most 10,000
    patients with a declared doctor outside the experiments (the reference that trains); a structure's patients
    count by their share of the year. Memory grows with the patients of the structures, not with the others.
    Columns: structure_id, family, label_fr, patients, mean_eur, difference_eur.
    Errors: as `score_year`.
    """
    scorer = load_scorer(root, model, version)
    total, members, sample = _checked_rows(data, year), members_of(data, year), drawn_sample(data, year)
    drawn = np.empty((len(sample.places), len(scorer.card.features)))
    families = by_family(scorer, np.zeros((0, len(scorer.explained_names)))).columns
    sums = None if members is None else no_sums(members, len(families))
    found = _to_explain(scorer, data, year, only=None if everyone else members, sample=sample, drawn=drawn)
    with (
        _written(unkeyed(EXPLANATIONS), data, scorer, year) as write,
        answering(scorer, scorer.explain, width=len(scorer.explained_names), merging=total >= EXPLAINED_ONCE) as asked,
        behind() as later,
    ):
        alike = {"year": year, "model": model, "version": version}
        for batch in ahead(found):
            for stretch, place, answers in asked(batch.matrix):
                some = batch.patients.slice(stretch.start, len(place))
                for rows in long_rows(scorer, some, answers, place, alike):
                    later(partial(write, rows, bucket=batch.bucket))
                if members is not None and sums is not None:
                    _add_up(scorer, sums, members, some, answers, place)
            progress(f"patient {batch.read}/{total}")
        national = by_family(scorer, _all_of(asked, drawn, len(scorer.explained_names))).mean()
    return summary(national, len(drawn), members, sums)


def _add_up(
    scorer: Scorer, sums: Sums, members: Members, patients: pa.RecordBatch, answers: np.ndarray, place: np.ndarray
) -> None:  # fmt: skip
    for start in range(0, len(place), AT_ONCE):
        families = by_family(scorer, answers[place[start : start + AT_ONCE]]).to_numpy()
        add_up(sums, members, patients["patient_id"].slice(start, AT_ONCE), families)


def _all_of(asked: Answered, matrix: np.ndarray, width: int) -> np.ndarray:
    euros = np.empty((len(matrix), width))
    for stretch, place, answers in asked(matrix):
        euros[stretch] = answers[place]
    return euros


def _checked_rows(data: Path, year: int) -> int:
    """Rows of `feature_table`, whose declaration is checked."""
    checked_path(FEATURE_TABLE, data, year)
    return sum(int(pq.read_metadata(path).num_rows) for path in dataset_files(FEATURE_TABLE, data, year))


def _encoded_batches(scorer: Scorer, data: Path, year: int) -> Iterator[tuple[int, pa.Array, np.ndarray]]:
    """Bucket, patients and encoded rows (n, features)."""
    first = 0
    for bucket, batch in batches(FEATURE_TABLE, data, year, ["patient_id", *scorer.encoder.names]):
        yield bucket, batch["patient_id"], encoded(scorer, batch, first)
        first += len(batch)


def _to_explain(
    scorer: Scorer, data: Path, year: int, *, only: Members | None, sample: Sample, drawn: np.ndarray
) -> Iterator[Explained]:
    """Patients of the structures (all where `only` is None); rows of the sample go to `drawn` on the way."""
    read = listed = before = 0
    for bucket, batch in batches(FEATURE_TABLE, data, year, list(dict.fromkeys([*ASKED, *scorer.encoder.names]))):
        rows, ranks, of_reference = sample.found(batch, before)
        if len(rows):
            drawn[ranks] = encoded(scorer, batch.take(pa.array(rows)), 0)
        mine = batch if only is None else batch.filter(_is_member(batch, only))
        read, before = read + len(batch), before + of_reference
        yield Explained(bucket, mine.select(["patient_id"]), encoded(scorer, mine, listed), read)
        listed += len(mine)


def _is_member(batch: pa.RecordBatch, members: Members) -> pa.Array:
    return pa.array(members.patients.get_indexer(batch["patient_id"].to_pandas()) >= 0)


def _written(table: Table, data: Path, scorer: Scorer, year: int) -> AbstractContextManager[Write]:
    """Writes the rows of the version, in as many buckets as `feature_table` has."""
    card = scorer.card
    step = "predict" if table.name == PREDICTIONS.name else "explain"
    provenance = Provenance(
        command=f"{step} {card.model} --year {year} --version {card.version}",
        inputs=(dataset_path(data, FEATURE_TABLE.name, year),),
        parameters={"model": card.model, "version": card.version, "version_hash": scorer.hash},
        seed=card.seed,
    )
    buckets = bucket_count(FEATURE_TABLE, data, year)
    return written_beside(table, data, card, year, provenance=provenance, buckets=buckets)
