"""What the service does when versions come, change or are missing."""

from __future__ import annotations

from pathlib import Path

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal

from features.explainer import explainer_of
from serving.app import build_app
from serving.settings import ServiceSettings
from tests.serving.client import Client
from tests.serving.made import ROW, body, freeze, freeze_log_link, promote

JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def portal():
    with start_blocking_portal() as one:
        yield one


def client_of(root: Path, portal: BlockingPortal) -> Client:
    return Client(build_app(ServiceSettings(versions=root)), portal)


def test_not_ready_until_a_version_can_be_served(tmp_path: Path, portal: BlockingPortal):
    """503 that says what to run, then 200, without a restart."""
    client = client_of(tmp_path, portal)
    assert client.get("/healthz").status_code == 200
    unready = client.get("/readyz")
    assert unready.status_code == 503
    assert "forfait train" in unready.json()["error"]["message"]
    assert client.get("/").status_code == client.get("/models").status_code == 200
    freeze(tmp_path, "peps_mg", 1)
    assert client.get("/readyz").json() == {"status": "ready", "loaded": [{"model": "peps_mg", "version": 1}]}


def test_ready_is_ready_to_explain(tmp_path: Path, portal: BlockingPortal, monkeypatch: pytest.MonkeyPatch):
    """Trees are taken apart, and their code compiled, before the first caller: readiness waits for it, nobody else."""
    freeze_log_link(tmp_path, "peps_mg", 1)
    made: list[object] = []
    monkeypatch.setattr("features.scoring.explainer_of", lambda *given: made.append(given) or explainer_of(*given))
    client = client_of(tmp_path, portal)
    assert (client.get("/readyz").status_code, len(made)) == (200, 1)
    assert client.post("/explain", content=body([ROW], version=1), headers=JSON).status_code == 200
    assert len(made) == 1


def test_a_promotion_takes_effect_at_once(tmp_path: Path, portal: BlockingPortal):
    """The register is read again when it grows; what was in force before stays."""
    freeze(tmp_path, "peps_mg", 1)
    promote(tmp_path, "peps_mg", 1, start="2024-01-01", decided="2023-12-01")
    client = client_of(tmp_path, portal)
    asked = body([ROW], version=None, on="2024-06-01")
    assert client.post("/predict", content=asked, headers=JSON).json()["version"] == 1
    freeze(tmp_path, "peps_mg", 2)
    promote(tmp_path, "peps_mg", 2, start="2024-03-01", decided="2024-02-01")
    assert client.post("/predict", content=asked, headers=JSON).json()["version"] == 2
    earlier = body([ROW], version=None, on="2024-02-29")
    assert client.post("/predict", content=earlier, headers=JSON).json()["version"] == 1


def test_an_altered_version_is_not_served(tmp_path: Path, portal: BlockingPortal):
    """503 that names the file: trees that are not the card's, then a card that is not the register's."""
    freeze(tmp_path, "peps_mg", 1)
    promote(tmp_path, "peps_mg", 1, start="2024-01-01", decided="2023-12-01")
    trees, card = (tmp_path / "peps_mg" / "1" / name for name in ("model.txt", "card.json"))
    kept = trees.read_text()
    trees.write_text(kept.replace("Tree=0", "Tree=0 "))
    client = client_of(tmp_path, portal)
    for response in (client.get("/readyz"), client.post("/predict", content=body([ROW], version=1), headers=JSON)):
        assert response.status_code == 503
        assert "model.txt" in response.json()["error"]["message"]
    trees.write_text(kept)
    card.write_text(card.read_text().replace("1.01", "1.02"))
    assert "promoted" in client.get("/readyz").json()["error"]["message"]


def test_an_altered_register_is_not_believed(tmp_path: Path, portal: BlockingPortal):
    """503: no day can be answered from a broken chain."""
    freeze(tmp_path, "peps_mg", 1)
    for day in ("2023-01-01", "2024-01-01"):
        promote(tmp_path, "peps_mg", 1, start=day, decided="2022-12-01")
    register = tmp_path / "register.jsonl"
    register.write_text(register.read_text().replace("2023-01-01", "2022-01-01"))
    client = client_of(tmp_path, portal)
    response = client.post("/predict", content=body([ROW], version=None, on="2024-06-01"), headers=JSON)
    assert response.status_code == 503
    assert "altered" in response.json()["error"]["message"]
    assert client.get("/").status_code == 503


def test_a_fault_of_ours_is_told_without_its_words(tmp_path: Path, portal: BlockingPortal, monkeypatch, caplog):
    """500 with no trace; the log says where, not what."""

    def broken(*_: object) -> None:
        raise ZeroDivisionError("1 85 05 78 006 084")

    freeze(tmp_path, "peps_mg", 1)
    client = client_of(tmp_path, portal)
    monkeypatch.setattr("serving.scoring.read_json", broken)
    response = client.post("/predict", content=body([ROW]), headers=JSON)
    assert response.status_code == 500
    assert "1 85" not in response.text + caplog.text
    assert "ZeroDivisionError at broken" in caplog.text
