"""Time of a prediction and of an explanation over HTTP: our service beside its peers and the limit, in one run.

Ours as `forfait serve` runs it (BentoML, a token, every decision on disk before it is answered); ours without the
record; a bare FastAPI + LightGBM endpoint, which checks nothing; MLflow's scoring server with the registered flavour;
and `Booster.predict` in process on a matrix that is ready, which nobody can beat. One worker each, the same trees.
One caller: requests take turns. Many callers: one server after the other. Then a blend of parts beside the booster.

    python -m benchmarks.serving [--requests 2000] [--features 150] [--trees 300] [--seconds 5] [--json FILE]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pyarrow as pa
from rich.console import Console

if __name__ == "__main__":  # run as a file, this module would hide the package of the same name
    sys.path[0] = str(Path(__file__).parent.parent)

from benchmarks.record import judged
from benchmarks.rows import Row, add_json, write_rows
from benchmarks.run import table_of
from benchmarks.serving_load import ARROW, JSON, Call, Connection, crowd, take_turns
from benchmarks.serving_servers import (
    BARE,
    MLFLOW,
    OURS,
    PYFUNC,
    WITHOUT_RECORD,
    access_url,
    start,
    write_pyfunc,
)
from benchmarks.serving_versions import rows_of, write_blend, write_model
from features.encoding import encode_rows
from features.scoring import load_scorer
from serving.access.tables import engine_of
from serving.access.tokens import Wanted, create

FORFAIT, UNRECORDED, FASTAPI, MLFLOW_SERVER = "forfait", "forfait, not recorded", "bare FastAPI", "mlflow models serve"
IN_PROCESS = "Booster.predict in process"
MOST_RATIO_ONE, MOST_RATIO_BATCH = "<= 3", "<= 1.25"
CALLERS = (1, 8, 64)
Rows = list[dict[str, float | int]]


@dataclass(frozen=True)
class Bench:
    """Where the servers answer, the token of ours, and the folder of the versions."""

    root: Path
    addresses: Mapping[str, str]
    token: str

    def call(
        self, server: str, rows: Rows, *, kind: str = JSON, model: str = "peps_mg", path: str = "/predict"
    ) -> Call:
        """The question about rows, as a server takes it."""
        address = self.addresses[server]
        if server == MLFLOW_SERVER:
            table = {"columns": list(rows[0]), "data": [list(row.values()) for row in rows]}
            return Call(address, json.dumps({"dataframe_split": table}).encode(), path="/invocations")
        if kind == ARROW:
            where = path if server == FASTAPI else f"{path}?model={model}&version=1"
            return Call(address, arrow_of(rows), ARROW, where, self.token)
        body = json.dumps({"model": model, "version": 1, "rows": rows}).encode()
        return Call(address, body, path=path, token=self.token)


def arrow_of(rows: Rows) -> bytes:
    """The rows as an Arrow stream."""
    table, sink = pa.Table.from_pylist(rows), pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue().to_pybytes())


def started(stack: ExitStack, root: Path, scratch: Path) -> Bench:
    """All the servers."""
    wanted = Wanted(name="benchmark", role="modeller")
    token = create(engine_of(access_url(root)), wanted, by="benchmarks/serving.py", at=datetime.now(UTC))
    pyfunc = {PYFUNC: str(write_pyfunc(root, scratch))}
    return Bench(root, {
        FORFAIT: start(stack, OURS, root=root, probe="/readyz"),
        UNRECORDED: start(stack, WITHOUT_RECORD, root=root, probe="/readyz"),
        FASTAPI: start(stack, BARE, root=root, probe="/docs"),
        MLFLOW_SERVER: start(stack, MLFLOW, root=root, probe="/ping", **pyfunc),
    }, token)  # fmt: skip


def alone(bench: Bench, requests: int) -> Iterator[Row]:
    """One caller, requests taking turns: p50 of each server beside the limit."""
    few = max(requests // 30, 5)
    for count, kind, servers, times in (
        (1, JSON, (FORFAIT, UNRECORDED, FASTAPI, MLFLOW_SERVER), requests),
        (1000, JSON, (FORFAIT, UNRECORDED, FASTAPI, MLFLOW_SERVER), few),
        (1000, ARROW, (FORFAIT, UNRECORDED, FASTAPI), few),
    ):
        target = {} if kind == ARROW else {FASTAPI: MOST_RATIO_ONE if count == 1 else MOST_RATIO_BATCH}
        task = f"{count:,} row{'s' * (count > 1)}, {'JSON' if kind == JSON else 'Arrow'}, one caller"
        yield from _turns(bench, task, rows_of(bench.root, count), kind=kind, among=servers, requests=times,
                          targets=target)  # fmt: skip
        yield _in_process(bench.root, task, count, times)
    task = "10 rows explained, JSON, one caller"
    yield from _turns(bench, task, rows_of(bench.root, 10), path="/explain", among=(FORFAIT, UNRECORDED, FASTAPI),
                      requests=few, notes={FASTAPI: "logarithms, not euros"})  # fmt: skip
    yield _in_process(bench.root, task, 10, few, contributions=True)


def _turns(
    bench: Bench, task: str, rows: Rows, *, among: tuple[str, ...], requests: int, kind: str = JSON,
    model: str = "peps_mg", path: str = "/predict", targets: Mapping[str, str] = {}, notes: Mapping[str, str] = {},
) -> Iterator[Row]:  # fmt: skip
    calls = {name: bench.call(name, rows, kind=kind, model=model, path=path) for name in among}
    connections = {n: Connection(c.address, c.body, kind=c.kind, path=c.path, token=c.token) for n, c in calls.items()}
    for name, taken in take_turns(connections, requests).items():
        p50, p99 = np.percentile(taken, (50, 99))
        yield Row(task, name, "ours" if name == FORFAIT else "peer", seconds=round(p50 / 1000, 7),
                  p99_ms=round(p99, 4), target=targets.get(name), note=notes.get(name, ""))  # fmt: skip


def _in_process(root: Path, task: str, count: int, requests: int, *, contributions: bool = False) -> Row:
    scorer = load_scorer(root, "peps_mg", 1)
    matrix = encode_rows(scorer.card.features, rows_of(root, count))
    taken = timed(lambda: scorer.booster.predict(matrix, pred_contrib=contributions, num_threads=1), requests)
    return Row(task, IN_PROCESS, "limit", seconds=round(float(np.median(taken)), 7),
               p99_ms=round(float(np.percentile(taken, 99)) * 1000, 4))  # fmt: skip


def timed(run: Callable[[], object], times: int) -> np.ndarray:
    """Seconds of each call, the first left out."""
    run()
    taken = np.empty(times)
    for number in range(times):
        begun = time.perf_counter()
        run()
        taken[number] = time.perf_counter() - begun
    return taken


def together(bench: Bench, seconds: float) -> Iterator[Row]:
    """1, 8 and 64 callers at once: requests a second, p50 and p99."""
    for count, kind, servers in (
        (1, JSON, (FORFAIT, UNRECORDED, FASTAPI, MLFLOW_SERVER)),
        (1000, ARROW, (FORFAIT, UNRECORDED, FASTAPI)),
    ):
        rows = rows_of(bench.root, count)
        for callers in CALLERS:
            task = f"{count:,} row{'s' * (count > 1)}, {'JSON' if kind == JSON else 'Arrow'}, {callers} at once"
            for name in servers:
                call = bench.call(name, rows, kind=kind)
                asyncio.run(crowd(call, callers=callers, seconds=0.3))
                begun = time.perf_counter()
                taken, wrong = asyncio.run(crowd(call, callers=callers, seconds=seconds))
                if wrong:
                    raise SystemExit(f"{name}: {wrong} of {len(taken)} answers were not 200")
                p50, p99 = np.percentile(taken, (50, 99))
                yield Row(task, name, "ours" if name == FORFAIT else "peer", unit="requests", p99_ms=round(p99, 3),
                          per_second=round(len(taken) / (time.perf_counter() - begun), 2),
                          note=f"p50 {p50:.3g} ms")  # fmt: skip


def blended(bench: Bench, requests: int, trees: int) -> Iterator[Row]:
    """A version of parts through our service, beside all its trees asked at once and beside today's booster."""
    text = (bench.root / "blend" / "1" / "model.txt").read_text()
    booster = lgb.Booster(model_str=text)
    few = max(requests // 30, 5)
    for count, kind, path, times in (
        (1, JSON, "/predict", requests), (1000, ARROW, "/predict", few), (10, JSON, "/explain", few),
    ):  # fmt: skip
        words = f"{count:,} row{'s' * (count > 1)}{' explained' * (path == '/explain')}"
        task = f"blend ({trees} trees): {words}, one caller"
        rows = rows_of(bench.root, count)
        yield from _turns(bench, task, rows, kind=kind, path=path, model="blend", among=(FORFAIT,), requests=times)
        plain = next(_turns(bench, task, rows, kind=kind, path=path, among=(FORFAIT,), requests=times))
        yield Row(task, "forfait, one booster", "peer", seconds=plain.seconds, p99_ms=plain.p99_ms)
        scorer = load_scorer(bench.root, "blend", 1)
        matrix = encode_rows(scorer.card.features, rows)
        for what, run in _limits(booster, scorer, matrix, is_explained=path == "/explain").items():
            yield Row(task, what, "limit", seconds=round(float(np.median(timed(run, times))), 7))


def _limits(
    booster: lgb.Booster, scorer: object, matrix: np.ndarray, *, is_explained: bool
) -> dict[str, Callable[[], object]]:
    ours = scorer.explain if is_explained else scorer.predict  # type: ignore[attr-defined]
    return {
        "Scorer in process": lambda: ours(matrix),
        IN_PROCESS: lambda: booster.predict(matrix, pred_contrib=is_explained, raw_score=True, num_threads=1),
    }


def main() -> int:
    """Print the table; exit code 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--features", type=int, default=150)
    parser.add_argument("--trees", type=int, default=300)
    parser.add_argument("--seconds", type=float, default=5.0)
    add_json(parser)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        root = Path(folder) / "versions"
        write_model(root, features=asked.features, trees=asked.trees)
        trees = write_blend(root, features=asked.features)
        bench = started(stack, root, Path(folder))
        rows = [*alone(bench, asked.requests), *blended(bench, asked.requests, trees), *together(bench, asked.seconds)]
    write_rows(asked.json, rows)
    found = judged(rows)
    Console(width=150).print(table_of(found))
    return int(any(one.is_held is False for one in found))


if __name__ == "__main__":
    raise SystemExit(main())
