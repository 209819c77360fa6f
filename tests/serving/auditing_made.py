"""Decisions of every kind in a ledger, for the tests of the pages: two structures, one too small to be shown."""

from __future__ import annotations

import copy
from typing import Any

import msgspec

from serving.schemes_examples import EXAMPLES
from tests.serving.client import Client
from tests.serving.made import ROW, body, rows_of
from tests.serving.schemes_made import asked, team

JSON = {"content-type": "application/json"}
LARGE, SMALL = "S1", "S2"


def peps_request() -> dict[str, Any]:
    """A PEPS payment of 260 patients of S1 with characteristics, of whom 5 belong to S2."""
    request = asked(team(), 2023, with_patients=True)
    rows = request["inputs"]["patients"]
    for row, features in zip(rows, rows_of(len(rows)), strict=True):
        del row["expected_eur"]
        row["features"] = features
    for row in rows[-5:]:
        row["structure_id"] = SMALL
    for name in ("participations", "teams", "fee_for_service"):
        request["inputs"][name] += [row | {"structure_id": SMALL} for row in request["inputs"][name]]
    return request | {"model": "peps_mg", "on": "2023-01-01"}


def decided(client: Client, headers: dict[str, str]) -> dict[str, str]:
    """Name → id of a decision of each kind, made by the caller of `headers`."""
    wanted = {
        "predict": ("/predict", body([ROW, *rows_of(40)])),
        "explain": ("/explain", body([ROW])),
        "peps": ("/peps/forfait", msgspec.json.encode(peps_request())),
        "sent": ("/peps/forfait", msgspec.json.encode(copy.deepcopy(EXAMPLES["/peps/forfait"]))),
        "target": ("/ipep/target", msgspec.json.encode(EXAMPLES["/ipep/target"])),
        "bundle": ("/eds/bundle", msgspec.json.encode(EXAMPLES["/eds/bundle"])),
    }
    found = {}
    for name, (path, content) in wanted.items():
        answer = client.post(path, content=content, headers=JSON | headers)
        assert answer.status_code == 200, (name, answer.text)
        found[name] = answer.headers["Decision-Id"]
    return found
