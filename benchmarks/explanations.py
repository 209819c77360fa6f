"""Explanations in euros, rows a second: ours, LightGBM's pred_contrib, and libraries for Shapley values of trees.

Run: python -m benchmarks.explanations [--data DIR --year 2024] [--rows 50000] [--trees 200] [--threads 1 2]
     [--versions ROOT --models peps_mg ipep] [--json FILE]

Without --data, a fictional France of --patients is made first. The rows are real characteristics of its patients (the
payment features), spending the target of two boosters: Tweedie (log link, explained against 100 references) and squared
error (path-dependent, as pred_contrib); --versions adds frozen ones. Patients alike are explained once; so that this
is not taken for speed, "alike apart" is given too: rows of which no two are alike to the trees.
pred_contrib splits the logarithm of a log link, not the euros: it is the limit asked for, not the same answer.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.explanations_peers import PEERS, Peer
from benchmarks.rows import Row, add_json, write_rows
from benchmarks.training_memory import TREES
from features.path_shapley import path_shapley
from features.scoring import Scorer, load_scorer
from features.versions import Card
from training import SpendingRegressor
from training.alike import memory, recalled
from training.population import load_rows
from training.recipes import card_features, recipe_of

MODEL, LIMIT, TOLERANCE_EUR = "ipep", 10.0, 1e-6
CAP = 0.999


@dataclass(frozen=True)
class Case:
    """A booster to be explained: `ours` gives its euros, shape (n, features + more), rows adding up to `expected`."""

    name: str
    scorer: Scorer
    ours: Callable[[np.ndarray], np.ndarray]
    expected: Callable[[np.ndarray], np.ndarray]
    factor: float


def made_country(folder: Path, patients: int, year: int) -> Path:
    """Datasets of a fictional France, with characteristics and spending of the year."""
    from features.build import build_features
    from features.engine import connect
    from features.snds.read import read_snds
    from features.spending import measure_spending
    from features.synth import synthesise

    con = connect("duckdb")
    synthesise(folder, patients=patients, years=range(year - 1, year + 1), seed=1)
    for known in (year - 1, year):
        read_snds(con, folder / "snds", folder, known)
    build_features(con, folder, year)
    measure_spending(con, folder, year)
    return folder


def trained(matrix: np.ndarray, spent: tuple[np.ndarray, np.ndarray], objective: str, trees: int) -> Scorer:
    """A version of the payment features, not frozen; spent: euros and exposure."""
    features = card_features(recipe_of(MODEL))
    frame = pd.DataFrame(matrix, columns=[known.name for known in features])
    yearly: dict[str, Any] = dict(TREES)
    model = SpendingRegressor(objective=objective, n_estimators=trees, cap_quantile=CAP, **yearly)
    model.fit(frame, spent[0], sample_weight=spent[1])
    is_log = objective == "tweedie"
    card = Card(
        model=objective, version=1, perimeter="AMO", objective=objective, link="log" if is_log else "identity",
        balance_factor=model.balance_factor_, features=features, model_sha256="",
        reference_rows=tuple(map(tuple, model.reference_.tolist())) if is_log else (),
    )  # fmt: skip
    return Scorer(model.booster_, card, "")


def case_of(name: str, scorer: Scorer) -> Case:
    """How we explain it: the path-dependent values themselves where there is no reference."""
    factor = scorer.card.balance_factor
    if scorer.card.reference_rows:
        return Case(name, scorer, scorer.explain, scorer.predict, factor)
    shapley = path_shapley(scorer.booster)
    return Case(name, scorer, lambda rows: factor * shapley.explain(rows),
                lambda rows: factor * np.asarray(scorer.booster.predict(rows)), factor)  # fmt: skip


def spread(run: Callable[[np.ndarray], np.ndarray], threads: int) -> Callable[[np.ndarray], np.ndarray]:
    """The same over `threads` pieces of the rows at once."""

    def all_rows(rows: np.ndarray) -> np.ndarray:
        with ThreadPoolExecutor(threads) as pool:
            return np.concatenate(list(pool.map(run, np.array_split(rows, threads))))

    return run if threads == 1 else all_rows


def merging(scorer: Scorer, run: Callable[[np.ndarray], np.ndarray], rows: np.ndarray) -> np.ndarray:
    """The same, rows alike asked once (training/alike.py)."""
    width = run(rows[:2]).shape[1]
    euros = np.empty((len(rows), width))
    known = memory(scorer.booster, width, kept=0, batch=len(rows))
    for stretch, place in recalled(known, rows, run):
        euros[stretch] = known.answers[place]
    return euros


def apart(scorer: Scorer, rows: np.ndarray) -> np.ndarray:
    """Rows of which no two are alike to the trees."""
    known = memory(scorer.booster, 1, kept=0, batch=len(rows))
    found: list[np.ndarray] = []

    def kept(fresh: np.ndarray) -> np.ndarray:
        found.append(fresh)
        return np.zeros((len(fresh), 1))

    list(recalled(known, rows, kept))
    return found[0]


def timed(run: Callable[[], np.ndarray], clock: Callable[[], float]) -> tuple[float, np.ndarray]:
    """Seconds of one call, and what it gave."""
    started = clock()
    found = run()
    return clock() - started, found


def measured(case: Case, rows: np.ndarray, threads: int, asked: argparse.Namespace) -> Iterator[Row]:
    """Rows a second of ours, alike merged and apart, and of the peers, and the largest difference, one thread count."""
    task = f"explanations, {case.name}, {threads} thread{'s' if threads > 1 else ''}"
    run, distinct = spread(case.ours, threads), apart(case.scorer, rows)
    case.ours(rows[:100])  # what a process does once
    taken, euros = timed(lambda: merging(case.scorer, run, rows), asked.clock)
    gap = float(np.abs(euros.sum(axis=1) - case.expected(rows)).max())
    said = f"{len(distinct) / len(rows):.0%} of {len(rows):,} rows differ; adds up within {gap:.0e} EUR"
    yield Row(task, "forfait", "ours", per_second=len(rows) / taken, note=said)
    few = rows[:: max(1, len(rows) // asked.few)][: asked.few]
    bare, phi = timed(lambda: _pred_contrib(case.scorer, few, threads), asked.clock)
    note = f"on {len(few):,} of the rows"
    if not case.scorer.card.reference_rows:
        note += f"; differs from ours by {np.abs(case.factor * phi - case.ours(few)).max():.0e} EUR"
    yield Row(task, "pred_contrib", per_second=len(few) / bare, target=f">= {LIMIT:g}", note=note)
    taken, _ = timed(lambda: run(distinct), asked.clock)
    own = task + ", alike apart"
    yield Row(own, "forfait", "ours", per_second=len(distinct) / taken, note=f"{len(distinct):,} rows")
    yield Row(own, "pred_contrib", per_second=len(few) / bare)
    if threads == 1:
        yield from (peer_row(task, peer, case, few, asked.clock) for peer in PEERS if peer.serves(case.scorer.card))


def _pred_contrib(scorer: Scorer, rows: np.ndarray, threads: int) -> np.ndarray:
    return np.asarray(scorer.booster.predict(rows, pred_contrib=True, num_threads=threads))


def peer_row(task: str, peer: Peer, case: Case, few: np.ndarray, clock: Callable[[], float]) -> Row:
    """A library on few rows: its speed, and how far it is from the exact answer to the question that it answers."""
    rows = few[: peer.rows]
    try:
        taken, said = timed(lambda: peer.run(case.scorer, rows), clock)
    except ImportError:
        return Row(task, peer.name, note="not installed")
    return Row(task, peer.name, per_second=len(rows) / taken, note=peer.judged(case.scorer, rows, said))


def cases(asked: argparse.Namespace, data: Path) -> tuple[list[Case], np.ndarray]:
    """The boosters, and the rows to be explained."""
    known, _ = load_rows(data, recipe_of(MODEL), [asked.year], excluded=pd.Index([], dtype=object))
    matrix, spent = np.asarray(known.matrix, dtype=float), (known.spent_eur, known.exposure)
    named = {"tweedie": "tweedie", "squared error": "regression"}
    found = [
        case_of(f"{name}, {asked.trees} trees", trained(matrix, spent, objective, asked.trees))
        for name, objective in named.items()
    ]
    for model in asked.models if asked.versions else ():
        scorer = load_scorer(asked.versions, model, 1)
        if [kept.name for kept in scorer.card.features] == known.names:
            found.append(case_of(f"{model}, {scorer.booster.num_trees()} trees", scorer))
    return found, matrix[: asked.rows]


def main() -> None:
    """Print the table; exit 1 where ours is not ten times pred_contrib."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--versions", type=Path)
    parser.add_argument("--models", nargs="+", default=["peps_mg", "ipep"])
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    for name, default in (("year", 2024), ("rows", 50_000), ("few", 1_000), ("trees", 200), ("patients", 10_000)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument(
        "--processor", action="store_true", help="processor seconds of all threads, on a shared machine"
    )
    add_json(parser)
    asked, found = parser.parse_args(), []
    asked.clock = time.process_time if asked.processor else time.perf_counter
    with tempfile.TemporaryDirectory(prefix="forfait-explanations-") as scratch:
        boosters, rows = cases(asked, asked.data or made_country(Path(scratch), asked.patients, asked.year))
    print("| task | what | rows a second | ours ÷ it | |\n|---|---|---:|---:|---|")
    for case in boosters:
        for threads in asked.threads:
            mine = 0.0
            for row in measured(case, rows, threads, asked):
                mine = row.per_second or 0.0 if row.role == "ours" else mine
                speed, ratio = ("", "") if row.per_second is None else (
                    f"{row.per_second:,.0f}", "" if row.role == "ours" else f"{mine / row.per_second:.1f}")  # fmt: skip
                print(f"| {row.task} | {row.what} | {speed} | {ratio} | {row.note} |", flush=True)
                found.append((row, mine))
    write_rows(asked.json, [row for row, _ in found if row.per_second is not None])
    if any(row.target and mine < LIMIT * (row.per_second or 0.0) for row, mine in found):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
