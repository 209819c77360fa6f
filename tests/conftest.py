"""Where nothing may be missing (.ci/run), a test that would be skipped fails."""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest

NEVER_SKIPPED = "FORFAIT_TESTS_NEVER_SKIPPED"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """The report; a skip is a failure where FORFAIT_TESTS_NEVER_SKIPPED is set, since what it wants was installed."""
    report = yield
    if report.skipped and os.environ.get(NEVER_SKIPPED) and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome, report.longrepr = "failed", f"{NEVER_SKIPPED} is set, and this was skipped: {reason}"
    return report
