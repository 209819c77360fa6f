"""What recording every decision costs, and what survives: our service with its ledger beside a bare endpoint.

One worker each, on loopback, the same trees. One caller and batches: requests take turns. Many callers: one server
after the other. Kills: the service is killed (SIGKILL) under load, again and again, on SQLite and on PostgreSQL.

    python -m benchmarks.ledger [--requests 1000] [--callers 64] [--seconds 60]
    python -m benchmarks.ledger --kills 200 [--engine sqlite]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.ledger_load import Server, body_of, loading, lost
from benchmarks.postgres import cluster, why_absent
from benchmarks.serving_load import Connection, many, take_turns
from benchmarks.serving_servers import BARE, OURS, access_url, start
from benchmarks.serving_versions import rows_of, write_model
from serving.access.tables import engine_of
from serving.access.tokens import Wanted, create
from serving.decisions.chain import verify
from serving.decisions.database import Database

ENGINES = ("sqlite", "postgresql")
KILLERS = 16
MOST_RATIO_ONE, LEAST_RATIO_BATCH, MOST_P99_RATIO = 3.0, 0.8, 5.0
OUT = Console(width=110)


@contextmanager
def ledgers(engines: list[str], folder: Path) -> Iterator[dict[str, str]]:
    """Address of an empty ledger by engine; PostgreSQL only where it can be started."""
    with ExitStack() as stack:
        urls = {}
        if "sqlite" in engines:
            urls["sqlite"] = f"sqlite:///{folder / 'ledger.db'}"
        if "postgresql" in engines and (why := why_absent()):
            OUT.print(f"PostgreSQL left out: {why}")
        elif "postgresql" in engines:
            urls["postgresql"] = stack.enter_context(cluster()).url
            Database(urls["postgresql"]).upgrade()
        yield urls


def disk_ms(folder: Path) -> float:
    """Median milliseconds of one 4 KiB write that is on disk (fdatasync): no durable answer can be faster."""
    descriptor = os.open(folder / "probe", os.O_RDWR | os.O_CREAT)
    os.write(descriptor, b"\0" * 1_000_000)
    os.fsync(descriptor)
    times = []
    for turn in range(200):
        begun = time.perf_counter()
        os.pwrite(descriptor, b"x" * 4096, (turn % 200) * 4096)
        os.fdatasync(descriptor)
        times.append(time.perf_counter() - begun)
    os.close(descriptor)
    return 1000 * float(np.median(times))


def servers(stack: ExitStack, root: Path, urls: dict[str, str]) -> dict[str, str]:
    """Address by server: the bare endpoint, and our service on each ledger, as `forfait serve` runs it."""
    found = {"bare": start(stack, BARE, root=root, probe="/docs")}
    for engine, url in urls.items():
        found[engine] = start(stack, OURS, root=root, probe="/readyz", FORFAIT_LEDGER_URL=url)
    return found


def cost(asked: argparse.Namespace, folder: Path) -> bool:
    """Print what recording costs; whether it is within the limits."""
    root = folder / "versions"
    write_model(root, features=asked.features, trees=asked.trees)
    wanted = Wanted(name="benchmark", role="payer")
    token = create(engine_of(access_url(root)), wanted, by="benchmarks/ledger.py", at=datetime.now(UTC))
    one, thousand = body_of(rows_of(root, 1)), body_of(rows_of(root, 1000))
    OUT.print(f"one durable write on this disk: {disk_ms(folder):.2f} ms (median)")
    with ledgers(asked.engine, folder) as urls, ExitStack() as stack:
        found = servers(stack, root, urls)
        turns = {
            "one row, one caller": (
                1,
                take_turns({n: Connection(a, one, token=token) for n, a in found.items()}, asked.requests),
            ),
            "1,000 rows, one caller": (
                1000,
                take_turns(
                    {n: Connection(a, thousand, token=token) for n, a in found.items()}, max(asked.requests // 20, 5)
                ),
            ),
        }
        crowds = {
            name: asyncio.run(many(address, one, token=token, callers=asked.callers, seconds=asked.seconds))
            for name, address in found.items()
        }
    table = Table("case", "server", "p50 ms", "p99 ms", "p99 / p50", "rows/s", "p50 / bare", "rows/s / bare", "not 200")
    ratios = {}
    for case, (rows, times) in turns.items():
        for name, taken in times.items():
            ratios[case, name] = float(np.median(taken) / np.median(times["bare"]))
            speed = rows * len(taken) / taken.sum() * 1000
            bare = rows * len(times["bare"]) / times["bare"].sum() * 1000
            table.add_row(case, name, *_cells(taken, speed, ratios[case, name], speed / bare), "0")
    crowd, bare_times = f"one row, {asked.callers} callers", crowds["bare"][0]
    for name, (taken, wrong) in crowds.items():
        ratios[crowd, name] = float(np.median(taken) / np.median(bare_times))
        share = len(taken) / len(bare_times)
        table.add_row(crowd, name, *_cells(taken, len(taken) / asked.seconds, ratios[crowd, name], share), str(wrong))
    OUT.print(table)
    return all(
        ratios["one row, one caller", name] <= MOST_RATIO_ONE
        and 1 / ratios["1,000 rows, one caller", name] >= LEAST_RATIO_BATCH
        and np.percentile(crowds[name][0], 99) <= MOST_P99_RATIO * np.median(crowds[name][0])
        and crowds[name][1] == 0
        for name in urls
    )


def _cells(taken: np.ndarray, speed: float, ratio: float, share: float) -> list[str]:
    p50, p99 = np.percentile(taken, (50, 99))
    return [f"{p50:.2f}", f"{p99:.2f}", f"{p99 / p50:.1f}", f"{speed:,.0f}", f"{ratio:.2f}", f"{share:.2f}"]


def kill(asked: argparse.Namespace, folder: Path) -> bool:
    """Print what survived the kills; whether everything did."""
    root = folder / "versions"
    write_model(root, features=10, trees=20)
    table = Table("ledger", "kills", "acknowledged", "on record", "lost", "seconds", title="SIGKILL under load")
    is_whole = True
    with ledgers(asked.engine, folder) as urls:
        for engine, url in urls.items():
            begun, database = time.perf_counter(), Database(url)
            kept, missing = killed(asked, Server(root, url), database)
            last = verify(database).number
            is_whole &= not missing and last >= kept
            table.add_row(
                engine, *(f"{n:,}" for n in (asked.kills, kept, last, missing, round(time.perf_counter() - begun)))
            )
            database.close()
    OUT.print(table)
    return is_whole


def killed(asked: argparse.Namespace, server: Server, database: Database) -> tuple[int, int]:
    """Acknowledged answers over all the kills, and how many of them are not on record.

    Each kill comes while answers are written: after a number of them drawn by chance, and a moment drawn by chance.
    """
    body, chance = body_of(rows_of(server.versions, 1)), random.Random(asked.seed)
    kept, missing = 0, 0
    for number in range(1, asked.kills + 1):
        server.start()
        with loading(server.port, body, KILLERS) as load:
            wanted = chance.randint(1, 60)
            while len(load.acknowledged) < wanted:
                time.sleep(0.002)
            time.sleep(chance.random() / 30)
            server.kill()
        kept += len(load.acknowledged)
        missing += len(lost(database, load.acknowledged))
        if number % 10 == 0:
            newest = verify(database).number
            OUT.print(f"{number} kills, {kept:,} acknowledged, {missing} lost, chain of {newest:,} whole")
    return kept, missing


def main() -> int:
    """Print the tables; exit code 1 where a limit is missed or an acknowledged decision is lost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--features", type=int, default=150)
    parser.add_argument("--trees", type=int, default=300)
    parser.add_argument("--callers", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--engine", action="append", choices=ENGINES)
    parser.add_argument("--folder", type=Path, help="Where SQLite lies for the run: the disk that is measured.")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # servers are stopped on the way out
    asked.engine = asked.engine or list(ENGINES)
    with tempfile.TemporaryDirectory(dir=asked.folder) as folder:
        return int(not (kill if asked.kills else cost)(asked, Path(folder)))


if __name__ == "__main__":
    raise SystemExit(main())
