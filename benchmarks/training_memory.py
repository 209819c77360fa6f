"""The most memory that training takes by each way in, on a made-up Parquet file, and what that makes of 67 M rows.

Each way runs in a process of its own, on all rows and on a quarter of them: the slope is the memory of a row.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.rows import Row
from training import SpendingRegressor
from training.big.columns import dense, empty_columns, put, table_of
from training.population import Rows
from training.recipes import RECIPES
from training.train import estimator_of, fit_recipe

FRANCE = 67_000_000
GIB, MILLION = 2**30, 1_000_000
GROUP = 100_000
TREES: dict[str, float] = {
    "num_leaves": 31,
    "max_depth": -1,
    "extra_trees": False,
    "feature_fraction": 0.9,
    "reg_lambda": 40.0,
    "learning_rate": 0.08,
}  # one booster as large as a yearly model was before it became a blend
CELLS = ("feature_0", "feature_1", "feature_2")
WORDS = {
    "frame": "a pandas frame, one booster (as until version 0.1)",
    "columns": "compact columns, one booster",
    "train": "compact columns, folds and one booster: what `forfait train` does",
    "blend": "compact columns, a blend (no folds of the whole)",
}


def write_rows_file(path: Path, rows: int, features: int, *, seed: int = 0) -> None:
    """Parquet of flags (int8), one age, skewed euros and exposures, a row group at a time."""
    generator = np.random.default_rng(seed)
    shares, costs = generator.uniform(0.005, 0.2, features), generator.gamma(1.0, 100, features - 1)
    names = [f"feature_{number}" for number in range(features)]
    writer = None
    for start in range(0, rows, GROUP):
        count = min(GROUP, rows - start)
        matrix = (generator.random((count, features), dtype=np.float32) < shares).astype(np.int8)
        matrix[:, 0] = generator.integers(0, 100, count)
        euros = generator.gamma(0.5, 2 * (50.0 + matrix[:, 0] + matrix[:, 1:] @ costs))
        columns = [*matrix.T, euros, np.where(generator.random(count) < 0.03, 0.5, 1.0)]
        table = pa.table([pa.array(np.ascontiguousarray(c)) for c in columns], names=[*names, "euros", "exposure"])
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)
    if writer:
        writer.close()


def compact_rows(path: Path) -> Rows:
    """The file as rows of compact columns, read a batch at a time."""
    with pq.ParquetFile(path) as file:
        *names, _, _ = file.schema_arrow.names
        columns, truth, start = empty_columns(len(names), file.metadata.num_rows), [], 0
        for batch in file.iter_batches(use_threads=False):
            put(columns, np.arange(start, start + len(batch)), dense(pa.Table.from_batches([batch.select(names)])))
            truth.append(np.column_stack([batch[name].to_numpy() for name in ("euros", "exposure")]))
            start += len(batch)
    euros, exposure = np.concatenate(truth).T.copy()
    return Rows(names, table_of(names, columns), euros / exposure, exposure, np.arange(start))


def by_frame(path: Path, trees: int) -> None:
    frame = pd.read_parquet(path)
    euros, exposure = frame.pop("euros"), frame.pop("exposure")
    matrix = np.empty(frame.shape)
    for number, name in enumerate(frame):
        matrix[:, number] = frame[name]
    known = pd.DataFrame(matrix, columns=frame.columns, copy=False)
    model = SpendingRegressor(**TREES, objective="tweedie", n_estimators=trees, cap_quantile=0.999, floor_eur=0.0)
    model.set_params(balance_on=CELLS, min_child_samples=max(len(known) // 10_000, 11))
    model.fit(known, euros / exposure, sample_weight=exposure)


def by_columns(path: Path, trees: int, objective: str = "tweedie") -> None:
    rows = compact_rows(path)
    recipe = replace(RECIPES["peps_mg"], features=(), objective=objective, most_trees=trees, balance_on=CELLS)
    recipe = recipe if objective == "blend" else replace(recipe, parameters=TREES)
    model = estimator_of(recipe, rows, seed=0)
    model.fit(rows.given, rows.spent_eur, sample_weight=rows.exposure, groups=rows.patients)


def by_train(path: Path, trees: int) -> None:
    recipe = replace(
        RECIPES["peps_mg"], features=(), objective="tweedie", most_trees=trees, balance_on=CELLS, parameters=TREES
    )
    fit_recipe(recipe, compact_rows(path), 0, lambda step: None)


WAYS: dict[str, Callable[[Path, int], None]] = {
    "frame": by_frame,
    "columns": by_columns,
    "train": by_train,
    "blend": lambda path, trees: by_columns(path, trees, "blend"),
}


def measured(way: str, path: Path, trees: int) -> tuple[float, int]:
    """Seconds, and bytes at the worst moment, of a way in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.training_memory", way, str(path), str(trees)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds, peak = json.loads(done.stdout.splitlines()[-1])
    return seconds, peak


def memory_rows(rows: int, features: int, trees: int, ways: list[str]) -> list[Row]:
    """The table of ways, printed as it grows, and as rows of the benchmarks."""
    print(
        "| way in | rows | seconds | peak, GiB | MB a million rows | 67 M rows, GiB |\n|---|---:|---:|---:|---:|---:|"
    )
    found = []
    with tempfile.TemporaryDirectory() as folder:
        sizes = {count: Path(folder) / f"{count}.parquet" for count in (rows // 4, rows)}
        for count, path in sizes.items():
            write_rows_file(path, count, features)
        for way in ways:
            (_, low), (seconds, peak) = (measured(way, path, trees) for path in sizes.values())
            slope = (peak - low) / (rows - rows // 4)
            france = peak + slope * (FRANCE - rows)
            million = slope * MILLION / 1e6
            figures = f"{seconds:.0f} | {peak / GIB:.2f} | {million:.0f} | {france / GIB:.0f}"
            print(f"| {WORDS[way]} | {rows:,} | {figures} |", flush=True)
            task, role = (
                f"training memory, {rows:,} rows x {features}",
                "ours" if way == ("columns" if "columns" in ways else ways[0]) else "peer",
            )
            found.append(Row(task, WORDS[way], role, seconds=seconds, peak_gib=peak / GIB))
    return found


def main() -> None:
    """One way in, alone: prints seconds and bytes as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("way", choices=list(WAYS))
    parser.add_argument("path", type=Path)
    parser.add_argument("trees", type=int)
    asked = parser.parse_args()
    started = time.perf_counter()
    WAYS[asked.way](asked.path, asked.trees)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps([time.perf_counter() - started, peak]))


if __name__ == "__main__":
    main()
