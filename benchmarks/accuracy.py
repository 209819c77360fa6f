"""SpendingRegressor beside every peer on the same tables, rows and totals: R², CPM, raw ratio, paired intervals.

    python -m benchmarks.accuracy [--tables development|final] [--seeds 0] [--only NAME]

CPM is compared after each model's total on the test rows has been made right; `ratio` is the raw one. Intervals
are of the difference ours − peer, paired bootstrap of the test rows, 95 %. Every model has its fixed settings.
XGBoost, CatBoost and interpret are added where they are installed (pip install "forfait[benchmarks]").
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import pandas as pd

from benchmarks.peers import PEERS, design_of
from benchmarks.spending_tables import DEVELOPMENT, FINAL, made
from training import SpendingRegressor

DRAWS = 200
OURS = "SpendingRegressor"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", choices=("development", "final"), default="development")
    parser.add_argument("--seeds", type=int, nargs="*", default=[0])
    parser.add_argument("--only", nargs="*")
    asked = parser.parse_args()
    for seed in asked.seeds:
        for name, (maker, rows) in (DEVELOPMENT if asked.tables == "development" else FINAL).items():
            if not asked.only or name in asked.only:
                tested = max(10_000, rows // 2)
                table, euros = made(name, rows + tested, maker, seed=seed)
                print(f"\n{name}, seed {seed}: {rows:,} train, {tested:,} test, {(euros == 0).mean():.0%} zeros")
                print(compare(table, euros, rows).round(4).to_string(), flush=True)


def compare(table: pd.DataFrame, euros: np.ndarray, rows: int) -> pd.DataFrame:
    """A row per model: r2, cpm, ratio, seconds, and the intervals of our differences with it."""
    design = design_of(table.iloc[:rows])
    known, unseen = design(table.iloc[:rows]), design(table.iloc[rows:])
    spent, truth = euros[:rows], euros[rows:]
    started = time.perf_counter()
    fitted = SpendingRegressor(n_jobs=1).fit(table.iloc[:rows], spent)
    expected = {OURS: fitted.predict(table.iloc[rows:])}
    seconds = {OURS: time.perf_counter() - started}
    for name, peer in PEERS.items():
        started = time.perf_counter()
        expected[name] = peer(known, spent)(unseen)
        seconds[name] = time.perf_counter() - started
    return pd.DataFrame(_rows(expected, truth)).assign(seconds=list(seconds.values())).set_index("model")


def _rows(expected: dict[str, np.ndarray], truth: np.ndarray) -> list[dict[str, object]]:
    draws = np.random.default_rng(0).multinomial(len(truth), np.full(len(truth), 1 / len(truth)), DRAWS)
    mine = {measure: score(expected[OURS], truth, draws) for measure, score in MEASURES.items()}
    rows = []
    for name, values in expected.items():
        row: dict[str, object] = {"model": name, "ratio": values.sum() / truth.sum()}
        for measure, score in MEASURES.items():
            row[measure] = score(values, truth, np.ones((1, len(truth)), dtype=int))[0]
            low, high = np.quantile(mine[measure] - score(values, truth, draws), (0.025, 0.975))
            row[f"{measure}_gain"] = f"{low:+.4f} to {high:+.4f}"
        rows.append(row)
    return rows


def r2(expected: np.ndarray, truth: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """R² of each draw (counts of rows)."""
    return 1 - draws @ (truth - expected) ** 2 / (draws @ (truth - truth.mean()) ** 2)


def cpm(expected: np.ndarray, truth: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """1 − mean absolute error / mean absolute deviation of each draw, once the total is right."""
    right = expected * truth.sum() / expected.sum()
    return 1 - draws @ np.abs(truth - right) / (draws @ np.abs(truth - truth.mean()))


MEASURES: dict[str, Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]] = {"r2": r2, "cpm": cpm}


if __name__ == "__main__":
    main()
