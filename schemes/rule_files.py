"""Rule files as written: read strictly, refused with file and key where they break their form."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from features.errors import RuleError
from schemes.rule_record import NONE, Grid, Parameter, Rules
from schemes.rule_units import is_known, wanted

GRADES = ("text", "reported", "derived", "assumed")
TOP = {"scheme", "in_force", "published", "dates", "sources", "parameters", "grids"}
NAME = re.compile(r"(\d{4}-\d{2}-\d{2})(?:\.amended-(\d{4}-\d{2}-\d{2}))?\.yaml")

Entry = Mapping[str, Any]


class _Unique(yaml.SafeLoader):
    """YAML whose keys stand once: the plain loader keeps the last of two and says nothing."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        names = [key.value for key, _ in node.value]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise yaml.YAMLError(f"the key {twice[0]} stands twice, near line {node.start_mark.line + 1}")
        return super().construct_mapping(node, deep)


def read_folder(folder: Path) -> tuple[Rules, ...]:
    """Every rule file of a scheme. Errors: RuleError naming file and key, or a file that nothing reads."""
    keys = read_keys(folder)
    shown = [path for path in sorted(folder.iterdir()) if not path.name.startswith(".") and path.name != "keys.yaml"]
    files = tuple(read_rule_file(path, keys) for path in shown if path.suffix == ".yaml")
    used = {grid.file for file in files for grid in file.grids.values()}
    if idle := [path.name for path in shown if path.suffix != ".yaml" and path.name not in used]:
        raise RuleError(
            f"{folder.name}/{idle[0]}: no rule file reads it; rules end in .yaml, grids are named by a rule"
        )
    return files


def read_keys(folder: Path) -> dict[str, dict[str, Entry]]:
    """`keys.yaml`: the parameters (unit, meaning) and grids (columns with units, meaning) that every file must have.

    `none` says what the value none means, and allows it; `when_absent` is the value of files older than the key.
    Errors: RuleError naming the key.
    """
    content, file = _yaml(folder / "keys.yaml"), f"{folder.name}/keys.yaml"
    _same_keys(file, "the file", content, {"parameters", "grids"}, optional={"grids"})
    content.setdefault("grids", {})
    for name, entry in content["parameters"].items():
        optional = {"none", "when_absent"}
        _same_keys(file, f"parameters.{name}", entry, {"unit", "meaning"} | optional, optional=optional)
        for key, value in entry.items():
            _quoted(file, f"parameters.{name}.{key}", value)
    for name, entry in content["grids"].items():
        _same_keys(file, f"grids.{name}", entry, {"columns", "meaning"})
    units = [(f"parameters.{name}", entry["unit"]) for name, entry in content["parameters"].items()]
    units += [(f"grids.{name}", unit) for name, entry in content["grids"].items() for unit in entry["columns"].values()]
    if unknown := [(name, unit) for name, unit in units if not is_known(unit)]:
        raise RuleError(f"{file}: {unknown[0][0]} has the unknown unit {unknown[0][1]!r}; see schemes/rule_units.py")
    return content


def read_rule_file(path: Path, keys: Mapping[str, Mapping[str, Entry]]) -> Rules:
    """One rule file, whose parameters and grids must be those of `keys`. Errors: RuleError naming file and key."""
    content, file = _yaml(path), _place(path)
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
    _quoted(file, "dates", content["dates"])
    sources = _sources(file, content["sources"])
    parameters = _parameters(file, content["parameters"], sources=sources, keys=keys["parameters"])
    grids = _grids(path, content.get("grids") or {}, sources=sources, keys=keys["grids"])
    _no_idle_source(file, sources, [*parameters.values(), *grids.values()])
    return Rules(
        scheme=path.parent.name,
        file=file,
        sha256=_sha256(path, grids),
        first_day=first_day,
        last_day=last_day,
        published=published,
        dates=content["dates"],
        sources=sources,
        parameters=parameters,
        grids=grids,
    )


