"""A command in a process of its own: wall seconds, and the most memory of it and all its children together (Linux)."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

LOOKS_EVERY_SECONDS = 0.25
KIBIBYTES = 2**20
FORFAIT = ("-c", "from forfait.cli import main; main()")


@dataclass(frozen=True)
class Measured:
    """What a command took; `status` is its exit code, None where it was stopped for taking too long."""

    seconds: float
    peak_gib: float
    status: int | None


def forfait(*words: str) -> tuple[str, ...]:
    """A command of forfait in a process of its own."""
    return (sys.executable, *FORFAIT, *words)


def seconds(run: Callable[[], object]) -> float:
    """Wall time of one call."""
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def measured(
    command: Sequence[str], *, log: Path | None = None, within: float | None = None, **environment: str
) -> Measured:
    """Run a command to its end, or for `within` seconds; what it writes goes to `log` (default: the terminal).

    Memory: the larger of what the system accounts for one process and, looked at four times a second, the shares of all
    the processes together (PSS: what is shared is counted once).
    """
    out = None if log is None else log.open("ab")
    begun = time.perf_counter()
    process = subprocess.Popen(
        command, env=os.environ | environment, stdout=out, stderr=out and subprocess.STDOUT, start_new_session=True
    )
    late = threading.Event()
    watch = threading.Thread(target=_stop_late, args=(process.pid, within, late), daemon=True)
    looked = [0.0]
    ended = threading.Event()
    look = threading.Thread(target=_look, args=(process.pid, ended, looked), daemon=True)
    look.start()
    if within is not None:
        watch.start()
    try:
        _, status, usage = os.wait4(process.pid, 0)
    except BaseException:
        _kill(process.pid)
        raise
    finally:
        ended.set()
        if out is not None:
            out.close()
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - begun
    look.join()
    # A process begins as a copy of this one, which the system counts: its figure says something only when larger.
    accounted = usage.ru_maxrss if usage.ru_maxrss > resource.getrusage(resource.RUSAGE_SELF).ru_maxrss else 0
    peak = max(looked[0], accounted) / KIBIBYTES
    return Measured(seconds, peak, None if late.is_set() else process.returncode)


def family(pid: int) -> list[int]:
    """A process and all below it."""
    parents = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, IndexError):
                continue
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found


def held_kib(pid: int) -> float:
    """KiB of a process and all below it, what they share counted once."""
    return sum(_share_kib(one) for one in family(pid))


def _share_kib(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def _look(pid: int, ended: threading.Event, looked: list[float]) -> None:
    while not ended.wait(LOOKS_EVERY_SECONDS):
        looked[0] = max(looked[0], held_kib(pid))


def _stop_late(pid: int, within: float | None, late: threading.Event) -> None:
    end = time.perf_counter() + (within or 0)
    while time.perf_counter() < end:
        time.sleep(0.2)
        if not Path(f"/proc/{pid}").exists():
            return
    late.set()
    _kill(pid)


def _kill(pid: int) -> None:
    """End a command's own session: it and what it started."""
    try:
        os.killpg(pid, signal.SIGTERM)
        time.sleep(2)
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
