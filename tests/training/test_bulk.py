"""Bulk scoring: rows alike answered once, batches, buckets, others' rows kept, nothing left of a failure."""

from __future__ import annotations

import shutil
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import training.bulk as bulk
from features.buckets import bucket_of_text
from features.errors import RequestError, RuleError
from features.path_shapley import path_shapley
from features.scoring import load_scorer
from features.store import read_dataset, write_dataset
from features.tables import EXPLANATIONS, FEATURE_TABLE, PATIENTELE, PREDICTIONS
from tests.training.made_up import PROVENANCE, RECIPE, write_year
from training.alike import memory, recalled
from training.beside import written_beside
from training.means import Members, add_up, no_sums
from training.reference_sample import NATIONAL_SAMPLE, drawn_sample
from training.score import explain_year, predict_year, score_year
from training.train import train

YEAR, MODEL, BUCKETS = 2024, "peps_mg", 3


@pytest.fixture(scope="module")
def booster() -> tuple[lgb.Booster, np.ndarray]:
    """Twenty trees on four features, of which one is never split and one has missing values."""
    generator = np.random.default_rng(1)
    matrix = generator.integers(0, 6, (2_000, 4)).astype(float)
    matrix[:, 3] = 7.0
    matrix[generator.random(2_000) < 0.1, 1] = np.nan
    euros = 10 * matrix[:, 0] + np.where(np.isnan(matrix[:, 1]), 30, matrix[:, 1] ** 2) + matrix[:, 0] * matrix[:, 2]
    parameters = {"objective": "regression", "num_leaves": 7, "verbose": -1, "seed": 1, "num_threads": 1}
    return lgb.train(parameters, lgb.Dataset(matrix, euros), 20), matrix


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> tuple[Path, Path]:
    """Datasets of two years and a version trained on the first."""
    home = tmp_path_factory.mktemp("bulk")
    for year in (YEAR - 1, YEAR):
        write_year(home / "data", year)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("training.registry.register", lambda result, root: "")
        train(home / "data", MODEL, YEAR, root=home / "versions", recipe=RECIPE)
    return home / "data", home / "versions"


@pytest.fixture
def small(monkeypatch) -> None:
    """Batches of 200 rows, 50 of them kept, rows alike answered once however few they are."""
    for name, value in (("ROWS", 200), ("KEPT", 50)):
        monkeypatch.setattr(bulk, name, value)
    monkeypatch.setattr("training.score.PREDICTED_ONCE", 1)
    monkeypatch.setattr("training.score.EXPLAINED_ONCE", 1)


def bucketed(data: Path, home: Path) -> Path:
    """A copy whose feature_table lies in three buckets."""
    copy = Path(shutil.copytree(data, home / "data"))
    rows = read_dataset(None, FEATURE_TABLE, copy, YEAR)
    buckets = rows["patient_id"].map(lambda patient: bucket_of_text(patient, BUCKETS))
    folder = copy / FEATURE_TABLE.name / str(YEAR)
    folder.mkdir()
    whole = pq.read_table(folder.with_suffix(".parquet"), partitioning=None)
    for bucket in range(BUCKETS):
        pq.write_table(whole.filter(pa.array(buckets.to_numpy() == bucket)), folder / f"{bucket:05d}.parquet")
    folder.with_suffix(".parquet").unlink()
    return copy


