"""Rule files as written: read strictly, refused with file and key where they break their form."""

from __future__ import annotations

import csv
import hashlib
import io
import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from features.errors import RuleError

GRADES = ("text", "reported", "derived", "assumed")
TOP = {"scheme", "in_force", "published", "sources", "parameters", "grids"}
PARAMETER = {"value", "unit", "grade", "source"}
GRID = {"file", "grade", "source"}
NAME = re.compile(r"(\d{4}-\d{2}-\d{2})(?:\.amended-(\d{4}-\d{2}-\d{2}))?\.yaml")


@dataclass(frozen=True)
class Parameter:
    """A value as exact text, its unit, its grade and where it comes from."""

    value: str
    unit: str
    grade: str
    source: str


@dataclass(frozen=True)
class Grid:
    """A published table: rows of a CSV beside the rule file, with grade and source."""

    file: str
    rows: tuple[dict[str, str], ...]
    grade: str
    source: str


@dataclass(frozen=True)
class RuleFile:
    """One rule file; `sha256` is that of the file and its grids."""

    scheme: str
    file: str
    sha256: str
    first_day: date
    last_day: date | None
    published: date
    sources: dict[str, dict[str, str]]
    parameters: dict[str, Parameter]
    grids: dict[str, Grid]


def read_folder(folder: Path) -> tuple[RuleFile, ...]:
    """Every rule file of a scheme. Errors: RuleError naming file and key."""
    keys = _yaml(folder / "keys.yaml")
    found = sorted(path for path in folder.glob("*.yaml") if path.name != "keys.yaml")
    return tuple(read_rule_file(path, units=keys.get("parameters", {}), grids=keys.get("grids", {})) for path in found)


def read_rule_file(path: Path, *, units: dict[str, Any], grids: dict[str, Any]) -> RuleFile:
    """One rule file, whose parameters must be those of `units` (name → {unit, meaning}) and whose grids those given.

    Errors: RuleError naming the file and the key.
    """
    content, file = _yaml(path), f"{path.parent.name}/{path.name}"
    _same_keys(file, "the file", content, TOP, optional={"grids"})
    named = NAME.fullmatch(path.name)
    if named is None:
        raise RuleError(f"{file}: name it by its first day, 2022-01-01.yaml or 2022-01-01.amended-2023-03-15.yaml")
    if content["scheme"] != path.parent.name:
        raise RuleError(f"{file}: scheme is {content['scheme']!r}; it should be {path.parent.name!r}")
    first_day, last_day = _period(file, content["in_force"])
    published = _day(file, "published", content["published"])
    if named[1] != str(first_day) or (named[2] or str(published)) != str(published):
        raise RuleError(f"{file}: its name does not agree with in_force.from {first_day} and published {published}")
    sources = _sources(file, content["sources"])
    parameters = _parameters(file, content["parameters"], sources=sources, units=units)
    tables = _grids(path, content.get("grids") or {}, sources=sources, expected=grids)
    _no_idle_source(file, sources, [*parameters.values(), *tables.values()])
    return RuleFile(
        scheme=path.parent.name,
        file=file,
        sha256=_sha256(path, tables),
        first_day=first_day,
        last_day=last_day,
        published=published,
        sources=sources,
        parameters=parameters,
        grids=tables,
    )


def check_periods(files: Sequence[RuleFile]) -> None:
    """Nothing when no two periods overlap. Errors: RuleError naming both files."""
    for before, after in itertools.pairwise(files):
        if before.last_day is None or before.last_day >= after.first_day:
            raise RuleError(
                f"{before.file} is in force to {before.last_day or 'further notice'} and {after.file} from "
                f"{after.first_day}; end the first on the day before, by an amended file if it has paid"
            )


def _yaml(path: Path) -> dict[str, Any]:
    if not path.exists():
        raise RuleError(f"{path.parent.name}/{path.name} is missing")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise RuleError(f"{path.parent.name}/{path.name}: not YAML: {str(error).splitlines()[0]}") from error
    if not isinstance(content, dict):
        raise RuleError(f"{path.parent.name}/{path.name}: should be keys and values")
    return content


def _same_keys(file: str, what: str, found: dict[str, Any], keys: set[str], *, optional: Iterable[str] = ()) -> None:
    if not isinstance(found, dict):
        raise RuleError(f"{file}: {what} should be keys and values: {', '.join(sorted(keys))}")
    if unknown := sorted(set(map(str, found)) - keys):
        raise RuleError(f"{file}: {what} has the unknown key {', '.join(unknown)}; it takes {', '.join(sorted(keys))}")
    if missing := sorted(keys - set(optional) - set(map(str, found))):
        raise RuleError(f"{file}: {what} lacks {', '.join(missing)}")


