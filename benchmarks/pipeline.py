"""Reading, characteristics and spending: ours beside hand-written DuckDB and pandas, each in a process of its own.

    python -m benchmarks.pipeline --patients 1000000 --years 2022..2024 --memory 6
    python -m benchmarks.pipeline --patients 10000000 --years 2022..2023 --steps read,features,spending,episodes

Fictional claims are made once in --folder, and found there the next time. Prints seconds, peak memory, the ratio, and
whether both give the same totals; --peers chooses who runs (pandas is asked for by name: it holds a small country
only). With --steps, ours alone, step by step, each a process of its own.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from pathlib import Path

import duckdb
import pandas as pd

from benchmarks.process import FORFAIT, measured
from benchmarks.rows import Row, add_json, write_rows
from features.buckets import files_of
from features.engine import dataset_path

OURS = """
import sys
from pathlib import Path
from features.engine import connect
from features.build import build_features
from features.snds.read import read_snds
from features.spending import measure_spending
snds, data = Path(sys.argv[1]), Path(sys.argv[2])
first, last, memory = int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5])
buckets = int(sys.argv[6]) or None
for year in range(first, last + 1):
    read_snds(connect("duckdb", memory_gib=memory, threads=2), snds, data, year, buckets=buckets)
for year in range(first + 1, last + 1):
    build_features(connect("duckdb", memory_gib=memory, threads=2), data, year)
    measure_spending(connect("duckdb", memory_gib=memory, threads=2), data, year)
"""


TARGETS = {"DuckDB SQL by hand": ("<= 1.3", None), "pandas": ("<= 0.5", "<= 0.5")}


def main() -> None:
    """Measure, print, and say where the totals differ."""
    options = _options()
    first, last = (int(year) for year in options.years.split(".."))
    raw = options.folder / "raw"
    if not (raw / "snds").exists():
        _synthesise(raw, options.patients, first, last)
    (lines,) = _asked(f"SELECT count(*) FROM '{raw}/snds/ER_PRS_F/**/*.parquet'")
    print(f"{options.patients:,} patients, {lines:,} lines of ER_PRS_F")
    if options.steps:
        _step_by_step(options, first, last)
        return
    span = [str(raw / "snds"), "", str(first), str(last), str(options.memory), str(options.buckets or 0)]
    commands = {
        "DuckDB SQL by hand": ["-m", "benchmarks.by_hand"],
        "pandas": ["-m", "benchmarks.by_pandas"],
        "forfait": ["-c", OURS],
    }
    task = f"read, characteristics, spending, {options.patients:,} patients"
    rows = []
    for name in [name for name in commands if name == "forfait" or name in options.peers]:
        out = options.folder / name.replace(" ", "_")
        shutil.rmtree(out, ignore_errors=True)
        seconds, gib = _measured([*commands[name], span[0], str(out), *span[2:]])
        target, peak_target = TARGETS.get(name, (None, None))
        role = "ours" if name == "forfait" else "peer"
        rows.append(
            Row(task, name, role, seconds=round(seconds, 1), peak_gib=round(gib, 2), target=target,
                peak_target=peak_target)
        )  # fmt: skip
    write_rows(options.json, rows)
    table = pd.DataFrame([{"what": row.what, "seconds": row.seconds, "peak_gib": row.peak_gib} for row in rows])
    table["ours_over_it"] = (table["seconds"].iloc[-1] / table["seconds"]).round(2)
    print(table.assign(lines=lines).to_string(index=False))
    if "DuckDB SQL by hand" in options.peers:
        print(_same_totals(options.folder / "forfait", options.folder / "DuckDB_SQL_by_hand", last).to_string())


def _step_by_step(options: argparse.Namespace, first: int, last: int) -> None:
    """Ours alone, each step and year a command; datasets in --folder/forfait, gone on from where they are."""
    data = options.folder / "forfait"
    common = ["--data", str(data), "--memory", str(options.memory)]
    buckets = ["--buckets", str(options.buckets)] if options.buckets else []
    years = {"read": range(first, last + 1), "features": range(first + 1, last + 1), "spending": range(first, last + 1)}
    rows = []
    for step in options.steps.split(","):
        for year in years.get(step, [last]):
            asked = ["--years", str(year)] if step == "episodes" else ["--year", str(year)]
            more = ["--snds", str(options.folder / "raw" / "snds"), *buckets] if step == "read" else []
            seconds, gib = _measured([*FORFAIT, step, *asked, *more, *common])
            print(f"{step} {year}: {seconds:,.0f} s, {gib:.2f} GiB", flush=True)
            task = f"{step} {year}, {options.patients:,} patients"
            rows.append(Row(task, "forfait", "ours", seconds=round(seconds, 1), peak_gib=round(gib, 2)))
    write_rows(options.json, rows)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, default=1_000_000)
    parser.add_argument("--years", default="2022..2024")
    parser.add_argument("--memory", type=float, default=5.0, help="GiB that each engine may take")
    parser.add_argument("--folder", type=Path, default=Path("data/benchmark"))
    parser.add_argument("--buckets", type=int, default=None, help="buckets of patients; default: by size")
    parser.add_argument("--peers", type=lambda text: text.split(",") if text else [], default=["DuckDB SQL by hand"])
    parser.add_argument("--steps", default="", help="ours alone: read,features,spending,episodes")
    add_json(parser)
    return parser.parse_args()


def _synthesise(raw: Path, patients: int, first: int, last: int) -> None:
    from features.synth import synthesise

    started = time.perf_counter()
    synthesise(raw, patients=patients, years=range(first, last + 1), seed=1)
    seconds = time.perf_counter() - started
    rate = patients * (last - first + 1) / seconds * 60
    print(f"synth: {seconds:.0f} s, {rate:,.0f} patient-years per minute")


def _measured(arguments: list[str]) -> tuple[float, float]:
    """Wall seconds and peak GiB of a Python process and its children."""
    found = measured([sys.executable, "-W", "ignore", *arguments])
    if found.status:
        raise SystemExit(f"{arguments[:2]} failed")
    return found.seconds, found.peak_gib


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
        files = [str(path) for path in files_of(dataset_path(ours, name, year))]
        mine = _asked(f"SELECT {what} FROM read_parquet({files}) WHERE {where}")
        hand = _asked(f"SELECT {what} FROM '{by_hand}/{name}_{year}.parquet' WHERE {where}")
        rows.append({"dataset": name, "forfait": mine, "by hand": hand, "same": mine == hand})
    return pd.DataFrame(rows)


def _asked(query: str) -> tuple[int, ...]:
    return tuple(int(figure) for figure in duckdb.sql(query).fetchall()[0])


if __name__ == "__main__":
    main()
