"""Reading, characteristics and spending: ours beside hand-written DuckDB, each in a process of its own.

    python -m benchmarks.pipeline --patients 1000000 --years 2022..2024 --memory 6

Fictional claims are made once in --folder. Prints seconds, peak memory, the ratio, and whether both give the
same totals; writes the table to docs/explanation/measured-pipeline.csv with --record.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pandas as pd

OURS = """
import sys
from pathlib import Path
from features.engine import connect
from features.build import build_features
from features.snds.read import read_snds
from features.spending import measure_spending
snds, data = Path(sys.argv[1]), Path(sys.argv[2])
first, last, memory = int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5])
for year in range(first, last + 1):
    read_snds(connect("duckdb", memory_gib=memory, threads=2), snds, data, year)
for year in range(first + 1, last + 1):
    build_features(connect("duckdb", memory_gib=memory, threads=2), data, year)
    measure_spending(connect("duckdb", memory_gib=memory, threads=2), data, year)
"""


def main() -> None:
    options = _options()
    first, last = (int(year) for year in options.years.split(".."))
    raw, ours, by_hand = (options.folder / name for name in ("raw", "ours", "by_hand"))
    if not (raw / "snds").exists():
        _synthesise(raw, options.patients, first, last)
    (lines,) = _asked(f"SELECT count(*) FROM '{raw}/snds/ER_PRS_F/*.parquet'")
    print(f"{options.patients:,} patients, {lines:,} lines of ER_PRS_F")
    rows = []
    for name, command, out in (
        ("by hand", ["-m", "benchmarks.by_hand"], by_hand),
        ("forfait", ["-c", OURS], ours),
    ):
        shutil.rmtree(out, ignore_errors=True)
        seconds, gib = _measured([*command, str(raw / "snds"), str(out), str(first), str(last), str(options.memory)])
        rows.append({"what": name, "seconds": round(seconds, 1), "peak_gib": round(gib, 2)})
    table = pd.DataFrame(rows)
    table["ratio"] = (table["seconds"] / table["seconds"].iloc[0]).round(2)
    table["lines"] = lines
    print(table.to_string(index=False))
    print(_same_totals(ours, by_hand, last).to_string(index=False))
    if options.record:
        table.to_csv(options.record, index=False)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, default=1_000_000)
    parser.add_argument("--years", default="2022..2024")
    parser.add_argument("--memory", type=float, default=5.0, help="GiB that each engine may take")
    parser.add_argument("--folder", type=Path, default=Path("data/benchmark"))
    parser.add_argument("--record", type=Path, default=None)
    return parser.parse_args()


def _synthesise(raw: Path, patients: int, first: int, last: int) -> None:
    from features.synth import synthesise

    started = time.perf_counter()
    synthesise(raw, patients=patients, years=range(first, last + 1), seed=1)
    seconds = time.perf_counter() - started
    rate = patients * (last - first + 1) / seconds * 60
    print(f"synth: {seconds:.0f} s, {rate:,.0f} patient-years per minute")


def _measured(arguments: list[str]) -> tuple[float, float]:
    """Wall seconds and peak GiB of a Python process, as the operating system accounts for it."""
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, *arguments])
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{arguments[:2]} failed")
    return time.perf_counter() - started, usage.ru_maxrss / 1024**2


def _same_totals(ours: Path, by_hand: Path, year: int) -> pd.DataFrame:
    """Rows and sums of each dataset, side by side; rehabilitation and home stays, not written by hand, left out."""
    others = "poste NOT IN ('hopital_ssr', 'hopital_had')"
    care = "round((spent_total_eur - poste_hopital_ssr_eur - poste_hopital_had_eur) * 100)"
    questions = {
        "care_lines": ("count(*), sum(base_cents), sum(reimbursed_cents)", others),
        "dispensings": ("count(*), sum(quantity)", "true"),
        "stays": ("count(*), sum(base_cents), sum(reimbursed_cents)", "stay_id LIKE 'MCO%'"),
        "beneficiaries": ("count(*), sum(sex), sum(fdep_quintile)", "true"),
        "coverages": ("count(*)", "true"),
        "ald_periods": ("count(*), sum(ald_number)", "true"),
        "feature_table": ("count(*), sum(age), sum(ald_count), sum(c2s_free), sum(past_drugs_count)", "true"),
        "spending": (f"count(*), round(sum(spent_mg_eur) * 100), sum({care})", "true"),
    }
    rows = []
    for name, (what, where) in questions.items():
        mine = _asked(f"SELECT {what} FROM '{ours}/{name}/{year}.parquet' WHERE {where}")
        hand = _asked(f"SELECT {what} FROM '{by_hand}/{name}_{year}.parquet' WHERE {where}")
        rows.append({"dataset": name, "forfait": mine, "by hand": hand, "same": mine == hand})
    return pd.DataFrame(rows)


def _asked(query: str) -> tuple[int, ...]:
    return tuple(int(figure) for figure in duckdb.sql(query).fetchall()[0])


if __name__ == "__main__":
    main()
