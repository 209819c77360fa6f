"""The service as users run it: BentoML in a process of its own, over HTTP, and a bento built without a network."""

from __future__ import annotations

import copy
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest

from features.scoring import Scorer
from serving.schemes_examples import EXAMPLES
from tests.serving.made import ROW, body, write_versions

ROOT = Path(__file__).parents[2]
JSON = {"content-type": "application/json"}
STARTS_WITHIN_SECONDS = 60


def environment(home: Path, **others: str) -> dict[str, str]:
    """Nobody switched telemetry off outside; BentoML would write here what it would send."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("BENTOML", "PROMETHEUS", "FORFAIT"))
    }
    ours = {"BENTOML_HOME": str(home), "__BENTOML_DEBUG_USAGE": "True", "FORFAIT_ACCESS": "open"}
    return kept | ours | others


@contextmanager
def served(what: str, folder: Path, home: Path, **others: str) -> Iterator[tuple[httpx.Client, Path]]:
    """A client of `bentoml serve what`, started in `folder`, and its log."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = home / "serve.log"
    command = [sys.executable, "-m", "bentoml", "serve", what, "--host", "127.0.0.1", "--port", str(port)]
    with log.open("w") as out:
        server = subprocess.Popen(command, cwd=folder, env=environment(home, **others), stdout=out, stderr=out)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            wait_for(client, server, log)
            yield client, log
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(timeout=20)


def wait_for(client: httpx.Client, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(STARTS_WITHIN_SECONDS * 5):
        assert server.poll() is None, log.read_text()
        try:
            client.get("/healthz")
        except httpx.TransportError:
            time.sleep(0.2)
        else:
            return
    pytest.fail(log.read_text())


def check(client: httpx.Client, scorer: Scorer) -> None:
    assert client.get("/readyz").json() == {"status": "ready", "loaded": [{"model": "peps_mg", "version": 2}]}
    answer = client.post("/predict", content=body([ROW], version=None, on="2024-05-01"), headers=JSON).json()
    assert (answer["version"], answer["hash"]) == (2, scorer.hash)
    assert answer["expected_eur"] == scorer.predict(scorer.encoder.rows([ROW])).tolist()
    paid = client.post("/ipso/forfait", json=EXAMPLES["/ipso/forfait"]).json()
    assert [one["structure_id"] for one in paid["amounts"]] == ["750000003"]
    bundle = copy.deepcopy(EXAMPLES["/eds/bundle"])
    priced = client.post("/eds/bundle", json=bundle).json()
    assert [one["forfait_cents"] for one in priced["episodes"]] == [7_680_00, 13_920_00]
    bundle["inputs"]["episodes"][1]["features"] = {"los": 4}
    refused = client.post("/eds/bundle", json=bundle)
    assert (refused.status_code, refused.json()["error"]["field"]) == (422, "episodes.features.los")
    assert "length of stay is a result of care" in refused.json()["error"]["message"]


def test_bentoml_serves_our_app(versions: Path, scorer: Scorer, tmp_path: Path):
    """Every path is ours, refusals included; nothing that was sent is in the log."""
    with served("serving.service:Forfait", ROOT, tmp_path, FORFAIT_VERSIONS=str(versions)) as (client, log):
        check(client, scorer)
        assert "Modèles en vigueur" in client.get("/").text
        assert "Documentation" in client.get("/docs").text
        assert client.get("/nowhere").json()["error"]["message"] == "unknown path; see /docs"
        refused = client.post("/predict", content=body([ROW | {"age": 8_505_780}]), headers=JSON)
        assert (refused.status_code, refused.json()["error"]["field"]) == (422, "age")
        assert 'forfait_rows_total{model="peps_mg",operation="predict",version="2"} 1.0' in client.get("/metrics").text
        explained = client.post("/explain", content=body([ROW]), headers=JSON).json()
        assert explained["count"] == 1
    assert "8505780" not in log.read_text()
    assert "Tracking" not in log.read_text()


@pytest.mark.slow
def test_a_bento_is_built_and_served_without_the_project(scorer: Scorer, tmp_path: Path):
    """What `bentoml build` packs is enough: code, templates and frozen versions."""
    project, home = tmp_path / "project", tmp_path / "home"
    home.mkdir()
    for package in ("features", "schemes", "serving"):
        shutil.copytree(ROOT / package, project / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "bentofile.yaml", project)
    write_versions(project / "mlruns" / "versions")
    built = subprocess.run(
        [sys.executable, "-m", "bentoml", "build"], cwd=project, env=environment(home), capture_output=True, text=True
    )
    assert built.returncode == 0, built.stderr
    assert "Tracking" not in built.stdout + built.stderr
    shutil.rmtree(project)
    with served("forfait:latest", tmp_path, home) as (client, _):
        check(client, scorer)
        assert "Modèles en vigueur" in client.get("/").text
