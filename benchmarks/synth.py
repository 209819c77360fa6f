"""Fictional claims: patient-years a minute, peak memory of all processes, bytes on disk.

    python -m benchmarks.synth --patients 200000 --json FILE

Draws two years in a folder that is removed afterwards, by month of flux, in processes of their own. Exits 1 below a
million patient-years a minute; a country of under 100,000 patients is not judged, since starting takes most of it.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks.process import forfait, measured
from benchmarks.rows import Row, add_json, write_rows

YEARS = (2022, 2023)
LEAST_A_MINUTE, JUDGED_FROM = 1_000_000, 100_000


def main() -> int:
    asked = _arguments()
    with tempfile.TemporaryDirectory(dir=asked.folder, prefix="synth-") as folder:
        draw = ("synth", "--patients", str(asked.patients), "--years", f"{YEARS[0]}..{YEARS[1]}", "--by-flux")
        where = ("--workers", str(asked.workers), "--data", folder)
        found = measured(forfait(*draw, *where), log=Path(folder) / "log.txt")
        if found.status:
            raise SystemExit((Path(folder) / "log.txt").read_text(encoding="utf-8"))
        size = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
        files = sum(path.suffix == ".parquet" for path in Path(folder).rglob("*"))
    drawn = asked.patients * len(YEARS)
    rate = drawn / found.seconds
    print(f"{asked.patients:,} patients x {len(YEARS)} years, {asked.workers} workers: {found.seconds:.1f} s, ", end="")
    print(f"{rate * 60:,.0f} patient-years a minute, {found.peak_gib:.2f} GiB, {size / drawn:.0f} bytes ", end="")
    print(f"a patient-year, {files:,} Parquet files")
    judged = asked.patients >= JUDGED_FROM
    row = Row(
        f"synth, {asked.patients:,} patients x {len(YEARS)} years",
        "forfait synth",
        "ours",
        per_second=rate,
        unit="patient-years",
        peak_gib=found.peak_gib,
        target=f">= {LEAST_A_MINUTE / 60:.0f}" if judged else None,
        note=f"{size / drawn:.0f} bytes a patient-year, {files:,} files",
    )
    write_rows(asked.json, [row])
    return int(judged and rate * 60 < LEAST_A_MINUTE)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, default=200_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--folder", type=Path, default=None, help="where to draw; default: the temporary folder")
    add_json(parser)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
