"""The service held against its own OpenAPI document by schemathesis: examples, bounds, random requests, sequences.

No 5xx, no status, header, type or body that the document does not tell, nothing taken that it refuses, no answer
without a token. Each route is asked with a token that may; the rights are tested elsewhere.

    python -m benchmarks.contract [--examples 100] [--seed 1] [--phases examples,coverage,fuzzing,stateful]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from benchmarks.contract_service import Served, served
from serving.openapi_examples import REQUEST

ROOT = Path(__file__).parents[1]
# Whose token each route is asked with; the others are the payer's.
BEARERS = {"/metrics": "admin", "/decisions/{id}": "auditor", "/decisions/{id}/replay": "auditor"}
# What a schema cannot say (the features of a card, one version for all rows, columns alike in every row) is refused of
# requests that fit it; tests/serving/test_openapi.py sends requests that are taken.
UNTOLD = "positive_data_acceptance"
PHASES = "examples,coverage,fuzzing,stateful"
LIMIT_SECONDS = 3_600


@dataclass(frozen=True)
class Found:
    """What a run did: cases, seconds, failures by their title."""

    cases: int
    seconds: float
    failures: dict[str, int]
    told: str


def configuration(service: Served) -> str:
    """schemathesis.toml: a bearer for each route, and a decision that exists for those that read one."""
    payer, roles = {"Authorization": f"Bearer {service.tokens['payer']}"}, bearers(service)
    answer = httpx.post(f"{service.url}/predict", json=REQUEST, headers=payer, trust_env=False)
    decision = answer.raise_for_status().headers["decision-id"]
    lines = [f'headers = {{ Authorization = "{payer["Authorization"]}" }}']
    for path in service.app.state.document["paths"]:
        lines += ["[[operations]]", f'include-path = "{path}"']
        lines += [f'headers = {{ Authorization = "Bearer {service.tokens[roles.get(path, "payer")]}" }}']
        lines += [f'parameters = {{ "path.id" = "{decision}" }}'] * ("/decisions/{id}" in path)
    return "\n".join(lines) + "\n"


def bearers(service: Served) -> dict[str, str]:
    """Role by route, where it is not the payer's."""
    paths = service.app.state.document["paths"]
    return BEARERS | {path: "auditor" for path in paths if path.startswith("/audit")}


def run(folder: Path, *, examples: int, seed: int, phases: str = PHASES) -> Found:
    """One run against a service of its own."""
    with served(folder) as service:
        config, report = folder / "schemathesis.toml", folder / "report.json"
        config.write_text(configuration(service), encoding="utf-8")
        command = [
            sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "run",
            f"{service.url}/openapi.json", "--checks", "all", "--exclude-checks", UNTOLD, "--phases", phases,
            "--max-examples", str(examples), "--seed", str(seed), "--continue-on-failure",
            "--generation-database", "none", "--no-color", "--report", "json",
            "--report-json-path", str(report),
        ]  # fmt: skip
        path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
        environment = os.environ | {"SCHEMATHESIS_HOOKS": "benchmarks.contract_hooks", "PYTHONPATH": path}
        begun = time.perf_counter()
        done = subprocess.run(
            command, env=environment, cwd=folder, capture_output=True, text=True, timeout=LIMIT_SECONDS
        )
        return found(done.stdout + done.stderr, json.loads(report.read_text()), time.perf_counter() - begun)


def found(told: str, report: dict[str, Any], seconds: float) -> Found:
    """What the report says; a run that was cut short is a failure too."""
    failures = {f"{one['code']} {one['title']}": int(one["count"]) for one in report["failures"]}
    if report["stop_reason"] != "completed" or report["errors"]:
        failures["the run did not end"] = max(len(report["errors"]), 1)
    return Found(int(report["test_cases"]["generated"]), seconds, failures, told)


def in_memory() -> str | None:
    """A folder that no disk is behind, where there is one: thousands of durable writes are measured elsewhere."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--phases", default=PHASES)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=in_memory()) as folder:
        done = run(Path(folder), examples=given.examples, seed=given.seed, phases=given.phases)
    print(done.told)
    print(f"{done.cases} cases in {done.seconds:.0f} s; failures: {done.failures or 'none'}")
    sys.exit(bool(done.failures))


if __name__ == "__main__":
    main()
