"""How long it takes to pay every structure of a France already read, counted and scored, and to write its pages.

Run: python -m benchmarks.payments --data DIR --versions DIR [--year 2024] [--decided-on 2025-09-30]

Each command runs in a process of its own; payments are written in a copy that is removed afterwards.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from benchmarks.process import forfait

LIMIT_SECONDS = 300
SCHEMES = ("peps", "ipep", "ipso", "biosimilars")
KEPT = ("payments", "statements", "reconciliation")


def seconds(*arguments: str, data: Path) -> float:
    """Wall time of one forfait command over `data`."""
    started = time.perf_counter()
    done = subprocess.run(
        forfait(*arguments), env=os.environ | {"FORFAIT_DATA": str(data)}, capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(f"forfait {' '.join(arguments)}: {done.stderr[-500:]}")
    return time.perf_counter() - started


def linked(data: Path, scratch: Path) -> Path:
    """A folder that shows the datasets of `data` and receives what is paid."""
    view = scratch / "data"
    view.mkdir()
    for path in data.iterdir():
        if path.name not in KEPT:
            (view / path.name).symlink_to(path.resolve())
    return view


def main() -> None:
    """Print the table of times, the number of pages, and whether the limit holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--versions", type=Path, required=True)
    parser.add_argument("--year", default="2024")
    parser.add_argument("--decided-on", default="2025-09-30")
    asked = parser.parse_args()
    os.environ["FORFAIT_VERSIONS"] = str(asked.versions.resolve())
    scratch = Path(tempfile.mkdtemp(prefix="forfait-payments-"))
    try:
        data, total = linked(asked.data, scratch), 0.0
        print("| scheme | pay, s | statements, s | pages |\n|---|---:|---:|---:|")
        for scheme in SCHEMES:
            on = ("--year", asked.year, "--all")
            paid = seconds("pay", scheme, *on, "--decided-on", asked.decided_on, "--by", "benchmark", data=data)
            told = seconds("statement", scheme, *on, data=data)
            pages = len(list((data / "statements" / scheme).rglob("*.pdf")))
            print(f"| {scheme} | {paid:.1f} | {told:.1f} | {pages} |")
            total += paid + told
        print(f"\n{total:.0f} s in all; limit {LIMIT_SECONDS} s: {'held' if total <= LIMIT_SECONDS else 'NOT held'}")
    finally:
        shutil.rmtree(scratch)


if __name__ == "__main__":
    main()
