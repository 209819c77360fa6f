"""What SpendingRegressor costs over `lightgbm.train` on the same matrix, parameters and number of trees.

Run: python -m benchmarks.training [--rows 200000] [--features 150] [--trees 300] [--repeats 5]
With --memory [--ways columns train ...]: instead, the most memory of each way in, on all rows and on a quarter.
"""

from __future__ import annotations

import argparse
import statistics

import lightgbm as lgb
import numpy as np
import pandas as pd

from benchmarks.process import seconds
from benchmarks.rows import Row, add_json, write_rows
from benchmarks.training_memory import WAYS, memory_rows
from training import SpendingRegressor

LIMIT = 1.1
THREADS = 2


def made_up_table(rows: int, features: int, *, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Flags and one age, with skewed euros and exposures."""
    generator = np.random.default_rng(seed)
    matrix = (generator.random((rows, features)) < generator.uniform(0.005, 0.2, features)).astype(float)
    matrix[:, 0] = generator.integers(0, 100, rows)
    mean = 50 + matrix[:, 0] + matrix[:, 1:] @ generator.gamma(1.0, 100, features - 1)
    table = pd.DataFrame(matrix, columns=[f"feature_{number}" for number in range(features)], copy=False)
    return table, generator.gamma(0.5, 2 * mean), np.where(generator.random(rows) < 0.03, 0.5, 1.0)


def compare(rows: int, features: int, trees: int, repeats: int) -> tuple[list[float], list[float]]:
    """Seconds of the estimator and of plain LightGBM, alternating."""
    table, euros, weight = made_up_table(rows, features)
    model = SpendingRegressor(
        objective="regression", n_estimators=trees, cap_quantile=0.995, floor_eur=0.0, n_jobs=THREADS
    )
    names = list(table.columns)
    capped = np.minimum(euros, np.quantile(euros, 0.995))
    parameters = model.tree_parameters(names) | {"seed": 0}
    ours, plain = [], []
    for _ in range(repeats):
        plain.append(seconds(lambda: lgb.train(parameters, lgb.Dataset(table.to_numpy(), capped, weight=weight))))
        ours.append(seconds(lambda: model.fit(table, euros, sample_weight=weight)))
    return ours, plain


def main() -> None:
    """Print the table of times and whether the limit holds, or that of memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("rows", 200_000), ("features", 150), ("trees", 300), ("repeats", 5)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--ways", nargs="+", choices=list(WAYS), default=list(WAYS))
    add_json(parser)
    asked = parser.parse_args()
    if asked.memory:
        write_rows(asked.json, memory_rows(asked.rows, asked.features, asked.trees, asked.ways))
        return
    ours, plain = compare(asked.rows, asked.features, asked.trees, asked.repeats)
    mine, bare = statistics.median(ours), statistics.median(plain)
    print(f"| {asked.rows:,} rows × {asked.features} features, {asked.trees} trees | seconds (median) |\n|---|---:|")
    print(f"| lightgbm.train | {bare:.2f} |")
    print(f"| SpendingRegressor.fit | {mine:.2f} |")
    print(f"| ratio (limit {LIMIT}) | {mine / bare:.3f} |")
    task = f"training, {asked.rows:,} rows x {asked.features}, {asked.trees} trees"
    limit = Row(task, "lightgbm.train", "limit", seconds=bare, target=f"<= {LIMIT}")
    write_rows(asked.json, [Row(task, "forfait", "ours", seconds=mine), limit])
    if mine > LIMIT * bare:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
