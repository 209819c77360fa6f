"""`forfait predict`, Parquet to Parquet, against `Booster.predict` on the same rows as a matrix in memory.

Run: python -m benchmarks.predictions --data DIR --versions ROOT [--model ipep] [--year 2024] [--repeats 3]
     [--json FILE]

Also with rows alike asked once, and each on its own, whatever the command does at this size.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa

import training.score
from benchmarks.process import seconds
from benchmarks.rows import Row, add_json, write_rows
from features.scoring import load_scorer
from features.tables import FEATURE_TABLE
from training.bulk import batches, encoded

LIMIT = 1.3


def whole(data: Path, asked: argparse.Namespace, merged_from: int) -> None:
    """The dataset written from the first row to the last; rows alike asked once from `merged_from` rows."""
    training.score.PREDICTED_ONCE = merged_from
    training.score.score_year(data, asked.versions, asked.model, 1, asked.year)


def main() -> None:
    """Print the table of medians; exit 1 where the whole takes over 1.3 times Booster.predict."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--versions", type=Path, required=True)
    parser.add_argument("--model", default="ipep")
    for name, default in (("year", 2024), ("repeats", 3)):
        parser.add_argument(f"--{name}", type=int, default=default)
    add_json(parser)
    asked = parser.parse_args()
    scorer, as_it_is = load_scorer(asked.versions, asked.model, 1), training.score.PREDICTED_ONCE
    found: list[pa.RecordBatch] = [
        batch for _, batch in batches(FEATURE_TABLE, asked.data, asked.year, list(scorer.encoder.names))
    ]
    matrix = np.concatenate([encoded(scorer, batch, 0) for batch in found])
    with tempfile.TemporaryDirectory(prefix="forfait-predictions-") as scratch:
        data = Path(scratch)
        (data / FEATURE_TABLE.name).symlink_to((asked.data / FEATURE_TABLE.name).resolve())
        ways: dict[str, Callable[[], object]] = {
            "forfait predict, Parquet to Parquet": lambda: whole(data, asked, as_it_is),
            "forfait predict, rows alike merged": lambda: whole(data, asked, 0),
            "forfait predict, no row merged": lambda: whole(data, asked, len(matrix) + 1),
            "Scorer.predict, matrix in memory": lambda: scorer.predict(matrix),
            "Booster.predict, matrix in memory": lambda: scorer.booster.predict(matrix),
        }
        whole(data, asked, 0)  # what a process does once
        taken: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(asked.repeats):
            for name, run in ways.items():
                taken[name].append(seconds(run))
    median = {name: statistics.median(values) for name, values in taken.items()}
    ours, *_, bare = median.values()
    task = f"predictions, {len(matrix):,} rows, {scorer.booster.num_trees()} trees"
    print(f"| {task} | seconds (median) | ÷ Booster.predict |\n|---|---:|---:|")
    for name, value in median.items():
        print(f"| {name} | {value:.2f} | {value / bare:.2f} |")
    names = list(median)
    rows = [Row(task, names[0], "ours", seconds=ours), *(Row(task, name, seconds=median[name]) for name in names[1:3])]
    write_rows(asked.json, [*rows, Row(task, names[-1], "limit", seconds=bare, target=f"<= {LIMIT}")])
    if ours > LIMIT * bare:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