def _day(file: str, key: str, value: object) -> date:
    if type(value) is date:
        return value
    raise RuleError(f"{file}: {key} is {value!r}; it should be a day, 2022-01-01")


def _period(file: str, content: object) -> tuple[date, date | None]:
    if not isinstance(content, dict):
        raise RuleError(f"{file}: in_force should have from and to")
    _same_keys(file, "in_force", content, {"from", "to"})
    first_day = _day(file, "in_force.from", content["from"])
    last_day = None if content["to"] is None else _day(file, "in_force.to", content["to"])
    if last_day is not None and last_day < first_day:
        raise RuleError(f"{file}: in_force.to {last_day} is before in_force.from {first_day}; swap or correct them")
    return first_day, last_day


def _sources(file: str, content: dict[str, Any]) -> dict[str, dict[str, str]]:
    for name, source in (content or {}).items():
        _same_keys(file, f"sources.{name}", source, {"title", "url"}, optional={"url"})
        for key, value in source.items():
            _quoted(file, f"sources.{name}.{key}", value)
    return content or {}


def _parameters(
    file: str, content: dict[str, Any], *, sources: dict[str, Any], units: dict[str, Any]
) -> dict[str, Parameter]:
    _same_keys(file, "parameters", content, set(units))
    for name, entry in content.items():
        _same_keys(file, f"parameters.{name}", entry, PARAMETER)
        for key, value in entry.items():
            _quoted(file, f"parameters.{name}.{key}", value)
        if entry["unit"] != units[name]["unit"]:
            raise RuleError(
                f"{file}: parameters.{name}.unit is {entry['unit']!r}; it should be {units[name]['unit']!r}"
            )
        _graded(file, f"parameters.{name}", entry, sources)
    return {name: Parameter(**entry) for name, entry in content.items()}


def _grids(
    path: Path, content: dict[str, Any], *, sources: dict[str, Any], expected: dict[str, Any]
) -> dict[str, Grid]:
    file = f"{path.parent.name}/{path.name}"
    _same_keys(file, "grids", content, set(expected))
    grids = {}
    for name, entry in content.items():
        _same_keys(file, f"grids.{name}", entry, GRID)
        _graded(file, f"grids.{name}", entry, sources)
        table = path.parent / entry["file"]
        if not table.exists():
            raise RuleError(f"{file}: grids.{name}.file {entry['file']} is missing")
        rows = tuple(csv.DictReader(io.StringIO(table.read_text(encoding="utf-8"), newline="")))
        columns = list(expected[name]["columns"])
        for number, row in enumerate(rows, start=2):
            if list(row) != columns or None in row.values() or "" in row.values():
                raise RuleError(f"{path.parent.name}/{table.name}: row {number} should fill {', '.join(columns)}")
        grids[name] = Grid(entry["file"], rows, entry["grade"], entry["source"])
    return grids


def _quoted(file: str, key: str, value: object) -> None:
    if not isinstance(value, str):
        raise RuleError(f"{file}: {key} is {value!r} ({type(value).__name__}); write it as quoted text")


def _graded(file: str, key: str, entry: dict[str, str], sources: dict[str, Any]) -> None:
    """Grade is known, and the source names one of `sources` (text before the first comma) unless assumed."""
    if entry["grade"] not in GRADES:
        raise RuleError(f"{file}: {key}.grade is {entry['grade']!r}; it should be one of {', '.join(GRADES)}")
    if not entry["source"].strip():
        raise RuleError(f"{file}: {key}.source is empty; say where the value comes from, or why it is assumed")
    named = entry["source"].split(",")[0].strip()
    if entry["grade"] != "assumed" and named not in sources:
        raise RuleError(f"{file}: {key}.source names {named!r}, which is not among sources {', '.join(sources)}")


def _no_idle_source(file: str, sources: dict[str, Any], entries: Sequence[Parameter | Grid]) -> None:
    named = {entry.source.split(",")[0].strip() for entry in entries}
    if idle := sorted(set(sources) - named):
        raise RuleError(f"{file}: sources.{idle[0]} is named by no key; remove it or name it")


def _sha256(path: Path, grids: dict[str, Grid]) -> str:
    """Hash of the file's bytes and of its grids', in the order of their names."""
    digest = hashlib.sha256(path.read_bytes())
    for name in sorted(grids):
        digest.update((path.parent / grids[name].file).read_bytes())
    return digest.hexdigest()
