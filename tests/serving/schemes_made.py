"""Requests to pay made from frames, and versions that score their rows, for the tests of the scheme routes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pandas as pd

from features.versions import read_version, write_version
from tests.schemes.ipep_made import indicators, like
from tests.schemes.ipep_made import inputs as ipep_inputs
from tests.schemes.peps_made import peps_inputs
from tests.serving.client import Client
from tests.serving.made import promote, write_versions

JSON = {"content-type": "application/json"}
Frames = Mapping[str, pd.DataFrame]
# Readmissions of half the stays, against a tenth or less in every territory: no points.
NO_QUALITY = indicators({"rh30": (0.4, 0.5)}, {"rh30": [0.05, 0.08, 0.1]})


def rows_of_frame(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as a payment system would send them: ISO days, null where empty."""
    return [{name: _plain(value) for name, value in row.items()} for row in frame.to_dict("records")]


def _plain(value: Any) -> Any:
    if isinstance(value, pd.Timestamp):
        return value.date().isoformat()
    return None if value == "" or pd.isna(value) else value


def asked(frames: Frames, year: int, **names: object) -> dict[str, Any]:
    """A request for frames."""
    return {"year": year, "inputs": {name: rows_of_frame(frame) for name, frame in frames.items()}, **names}


def post(client: Client, path: str, request: object) -> httpx.Response:
    """The answer to a request."""
    content = request if isinstance(request, bytes) else msgspec.json.encode(request)
    return client.post(path, content=content, headers=JSON)


def fault(response: httpx.Response) -> tuple[int, str | None, int | None]:
    """Status, field and row of a refusal."""
    error = response.json()["error"]
    return response.status_code, error["field"], error["row"]


def team(patients: int = 260) -> dict[str, pd.DataFrame]:
    """A PEPS team of 2023 above the gate, of patients that differ, in a nation with two zones."""
    people = [
        {"patient_id": f"P{n:04d}", "expected_eur": 40.0 + n * 1.37, "present_share": 1.0 if n % 7 else 0.4,
         "in_team_cents": 3000 + 11 * n, "outside_cents": 500 + 3 * n,
         "fdep_quintile": None if n % 9 == 0 else n % 5 + 1}
        for n in range(patients)
    ]  # fmt: skip
    zones = [{"observed_eur": 1030.0, "patients": 5000}, {"zone_id": "75", "observed_eur": 970.0, "patients": 5000}]
    return peps_inputs(
        patients=people,
        zones=zones,
        participations=[{"quality_share": 0.6, "carte": None}],
        fee_for_service=[{"reference_ffs_cents": 12_000_00, "reference_base_eur": 50_000.0}],
    )


def group(patients: int = 5000, **frames: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The IPEP group of the first vector of the specifications, in phase 2 in 2024, without points of quality."""
    return ipep_inputs(like(patients, 2450, 2500, 2450 / 1.01, 2500 / 1.03), **({"indicators": NO_QUALITY} | frames))


def write_scheme_versions(root: Path) -> Path:
    """The versions of the other tests, and ipep 1, which predicts what health insurance reimburses."""
    write_versions(root)
    card, text, _ = read_version(root, "peps_mg", 3)
    write_version(root, msgspec.structs.replace(card, model="ipep", version=1, perimeter="AMO"), text)
    promote(root, "ipep", 1, start="2023-01-01", decided="2022-12-20")
    return root
