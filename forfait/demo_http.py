"""The demo's last step: start the service, ask it for one patient's expected euros, compare with batch scoring."""

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
from serving.access.tables import engine_of
from serving.access.tokens import Wanted, create

READY_SECONDS = 120.0


def ask_service(data: Path, versions: Path, model: str, year: int, step: Step) -> dict[str, object]:
    """Request, answer and batch prediction of one telling patient; the service is stopped afterwards."""
    card, _, _ = read_version(versions, model, 1)
    row, batch_eur = _telling_patient(data, model, card.features, year)
    request = {"model": model, "on": f"{year}-03-01", "rows": [row]}
    (data.parent / "request.json").write_text(json.dumps(request, indent=1), encoding="utf-8")
    port = _free_port()
    step("starting the service")
    access = f"sqlite:///{(versions.parent / 'access.sqlite').resolve()}"
    environment = os.environ | {"FORFAIT_VERSIONS": str(versions.resolve())}
    environment |= {"FORFAIT_ACCESS": "closed", "FORFAIT_ACCESS_URL": access}
    headers = {"Authorization": f"Bearer {_token(access)}"}
    command = [sys.executable, "-m", "bentoml", "serve", "serving.service:Forfait", "--port", str(port)]
    log = (versions.parent / "service.log").open("w")
    with log, subprocess.Popen(command, env=environment, stdout=log, stderr=log) as service:
        try:
            address = f"http://127.0.0.1:{port}"
            with httpx.Client(base_url=address, headers=headers, timeout=10, trust_env=False) as client:
                _wait_until_ready(client, service, Path(log.name))
                answer = client.post("/explain", json=request).raise_for_status().json()
                predicted = client.post("/predict", json=request).raise_for_status().json()
        finally:
            service.terminate()
            service.wait(timeout=20)
    return {"request": request, "answer": answer, "predicted": predicted, "batch_eur": batch_eur}


def _token(access: str) -> str:
    """A token of the demo's own, for the day; a modeller predicts and explains, and pays nothing."""
    now = datetime.now(UTC)
    wanted = Wanted(name="demo", role="modeller", expires_on=now.date() + timedelta(days=1))
    return create(engine_of(access), wanted, by="the demo", at=now)


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
