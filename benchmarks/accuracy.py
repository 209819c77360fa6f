"""SpendingRegressor beside every peer on the same tables, rows and totals: R², CPM, raw ratio, paired intervals.

    python -m benchmarks.accuracy [--tables development|final|surveys] [--seeds 0 1] [--only NAME]
    python -m benchmarks.accuracy --table FILE.csv|FILE.parquet --target COLUMN [--weight COLUMN] [--drop COLUMN ...]
                                  [--folds 5] [--seeds 0 1] [--rows N]

A made-up table is drawn anew for each seed; a table of yours is split into folds for each seed, and every row is
tested once. CPM is compared after each model's total on the tested rows has been made right; `ratio` is the raw one,
over all splits, and `ratios` its lowest and highest. Intervals are of the difference ours − peer, paired bootstrap of
the tested rows, 95 %. Ours and every peer have fixed settings, none saw the tested rows. A negative difference whose
interval holds 0 says that chance may explain it; the best of twenty peers is itself chosen by chance.
XGBoost, CatBoost and EBM are added by --others where they are installed (pip install "forfait[benchmarks]").
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.peers import NATIVE, OTHERS, PEERS, Peer, design_of
from benchmarks.spending_tables import DEVELOPMENT, FINAL, made
from benchmarks.survey_tables import SURVEYS
from training import SpendingRegressor

DRAWS = 200
OURS = "SpendingRegressor"
SLOW = ("NNLS", "random forest")
TABLES = {"development": DEVELOPMENT, "final": FINAL, "surveys": SURVEYS}


@dataclass(frozen=True)
class Split:
    """Training and tested rows of one table."""

    known: pd.DataFrame
    unseen: pd.DataFrame
    spent: np.ndarray
    truth: np.ndarray
    weights: tuple[np.ndarray, np.ndarray]


@dataclass
class Outcome:
    """What each model expected of the tested rows, split by split, in means of the split; seconds by model."""

    truth: list[np.ndarray] = field(default_factory=list)
    weight: list[np.ndarray] = field(default_factory=list)
    expected: dict[str, list[np.ndarray]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)


def main() -> None:
    asked = _arguments()
    peers = {name: peer for name, peer in PEERS.items() if asked.slow or name not in SLOW}
    peers |= OTHERS if asked.others else {}
    for name, splits in _splits(asked).items():
        outcome = Outcome()
        for split in splits:
            fit_and_expect(outcome, split, peers)
        print(f"\n{name}: {len(split.spent):,} rows to learn from, {(split.spent == 0).mean():.0%} of them zeros")
        found = compared(outcome)
        print(found.to_string(float_format="{:.4f}".format))
        print(verdict(found), flush=True)


def fit_and_expect(outcome: Outcome, split: Split, peers: dict[str, Peer]) -> None:
    """Fits every model to one split and keeps what it expects of the tested rows."""
    design = design_of(split.known)
    numbers = design(split.known), design(split.unseen)
    tables = split.known, split.unseen
    scale = np.average(split.truth, weights=split.weights[1])
    outcome.truth.append(split.truth / scale)
    outcome.weight.append(split.weights[1])
    has_texts = any(not pd.api.types.is_numeric_dtype(dtype) for dtype in split.known.dtypes)
    models = {OURS: (ours, tables)} | {name: (peer, numbers) for name, peer in peers.items()}
    models |= {name: (peer, tables) for name, peer in NATIVE.items() if has_texts}
    for name, (fit, (known, unseen)) in models.items():
        started = time.perf_counter()
        expected = np.asarray(fit(known, split.spent, split.weights[0])(unseen))
        outcome.seconds[name] = outcome.seconds.get(name, 0) + time.perf_counter() - started
        outcome.expected.setdefault(name, []).append(expected / scale)


def ours(known: pd.DataFrame, euros: np.ndarray, weight: np.ndarray) -> Callable[[pd.DataFrame], np.ndarray]:
    return SpendingRegressor(n_jobs=1).fit(known, euros, sample_weight=weight).predict


def compared(outcome: Outcome) -> pd.DataFrame:
    """A row per model: r2, cpm, ratio, ratios, our gains on it (estimate, low, high) and seconds."""
    truth, weight = np.concatenate(outcome.truth), np.concatenate(outcome.weight)
    draws = np.random.default_rng(0).multinomial(len(truth), np.full(len(truth), 1 / len(truth)), DRAWS)
    counts = np.vstack([np.ones(len(truth), dtype=int), draws]) * weight
    scores = {
        name: {measure: score(_righted(parts, outcome), truth, counts) for measure, score in MEASURES.items()}
        | {"r2": r2(np.concatenate(parts), truth, counts)}
        for name, parts in outcome.expected.items()
    }
    rows = []
    for name, parts in outcome.expected.items():
        ratios = [w @ p / (w @ t) for p, t, w in zip(parts, outcome.truth, outcome.weight, strict=True)]
        row: dict[str, object] = {"model": name}
        for measure in MEASURES:
            gains = scores[OURS][measure] - scores[name][measure]
            low, high = np.nanquantile(gains[1:], (0.025, 0.975))
            row |= {measure: scores[name][measure][0], f"{measure}_gain": gains[0]}
            row[f"{measure}_interval"] = f"{low:+.4f} to {high:+.4f}"
        row |= {"ratio": weight @ np.concatenate(parts) / (weight @ truth)}
        row |= {"ratios": f"{min(ratios):.3f} to {max(ratios):.3f}", "seconds": round(outcome.seconds[name], 1)}
        rows.append(row)
    return pd.DataFrame(rows).set_index("model")


def verdict(found: pd.DataFrame) -> str:
    """The best peer in each measure and how we stand to it, in a line each."""
    peers = found.drop(index=OURS)
    lines = []
    for measure in MEASURES:
        best = peers[measure].idxmax()
        gain, interval = peers.loc[best, f"{measure}_gain"], peers.loc[best, f"{measure}_interval"]
        mine = found.loc[OURS, measure]
        lines.append(
            f"{measure}: ours {mine:.4f}, best peer {best} {peers.loc[best, measure]:.4f}, {gain:+.4f} ({interval})"
        )
    total = found.loc[OURS, "ratio"]
    return "\n".join([*lines, f"total: ours {total:.4f} of observed, OLS {peers.loc['OLS', 'ratio']:.4f}"])


def r2(expected: np.ndarray, truth: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """R² of each draw (counts of rows × weight)."""
    mean = counts @ truth / counts.sum(axis=1)
    spread = counts @ truth**2 - counts.sum(axis=1) * mean**2
    return 1 - counts @ (truth - expected) ** 2 / np.where(spread > 0, spread, np.nan)


def cpm(expected: np.ndarray, truth: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """1 − mean absolute error / mean absolute deviation of each draw; the total of `expected` is right already."""
    mean = counts[0] @ truth / counts[0].sum()
    return 1 - counts @ np.abs(truth - expected) / (counts @ np.abs(truth - mean))


MEASURES: dict[str, Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]] = {"r2": r2, "cpm": cpm}


def _righted(parts: list[np.ndarray], outcome: Outcome) -> np.ndarray:
    """Expectations of all splits, each with the total of its tested rows."""
    zipped = zip(parts, outcome.truth, outcome.weight, strict=True)
    return np.concatenate([part * (weight @ truth) / (weight @ part) for part, truth, weight in zipped])


def _splits(asked: argparse.Namespace) -> dict[str, Iterator[Split]]:
    if asked.table:
        return {asked.table.name: _file_splits(asked)}
    chosen = {name: made_up for name, made_up in TABLES[asked.tables].items() if not asked.only or name in asked.only}
    return {name: _made_splits(name, asked.seeds) for name in chosen}


def _made_splits(name: str, seeds: list[int]) -> Iterator[Split]:
    maker, rows = {**DEVELOPMENT, **FINAL, **SURVEYS}[name]
    for seed in seeds:
        table, euros = made(name, rows + max(10_000, rows // 2), maker, seed=seed)
        unseen = np.arange(len(euros)) >= rows
        yield _split(table, euros, np.ones(len(euros)), unseen)


def _file_splits(asked: argparse.Namespace) -> Iterator[Split]:
    read = pd.read_parquet if asked.table.suffix == ".parquet" else pd.read_csv
    table = read(asked.table).dropna(subset=[asked.target])
    table = table.sample(min(asked.rows or len(table), len(table)), random_state=0).reset_index(drop=True)
    euros = table[asked.target].to_numpy(float)
    weight = table[asked.weight].to_numpy(float) if asked.weight else np.ones(len(table))
    table = table.drop(columns=[asked.target, *([asked.weight] if asked.weight else []), *asked.drop])
    for seed in asked.seeds:
        fold = np.random.default_rng(seed).permutation(len(table)) % asked.folds
        for number in range(asked.folds):
            yield _split(table, euros, weight, fold == number)


def _split(table: pd.DataFrame, euros: np.ndarray, weight: np.ndarray, unseen: np.ndarray) -> Split:
    known, tested = (table.loc[rows].reset_index(drop=True) for rows in (~unseen, unseen))
    return Split(known, tested, euros[~unseen], euros[unseen], (weight[~unseen], weight[unseen]))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", choices=tuple(TABLES), default="development")
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--table", type=Path)
    parser.add_argument("--target")
    parser.add_argument("--weight")
    parser.add_argument("--drop", nargs="*", default=[])
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--rows", type=int)
    parser.add_argument("--seeds", type=int, nargs="*", default=[0])
    parser.add_argument("--slow", action="store_true", help=f"with {', '.join(SLOW)}")
    parser.add_argument("--others", action="store_true", help="with XGBoost, CatBoost and EBM, where installed")
    asked = parser.parse_args()
    if asked.table and not asked.target:
        parser.error("--table needs --target, the column of euros")
    return asked


if __name__ == "__main__":
    main()
