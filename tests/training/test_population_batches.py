"""Training rows read a batch at a time into compact columns: the same rows as the whole frames joined."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.engine import dataset_path
from features.errors import InputError, MissingError, RequestError
from features.scoring import encode_frame
from features.store import read_dataset, write_dataset
from features.tables import FEATURE_TABLE, SPENDING
from tests.training.made_up import PROVENANCE, RECIPE, write_year
from training import folds, judgement, population
from training.folds import out_of_fold
from training.judgement import judge
from training.population import experiment_patients, load_columns, load_rows
from training.recipes import card_features
from training.train import estimator_of, sampling_notes

NAMES = [known.name for known in RECIPE.features]


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """Two years of 1,500 made-up patients."""
    home = tmp_path_factory.mktemp("batches") / "data"
    for year in (2022, 2023):
        write_year(home, year)
    return home


def joined(data: Path, year: int) -> pd.DataFrame:
    """The rows that train, by whole frames: joined, sorted, those of the experiments and so on left out."""
    both = read_dataset(None, FEATURE_TABLE, data, year).merge(
        read_dataset(None, SPENDING, data, year), on=["patient_id", "year"], validate="one_to_one"
    )
    kept = both["has_declared_doctor"] & (both["exposure_share"] > 0)
    kept &= ~both["patient_id"].isin(experiment_patients(data))
    return both[kept].sort_values("patient_id", ignore_index=True)


def test_rows_are_those_of_whole_frames(data):
    """Two years: characteristics, euros, exposure and patients, to the bit; as a matrix and as columns."""
    excluded = experiment_patients(data)
    whole = pd.concat([joined(data, 2022), joined(data, 2023)], ignore_index=True)
    rows, counts = load_rows(data, RECIPE, [2022, 2023], excluded=excluded)
    assert np.array_equal(rows.matrix, encode_frame(card_features(RECIPE), whole[NAMES]), equal_nan=True)
    assert (rows.spent_eur == (whole["spent_mg_eur"] / whole["exposure_share"]).to_numpy()).all()
    assert (rows.exposure == whole["exposure_share"].to_numpy()).all()
    assert list(rows.patients) == list(whole["patient_id"])
    columns, again = load_columns(data, RECIPE, [2022, 2023], excluded=excluded)
    assert np.array_equal(columns.matrix, rows.matrix, equal_nan=True)
    assert counts.equals(again)
    assert {column.type for column in columns.encoded.columns} == {pa.uint8()}


def test_patients_are_numbered_in_their_order(data):
    """The same number in both years, in the order of the identifiers, so that folds are the same."""
    rows, _ = load_rows(data, RECIPE, [2022, 2023], excluded=experiment_patients(data))
    columns, _ = load_columns(data, RECIPE, [2022, 2023], excluded=experiment_patients(data))
    assert (columns.patients == np.unique(rows.patients.astype(str), return_inverse=True)[1]).all()


def test_a_value_out_of_range_is_refused_of_those_who_train_only(data, tmp_path):
    """Age 200 of a patient with a declared doctor stops the training; of one without, it is not read."""
    known = read_dataset(None, FEATURE_TABLE, data, 2022)
    spent = read_dataset(None, SPENDING, data, 2022)
    for declared in (False, True):
        old = known["has_declared_doctor"] & (known.index == known.index[known["has_declared_doctor"]][0])
        changed = known.assign(age=known["age"].mask(old, 200))
        changed["has_declared_doctor"] = changed["has_declared_doctor"].mask(old, declared)
        write_dataset(FEATURE_TABLE, tmp_path, changed, 2022, provenance=PROVENANCE)
        write_dataset(SPENDING, tmp_path, spent, 2022, provenance=PROVENANCE)
        if not declared:
            rows, _ = load_columns(tmp_path, RECIPE, [2022], excluded=pd.Index([]))
            assert rows.matrix[:, NAMES.index("age")].max() < 200
            continue
        with pytest.raises(RequestError, match="'age' does not take this value"):
            load_columns(tmp_path, RECIPE, [2022], excluded=pd.Index([]))


def test_rows_of_another_year_are_refused(data, tmp_path):
    """A file under the name of 2023 that holds 2022."""
    for table in (FEATURE_TABLE, SPENDING):
        write_dataset(table, tmp_path, read_dataset(None, table, data, 2022), 2023, provenance=PROVENANCE)
    with pytest.raises(InputError, match="feature_table 2023 holds rows of another year"):
        load_columns(tmp_path, RECIPE, [2023], excluded=pd.Index([]))


def test_a_missing_year_names_its_command(tmp_path):
    """As `read_dataset` says it."""
    with pytest.raises(MissingError, match="run forfait features --year 2022"):
        load_columns(tmp_path, RECIPE, [2022], excluded=pd.Index([]))


def test_memory_is_that_of_compact_columns(data, tmp_path):
    """30,000 patients × 8: the most that NumPy and Python hold at once is under half of one matrix of float64 of all
    the columns of the file."""
    known = read_dataset(None, FEATURE_TABLE, data, 2022)
    spent = read_dataset(None, SPENDING, data, 2022)
    many = [
        pd.concat([frame.assign(patient_id=f"{copy:02d}" + frame["patient_id"]) for copy in range(20)])
        for frame in (known, spent)
    ]
    for table, frame in zip((FEATURE_TABLE, SPENDING), many, strict=True):
        write_dataset(table, tmp_path, frame, 2022, provenance=PROVENANCE)
    width = len(pq.read_schema(dataset_path(tmp_path, FEATURE_TABLE.name, 2022)).names)
    tracemalloc.start()
    load_columns(tmp_path, RECIPE, [2022], excluded=pd.Index([]))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 30_000 * width * 8 / 2


def test_many_rows_are_judged_on_a_sample_and_say_so(data, monkeypatch):
    """Baselines fitted on 300 of 1,300 patients, in blocks: the model's own figures do not move, and a note says it."""
    excluded = experiment_patients(data)
    rows, _ = load_columns(data, RECIPE, [2022], excluded=excluded)
    tested, _ = load_columns(data, RECIPE, [2023], excluded=excluded)
    fitted = estimator_of(RECIPE, rows, seed=0).set_params(n_estimators=20)
    fitted.fit(rows.given, rows.spent_eur, sample_weight=rows.exposure, groups=rows.patients)
    whole = judge(RECIPE, fitted, rows, tested, seed=0)
    assert sampling_notes(fitted, rows) == ()
    monkeypatch.setattr(judgement, "MOST_ROWS", 300)
    monkeypatch.setattr(population, "ROWS_OF_BLOCK", 500)
    some = judge(RECIPE, fitted, rows, tested, seed=0)
    assert some.fit.iloc[0].equals(whole.fit.iloc[0])
    assert some.ratios.equals(whole.ratios)
    moved = (some.fit["r2"] - whole.fit["r2"]).abs().to_numpy()
    assert (moved[1:] > 0).all()
    assert moved.max() < 0.3
    assert sampling_notes(fitted, rows) == ("modèles de comparaison appris sur 300 lignes de patients tirés au sort",)


def test_many_rows_have_two_folds(data, monkeypatch):
    """Beyond MANY_ROWS rows, two folds instead of five; every row still expected by the fold without it."""
    rows, _ = load_columns(data, RECIPE, [2022, 2023], excluded=experiment_patients(data))
    model = estimator_of(RECIPE, rows, seed=0).set_params(n_estimators=30)
    five = out_of_fold(model, rows, folds=5, seed=0)
    monkeypatch.setattr(folds, "MANY_ROWS", 100)
    two = out_of_fold(model, rows, folds=5, seed=0)
    assert (two.expected_eur == out_of_fold(model, rows, folds=2, seed=0).expected_eur).all()
    assert rows.exposure @ two.expected_eur == pytest.approx(rows.exposure @ five.expected_eur, rel=0.03)
