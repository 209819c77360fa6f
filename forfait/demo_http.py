"""The demo's last step: start the service, closed, and ask it for one patient's expected euros; replay the decision."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pandas as pd

from features.engine import dataset_path
from features.errors import ForfaitError
from features.versions import CardFeature, read_version
from forfait.console import Step
from serving.access.callers import AUDITOR, MODELLER
from serving.access.tables import engine_of
from serving.access.tokens import Wanted, create

READY_SECONDS = 120.0


def ask_service(data: Path, versions: Path, model: str, year: int, step: Step) -> dict[str, object]:
    """Request, answers, decision, its replay, and batch prediction of one telling patient; the service is stopped."""
    card, _, _ = read_version(versions, model, 1)
    row, batch_eur = _telling_patient(data, model, card.features, year)
    request = {"model": model, "on": f"{year}-03-01", "rows": [row]}
    (data.parent / "request.json").write_text(json.dumps(request, indent=1), encoding="utf-8")
    port, home = _free_port(), versions.resolve().parent
    step("starting the service")
    access = f"sqlite:///{home / 'access.sqlite'}"
    modeller, auditor = (_bearer(access, role) for role in (MODELLER, AUDITOR))
    command = [sys.executable, "-m", "bentoml", "serve", "serving.service:Forfait", "--port", str(port)]
    environment, log = _environment(versions.resolve(), access), (home / "service.log").open("w")
    with log, subprocess.Popen(command, env=environment, stdout=log, stderr=log) as service:
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10, trust_env=False) as client:
                _wait_until_ready(client, service, Path(log.name))
                asked = _asked(client, request, modeller, auditor)
        finally:
            service.terminate()
            service.wait(timeout=20)
    return {"request": request, **asked, "batch_eur": batch_eur}


def _asked(
    client: httpx.Client, request: object, modeller: dict[str, str], auditor: dict[str, str]
) -> dict[str, object]:
    """What a modeller is answered, and what an auditor then finds: the decision, and the same when computed again."""
    answer = client.post("/explain", json=request, headers=modeller).raise_for_status().json()
    predicted = client.post("/predict", json=request, headers=modeller).raise_for_status()
    where = predicted.headers["location"]
    decision = client.get(where, headers=auditor).raise_for_status().json()
    replayed = client.post(f"{where}/replay", headers=auditor).raise_for_status().json()
    return {"answer": answer, "predicted": predicted.json(), "decision": decision, "replayed": replayed}


def _environment(versions: Path, access: str) -> dict[str, str]:
    """Closed, and over the demo's own files, whatever is set outside for another service."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("FORFAIT_")}
    ours = {"VERSIONS": str(versions), "ACCESS": "closed", "ACCESS_URL": access}
    ours["LEDGER_URL"] = f"sqlite:///{versions.parent / 'ledger.db'}"
    return others | {f"FORFAIT_{name}": value for name, value in ours.items()}


def _bearer(access: str, role: str) -> dict[str, str]:
    """The header of a token of the demo's own, for the day."""
    now = datetime.now(UTC)
    wanted = Wanted(name=f"demo-{role}", role=role, expires_on=now.date() + timedelta(days=1))
    return {"Authorization": f"Bearer {create(engine_of(access), wanted, by='the demo', at=now)}"}


def _telling_patient(
    data: Path, model: str, features: tuple[CardFeature, ...], year: int
) -> tuple[dict[str, object], float]:
    """Characteristics and batch prediction of the patient at the 95th percentile of expected euros."""
    predictions = pd.read_parquet(dataset_path(data, "predictions", year))
    predictions = predictions[predictions["model"] == model]
    ranked = predictions.sort_values(["expected_eur", "patient_id"], ignore_index=True)
    chosen = ranked.to_dict("records")[int(0.95 * len(ranked))]
    names = [feature.name for feature in features]
    where = [("patient_id", "==", chosen["patient_id"])]
    table = pd.read_parquet(dataset_path(data, "feature_table", year), columns=["patient_id", *names], filters=where)
    row = json.loads(table[names].to_json(orient="records", double_precision=15))[0]
    return row, float(chosen["expected_eur"])


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _wait_until_ready(client: httpx.Client, service: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and service.poll() is None:
        try:
            if client.get("/readyz").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise ForfaitError(f"the service did not become ready within {READY_SECONDS:.0f} s; its log: {log}")
