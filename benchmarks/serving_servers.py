"""Servers of the same trees: our service, the same without its record, a bare endpoint, and MLflow's."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any

import httpx
import lightgbm as lgb
import numpy as np
import pyarrow as pa
from fastapi import FastAPI, Request, Response
from starlette.applications import Starlette

from benchmarks.serving_load import ARROW
from benchmarks.serving_versions import card_of
from serving.settings import QUIET

ROOT = Path(__file__).parent.parent
FOLDER, PYFUNC = "FORFAIT_VERSIONS", "__pyfunc_model_path__"
NO_LIMIT = "1000000/minute"
UVICORN = ("--host", "127.0.0.1", "--no-access-log", "--log-level", "warning")
OURS = ("bentoml", "serve", "serving.service:Forfait", "--host", "127.0.0.1")
WITHOUT_RECORD = ("uvicorn", "benchmarks.serving_servers:without_record", "--factory", *UVICORN)
BARE = ("uvicorn", "benchmarks.serving_servers:bare", "--factory", *UVICORN)
MLFLOW = ("uvicorn", "mlflow.pyfunc.scoring_server.app:app", *UVICORN)


def bare() -> FastAPI:
    """The endpoint that we are held against: it checks nothing, asks for no token and keeps nothing."""
    folder = Path(os.environ[FOLDER]) / "peps_mg" / "1"
    booster = lgb.Booster(model_file=folder / "model.txt", params={"num_threads": 1})
    names = booster.feature_name()
    app = FastAPI()

    def matrix_of(rows: list[dict[str, float]]) -> np.ndarray:
        return np.array([[row[name] for name in names] for row in rows], dtype=float)

    @app.post("/predict")
    async def predict(request: Request) -> Any:
        if request.headers["content-type"] != ARROW:
            matrix = matrix_of((await request.json())["rows"])
            return {"expected_eur": np.asarray(booster.predict(matrix, num_threads=1)).tolist()}
        table = pa.ipc.open_stream(await request.body()).read_all()
        matrix = np.column_stack([table[name].to_numpy() for name in names]).astype(float)
        found = pa.table({"expected_eur": np.asarray(booster.predict(matrix, num_threads=1))})
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, found.schema) as writer:
            writer.write_table(found)
        return Response(sink.getvalue().to_pybytes(), media_type=ARROW)

    @app.post("/explain")
    async def explain(request: Request) -> dict[str, list[list[float]]]:
        matrix = matrix_of((await request.json())["rows"])
        return {"contributions": np.asarray(booster.predict(matrix, pred_contrib=True, num_threads=1)).tolist()}

    return app


def without_record() -> Starlette:
    """Our service, token and access log included, that does not record what it decides; for this measure only."""
    import serving.app
    from serving.settings import ServiceSettings

    async def answered(request: Request, question: Any, compute: Any) -> Any:
        return await compute(request.app.state.store, question)

    serving.app.recorded = answered
    return serving.app.build_app(ServiceSettings())


def write_pyfunc(root: Path, folder: Path) -> Path:
    """The version as `forfait train` registers it with MLflow, saved in a folder."""
    from training.registry import QUIET as MLFLOW_QUIET
    from training.registry import _signature

    os.environ.update(MLFLOW_QUIET)
    import mlflow

    version = folder / "version" / "peps_mg"
    version.mkdir(parents=True)
    (version / "1").symlink_to((root / "peps_mg" / "1").resolve())
    mlflow.pyfunc.save_model(
        str(folder / "pyfunc"), loader_module="training.pyfunc", data_path=str(folder / "version"),
        signature=_signature(card_of(root, "peps_mg")), pip_requirements=[],
    )  # fmt: skip
    return folder / "pyfunc"


def free_port() -> int:
    """A port that nobody listens on."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(stack: ExitStack, command: list[str] | tuple[str, ...], *, root: Path, probe: str, **more: str) -> str:
    """Address of a server started for the time of the run."""
    port = free_port()
    home = stack.enter_context(tempfile.TemporaryDirectory())
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    environment = {"FORFAIT_LEDGER_URL": f"sqlite:///{home}/ledger.db", **os.environ, **QUIET, FOLDER: str(root)}
    environment |= {"BENTOML_HOME": home, "PYTHONPATH": path, "FORFAIT_ACCESS": "closed", "FORFAIT_RATE": NO_LIMIT}
    environment |= {"FORFAIT_ACCESS_URL": access_url(root), **more}
    with tempfile.NamedTemporaryFile("w", suffix=".log", delete=False) as log:
        server = subprocess.Popen(
            [sys.executable, "-m", *command, "--port", str(port)],
            cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    stack.callback(_stop, server)
    address = f"http://127.0.0.1:{port}"
    for _ in range(600):
        if server.poll() is not None:
            break
        with suppress(httpx.TransportError):
            if httpx.get(address + probe).status_code < 500:
                Path(log.name).unlink()
                return address
        time.sleep(0.1)
    raise SystemExit(f"{command} did not start; see {log.name}")


def access_url(root: Path) -> str:
    """Database of the token that our service asks for."""
    return f"sqlite:///{root / 'access.sqlite'}"


def _stop(server: subprocess.Popen[bytes]) -> None:
    """End a server and what it started (they are a session of their own)."""
    with suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        server.wait(20)
    with suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGKILL)
    server.wait()
