"""Versions and a client of the service's app, without BentoML."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from anyio.from_thread import start_blocking_portal

from benchmarks.postgres import Cluster, cluster, why_absent
from features.scoring import Scorer, load_scorer
from serving.app import build_app
from serving.settings import ServiceSettings
from tests.serving.client import Client
from tests.serving.made import write_versions


@pytest.fixture(scope="session", autouse=True)
def _open_door() -> Iterator[None]:
    """The tests of answers call from this machine without a token; those of access say access="closed"."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FORFAIT_ACCESS", "open")
        yield


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """A PostgreSQL server for the tests of decisions."""
    if why := why_absent():
        pytest.skip(why)
    with cluster() as one:
        yield one


@pytest.fixture(scope="session")
def versions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of frozen versions and its register."""
    return write_versions(tmp_path_factory.mktemp("versions"))


@pytest.fixture(scope="session")
def client(versions: Path) -> Iterator[Client]:
    """Client of the app, in process."""
    app = build_app(ServiceSettings(versions=versions, max_rows_batch=5000, max_rows_explained=2000))
    with start_blocking_portal() as portal:
        yield Client(app, portal)


@pytest.fixture(scope="session")
def scorer(versions: Path) -> Scorer:
    """The version in force in 2024, as batch scoring loads it."""
    return load_scorer(versions, "peps_mg", 2)
