"""The bento has every file, module and package that the service needs; tests/serving/test_service.py runs it."""

from __future__ import annotations

import ast
import importlib.metadata
import importlib.util
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

import pathspec
import yaml

ROOT = Path(__file__).parent.parent
BENTO: dict[str, Any] = yaml.safe_load((ROOT / "bentofile.yaml").read_text(encoding="utf-8"))
PACKED = pathspec.GitIgnoreSpec.from_lines(BENTO["include"])
OURS = ("features", "schemes", "serving")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def is_packed(path: Path) -> bool:
    return PACKED.match_file(path.relative_to(ROOT).as_posix())


def test_every_file_beside_the_code_is_packed():
    """Templates, texts, rules: a file that is read at run time and left behind would be a 500."""
    beside = [path for name in ("schemes", "serving") for path in (ROOT / name).rglob("*.*") if path.is_file()]
    left = [path.name for path in beside if path.suffix not in (".py", ".pyc", ".md") and not is_packed(path)]
    assert left == []
    assert is_packed(ROOT / "serving/decisions/migrations/versions/r0001_decisions.py")
    assert is_packed(ROOT / "serving/decisions/migrations/env.py")


def imported(path: Path) -> set[str]:
    """Modules that a file imports, also inside its functions."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{one.name}" for one in node.names)}
    return names


def file_of(module: str) -> Path | None:
    base = ROOT / module.replace(".", "/")
    found = (base.with_suffix(".py"), base / "__init__.py")
    return next((path for path in found if path.is_file()), None)


def reached() -> tuple[set[Path], set[str]]:
    """Files of ours that the service's modules import, one after the other; and what else serving imports."""
    waiting = list((ROOT / "serving").rglob("*.py"))
    files, others = set(waiting), set[str]()
    while waiting:
        path = waiting.pop()
        for name in imported(path):
            if name.partition(".")[0] not in OURS:
                others |= {name.partition(".")[0]} if path.is_relative_to(ROOT / "serving") else set()
            elif (file := file_of(name)) is not None and file not in files:
                files.add(file)
                waiting.append(file)
    return files, others


def test_every_module_reached_is_packed():
    """Also those that are imported when they are first needed, inside a function."""
    left = {path.relative_to(ROOT).as_posix() for path in reached()[0] if not is_packed(path)}
    assert left == set()


def required(names: set[str]) -> set[str]:
    """Distributions that some ask for, themselves included."""
    found, waiting = set[str](), set(names)
    while waiting:
        name = waiting.pop()
        found.add(name)
        try:
            asked = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue
        waiting |= {plain(one) for one in asked if "extra ==" not in one} - found
    return found


def plain(requirement: str) -> str:
    """The name in a requirement, as PyPI writes it."""
    name = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert name is not None
    return re.sub(r"[-_.]+", "-", name[0]).lower()


def test_every_package_imported_is_asked_for():
    """By the bento itself, or by what it asks for."""
    declared = {plain(one) for one in BENTO["python"]["packages"]}
    distributions = importlib.metadata.packages_distributions()
    wanted = {name for name in reached()[1] if name not in sys.stdlib_module_names and name != "__future__"}
    unknown = [name for name in wanted if not {plain(one) for one in distributions.get(name, ())} & required(declared)]
    assert unknown == []


def test_packages_have_the_bounds_of_the_project():
    """The bento asks for what was tested."""
    extra = PROJECT["optional-dependencies"]["postgresql"]
    assert set(BENTO["python"]["packages"]) <= {*PROJECT["dependencies"], *extra}