def _place(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def _yaml(path: Path) -> dict[str, Any]:
    if not path.exists():
        raise RuleError(f"{_place(path)} is missing")
    try:
        written = path.read_text(encoding="utf-8")
        # A SafeLoader that refuses a key given twice.
        content = yaml.load(written, _Unique)  # nosec B506
    except (yaml.YAMLError, ValueError) as error:
        raise RuleError(f"{_place(path)}: not YAML as it should be: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise RuleError(f"{_place(path)}: should be keys and values")
    return content


def _same_keys(file: str, what: str, found: object, keys: set[str], *, optional: Iterable[str] = ()) -> None:
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
    _same_keys(file, "in_force", content, {"from", "to"})
    assert isinstance(content, dict)
    first_day = _day(file, "in_force.from", content["from"])
    last_day = None if content["to"] is None else _day(file, "in_force.to", content["to"])
    if last_day is not None and last_day < first_day:
        raise RuleError(f"{file}: in_force.to {last_day} is before in_force.from {first_day}; swap or correct them")
    return first_day, last_day


def _sources(file: str, content: object) -> dict[str, dict[str, str]]:
    if not isinstance(content, dict):
        raise RuleError(f"{file}: sources should be names with a title; {{}} where every value is assumed")
    for name, source in content.items():
        _same_keys(file, f"sources.{name}", source, {"title", "url"}, optional={"url"})
        for key, value in source.items():
            _quoted(file, f"sources.{name}.{key}", value)
    return content


def _parameters(
    file: str, content: Any, *, sources: Mapping[str, Entry], keys: Mapping[str, Entry]
) -> dict[str, Parameter]:
    older = {name: entry["when_absent"] for name, entry in keys.items() if "when_absent" in entry}
    _same_keys(file, "parameters", content, set(keys), optional=older)
    read = {name: Parameter(value, keys[name]["unit"], "assumed", "not in the file") for name, value in older.items()}
    for name, entry in content.items():
        _same_keys(file, f"parameters.{name}", entry, {"value", "unit", "grade", "source"})
        for key, value in entry.items():
            _quoted(file, f"parameters.{name}.{key}", value)
        unit, value = keys[name]["unit"], entry["value"]
        if entry["unit"] != unit:
            raise RuleError(f"{file}: parameters.{name}.unit is {entry['unit']!r}; it should be {unit!r}")
        may_be_none = "none" in keys[name]
        if not (value == NONE and may_be_none) and (right := wanted(unit, value) or (value == NONE and "a value")):
            raise RuleError(f"{file}: parameters.{name} is {value!r}; it should be {right}{' or none' * may_be_none}")
        _graded(file, f"parameters.{name}", entry, sources)
        read[name] = Parameter(**entry)
    return {name: read[name] for name in keys}


def _grids(path: Path, content: Any, *, sources: Mapping[str, Entry], keys: Mapping[str, Entry]) -> dict[str, Grid]:
    file = _place(path)
    _same_keys(file, "grids", content, set(keys))
    for name, entry in content.items():
        _same_keys(file, f"grids.{name}", entry, {"file", "grade", "source"})
        for key, value in entry.items():
            _quoted(file, f"grids.{name}.{key}", value)
        _graded(file, f"grids.{name}", entry, sources)
        if not (path.parent / entry["file"]).exists():
            raise RuleError(f"{file}: grids.{name}.file {entry['file']} is missing")
    return {name: _grid(path.parent / entry["file"], entry, keys[name]["columns"]) for name, entry in content.items()}


def _grid(table: Path, entry: Entry, units: Mapping[str, str]) -> Grid:
    return Grid(table.name, _rows(table, units), entry["grade"], entry["source"], dict(units))


def _rows(table: Path, columns: Mapping[str, str]) -> tuple[dict[str, str], ...]:
    """Rows of a grid; every cell filled as its column's unit wants it, the first column without repetition."""
    file, key = _place(table), next(iter(columns))
    rows = tuple(csv.DictReader(io.StringIO(table.read_text(encoding="utf-8"), newline="")))
    if not rows:
        raise RuleError(f"{file}: no row; it should have {', '.join(columns)}")
    seen: set[str] = set()
    for number, row in enumerate(rows, start=2):
        if list(row) != list(columns) or None in row.values() or "" in row.values():
            raise RuleError(f"{file}: row {number} should fill {', '.join(columns)}")
        for column, unit in columns.items():
            if right := wanted(unit, row[column]):
                raise RuleError(f"{file}: row {number}, {column} is {row[column]!r}; it should be {right}")
        if row[key] in seen:
            raise RuleError(f"{file}: row {number}, {key} {row[key]!r} stands twice")
        seen.add(row[key])
    return rows


def _quoted(file: str, key: str, value: object) -> None:
    if not isinstance(value, str):
        raise RuleError(f"{file}: {key} is {value!r} ({type(value).__name__}); write it as quoted text")


def _graded(file: str, key: str, entry: Entry, sources: Mapping[str, Entry]) -> None:
    """Grade is known, and the source names one of `sources` (text before the first comma) unless assumed."""
    if entry["grade"] not in GRADES:
        raise RuleError(f"{file}: {key}.grade is {entry['grade']!r}; it should be one of {', '.join(GRADES)}")
    if not entry["source"].strip():
        raise RuleError(f"{file}: {key}.source is empty; say where the value comes from, or why it is assumed")
    named = entry["source"].split(",")[0].strip()
    if entry["grade"] != "assumed" and named not in sources:
        raise RuleError(f"{file}: {key}.source names {named!r}, which is not among sources {', '.join(sources)}")


def _no_idle_source(file: str, sources: Mapping[str, Entry], entries: Sequence[Parameter | Grid]) -> None:
    named = {entry.source.split(",")[0].strip() for entry in entries}
    if idle := sorted(set(sources) - named):
        raise RuleError(f"{file}: sources.{idle[0]} is named by no key; remove it or name it")


def _sha256(path: Path, grids: Mapping[str, Grid]) -> str:
    """Hash of the file's bytes and of its grids', in the order of their names."""
    digest = hashlib.sha256(path.read_bytes())
    for name in sorted(grids):
        digest.update((path.parent / grids[name].file).read_bytes())
    return digest.hexdigest()
