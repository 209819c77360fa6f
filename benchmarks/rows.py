"""What every benchmark hands to `python -m benchmarks.run`: rows of one form, in a JSON file.

A benchmark's main() calls `add_json(parser)`, and at its end `write_rows(asked.json, rows)`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import msgspec


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One thing measured: what did a task, and how long it took.

    role: ours, a peer, or the limit (what nobody can beat). Rows of one task are compared with the row of ours.
    seconds (less is better) or per_second (more is better, of `unit`); p99_ms where single answers are timed.
    peak_gib: most memory of the whole process and its children.
    target, peak_target: "<= 1.3" or ">= 10". On a peer or limit they bind ours ÷ it; on ours, its own figure.
    ratio: ours ÷ it; left out, it is computed.
    """

    task: str
    what: str
    role: Literal["ours", "peer", "limit"] = "peer"
    seconds: float | None = None
    per_second: float | None = None
    unit: str = "rows"
    p99_ms: float | None = None
    peak_gib: float | None = None
    ratio: float | None = None
    target: str | None = None
    peak_target: str | None = None
    note: str = ""


def add_json(parser: argparse.ArgumentParser) -> None:
    """The option --json FILE."""
    parser.add_argument("--json", type=Path, default=None, help="write what was measured to this file, as rows")


def write_rows(path: Path | None, rows: Iterable[Row]) -> None:
    """Write the rows (figures of NumPy too); without a path, nothing."""
    if path is not None:
        path.write_bytes(msgspec.json.format(msgspec.json.encode(list(rows), enc_hook=float), indent=1) + b"\n")


def read_rows(path: Path) -> list[Row]:
    """Rows as written. Errors: msgspec.ValidationError for another form."""
    return msgspec.json.decode(path.read_bytes(), type=list[Row])
