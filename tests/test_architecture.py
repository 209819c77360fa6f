"""The house: which package may import which, where names stop, how long a function may be."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ALLOWED = {
    "features": set(),
    "training": {"features"},
    "schemes": {"features"},
    "serving": {"features", "schemes"},
    "forfait": {"features", "training", "schemes", "serving"},
}
ONLY_IN = {
    "mlflow": "training/registry.py",
    "bentoml": "serving/service.py",
    "duckdb": "features/engine.py",
    "pyspark": "features/engine.py",
}
RAW_NAME = re.compile(
    r"\b(?:EXE_SOI|BEN_NIR|BEN_IDT|BEN_RNG|FLX_|PRS_NAT|PFS_EXE|BSE_REM|IMB_|MTT_|ETA_NUM|NIR_ANO|PHA_)\w*"
)
MODULES = [path for package in ALLOWED for path in sorted((ROOT / package).rglob("*.py"))]


def place(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports(path: Path) -> list[tuple[int, str]]:
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.append((node.lineno, node.module))
        elif isinstance(node, ast.ImportFrom) and node.level:
            found.append((node.lineno, "relative import"))
    return found


def test_arrows_run_one_way():
    """features ← training, schemes ← serving ← forfait; nothing imports forfait."""
    wrong = [
        f"{place(path)}:{line} imports {name}"
        for path in MODULES
        for line, name in imports(path)
        if (root := name.split(".")[0]) in ALLOWED
        and root != (package := path.relative_to(ROOT).parts[0])
        and root not in ALLOWED[package]
    ]
    assert wrong == []


def test_schemes_import_features_tables_only():
    """Rules price predictions: they see tables, never claims or models."""
    wrong = [
        f"{place(path)}:{line} imports {name}"
        for path in MODULES
        if path.is_relative_to(ROOT / "schemes")
        for line, name in imports(path)
        if name.startswith("features") and name not in ("features.tables", "features.errors")
    ]
    assert wrong == []


@pytest.mark.parametrize(("library", "home"), ONLY_IN.items())
def test_library_stops_in_one_module(library: str, home: str):
    """One place to change when the library changes."""
    homes = {place(path) for path in MODULES for _, name in imports(path) if name.split(".")[0] == library}
    assert homes <= {home}


def test_raw_snds_names_stop_at_the_reader():
    """Past the reader (and the generator that mirrors it), columns carry our names."""
    wrong = [
        f"{place(path)}:{number} {match.group()}"
        for path in MODULES
        if place(path).split("/")[:2] not in (["features", "snds"], ["features", "synth"])
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if (match := RAW_NAME.search(line))
    ]
    assert wrong == []


def test_modules_and_functions_are_small():
    """Modules up to 300 lines, functions up to 40."""
    wrong = [place(path) for path in MODULES if len(path.read_text(encoding="utf-8").splitlines()) > 300]
    wrong += [
        f"{place(path)}:{node.lineno} {node.name}"
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.end_lineno - node.lineno + 1 > 40
    ]
    assert wrong == []


def test_only_the_command_line_reads_the_clock():
    """Dates are arguments everywhere else, so that a run can be repeated."""
    clock = re.compile(r"\b(?:date\.today|datetime\.now|datetime\.utcnow|time\.time)\(")
    wrong = [
        f"{place(path)}:{number}"
        for path in MODULES
        if path.relative_to(ROOT).parts[0] != "forfait" and place(path) != "serving/clock.py"
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if clock.search(line)
    ]
    assert wrong == []


def test_the_lock_knows_the_public_registry_only():
    """No local mirror in what others install from."""
    registries = set(re.findall(r'registry = "([^"]*)"', (ROOT / "uv.lock").read_text(encoding="utf-8")))
    assert registries == {"https://pypi.org/simple"}


def test_service_reads_nothing_that_runs_code():
    """LightGBM text and JSON only: no pickle, joblib or cloudpickle in what scores or serves."""
    banned = {"pickle", "joblib", "cloudpickle", "dill", "skops"}
    served = [path for path in MODULES if path.relative_to(ROOT).parts[0] in ("features", "serving")]
    assert [place(p) for p in served for _, name in imports(p) if name.split(".")[0] in banned] == []


def test_a_compiled_function_calls_what_stands_in_its_file():
    """What numba keeps on disk is checked by the function's own file: code called from another file would grow old."""
    compiled = {path: compiled_functions(path) for path in MODULES}
    names = {function.name for functions in compiled.values() for function in functions}
    assert {"add_trees", "told_apart"} <= names
    for path, functions in compiled.items():
        own = {function.name for function in functions}
        for function in functions:
            calls = [node.func for node in ast.walk(function) if isinstance(node, ast.Call)]
            called = {call.id for call in calls if isinstance(call, ast.Name)}
            assert called & names <= own, f"{place(path)}: {function.name} calls {called & names - own} of another file"


def compiled_functions(path: Path) -> list[ast.FunctionDef]:
    """Functions of a module that numba compiles."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    return [node for node in found if any(getattr(mark, "id", "") == "compiled" for mark in node.decorator_list)]
