"""The service for the measures of its contract: small versions that take the examples of its document, and tokens."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import lightgbm as lgb
import numpy as np
import uvicorn
from starlette.applications import Starlette

from features.versions import Card, CardFeature, Entry, append_entry, read_version, sha256, write_version
from serving.access.callers import ROLES
from serving.access.tables import engine_of
from serving.access.tokens import Wanted, create
from serving.app import build_app
from serving.settings import ServiceSettings

FEATURES = (
    CardFeature("age", "Âge", "Age", "age_sex", "number", "years", 0.0, 110.0, monotone=1),
    CardFeature("is_woman", "Femme", "Woman", "age_sex", "flag"),
    CardFeature("ald_08", "ALD 8 : diabète", "ALD 8: diabetes", "ald", "flag", nullable=True, monotone=1),
    CardFeature(
        "fdep_quintile", "Quintile de défavorisation", "Deprivation quintile", "territory", "category",
        categories=("1", "2", "3", "4", "5", "missing"),
    ),
)  # fmt: skip
NO_LIMIT = "1000000/minute"
STARTS_WITHIN_SECONDS = 20


def write_versions(root: Path) -> Path:
    """peps_mg 1 in force from 2023, 2 from 2024, with the four features of the example of the document."""
    for version in (1, 2):
        text = _trained(version)
        card = Card(
            model="peps_mg", version=version, perimeter="MG", objective="regression", balance_factor=1.0,
            features=FEATURES, model_sha256=sha256(text.encode()),
        )  # fmt: skip
        write_version(root, card, text)
        start = date(2022 + version, 1, 1)
        entry = Entry(
            model="peps_mg", version=version, version_hash=read_version(root, "peps_mg", version)[2], from_date=start,
            decided_on=date(2021 + version, 12, 12), by="Comité des forfaits", why="Réapprentissage annuel",
        )  # fmt: skip
        append_entry(root, entry)
    return root


def _trained(seed: int) -> str:
    rng = np.random.default_rng(seed)
    matrix = np.column_stack([rng.integers(0, 100, 1000), *rng.integers(0, 2, (2, 1000)), rng.integers(0, 6, 1000)])
    euros = 20 * matrix[:, 0] + 900 * matrix[:, 2] + rng.gamma(2.0, 100.0, 1000)
    data = lgb.Dataset(matrix.astype(float), euros, feature_name=[feature.name for feature in FEATURES])
    parameters = {"num_leaves": 7, "num_threads": 1, "seed": seed, "deterministic": True, "verbosity": -1}
    return str(lgb.train(parameters, data, num_boost_round=10).model_to_string())


@dataclass(frozen=True)
class Served:
    """A service that runs: its app, its address, a token by role."""

    app: Starlette
    url: str
    tokens: dict[str, str]


@contextmanager
def served(folder: Path, **settings: object) -> Iterator[Served]:
    """The service behind its door, over HTTP in a thread of this process, with one token for each role."""
    access_url = f"sqlite:///{folder / 'access.sqlite'}"
    given = {
        "versions": write_versions(folder / "versions"), "access": "closed", "access_url": access_url,
        "ledger_url": f"sqlite:///{folder / 'ledger.db'}", "rate": NO_LIMIT, "rate_strangers": NO_LIMIT,
        "access_seconds": 0.01,
    }  # fmt: skip
    app = build_app(ServiceSettings(**{**given, **settings}))  # type: ignore[arg-type]
    at = datetime(2020, 1, 1, tzinfo=UTC)
    engine = engine_of(access_url)
    tokens = {
        role: create(engine, Wanted(name=role, role=role, structures=None, expires_on=None), by="us", at=at)
        for role in ROLES
    }
    with listening(app) as url:
        yield Served(app, url, tokens)


@contextmanager
def listening(app: object) -> Iterator[str]:
    """Address of an ASGI app served from a thread."""
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical", access_log=False))  # type: ignore[arg-type]
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        for _ in range(STARTS_WITHIN_SECONDS * 100):
            if server.started:
                break
            time.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
