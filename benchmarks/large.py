"""National scale, step by step: `make bench-large`. Takes hours; the same command again goes on where it stopped.

    python -m benchmarks.large --folder DIR [--patients 10000000] [--small 1000000] [--memory 12] [--only read]

Each step is a process of its own (a command of `forfait`, or a benchmark), its wall seconds and the most memory of
it and its children kept in DIR/<patients>/steps.json when it ends well: a step that is there is not done again. Steps
are done for --small patients first, then for --patients: time must grow at most 1.15 × as fast as patients, and no
step may take over 16 GiB. Recorded in benchmarks/results/large.json after every step.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
from rich.console import Console

from benchmarks.page import write_page
from benchmarks.process import forfait, measured
from benchmarks.record import RESULTS, Run, judged, machine, record, today, versions
from benchmarks.rows import Row, read_rows
from benchmarks.written import table_of

OUT = Console(width=150)
MOST_GIB, MOST_GROWTH, SYNTH_PER_SECOND = 16, 1.15, 1_000_000 / 60
MODEL, MODEL_PATIENTS = "peps_mg", 20_000
TRAINED_BY = "columns"


class Done(msgspec.Struct, frozen=True):
    """A step that ended well; `units` is how many of what it did."""

    name: str
    seconds: float
    peak_gib: float
    units: float
    unit: str


@dataclass(frozen=True)
class Step:
    """A step: what is run, one command after the other, and how many of which units it does.

    `has_rows`: its command writes rows of its own (--json).
    """

    name: str
    commands: tuple[tuple[str, ...], ...]
    units: float
    unit: str = "patients"
    has_rows: bool = False


def steps(patients: int, data: Path, memory: float, years: range) -> list[Step]:
    """What is run for so many patients, in order: each reads what those before it wrote.

    Three years or more train, predict and explain; two years are predicted and explained by a version that a small
    country trained.
    """
    where, span = ("--data", str(data)), f"{years[0]}..{years[-1]}"
    limit = (*where, "--memory", f"{memory:g}")
    made = ("synth", "--patients", str(patients), "--years", span, *where)
    found = [Step("synth", (forfait(*made),), patients * len(years), "patient-years")]
    for year in years:
        read = forfait("read", "--snds", str(data / "snds"), "--year", str(year), *limit)
        found.append(Step(f"read {year}", (read,), patients))
    for name in ("features", "spending"):
        found += [Step(f"{name} {y}", (forfait(name, "--year", str(y), *limit),), patients) for y in years[1:]]
    found.append(Step("episodes", (forfait("episodes", "--years", f"{years[-1]}", *limit),), patients))
    versions_folder = ("--versions", str(data / "versions"))
    model = (MODEL, "--year", str(years[-1]), *where, *versions_folder)
    if len(years) > 2:
        found.append(Step("train", (forfait("train", *model),), patients * (len(years) - 2), "patient-years"))
    else:
        longer = range(years[0] - 1, years[-1] + 1)
        trained = small_country(data.parent / "model", data / "versions", longer, MODEL_PATIENTS)
        found.append(Step("model of a small country", tuple(trained), MODEL_PATIENTS))
    numbered = (*model, "--version", "1")
    found.append(Step("predict", (forfait("predict", *numbered),), patients))
    found.append(Step("explain", (forfait("explain", *numbered, "--everyone"),), patients))
    wide = (sys.executable, "-m", "benchmarks.training", "--memory", "--ways", TRAINED_BY, "--rows", str(patients))
    found.append(Step("training x 150", (wide,), patients, "rows", has_rows=True))
    return found


def small_country(data: Path, versions_folder: Path, years: range, patients: int) -> Iterator[tuple[str, ...]]:
    """Commands that draw a small country, read it, and train version 1 of `MODEL` on all years but the last."""
    where = ("--data", str(data))
    yield forfait("synth", "--patients", str(patients), "--years", f"{years[0]}..{years[-1]}", *where)
    for year in years:
        yield forfait("read", "--snds", str(data / "snds"), "--year", str(year), *where)
    for year in years[1:]:
        yield forfait("features", "--year", str(year), *where)
        yield forfait("spending", "--year", str(year), *where)
    yield forfait("train", MODEL, "--year", str(years[-1]), *where, "--versions", str(versions_folder))


def main() -> int:
    asked = _arguments()
    wanted: dict[int, list[Step]] = {}
    for patients in sorted({asked.small, asked.patients}):
        home = asked.folder / str(patients)
        wanted[patients] = steps(patients, home / "data", asked.memory, asked.years)
    for patients, line in wanted.items():
        home = asked.folder / str(patients)
        for step in line:
            if asked.only and step.name.split()[0] not in asked.only:
                continue
            if not did(step, home):
                OUT.print(
                    f"{step.name} of {patients:,} failed; see {home / 'log.txt'}; the same command goes on from it"
                )
                return 1
            _record(asked, wanted)
    found = judged(rows_of(asked.folder, list(wanted)))
    OUT.print(table_of(found))
    return int(any(one.is_held is False for one in found))


def did(step: Step, home: Path) -> bool:
    """Whether the step is done, now or before."""
    home.mkdir(parents=True, exist_ok=True)
    known = done_in(home)
    if step.name in {one.name for one in known}:
        return True
    rows = home / f"{step.name.replace(' ', '-')}.json"
    more = ("--json", str(rows)) if step.has_rows else ()
    OUT.print(f"{time.strftime('%H:%M:%S')} {step.name}, {step.units:,.0f} {step.unit}")
    seconds, peak = 0.0, 0.0
    for command in step.commands:
        took = measured((*command, *more), log=home / "log.txt")
        if took.status != 0 and not rows.exists():
            return False
        seconds, peak = seconds + took.seconds, max(peak, took.peak_gib)
    one = Done(step.name, round(seconds, 2), round(peak, 3), step.units, step.unit)
    scratch = home / "steps.new"
    scratch.write_bytes(msgspec.json.format(msgspec.json.encode([*known, one]), indent=1))
    scratch.replace(home / "steps.json")
    OUT.print(f"  {seconds:,.1f} s, {peak:.2f} GiB, {step.units / seconds:,.0f} {step.unit}/s")
    return True


def done_in(home: Path) -> list[Done]:
    """Steps that ended well in a folder."""
    path = home / "steps.json"
    return msgspec.json.decode(path.read_bytes(), type=list[Done]) if path.exists() else []


def rows_of(folder: Path, sizes: Sequence[int]) -> list[Row]:
    """Rows of what is done of the largest size, each beside the time of a smaller one stretched to it."""
    small, large = {one.name: one for one in done_in(folder / str(sizes[0]))}, done_in(folder / str(sizes[-1]))
    rows = []
    for one in large:
        task = f"{one.name}, {one.units:,.0f} {one.unit}"
        wanted = f"<= {one.units / SYNTH_PER_SECOND:.6g}" if one.name == "synth" else None
        rows.append(Row(task, "forfait", "ours", seconds=one.seconds, peak_gib=one.peak_gib,
                        target=wanted, peak_target=f"<= {MOST_GIB}"))  # fmt: skip
        if len(sizes) > 1 and one.name in small:
            less = small[one.name]
            stretched = less.seconds * one.units / less.units
            what = f"{less.units:,.0f} × {one.units / less.units:g}"
            rows.append(Row(task, what, "limit", seconds=round(stretched, 2), peak_gib=less.peak_gib,
                            target=f"<= {MOST_GROWTH}", note="memory as it was"))  # fmt: skip
    return [*rows, *_own_rows(folder / str(sizes[-1]))]


def _own_rows(home: Path) -> list[Row]:
    return [row for path in sorted(home.glob("training*.json")) for row in read_rows(path)]


def _record(asked: argparse.Namespace, wanted: dict[int, list[Step]]) -> None:
    """Record what is done so far."""
    rows = rows_of(asked.folder, list(wanted))
    done = [one for patients in wanted for one in done_in(asked.folder / str(patients))]
    if not rows:
        return
    name = f"{asked.patients:,} patients".replace(",", " ")
    all_steps = sum(len(line) for line in wanted.values())
    run = Run(
        name=name, command=f"python -m benchmarks.large --patients {asked.patients} --small {asked.small}",
        date=today(), machine=machine(), versions=versions(), seconds=round(sum(one.seconds for one in done), 1),
        peak_gib=max(one.peak_gib for one in done), rows=tuple(rows),
        status="ended" if len(done) == all_steps else f"{len(done)} of {all_steps} steps done",
    )  # fmt: skip
    record(asked.results, run)
    if asked.results.parent == RESULTS:
        write_page()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("data/benchmark-large"))
    parser.add_argument("--patients", type=int, default=10_000_000)
    parser.add_argument("--small", type=int, default=1_000_000, help="0: no smaller run beside it")
    parser.add_argument("--years", default="2022..2023", help="first and last; three or more train too")
    parser.add_argument("--memory", type=float, default=12.0, help="GiB that the engine may take")
    parser.add_argument("--only", nargs="*", help="first words of the steps: synth read features spending train …")
    parser.add_argument("--results", type=Path, default=RESULTS / "large.json")
    asked = parser.parse_args()
    asked.small = asked.small or asked.patients
    first, last = (int(year) for year in asked.years.split(".."))
    if last == first:
        parser.error("--years: characteristics need a year before; give two or more")
    asked.years = range(first, last + 1)
    return asked


if __name__ == "__main__":
    raise SystemExit(main())
