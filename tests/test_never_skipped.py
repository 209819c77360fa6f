"""Where nothing may be missing, a skip is a failure."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CASES = """
import pytest

def test_runs(): pass
def test_skips(): pytest.skip("no PostgreSQL here")
@pytest.mark.skipif(True, reason="no Java here")
def test_is_marked(): pass
@pytest.mark.xfail(strict=True)
def test_is_known_to_fail(): assert False
"""


@pytest.mark.parametrize(
    ("setting", "told"), [(False, "1 passed, 2 skipped, 1 xfailed"), (True, "1 failed, 1 passed, 1 xfailed, 1 error")]
)
def test_a_skip_fails_where_all_was_installed(tmp_path: Path, setting: bool, told: str):
    """As .ci/run sets it; a failure that is expected stays one."""
    ours = Path(__file__).with_name("conftest.py").read_text(encoding="utf-8")
    (tmp_path / "conftest.py").write_text(ours, encoding="utf-8")
    (tmp_path / "test_cases.py").write_text(CASES, encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("FORFAIT_", "PYTEST_"))}
    environment |= {"FORFAIT_TESTS_NEVER_SKIPPED": "1"} if setting else {}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-c", os.devnull, "."]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert told in done.stdout
    assert not setting or ("no PostgreSQL here" in done.stdout and "no Java here" in done.stdout)
