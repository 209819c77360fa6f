"""All benchmarks small, one after the other, and one table of what they found: `make bench`.

    python -m benchmarks.run [--only serving training] [--results FILE]

Each is a process of its own, stopped when it takes too long. What was measured is kept, with machine, versions and
date, in benchmarks/results/small.json (the other benchmarks' runs stay), from which docs/benchmarks.md is written.
Exit code 1 where a benchmark failed or a target is missed.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from benchmarks.large import MODEL, small_country
from benchmarks.page import write_page
from benchmarks.process import measured
from benchmarks.record import RESULTS, Run, judged, machine, read_runs, record, today, versions
from benchmarks.rows import read_rows
from benchmarks.written import table_of

OUT = Console(width=150)
TAIL = 1500


FOLDER = Path("data/benchmark-small")
COUNTRY, COUNTRY_PATIENTS, COUNTRY_YEARS, COUNTRY_WITHIN = FOLDER / "country", 10_000, range(2022, 2025), 180


@dataclass(frozen=True)
class Bench:
    """A benchmark in its small form: module, options, the seconds after which it is stopped.

    `has_country`: it reads the small country, drawn and trained on once.
    """

    module: str
    options: tuple[str, ...] = ()
    within: float = 120.0
    has_country: bool = False

    @property
    def name(self) -> str:
        """Name of its run."""
        return self.module.rpartition(".")[2]


TRAINED = ("--data", str(COUNTRY), "--versions", str(COUNTRY / "versions"), "--year", str(COUNTRY_YEARS[-1]))
PIPELINE = ("--patients", "20000", "--years", "2022..2023", "--memory", "4", "--folder", str(FOLDER / "pipeline"))
SMALL = (
    Bench("benchmarks.synth", ("--patients", "20000"), within=60),
    Bench("benchmarks.pipeline", (*PIPELINE, "--peers", "DuckDB SQL by hand,pandas"), within=240),
    Bench("benchmarks.training", ("--rows", "100000", "--repeats", "3")),
    Bench("benchmarks.predictions", (*TRAINED, "--model", MODEL), within=60, has_country=True),
    Bench("benchmarks.explanations", (*TRAINED, "--models", MODEL, "--rows", "5000"), within=240, has_country=True),
    Bench("benchmarks.serving", ("--requests", "300", "--seconds", "2"), within=240),
)


def main() -> int:
    asked = _arguments()
    chosen = [bench for bench in SMALL if not asked.only or bench.name in asked.only]
    if any(bench.has_country for bench in chosen):
        prepare()
    for bench in chosen:
        run = ran(bench)
        record(asked.results, run)
        OUT.print(f"{run.name}: {run.status} after {run.seconds:.0f} s, {run.peak_gib:.2f} GiB")
    runs = [run for run in read_runs(asked.results) if run.name in {bench.name for bench in chosen}]
    found = judged(row for run in runs for row in run.rows)
    OUT.print(table_of(found))
    if asked.results.parent == RESULTS:
        write_page()
    return int(any(one.is_held is False for one in found) or any(run.status != "ended" for run in runs))


def prepare() -> None:
    """The small country and its version, once. Errors: SystemExit with the end of what a command wrote."""
    versions_folder, log = COUNTRY / "versions", FOLDER / "country.log"
    if (versions_folder / MODEL / "1").exists():
        return
    FOLDER.mkdir(parents=True, exist_ok=True)
    for command in small_country(COUNTRY, versions_folder, COUNTRY_YEARS, COUNTRY_PATIENTS):
        if measured(command, log=log, within=COUNTRY_WITHIN).status != 0:
            raise SystemExit(f"{log}: {log.read_text(errors='replace')[-TAIL:]}")


def ran(bench: Bench) -> Run:
    """The run of a benchmark; rows that it wrote are kept even where it missed its limit and said so."""
    here, command = machine(), [sys.executable, "-m", bench.module, *bench.options]
    with tempfile.TemporaryDirectory() as folder:
        rows, log = Path(folder) / "rows.json", Path(folder) / "log.txt"
        if importlib.util.find_spec(bench.module) is None:
            raise SystemExit(f"{bench.module} is not there")
        took = measured([*command, "--json", str(rows)], log=log, within=bench.within)
        found = tuple(read_rows(rows)) if rows.exists() else ()
        if not found:
            OUT.print(log.read_text(errors="replace")[-TAIL:], markup=False)
    status = "stopped" if took.status is None else "ended" if found else "failed"
    return Run(
        name=bench.name, command=" ".join(["python", *command[1:]]), date=today(), machine=here, versions=versions(),
        seconds=round(took.seconds, 1), peak_gib=round(took.peak_gib, 2), status=status, rows=found,
    )  # fmt: skip


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", choices=[bench.name for bench in SMALL])
    parser.add_argument("--results", type=Path, default=RESULTS / "small.json")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
