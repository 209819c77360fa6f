"""Time of a prediction over HTTP: our BentoML service beside a bare FastAPI + LightGBM endpoint.

Both answer the same JSON with the same trees, one worker each, on loopback, the requests taking turns.
The bare endpoint checks nothing: it reads the values by name and predicts.

    python benchmarks/serving.py [--requests 2000] [--features 150] [--trees 300]
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import httpx
import lightgbm as lgb
import msgspec
import numpy as np
import pyarrow as pa
from fastapi import FastAPI, Request
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parent.parent
if __name__ == "__main__":  # run as a file, this module would hide the package of the same name
    sys.path[0] = str(ROOT)

from features.versions import Card, CardFeature, sha256, write_version  # noqa: E402
from serving.access.tables import engine_of  # noqa: E402
from serving.access.tokens import Wanted, create  # noqa: E402
from serving.settings import QUIET  # noqa: E402

FOLDER = "FORFAIT_VERSIONS"
JSON, ARROW = "application/json", "application/vnd.apache.arrow.stream"
NO_LIMIT = "1000000/minute"
ALLOWED = 2.0


def bare() -> FastAPI:
    """The endpoint that we are held against."""
    folder = Path(os.environ[FOLDER]) / "peps_mg" / "1"
    booster = lgb.Booster(model_file=folder / "model.txt", params={"num_threads": 1})
    names = booster.feature_name()
    app = FastAPI()

    @app.post("/predict")
    async def predict(request: Request) -> dict[str, list[float]]:
        asked = await request.json()
        matrix = np.array([[row[name] for name in names] for row in asked["rows"]], dtype=float)
        return {"expected_eur": np.asarray(booster.predict(matrix, num_threads=1)).tolist()}

    return app


def write_model(root: Path, *, features: int, trees: int) -> None:
    """A frozen version of the usual size: a tenth of the features are numbers, the rest flags."""
    rng = np.random.default_rng(0)
    numbers = max(features // 10, 1)
    matrix = np.column_stack([rng.uniform(0, 100, (20_000, numbers)), rng.integers(0, 2, (20_000, features - numbers))])
    euros = matrix @ rng.gamma(1.0, 20.0, features) + rng.gamma(1.0, 500.0, 20_000)
    names = [f"number_{i:03}" if i < numbers else f"flag_{i:03}" for i in range(features)]
    data = lgb.Dataset(matrix, euros, feature_name=names)
    text = lgb.train({"num_leaves": 31, "verbosity": -1, "num_threads": 2}, data, trees).model_to_string()
    kinds = [CardFeature(n, n, n, "ald", "number" if n[0] == "n" else "flag", low=0.0, high=100.0) for n in names]
    card = Card(
        model="peps_mg", version=1, perimeter="MG", objective="regression", balance_factor=1.0,
        features=tuple(kinds), model_sha256=sha256(text.encode()),
    )  # fmt: skip
    write_version(root, card, text)


def rows_of(root: Path, count: int) -> list[dict[str, float | int]]:
    """Rows that the version accepts."""
    card = msgspec.json.decode((root / "peps_mg" / "1" / "card.json").read_bytes(), type=Card)
    rng = np.random.default_rng(1)
    return [
        {
            f.name: round(float(rng.uniform(0, 100)), 2) if f.kind == "number" else int(rng.integers(2))
            for f in card.features
        }
        for _ in range(count)
    ]


def free_port() -> int:
    """A port that nobody listens on."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(stack: ExitStack, command: list[str], *, root: Path, probe: str) -> str:
    """Address of a server started for the time of the run."""
    port = free_port()
    home = stack.enter_context(tempfile.TemporaryDirectory())
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, **QUIET, FOLDER: str(root), "BENTOML_HOME": home, "PYTHONPATH": path}
    environment |= {"FORFAIT_ACCESS": "closed", "FORFAIT_ACCESS_URL": access_url(root), "FORFAIT_RATE": NO_LIMIT}
    with tempfile.NamedTemporaryFile("w", suffix=".log", delete=False) as log:
        server = subprocess.Popen(
            [sys.executable, "-m", *command, "--port", str(port)], cwd=ROOT, env=environment, stdout=log, stderr=log
        )
    stack.callback(server.wait)
    stack.callback(server.terminate)
    address = f"http://127.0.0.1:{port}"
    for _ in range(300):
        try:
            if httpx.get(address + probe).status_code < 500:
                return address
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise SystemExit(f"{command} did not start; see {log.name}")


def access_url(root: Path) -> str:
    """Database of the token that our service asks for."""
    return f"sqlite:///{root / 'access.sqlite'}"


