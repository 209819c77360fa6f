"""The small France: drawn once, its datasets copied for each test that writes beside them."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.forfait import small_france as small


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> small.France:
    """Datasets, versions and rules, not to be written to."""
    return small.draw(tmp_path_factory.mktemp("france"))


@pytest.fixture
def small_france(drawn: small.France, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> small.France:
    """A copy of its datasets, and its rules in use."""
    small.use_rules(monkeypatch, drawn.rules)
    return replace(drawn, data=Path(shutil.copytree(drawn.data, tmp_path / "data")))
