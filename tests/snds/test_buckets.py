"""Datasets in buckets: written in pieces, read in batches, seen as one dataset; units of work that resume."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from features.buckets import Share, bucket_count, bucket_of, bucket_of_text, dataset_files, put_back, read_batches
from features.engine import connect, dataset_path
from features.errors import InputError, RuleError
from features.provenance import Provenance, content_hash, read_provenance
from features.shares import Made, write_by_share
from features.store import read_dataset, read_share, write_dataset, years_written
from features.tables import PREDICTIONS
from features.work import alone, is_done, keep_only, lock_of, remove, state_of, unit, weighed
from features.writer import dataset_writer

SCORED = Provenance("predict peps_mg --year 2024")
ROWS = pd.DataFrame(
    {"patient_id": [f"p{n}" for n in range(100)], "year": 2024, "model": "peps_mg", "version": 1, "expected_eur": 1.5}
)


def in_buckets(data: Path, rows: pd.DataFrame, buckets: int) -> None:
    with dataset_writer(PREDICTIONS, data, 2024, provenance=SCORED, buckets=buckets) as write:
        for bucket in range(buckets):
            own = rows[[bucket_of_text(patient, buckets) == bucket for patient in rows.patient_id]]
            for start in range(0, len(own), 10):
                write(own.iloc[start : start + 10], bucket=bucket)


def test_pieces_make_one_dataset_in_buckets(tmp_path: Path) -> None:
    in_buckets(tmp_path, ROWS, 4)
    assert [path.name for path in dataset_files(PREDICTIONS, tmp_path, 2024)] == [f"{n:05d}.parquet" for n in range(4)]
    assert years_written(PREDICTIONS, tmp_path) == [2024]
    assert sorted(read_dataset(None, PREDICTIONS, tmp_path, 2024).patient_id) == sorted(ROWS.patient_id)
    assert read_dataset(connect(), PREDICTIONS, tmp_path, 2024).count().execute() == 100
    path = dataset_path(tmp_path, PREDICTIONS.name, 2024)
    record = read_provenance(path)
    assert record is not None
    assert (record["rows"], record["hash"]) == (100, content_hash(path))


def test_batches_are_small_and_hold_every_row_once(tmp_path: Path) -> None:
    in_buckets(tmp_path, ROWS, 4)
    batches = list(read_batches(PREDICTIONS, tmp_path, 2024, ["patient_id"], rows=7))
    assert max(batch.num_rows for batch in batches) <= 7
    assert sorted(value for batch in batches for value in batch["patient_id"].to_pylist()) == sorted(ROWS.patient_id)
    first = [
        v for batch in read_batches(PREDICTIONS, tmp_path, 2024, bucket=0) for v in batch["patient_id"].to_pylist()
    ]
    assert {bucket_of_text(patient, 4) for patient in first} == {0}


def test_the_bucket_of_a_patient_is_the_same_on_the_engine_and_in_python(tmp_path: Path) -> None:
    write_dataset(PREDICTIONS, tmp_path, ROWS, 2024, provenance=SCORED)
    rows = read_dataset(connect(), PREDICTIONS, tmp_path, 2024)
    found = rows.select("patient_id", bucket=bucket_of(rows.patient_id, 5)).execute()
    assert found.bucket.tolist() == [bucket_of_text(patient, 5) for patient in found.patient_id]


@pytest.mark.parametrize("buckets", [1, 3, 4])
def test_shares_cover_each_patient_once_whatever_the_layout(tmp_path: Path, buckets: int) -> None:
    """Three shares of one file, of three buckets, of four."""
    in_buckets(tmp_path, ROWS, buckets)
    con = connect()
    parts = [read_share(con, PREDICTIONS, tmp_path, 2024, Share(n, 3)).patient_id.execute() for n in range(3)]
    assert sorted(pd.concat(parts)) == sorted(ROWS.patient_id)


def test_one_layout_takes_the_place_of_the_other(tmp_path: Path) -> None:
    in_buckets(tmp_path, ROWS, 4)
    write_dataset(PREDICTIONS, tmp_path, ROWS.head(3), 2024, provenance=SCORED)
    assert (bucket_count(PREDICTIONS, tmp_path, 2024), len(read_dataset(None, PREDICTIONS, tmp_path, 2024))) == (1, 3)
    in_buckets(tmp_path, ROWS, 2)
    assert sorted(path.name for path in (tmp_path / "predictions").iterdir()) == ["2024", "2024.provenance.json"]


@pytest.mark.parametrize("buckets", [1, 2])
def test_a_key_that_repeats_leaves_nothing(tmp_path: Path, buckets: int) -> None:
    with pytest.raises(InputError, match="1 rows repeat the key"):
        in_buckets(tmp_path, pd.concat([ROWS, ROWS.head(1)]), buckets)
    assert list((tmp_path / "predictions").iterdir()) == []


def test_a_bucket_that_is_missing_is_told(tmp_path: Path) -> None:
    in_buckets(tmp_path, ROWS, 3)
    (tmp_path / "predictions" / "2024" / "00001.parquet").unlink()
    with pytest.raises(InputError, match="buckets are missing"):
        read_dataset(None, PREDICTIONS, tmp_path, 2024)


def test_a_unit_is_made_once_until_its_state_changes(tmp_path: Path) -> None:
    """A unit that failed half-way is made again from nothing."""
    made: list[str] = []

    def make(folder: Path) -> dict[str, int]:
        made.append(folder.name)
        (folder / "rows").write_text("1")
        if len(made) == 1:
            raise RuntimeError
        return {"rows": len(made)}

    with pytest.raises(RuntimeError):
        unit(tmp_path / "month", state_of("a"), make)
    assert not (tmp_path / "month").exists()
    assert unit(tmp_path / "month", state_of("a"), make) == {"rows": 2}
    assert unit(tmp_path / "month", state_of("a"), make) == {"rows": 2}
    assert unit(tmp_path / "month", state_of("b"), make) == {"rows": 3}


class KilledError(BaseException):
    """What a test raises where a SIGKILL would strike."""


def killed(*arguments: object, **options: object) -> None:
    raise KilledError


@pytest.mark.parametrize("removed_by", ["state", "keep_only", "remove"])
def test_a_removal_cut_short_leaves_no_unit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, removed_by: str) -> None:
    """Files may go before the record: the unit's name goes first, and what is left is cleared the next time."""
    folder = tmp_path / "month"

    def make(at: Path) -> dict[str, int]:
        (at / "rows").write_text("1")
        return {}

    unit(folder, state_of("a"), make)
    with monkeypatch.context() as patch, pytest.raises(KilledError):
        patch.setattr("features.work.shutil.rmtree", lambda path, **_: killed() if path.exists() else None)
        if removed_by == "state":
            unit(folder, state_of("b"), make)
        elif removed_by == "keep_only":
            keep_only(tmp_path, [])
        else:
            remove(folder)
    assert not is_done(folder, state_of("a"))
    unit(folder, state_of("a"), make)
    remove(folder)
    assert list(tmp_path.iterdir()) == []


