"""Rows of a dataset answered in bulk by a frozen version: batch after batch, on all cores, in bounded memory."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import numpy as np
import pyarrow as pa

from features.buckets import bucket_count, read_batches
from features.encoding import FeatureError
from features.scoring import ALL_CORES_ROWS, Scorer
from features.tables import Table

ROWS = 65_536
PREDICTED_ONCE = 200_000  # rows from which those alike are worth looking for: numba takes seconds to start
EXPLAINED_ONCE = 5_000
KEPT = 100_000  # rows whose answers stay in memory: with 160 numbers each, 130 MB
T = TypeVar("T")
Answer = Callable[[np.ndarray], np.ndarray]
Answered = Callable[[np.ndarray], Iterator[tuple[slice, np.ndarray, np.ndarray]]]


def batches(table: Table, data: Path, year: int, columns: list[str]) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Bucket and batch of a dataset of a year, in order."""
    for bucket in range(bucket_count(table, data, year)):
        for batch in read_batches(table, data, year, columns, ROWS, bucket=bucket):
            yield bucket, batch


def ahead(items: Iterator[T]) -> Iterator[T]:
    """`items`, the next one made in another thread while one is used."""
    with ThreadPoolExecutor(1) as other:
        coming = other.submit(_next, items)
        while (found := coming.result()) is not None:
            coming = other.submit(_next, items)
            yield found[0]


@contextmanager
def behind() -> Iterator[Callable[[Callable[[], None]], None]]:
    """Call what it yields with work for another thread; it waits for the work before, and the block for the last."""
    with ThreadPoolExecutor(1) as other:
        waiting: list[Future[None]] = []

        def later(work: Callable[[], None]) -> None:
            if waiting:
                waiting.pop().result()
            waiting.append(other.submit(work))

        yield later
        if waiting:
            waiting.pop().result()


@contextmanager
def answering(scorer: Scorer, answer: Answer, *, width: int, merging: bool) -> Iterator[Answered]:
    """What gives answers (n, width) for encoded rows, all cores at work: stretches, places and the rows of answers.

    For each stretch: its slice of the rows, and `answers` with the `place` in it of each row. With `merging`, rows
    alike to the trees are answered once (training/alike.py); answers change with the next stretch.
    """
    with ThreadPoolExecutor(threads()) as pool:

        def spread(rows: np.ndarray) -> np.ndarray:
            pieces = max(min(threads(), len(rows)), -(-len(rows) // (ALL_CORES_ROWS - 1)))
            return np.concatenate(list(pool.map(answer, np.array_split(rows, pieces))))

        if merging:
            yield _remembering(scorer, spread, width)
        else:
            yield lambda rows: iter([(slice(0, len(rows)), np.arange(len(rows)), spread(rows))] if len(rows) else [])


def encoded(scorer: Scorer, batch: pa.RecordBatch, first: int) -> np.ndarray:
    """Matrix of a batch that may hold other columns; a refusal counts rows from `first`.

    Errors: FeatureError, as `Encoder.table`.
    """
    names = [name for name in scorer.encoder.names if name in batch.schema.names]
    try:
        return scorer.encoder.table(pa.Table.from_batches([batch.select(names)]))
    except FeatureError as error:
        if error.row is None:
            raise
        message = str(error).removeprefix(f"row {error.row}: ")
        raise FeatureError(message, field=error.field, row=first + error.row) from None


def threads() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _remembering(scorer: Scorer, answer: Answer, width: int) -> Answered:
    from training.alike import memory, recalled  # numba takes a second to import, and small datasets do without

    known = memory(scorer.booster, width, kept=KEPT, batch=ROWS)
    return lambda rows: ((stretch, place, known.answers) for stretch, place in recalled(known, rows, answer))


def _next(items: Iterator[T]) -> tuple[T] | None:
    for item in items:
        return (item,)
    return None
