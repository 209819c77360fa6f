"""What was measured, kept: rows by benchmark with machine, versions and date, in benchmarks/results/."""

from __future__ import annotations

import importlib.metadata
import operator
import os
import platform
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from benchmarks.rows import Row

RESULTS = Path(__file__).parent / "results"
LIBRARIES = ("duckdb", "ibis-framework", "lightgbm", "mlflow", "numpy", "pandas", "pyarrow")
SIGNS: dict[str, Callable[[float, float], bool]] = {"<=": operator.le, ">=": operator.ge}


class Machine(msgspec.Struct, frozen=True):
    """Where it ran; `busy` is the load of one minute before, per core: above 0.2 something else was at work."""

    processor: str
    cores: int
    memory_gib: float
    system: str
    busy: float


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One benchmark that ran: when, where, with what, and its rows. `status`: ended, failed or stopped (too long)."""

    name: str
    command: str
    date: str
    machine: Machine
    versions: dict[str, str]
    seconds: float
    peak_gib: float
    status: str
    rows: tuple[Row, ...] = ()


class Judged(msgspec.Struct, frozen=True):
    """A row beside ours: ratio = ours ÷ it (None on our own row), and whether its targets hold (None: it has none)."""

    row: Row
    ratio: float | None
    peak_ratio: float | None
    is_held: bool | None


def machine() -> Machine:
    """This machine."""
    cpu = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    names = [line.partition(":")[2].strip() for line in cpu.splitlines() if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cores = os.cpu_count() or 1
    busy = round(os.getloadavg()[0] / cores, 2)
    return Machine(names[0] if names else platform.machine(), cores, round(memory, 1), platform.system(), busy)


def versions() -> dict[str, str]:
    """Versions of Python and of the libraries that do the work."""
    return {"python": platform.python_version()} | {name: importlib.metadata.version(name) for name in LIBRARIES}


def today() -> str:
    """Date and minute, UTC."""
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M")


def read_runs(path: Path) -> list[Run]:
    """Runs as recorded; none where there is no file."""
    return msgspec.json.decode(path.read_bytes(), type=list[Run]) if path.exists() else []


def record(path: Path, run: Run) -> None:
    """Keep a run in place of the earlier one of its name; the others stay as they are."""
    known = {one.name: one for one in read_runs(path)} | {run.name: run}
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_suffix(".new")
    scratch.write_bytes(msgspec.json.format(msgspec.json.encode(list(known.values())), indent=1) + b"\n")
    scratch.replace(path)


def judged(rows: Iterable[Row]) -> list[Judged]:
    """Each row beside the row of ours of its task, task after task as they first come.

    Errors: ValueError for a task without exactly one row of ours.
    """
    rows = list(rows)
    ours: dict[str, Row] = {}
    for row in rows:
        if row.role == "ours" and row.task in ours:
            raise ValueError(f"{row.task}: two rows of ours; give each a task of its own")
        if row.role == "ours":
            ours[row.task] = row
    missing = {row.task for row in rows} - set(ours)
    if missing:
        raise ValueError(f"{', '.join(sorted(missing))}: no row of ours")
    tasks = list(dict.fromkeys(row.task for row in rows))
    return [_judge(row, ours[row.task]) for row in sorted(rows, key=lambda row: tasks.index(row.task))]


def _judge(row: Row, ours: Row) -> Judged:
    if row.role == "ours":
        figures = (row.seconds if row.per_second is None else row.per_second, row.peak_gib)
        return Judged(row, None, None, _held(row, figures))
    ratios = (row.ratio or _ratio(ours.per_second, row.per_second) or _ratio(ours.seconds, row.seconds),
              _ratio(ours.peak_gib, row.peak_gib))  # fmt: skip
    return Judged(row, *ratios, _held(row, ratios))


def _ratio(ours: float | None, other: float | None) -> float | None:
    return ours / other if ours is not None and other else None


def _held(row: Row, figures: tuple[float | None, float | None]) -> bool | None:
    """None without a target; a target whose figure was not measured is not held."""
    pairs = [(target, figure) for target, figure in zip((row.target, row.peak_target), figures, strict=True) if target]
    return all(figure is not None and holds(target, figure) for target, figure in pairs) if pairs else None


def holds(target: str, figure: float) -> bool:
    """Whether a figure is within "<= 1.3" or ">= 10". Errors: ValueError for another form."""
    sign, _, bound = target.partition(" ")
    if sign not in SIGNS:
        raise ValueError(f'target {target!r}: write it "<= 1.3" or ">= 10"')
    return SIGNS[sign](figure, float(bound))
