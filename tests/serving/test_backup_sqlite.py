"""The ledger on SQLite, copied while the service writes, restored, and held against its anchor."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
from anyio.from_thread import start_blocking_portal

from serving.app import build_app
from serving.decisions.chain import BrokenChainError, newest, verify
from serving.decisions.database import Database
from serving.settings import ServiceSettings
from tests.serving.client import Client
from tests.serving.made import ROW, body

JSON = {"content-type": "application/json"}


def backup(source: Path, copy: Path) -> None:
    """What `sqlite3 SOURCE ".backup COPY"` does."""
    with closing(sqlite3.connect(source)) as here, closing(sqlite3.connect(copy)) as there:
        here.backup(there)


def test_a_copy_made_while_others_write(versions: Path, tmp_path: Path):
    """Whole to the last decision acknowledged before it began; the service goes on from the restored file."""
    ledger, copy, wanted = tmp_path / "ledger.db", tmp_path / "copy.db", threading.Event()
    with start_blocking_portal() as portal:
        client = Client(build_app(ServiceSettings(versions=versions, ledger_url=f"sqlite:///{ledger}")), portal)

        def write() -> None:
            while not wanted.is_set():
                assert client.post("/predict", content=body([ROW]), headers=JSON).status_code == 200

        assert client.post("/predict", content=body([ROW]), headers=JSON).status_code == 200
        writers = [threading.Thread(target=write) for _ in range(4)]
        for one in writers:
            one.start()
        original = Database(f"sqlite:///{ledger}")
        before = newest(original)
        backup(ledger, copy)
        while newest(original).number < before.number + 20:
            pass
        wanted.set()
        for one in writers:
            one.join()
        client.app.state.ledger.close()
        after, restored = verify(original, (before,)), Database(f"sqlite:///{copy}")
        kept = verify(restored, (before,))
        assert before.number <= kept.number < after.number
        with pytest.raises(BrokenChainError, match=f"the ledger ends before the anchor {after.number}"):
            verify(restored, (after,))
        again = Client(build_app(ServiceSettings(versions=versions, ledger_url=f"sqlite:///{copy}")), portal)
        assert again.post("/predict", content=body([ROW]), headers=JSON).status_code == 200
        again.app.state.ledger.close()
        assert verify(restored, (kept,)).number == kept.number + 1
        for one in (original, restored):
            one.close()


def test_a_plain_copy_may_lack_what_was_acknowledged(versions: Path, tmp_path: Path):
    """Why not `cp`: what SQLite has written beside the file is not in it, and the anchor shows it."""
    ledger, copy = tmp_path / "ledger.db", tmp_path / "copy.db"
    with start_blocking_portal() as portal:
        client = Client(build_app(ServiceSettings(versions=versions, ledger_url=f"sqlite:///{ledger}")), portal)
        for _ in range(3):
            assert client.post("/predict", content=body([ROW]), headers=JSON).status_code == 200
        anchor = newest(Database(f"sqlite:///{ledger}"))
        copy.write_bytes(ledger.read_bytes())
        with pytest.raises(BrokenChainError, match="the ledger ends before the anchor 3"):
            verify(Database(f"sqlite:///{copy}"), (anchor,))
        client.app.state.ledger.close()
