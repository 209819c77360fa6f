"""The dated rule book: which parameters of a scheme were in force on a day, as published by another day.

`schemes/rules/<scheme>/<first day>.yaml` holds one period; `<first day>.amended-<published>.yaml` replaces the file
of the same first day for all who know it. `keys.yaml` beside them says which parameters a file must have.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import date
from functools import cache
from pathlib import Path

from features.errors import RuleError
from schemes.rule_files import GRADES, read_folder, read_keys
from schemes.rule_record import NONE, Grid, Parameter, Rules

__all__ = [
    "GRADES", "NONE", "RULES", "Grid", "Parameter", "Rules",
    "every_file", "known_files", "meanings", "periods", "rules", "schemes",
]  # fmt: skip

RULES = Path(__file__).parent / "rules"


def rules(scheme: str, *, on: date, known_on: date | None = None, root: Path = RULES) -> Rules:
    """The rules of a scheme in force on a day, among those published by `known_on` (default: all).

    Errors: RuleError for an unknown scheme, a file that breaks its form, periods that overlap, or no rule in force.
    """
    known = periods(scheme, known_on=known_on, root=root)
    for found in known:
        if found.in_force(on):
            return found
    there = "; ".join(f"{found.first_day} to {found.last_day or 'further notice'}" for found in known)
    when = f" published by {known_on}" if known_on else ""
    raise RuleError(f"{scheme}: no rule in force on {on}{when}; there are {there or 'none'}")


def schemes(root: Path = RULES) -> list[str]:
    """Schemes that have rules."""
    return sorted(folder.name for folder in root.iterdir() if (folder / "keys.yaml").exists())


def periods(scheme: str, *, known_on: date | None = None, root: Path = RULES) -> list[Rules]:
    """Every period of a scheme as known on a day, oldest first. Errors: as `rules`."""
    return known_files(every_file(scheme, root=root), known_on)


def every_file(scheme: str, *, root: Path = RULES) -> tuple[Rules, ...]:
    """Every file of a scheme, those that others replace included. Errors: RuleError where one breaks its form."""
    return _read(_folder(scheme, root))


def meanings(scheme: str, *, root: Path = RULES) -> dict[str, str]:
    """Parameter or grid → what it means. Errors: RuleError for an unknown scheme."""
    keys = read_keys(_folder(scheme, root))
    return {name: entry["meaning"] for kind in ("parameters", "grids") for name, entry in keys[kind].items()}


def known_files(files: Sequence[Rules], known_on: date | None) -> list[Rules]:
    """Files published by a day, the latest of each first day only, oldest period first."""
    published = [found for found in files if known_on is None or found.published <= known_on]
    latest = {found.first_day: found for found in sorted(published, key=lambda one: one.published)}
    return [latest[first_day] for first_day in sorted(latest)]


def _folder(scheme: str, root: Path) -> Path:
    if scheme not in schemes(root):
        raise RuleError(f"scheme {scheme!r} has no rules; choose one of {', '.join(schemes(root))}")
    return root / scheme


@cache
def _read(folder: Path) -> tuple[Rules, ...]:
    files = read_folder(folder)
    _check_amendments(files)
    for published in sorted({found.published for found in files}):
        _check_periods(known_files(files, published))
    return files


def _check_amendments(files: Sequence[Rules]) -> None:
    """Nothing when each amended file comes after one of the same first day. Errors: RuleError naming both files."""
    for before, after in itertools.combinations(sorted(files, key=lambda one: (one.first_day, one.published)), 2):
        if before.first_day == after.first_day and before.published == after.published:
            raise RuleError(f"{before.file} and {after.file} have the same first day and publication; amend later")
    originals = {found.first_day: found.published for found in files if ".amended-" not in found.file}
    for found in files:
        if found.published < originals.get(found.first_day, date.max) or found.first_day not in originals:
            raise RuleError(f"{found.file} amends nothing published before; name it {found.first_day}.yaml")


def _check_periods(known: Sequence[Rules]) -> None:
    """Nothing when no two periods overlap. Errors: RuleError naming both files."""
    for before, after in itertools.pairwise(known):
        if before.last_day is None or before.last_day >= after.first_day:
            raise RuleError(
                f"{before.file} is in force to {before.last_day or 'further notice'} and {after.file} from "
                f"{after.first_day}; end the first on the day before, by an amended file if it has paid"
            )
