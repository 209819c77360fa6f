"""schemathesis over the whole OpenAPI document (benchmarks/contract.py: more cases, and sequences of requests)."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from benchmarks.contract import in_memory, run

LEAST_CASES = 2_000


@pytest.mark.slow
def test_the_service_does_as_its_document_says():
    """No 5xx, no status, header or body that the document does not tell, nothing taken that it refuses."""
    with tempfile.TemporaryDirectory(dir=in_memory()) as folder:
        done = run(Path(folder), examples=3, seed=1, phases="examples,coverage,fuzzing")
    assert done.failures == {}, done.told
    assert done.cases >= LEAST_CASES
