"""Where a dataset comes from: command, commit, seed, parameters and hashes of the inputs, written beside it."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path

WHOLE_FILE_BYTES = 1024**3
KEPT_BYTES = 64 * 1024**2  # smaller ones are read again: a change within a tick of the clock would be missed
EDGE_BYTES = 1024 * 1024
FOOTER_LENGTH_BYTES = 8  # a Parquet file ends with the footer's length (4 bytes) and a magic word (4 bytes)


@dataclass(frozen=True)
class Provenance:
    """What an author of a dataset declares: the command, its inputs (files or folders), parameters and seed."""

    command: str
    inputs: tuple[Path, ...] = ()
    parameters: Mapping[str, object] = field(default_factory=dict)
    seed: int | None = None


def provenance_path(dataset: Path) -> Path:
    """Path of the record of a dataset: data/<name>/<year>.provenance.json."""
    return dataset.with_suffix(".provenance.json")


def write_provenance(dataset: Path, provenance: Provenance, *, rows: int) -> dict[str, object]:
    """The record written beside `dataset` (which must exist), as a dictionary ready for JSON.

    Inputs are named by their last two path parts, so that no folder of the machine is recorded.
    """
    record: dict[str, object] = {
        "dataset": f"{dataset.parent.name}/{dataset.name}",
        "command": provenance.command,
        "commit": commit(),
        "seed": provenance.seed,
        "parameters": dict(provenance.parameters),
        "inputs": {f"{path.parent.name}/{path.name}": _input_hash(path) for path in sorted(provenance.inputs)},
        "rows": rows,
        "hash": content_hash(dataset),
    }
    target = provenance_path(dataset)
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    temporary.write_text(json.dumps(record, indent=2, ensure_ascii=False, default=str) + "\n", encoding="utf-8")
    temporary.replace(target)
    return record


def forget_provenance(dataset: Path) -> None:
    """None, once the dataset has no record: what is published next must not be taken for what was there before."""
    provenance_path(dataset).unlink(missing_ok=True)


def read_provenance(dataset: Path) -> dict[str, object] | None:
    """The record of a dataset, or None where it has none."""
    path = provenance_path(dataset)
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def content_hash(path: Path) -> str:
    """SHA-256 (hexadecimal) of names, sizes and contents of a file or of all files of a folder.

    What is above 1 GiB in all is hashed by the edges of its files: the footer of a Parquet file (statistics and offsets
    of each row group), else the first and last MiB. A change that keeps sizes and edges is therefore not seen.
    """
    digest = hashlib.sha256()
    files = _files(path)
    is_whole = sum(part.stat().st_size for part in files) <= WHOLE_FILE_BYTES
    for part in files:
        name = part.name if part == path else part.relative_to(path).as_posix()
        digest.update(f"{name}\0{part.stat().st_size}\0".encode())
        _hash_file(part, digest, is_whole=is_whole)
    return digest.hexdigest()


def _files(path: Path) -> list[Path]:
    return [path] if path.is_file() else sorted(part for part in path.rglob("*") if part.is_file())


def _input_hash(path: Path) -> str:
    """`content_hash`; a large input is read once for all the datasets that a command writes."""
    state = tuple((part, part.stat().st_size, part.stat().st_mtime_ns) for part in _files(path))
    return _hash_as_it_is(path, state) if sum(size for _, size, _ in state) > KEPT_BYTES else content_hash(path)


@lru_cache(maxsize=64)
def _hash_as_it_is(path: Path, state: tuple[tuple[Path, int, int], ...]) -> str:
    return content_hash(path)


def _hash_file(path: Path, digest: hashlib._Hash, *, is_whole: bool) -> None:
    size = path.stat().st_size
    with path.open("rb") as file:
        if is_whole:
            while block := file.read(EDGE_BYTES):
                digest.update(block)
            return
        tail = EDGE_BYTES
        if path.suffix == ".parquet":
            file.seek(-FOOTER_LENGTH_BYTES, os.SEEK_END)
            tail = int.from_bytes(file.read(4), "little") + FOOTER_LENGTH_BYTES
        else:
            digest.update(file.read(EDGE_BYTES))
        file.seek(-min(tail, size), os.SEEK_END)
        digest.update(file.read())


@cache
def commit() -> str | None:
    """Git commit of the code that runs, with `-dirty` where files differ from it; None outside a repository."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--abbrev=40"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return answer.stdout.strip() or None
