"""Large datasets lie in buckets: one file per share of the patients, the same share in every dataset of a folder.

data/<name>/<year>/<bucket>.parquet; the bucket of a row is `bucket_of` its patient. A small country's dataset is one
file and counts as one bucket.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from hashlib import md5
from pathlib import Path
from typing import NamedTuple

import ibis
import pyarrow as pa
import pyarrow.parquet as pq

from features.engine import dataset_path
from features.errors import InputError
from features.tables import Table

DIGITS = "0123456789abcdef"
DIGITS_READ = 4  # 65,536 shares: more than any number of buckets
MOST_BUCKETS = 4096


class Share(NamedTuple):
    """A share of the patients: bucket number `bucket` `of` so many."""

    bucket: int
    of: int


def bucket_of(patient_id: ibis.StringValue, buckets: int) -> ibis.IntegerValue:
    """Bucket of a patient, 0 to `buckets` - 1: the first four digits of the MD5, alike on every engine."""
    digest = patient_id.hexdigest("md5")
    places = [ibis.literal(DIGITS).find(digest.substr(place, 1)).cast("int64") for place in range(DIGITS_READ)]
    number = places[0]
    for place in places[1:]:
        number = number * len(DIGITS) + place
    return (number % buckets).cast("int64")


def bucket_of_text(patient_id: str, buckets: int) -> int:
    """`bucket_of`, in Python."""
    return int(md5(patient_id.encode(), usedforsecurity=False).hexdigest()[:DIGITS_READ], 16) % buckets


def files_of(path: Path) -> list[Path]:
    """The file itself, or the buckets of a folder in their order. Errors: InputError where one is missing."""
    if not path.is_dir():
        return [path]
    files = sorted(path.glob("*.parquet"))
    if not files or [int(file.stem) for file in files] != list(range(len(files))):
        raise InputError(f"{path}: buckets are missing ({len(files)} are there); run the command that writes it again")
    return files


def bucket_file(folder: Path, bucket: int) -> Path:
    """Path of a bucket in the folder of a dataset."""
    return folder / f"{bucket:05d}.parquet"


def dataset_files(table: Table, data: Path, year: int | None) -> list[Path]:
    """Parquet files of a dataset, in the order of its buckets; one where it is a single file (there or not)."""
    return files_of(dataset_path(data, table.name, year))


def bucket_count(table: Table, data: Path, year: int | None) -> int:
    """Number of buckets of a dataset; 1 for a single file."""
    return len(dataset_files(table, data, year))


def read_batches(
    table: Table,
    data: Path,
    year: int | None,
    columns: list[str] | None = None,
    rows: int = 65_536,
    *,
    bucket: int | None = None,
) -> Iterator[pa.RecordBatch]:
    """Record batches of a dataset of at most `rows` rows, bucket after bucket, or those of one `bucket`.

    One batch is in memory at a time. The files are not checked against the declaration: see `read_dataset`.
    """
    files = dataset_files(table, data, year)
    for path in files if bucket is None else [files[bucket]]:
        with pq.ParquetFile(path) as file:
            yield from file.iter_batches(batch_size=rows, columns=columns)


def put_back(path: Path) -> None:
    """None, once the dataset that a `publish` killed between its two renames left aside lies in its place again."""
    folder = path.with_name(path.stem)
    aside = _aside(folder)
    if aside.is_dir() and not folder.exists() and not path.exists():
        aside.rename(folder)


def _aside(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.replaced")


def publish(temporary: Path, path: Path) -> Path:
    """`path`, where a complete file or folder now lies under its name; the other layout of the dataset goes."""
    if not path.stem.isdigit():  # an undated dataset is one file
        return temporary.replace(path)
    single, folder = path.with_name(f"{path.stem}.parquet"), path.with_name(path.stem)
    aside = _aside(folder)
    shutil.rmtree(aside, ignore_errors=True)
    if folder.is_dir():
        folder.rename(aside)
    path = temporary.rename(folder) if temporary.is_dir() else temporary.replace(single)
    if path == folder:
        single.unlink(missing_ok=True)
    shutil.rmtree(aside, ignore_errors=True)
    return path
