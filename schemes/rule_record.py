"""What a rule file says once read: parameters as exact text, read as what they are when asked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation

from features.errors import RuleError

NONE = "none"


@dataclass(frozen=True)
class Parameter:
    """A value as exact text, its unit, its grade and where it comes from."""

    value: str
    unit: str
    grade: str
    source: str


@dataclass(frozen=True)
class Grid:
    """A table: rows of a CSV beside the rule file, each known by its first column; `units` are those of columns."""

    file: str
    rows: tuple[dict[str, str], ...]
    grade: str
    source: str
    units: dict[str, str]


@dataclass(frozen=True)
class Rules:
    """The parameters of a scheme over one period, as one file states them.

    `sha256` is that of the file and its grids; `dates` says how the period and the day of publication are known.
    """

    scheme: str
    file: str
    sha256: str
    first_day: date
    last_day: date | None
    published: date
    dates: str
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
            value = Decimal(self.text(key))
        except InvalidOperation as error:
            raise RuleError(f"{self.file}: parameter {key} is {self.text(key)!r}; it should be a number") from error
        if not value.is_finite():
            raise RuleError(f"{self.file}: parameter {key} is {self.text(key)!r}; it should be a finite number")
        return value

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

    def in_force(self, on: date) -> bool:
        """Whether a day is in the period."""
        return self.first_day <= on and (self.last_day is None or on <= self.last_day)