def test_a_dataset_put_aside_by_a_kill_is_put_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the two renames of a publication nothing lies under the name: what was there is not lost."""
    in_buckets(tmp_path, ROWS, 3)
    path = tmp_path / "predictions" / "2024.parquet"
    with monkeypatch.context() as patch, pytest.raises(KilledError):
        rename = Path.rename

        def once(source: Path, target: Path) -> Path:
            return rename(source, target) if source.name == "2024" else killed()

        patch.setattr(Path, "rename", once)
        in_buckets(tmp_path, ROWS.assign(version=2), 3)
    assert years_written(PREDICTIONS, tmp_path) == []
    put_back(path)
    assert set(read_dataset(None, PREDICTIONS, tmp_path, 2024)["version"]) == {1}
    assert read_provenance(path.with_suffix("")) is None


@pytest.mark.parametrize("buckets", [1, 3])
def test_a_dataset_never_has_the_record_of_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, buckets: int
) -> None:
    """A kill after the publication leaves the new rows without a record, which training refuses."""
    in_buckets(tmp_path, ROWS, buckets)
    with monkeypatch.context() as patch, pytest.raises(KilledError):
        patch.setattr("features.writer.write_provenance", killed)
        in_buckets(tmp_path, ROWS.assign(version=2), buckets)
    assert set(read_dataset(None, PREDICTIONS, tmp_path, 2024)["version"]) == {2}
    assert read_provenance(dataset_path(tmp_path, "predictions", 2024)) is None


def test_two_writers_of_one_dataset_are_refused(tmp_path: Path) -> None:
    """The rows of the first to end would be lost; the lock ends with who holds it."""
    made = Made(PREDICTIONS, 2024, 1, [], None, lambda share, path: {})
    refused = pytest.raises(RuleError, match="another command that writes predictions 2024 is already running")
    with alone(lock_of(tmp_path, "predictions", 2024), "this test"), refused:
        write_by_share(tmp_path, made, provenance=lambda counts: SCORED, say=lambda text: None)


def test_progress_is_told_in_shares_of_the_weight() -> None:
    told: list[str] = []
    weighed(told.append, [("one", 300.0, lambda: None), ("two", 100.0, lambda: None)])
    assert told == ["one [0/1000]", "two [750/1000]"]
