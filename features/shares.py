"""A dataset of a large country made share by share of its patients, each once: a run that was killed goes on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from features.buckets import Share, files_of
from features.provenance import Provenance
from features.tables import Table
from features.work import files_state, is_done, only_writer, remove, state_of, unit, weighed, work_folder
from features.writer import publish_buckets

BUCKET = "bucket.parquet"
Counts = list[dict[str, Any]]


@dataclass(frozen=True)
class Made:
    """How a dataset is made by share.

    `make` writes the rows of a share to the path given and returns counts; `inputs` are the datasets read,
    `parameters` what else the rows depend on: a share already made from the same is left.
    """

    table: Table
    year: int
    of: int
    inputs: Sequence[Path]
    parameters: object
    make: Callable[[Share, Path], dict[str, Any]]


def write_by_share(
    data: Path, made: Made, *, provenance: Callable[[Counts], Provenance], say: Callable[[str], None]
) -> Path:
    """Path of the dataset, a bucket a share, once all are made; `provenance` is given the counts of the shares.

    Errors: RuleError while another command writes the same.
    """
    with only_writer(data, made.table.name, made.year):
        return _written(data, made, provenance, say)


def _written(data: Path, made: Made, provenance: Callable[[Counts], Provenance], say: Callable[[str], None]) -> Path:
    folder = work_folder(data, made.table.name, made.year)
    state = state_of(made.of, made.parameters, [files_state(files_of(path)) for path in made.inputs])
    units = [folder / f"bucket-{number:05d}" for number in range(made.of)]

    def run(number: int) -> dict[str, Any]:
        return unit(units[number], state, lambda path: made.make(Share(number, made.of), path / BUCKET))

    left = [number for number in range(made.of) if not is_done(units[number], state)]
    weighed(say, [(f"bucket {number + 1} of {made.of}", 1.0, partial(run, number)) for number in left])
    counts = [run(number) for number in range(made.of)]
    files = [path / BUCKET for path in units]
    path = publish_buckets(made.table, data, files, made.year, provenance=provenance(counts))
    remove(folder)
    return path