class Connection:
    """One kept-alive connection that costs as little as possible, so that the servers are what is timed."""

    def __init__(self, address: str, body: bytes, *, kind: str = JSON, path: str = "/predict", token: str = "") -> None:
        """Connect to `address`, ready to post `body`."""
        host, port = address.removeprefix("http://").split(":")
        self.socket = socket.create_connection((host, int(port)))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        lines = [f"POST {path} HTTP/1.1", f"Host: {host}", f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
        lines += [f"Authorization: Bearer {token}"] if token else []
        self.request = "\r\n".join([*lines, "", ""]).encode() + body

    def time(self) -> float:
        """Milliseconds of one request; the status must be 200."""
        begun = time.perf_counter()
        self.socket.sendall(self.request)
        answer = self.socket.recv(1 << 20)
        while b"\r\n\r\n" not in answer:
            answer += self.socket.recv(1 << 20)
        head, _, rest = answer.partition(b"\r\n\r\n")
        size = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        while len(rest) < size:
            rest += self.socket.recv(1 << 20)
        taken = (time.perf_counter() - begun) * 1000
        if not answer.startswith(b"HTTP/1.1 200"):
            raise SystemExit(f"answered {answer[:300]!r}")
        return taken


def take_turns(connections: dict[str, Connection], requests: int) -> dict[str, np.ndarray]:
    """Milliseconds of each request by server; the first tenth warms up and is not kept."""
    warm = max(requests // 10, 3)
    times = {name: np.empty(requests) for name in connections}
    for number in range(-warm, requests):
        for name, connection in connections.items():
            taken = connection.time()
            if number >= 0:
                times[name][number] = taken
    return times


def arrow_of(rows: list[dict[str, float | int]]) -> bytes:
    """The rows as an Arrow stream."""
    table, sink = pa.Table.from_pylist(rows), pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def run(root: Path, requests: int) -> dict[str, dict[str, np.ndarray]]:
    """Milliseconds by case and server."""
    one, thousand = rows_of(root, 1), rows_of(root, 1000)
    wanted = Wanted(name="benchmark", role="modeller")
    token = create(engine_of(access_url(root)), wanted, by="benchmarks/serving.py", at=datetime.now(UTC))
    bodies = [json.dumps({"model": "peps_mg", "version": 1, "rows": rows}).encode() for rows in (one, thousand)]
    with ExitStack() as stack:
        ours = start(
            stack, ["bentoml", "serve", "serving.service:Forfait", "--host", "127.0.0.1"], root=root, probe="/readyz"
        )
        options = ["--factory", "--host", "127.0.0.1", "--no-access-log", "--log-level", "warning"]
        peer = start(stack, ["uvicorn", "benchmarks.serving:bare", *options], root=root, probe="/docs")
        connect = partial(Connection, token=token)
        single = {name: connect(address, bodies[0]) for name, address in (("forfait", ours), ("bare", peer))}
        batch = {name: connect(address, bodies[1]) for name, address in (("forfait", ours), ("bare", peer))}
        arrow = connect(ours, arrow_of(thousand), kind=ARROW, path="/predict?model=peps_mg&version=1")
        explain = connect(ours, arrow_of(thousand[:10]), kind=ARROW, path="/explain?model=peps_mg&version=1")
        return {
            "1 row, JSON": take_turns(single, requests),
            "1,000 rows, JSON": take_turns(batch, max(requests // 40, 5)),
            "1,000 rows, Arrow": take_turns({"forfait": arrow}, max(requests // 40, 5)),
            "10 rows explained, Arrow": take_turns({"forfait": explain}, max(requests // 40, 5)),
        }


def main() -> int:
    """Print the table; exit code 1 when the median of one row costs over twice the bare endpoint's."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--features", type=int, default=150)
    parser.add_argument("--trees", type=int, default=300)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        write_model(Path(folder), features=asked.features, trees=asked.trees)
        measured = run(Path(folder), asked.requests)
    table = Table("case", "server", "p50 ms", "p95 ms", "p99 ms", "p50 ratio", title="Prediction over HTTP")
    for case, times in measured.items():
        for name, taken in times.items():
            ratio = f"{np.median(taken) / np.median(times['bare']):.2f}" if "bare" in times else ""
            table.add_row(case, name, *(f"{np.percentile(taken, share):.2f}" for share in (50, 95, 99)), ratio)
    Console(width=100).print(table)
    one = measured["1 row, JSON"]
    return int(np.median(one["forfait"]) > ALLOWED * np.median(one["bare"]))


if __name__ == "__main__":
    raise SystemExit(main())