def by_patient(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows in the order of their patients, features as they stand."""
    return rows.sort_values("patient_id", kind="stable", ignore_index=True)


def test_rows_on_the_same_side_of_every_threshold_are_asked_once():
    """One split at 1.5 on the first of two features: 0 and 1 are alike, 2 and missing are not."""
    matrix = np.array([[0, 5], [1, 5], [2, 5], [3, 5]] * 20, dtype=float)
    parameters = {"num_leaves": 2, "min_data_in_leaf": 1, "verbose": -1, "min_data_in_bin": 1}
    one = lgb.train(parameters, lgb.Dataset(matrix, (matrix[:, 0] > 1).astype(float)), 1)
    known = memory(one, 1, kept=10, batch=10)
    asked: list[np.ndarray] = []

    def answer(rows: np.ndarray) -> np.ndarray:
        asked.append(rows)
        return rows[:, :1] * 10

    rows = np.array([[1, 0], [0, 9], [2, 0], [np.nan, 0], [1.4, 1]], dtype=float)
    ((_, place),) = recalled(known, rows, answer)
    assert place.tolist() == [0, 0, 1, 2, 0]
    assert asked[0][:2].tolist() == [[1, 0], [2, 0]] and np.isnan(asked[0][2, 0])
    assert [found.tolist() for _, found in recalled(known, rows[2:3], answer)] == [[1]]
    assert len(asked) == 1


@pytest.mark.parametrize(("kept", "batch"), [(0, 7), (3, 11), (5_000, 600)])
def test_a_memory_of_any_size_gives_what_the_booster_says(booster, kept, batch):
    """Answers are those of the booster, bit for bit, however little is kept; no more is kept than said."""
    model, matrix = booster
    known = memory(model, 1, kept=kept, batch=batch)
    for rows in (matrix, matrix[::-1]):
        found = np.empty(len(rows))
        for stretch, place in recalled(known, rows, lambda fresh: np.asarray(model.predict(fresh))[:, None]):
            found[stretch] = known.answers[place, 0]
        assert (found == model.predict(rows)).all()
        assert int(known.count[0]) <= kept


def test_path_shapley_by_hand():
    """One split that halves 4 training rows at 0 and 10: the mean is 5, a row on the right gets +5."""
    matrix = np.array([[0.0], [0.0], [1.0], [1.0]])
    parameters = {"num_leaves": 2, "min_data_in_leaf": 1, "learning_rate": 1.0, "verbose": -1, "min_data_in_bin": 1}
    one = lgb.train(parameters, lgb.Dataset(matrix, [0.0, 0.0, 10.0, 10.0]), 1)
    found = path_shapley(one).explain(np.array([[1.0], [0.0]]))
    assert found == pytest.approx(np.array([[5.0, 5.0], [-5.0, 5.0]]), abs=1e-12)


def test_path_shapley_is_pred_contrib(booster):
    """Equal to LightGBM's within rounding, missing values and a feature never split included."""
    model, matrix = booster
    for rows in (matrix, matrix[:3]):
        found = path_shapley(model).explain(rows)
        assert found == pytest.approx(np.asarray(model.predict(rows, pred_contrib=True)), abs=1e-9)
    assert (found[:, 3] == 0).all()


def test_merged_batches_give_the_rows_of_the_version(made, tmp_path, small):
    """Small batches, a small memory, threads: each euro is that of the version asked directly, in the same order."""
    data, root = Path(shutil.copytree(made[0], tmp_path / "data")), made[1]
    scorer, known = load_scorer(root, MODEL, 1), read_dataset(None, FEATURE_TABLE, data, YEAR)
    names = [feature.name for feature in scorer.card.features]
    matrix = scorer.encoder.table(pa.Table.from_pandas(known[names], preserve_index=False))
    said: list[str] = []
    scored = score_year(data, root, MODEL, 1, YEAR, progress=said.append)
    written = read_dataset(None, PREDICTIONS, data, YEAR)
    assert written["patient_id"].tolist() == known["patient_id"].tolist()
    assert (written["expected_eur"].to_numpy() == scorer.predict(matrix)).all()
    assert (scored.patients, said[0], said[-1]) == (1500, "patient 200/1500", "patient 1500/1500")
    assert scored.mean_eur == pytest.approx(written["expected_eur"].mean())
    explain_year(data, root, MODEL, 1, YEAR, everyone=True)
    rows, euros = read_dataset(None, EXPLANATIONS, data, YEAR), scorer.explain(matrix)
    places, columns = np.nonzero(euros)
    assert rows["patient_id"].tolist() == known["patient_id"].to_numpy()[places].tolist()
    assert rows["feature"].tolist() == np.array(scorer.explained_names)[columns].tolist()
    assert rows["contribution_eur"].to_numpy() == pytest.approx(euros[places, columns], abs=1e-9)


def test_buckets_in_buckets_out_and_the_same_rows(made, tmp_path, small):
    """A feature_table in three buckets gives predictions, explanations and means as one file does."""
    data, root = bucketed(made[0], tmp_path), made[1]
    single = Path(shutil.copytree(made[0], tmp_path / "single"))
    for table, run in ((PREDICTIONS, predict_year), (EXPLANATIONS, explain_year)):
        known, other = run(data, root, MODEL, 1, YEAR), run(single, root, MODEL, 1, YEAR)
        assert len(list((data / table.name / str(YEAR)).glob("*.parquet"))) == BUCKETS
        rows = (read_dataset(None, table, folder, YEAR) for folder in (data, single))
        pd.testing.assert_frame_equal(*map(by_patient, rows), atol=1e-9)
    structures = (frame[frame["structure_id"] != "*"].reset_index(drop=True) for frame in (known, other))
    pd.testing.assert_frame_equal(*structures, check_exact=False)


def test_rows_of_another_version_move_to_the_buckets_of_their_patients(made, tmp_path, small):
    """They were in one file; none is lost, and each lies beside the patient's own row."""
    data, root = bucketed(made[0], tmp_path), made[1]
    patients = read_dataset(None, FEATURE_TABLE, data, YEAR)["patient_id"]
    other = pd.DataFrame({"patient_id": patients, "year": YEAR, "model": "total", "version": 4, "expected_eur": 1.0})
    write_dataset(PREDICTIONS, data, other, YEAR, provenance=PROVENANCE)
    for _ in range(2):
        predict_year(data, root, MODEL, 1, YEAR)
        rows = read_dataset(None, PREDICTIONS, data, YEAR)
        assert rows.groupby(["model", "version"]).size().to_dict() == {(MODEL, 1): 1500, ("total", 4): 1500}
    for bucket in range(BUCKETS):
        found = pq.read_table(data / "predictions" / str(YEAR) / f"{bucket:05d}.parquet", partitioning=None)
        assert {bucket_of_text(patient, BUCKETS) for patient in found["patient_id"].to_pylist()} == {bucket}


def test_a_failure_leaves_what_was_there(made, tmp_path, small):
    """A value refused in the seventh batch: its row is named, and the predictions before stay, alone."""
    data, root = Path(shutil.copytree(made[0], tmp_path / "data")), made[1]
    predict_year(data, root, MODEL, 1, YEAR)
    before = (data / "predictions" / f"{YEAR}.parquet").read_bytes()
    known = read_dataset(None, FEATURE_TABLE, data, YEAR)
    known.loc[1_300, "age"] = 400
    write_dataset(FEATURE_TABLE, data, known, YEAR, provenance=PROVENANCE)
    with pytest.raises(RequestError, match=r"^row 1300: feature 'age' does not take this value"):
        predict_year(data, root, MODEL, 1, YEAR)
    assert (data / "predictions" / f"{YEAR}.parquet").read_bytes() == before
    assert sorted(path.name for path in (data / "predictions").iterdir()) == [
        f"{YEAR}.parquet", f"{YEAR}.provenance.json",
    ]  # fmt: skip


def test_two_predictions_at_once_lose_no_row(made, tmp_path, small):
    """The second is refused while the first writes: it would publish without the rows of the first."""
    data = Path(shutil.copytree(made[0], tmp_path / "data"))
    card = load_scorer(made[1], MODEL, 1).card
    refused = pytest.raises(RuleError, match=f"writes predictions {YEAR} is already running")
    with written_beside(PREDICTIONS, data, card, YEAR, provenance=PROVENANCE), refused:
        predict_year(data, made[1], MODEL, 1, YEAR)
    predict_year(data, made[1], MODEL, 1, YEAR)
    assert len(read_dataset(None, PREDICTIONS, data, YEAR)) == 1500


def test_the_sample_is_that_of_pandas(made, monkeypatch, small):
    """The patients drawn, and their order, are those of DataFrame.sample over the rows of reference."""
    monkeypatch.setattr("training.reference_sample.NATIONAL_SAMPLE", 100)
    data, _ = made
    known = read_dataset(None, FEATURE_TABLE, data, YEAR)
    taken = read_dataset(None, PATIENTELE, data, YEAR)["patient_id"]
    reference = known[known["has_declared_doctor"] & ~known["patient_id"].isin(taken)]
    sample, before, found = drawn_sample(data, YEAR), 0, np.full(100, "", dtype=object)
    for start in range(0, len(known), 333):
        batch = pa.RecordBatch.from_pandas(known.iloc[start : start + 333], preserve_index=False)
        rows, ranks, counted = sample.found(batch, before)
        found[ranks] = known["patient_id"].to_numpy()[start + rows]
        before += counted
    assert found.tolist() == reference.sample(100, random_state=0)["patient_id"].tolist()
    assert NATIONAL_SAMPLE == 10_000 and before == len(reference)


def test_sums_of_structures_by_hand():
    """A, half the year in S1 and all in S2; B in no structure; C in S1: sums weigh by share, and count patients."""
    members = Members(pd.Index(["C", "A"]), np.array([0, 1, 3]), np.array([0, 0, 1]), np.array([1.0, 0.5, 1.0]),
                      ("S1", "S2"))  # fmt: skip
    sums = no_sums(members, 2)
    add_up(sums, members, pa.array(["A", "B"]), np.array([[10.0, 2.0], [99.0, 99.0]]))
    add_up(sums, members, pa.array(["C"]), np.array([[1.0, 0.0]]))
    assert sums.euros.tolist() == [[6.0, 1.0], [10.0, 2.0]]
    assert (sums.weights.tolist(), sums.patients.tolist()) == ([1.5, 1.0], [2, 1])
