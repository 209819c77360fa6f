"""The dated rule book: which parameters of a scheme were in force on a day, as published by another day.

`schemes/rules/<scheme>/<first day>.yaml` holds one period; `<first day>.amended-<published>.yaml` replaces the file
of the same first day for all who know it. `keys.yaml` beside them says which parameters a file must have.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path

from features.errors import RuleError
from schemes.rule_files import GRADES, Grid, Parameter, RuleFile, check_periods, read_folder

__all__ = ["GRADES", "RULES", "Grid", "Parameter", "Rules", "rules", "schemes"]

RULES = Path(__file__).parent / "rules"
NONE = "none"


@dataclass(frozen=True)
class Rules:
    """The parameters of a scheme over one period; values are exact text until a method reads them."""

    scheme: str
    file: str
    sha256: str
    first_day: date
    last_day: date | None
    published: date
    sources: dict[str, dict[str, str]]
    parameters: dict[str, Parameter]
    grids: dict[str, Grid]

    def text(self, key: str) -> str:
        """Value as text. Errors: RuleError for a key the file does not have."""
        if key not in self.parameters:
            raise RuleError(f"{self.file}: parameter {key} is missing; it has {', '.join(sorted(self.parameters))}")
        return self.parameters[key].value

    def decimal(self, key: str) -> Decimal:
        """Value as an exact number. Errors: RuleError where it is none."""
        try:
            return Decimal(self.text(key))
        except InvalidOperation as error:
            raise RuleError(f"{self.file}: parameter {key} is {self.text(key)!r}; it should be a number") from error

    def decimal_or_none(self, key: str) -> Decimal | None:
        """Value as an exact number; None where the rules say "none" (there is no such bound)."""
        return None if self.text(key) == NONE else self.decimal(key)

    def whole(self, key: str) -> int:
        """Value as a whole number. Errors: RuleError where it is none."""
        value = self.decimal(key)
        if value != value.to_integral_value():
            raise RuleError(f"{self.file}: parameter {key} is {value}; it should be a whole number")
        return int(value)

    def listed(self, key: str) -> tuple[str, ...]:
        """Values of a list "5, 6, 25"; empty for "none"."""
        return () if self.text(key) == NONE else tuple(part.strip() for part in self.text(key).split(","))

    def flag(self, key: str) -> bool:
        """Value "yes" or "no". Errors: RuleError for anything else."""
        value = self.text(key)
        if value not in ("yes", "no"):
            raise RuleError(f"{self.file}: parameter {key} is {value!r}; it should be yes or no")
        return value == "yes"

    def day(self, key: str) -> date:
        """Value as a day. Errors: RuleError where it is none."""
        try:
            return date.fromisoformat(self.text(key))
        except ValueError as error:
            raise RuleError(f"{self.file}: parameter {key} is {self.text(key)!r}; it should be YYYY-MM-DD") from error

    def grid(self, name: str) -> tuple[dict[str, str], ...]:
        """Rows of a grid (a CSV beside the file). Errors: RuleError for a grid the file does not have."""
        if name not in self.grids:
            raise RuleError(f"{self.file}: grid {name} is missing; it has {', '.join(sorted(self.grids)) or 'none'}")
        return self.grids[name].rows

    def not_text(self) -> dict[str, Parameter]:
        """Parameters whose grade is not `text`: those a statement must list when it used them."""
        return {name: parameter for name, parameter in self.parameters.items() if parameter.grade != "text"}


def rules(scheme: str, *, on: date, known_on: date | None = None, root: Path = RULES) -> Rules:
    """The rules of a scheme in force on a day, among those published by `known_on` (default: all).

    Errors: RuleError for an unknown scheme, a file that breaks its form, periods that overlap, or no rule in force.
    """
    known = _in_knowledge(scheme, known_on, root)
    for found in known:
        if found.first_day <= on and (found.last_day is None or on <= found.last_day):
            return _rules(found)
    periods = "; ".join(f"{found.first_day} to {found.last_day or 'further notice'}" for found in known)
    when = f" published by {known_on}" if known_on else ""
    raise RuleError(f"{scheme}: no rule in force on {on}{when}; there are {periods or 'none'}")


def schemes(root: Path = RULES) -> list[str]:
    """Schemes that have rules."""
    return sorted(folder.name for folder in root.iterdir() if (folder / "keys.yaml").exists())


def periods(scheme: str, *, known_on: date | None = None, root: Path = RULES) -> list[Rules]:
    """Every period of a scheme as known on a day, oldest first."""
    return [_rules(found) for found in _in_knowledge(scheme, known_on, root)]


def _in_knowledge(scheme: str, known_on: date | None, root: Path) -> list[RuleFile]:
    if scheme not in schemes(root):
        raise RuleError(f"scheme {scheme!r} has no rules; choose one of {', '.join(schemes(root))}")
    files = _folder(root / scheme)
    return known_files(files, known_on)


def known_files(files: tuple[RuleFile, ...], known_on: date | None) -> list[RuleFile]:
    """Files published by a day, the latest of each first day only, oldest period first."""
    published = [found for found in files if known_on is None or found.published <= known_on]
    latest: dict[date, RuleFile] = {}
    for found in sorted(published, key=lambda one: one.published):
        latest[found.first_day] = found
    return [latest[first_day] for first_day in sorted(latest)]


@cache
def _folder(folder: Path) -> tuple[RuleFile, ...]:
    files = read_folder(folder)
    for published in sorted({found.published for found in files}):
        check_periods(known_files(files, published))
    return files


def _rules(found: RuleFile) -> Rules:
    return Rules(
        scheme=found.scheme,
        file=found.file,
        sha256=found.sha256,
        first_day=found.first_day,
        last_day=found.last_day,
        published=found.published,
        sources=found.sources,
        parameters=found.parameters,
        grids=found.grids,
    )
