"""Work that resumes: units, each a folder that appears when complete, with the state of what it was made from.

A unit is made in a folder beside and renamed, its record in it, so that a kill at any point leaves units that are
complete or absent. A unit of another state (other files, other code) is made again.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from features.errors import RuleError

RECORD = "unit.json"
FOLDER = ".work"
Counts = dict[str, Any]


def work_folder(data: Path, name: str, year: int) -> Path:
    """Where the units of a command and year lie, within the data folder."""
    return data / FOLDER / f"{name}-{year}"


def state_of(*parts: object) -> str:
    """SHA-256 of what a unit depends on, the code included."""
    return hashlib.sha256(json.dumps([_code(), *parts], sort_keys=True, default=str).encode()).hexdigest()


def files_state(files: Iterable[Path]) -> list[tuple[str, int, int]]:
    """Name, size and time of change of each file, with the folder it lies in."""
    stats = [(path, path.stat()) for path in sorted(files)]
    return [(f"{path.parent.name}/{path.name}", stat.st_size, stat.st_mtime_ns) for path, stat in stats]


@cache
def _code() -> str:
    """Hash of the modules and reference files of this package: other code, other state."""
    folder = Path(__file__).parent
    return hash_of((*folder.rglob("*.py"), *(folder / "reference").rglob("*.*")), folder)


def hash_of(files: Iterable[Path], folder: Path) -> str:
    """SHA-256 of the names (below `folder`) and contents of files, in any order."""
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def is_done(folder: Path, state: str) -> bool:
    """Whether the unit is complete and of that state."""
    record = _record(folder)
    return record is not None and record["state"] == state


def unit(folder: Path, state: str, make: Callable[[Path], Mapping[str, Any]]) -> Counts:
    """Counts of the unit, which `make` writes into the folder it is given, unless it lies there in that state."""
    if not is_done(folder, state):
        remove(folder)
        temporary = folder.with_name(f".{folder.name}.unfinished")
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        counts = make(temporary)
        (temporary / RECORD).write_text(json.dumps({"state": state, "counts": counts}), encoding="utf-8")
        temporary.rename(folder)
    record = _record(folder)
    assert record is not None
    return dict(record["counts"])


def weighed(say: Callable[[str], None], units: Iterable[tuple[str, float, Callable[[], object]]]) -> None:
    """None, once every unit (what it is, its weight, what it runs) is done; progress is told in shares of the weight.

    The text ends with [done/1000]: what is done before each unit, so that a pace can be measured.
    """
    listed = list(units)
    total, done = sum(weight for _, weight, _ in listed), 0.0
    for text, weight, run in listed:
        say(f"{text} [{round(1000 * done / total)}/1000]")
        run()
        done += weight


def keep_only(folder: Path, names: Iterable[str]) -> None:
    """None, once every unit of the folder whose name is not listed is gone."""
    kept = set(names)
    for path in folder.glob("*"):
        if path.name not in kept:
            remove(path)


def remove(folder: Path) -> None:
    """None, once the folder is gone. A removal cut short leaves no unit that lacks files: its name goes first."""
    aside = folder.with_name(f".{folder.name.lstrip('.')}.removed")
    shutil.rmtree(aside, ignore_errors=True)
    if folder.exists():
        folder.rename(aside)
        shutil.rmtree(aside)


@contextmanager
def alone(lock: Path, what: str) -> Iterator[None]:
    """Nobody else inside: the lock ends with the process, however it ends. Errors: RuleError where another has it."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RuleError(f"{what} is already running (it holds {lock.name}); wait for it to end") from None
        yield


def lock_of(data: Path, name: str, year: int) -> Path:
    """The lock of who writes a dataset of a year, or reads the year."""
    return data / FOLDER / f"{name}-{year}.lock"


def only_writer(data: Path, name: str, year: int) -> AbstractContextManager[None]:
    """Nobody else writes the dataset of the year inside. Errors: RuleError where another command does."""
    return alone(lock_of(data, name, year), f"another command that writes {name} {year}")


def _record(folder: Path) -> Counts | None:
    path = folder / RECORD
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
