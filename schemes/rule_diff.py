"""What changed between two days in the rules of a scheme."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from schemes.rulebook import RULES, Grid, Rules, rules

ABSENT = "absent"


@dataclass(frozen=True)
class Change:
    """A value that differs: exact text before and after; unit, grade and source are those of the value after."""

    key: str
    before: str
    after: str
    unit: str
    grade: str
    source: str


def diff(
    scheme: str, before_on: date, after_on: date, *, known_on: date | None = None, root: Path = RULES
) -> list[Change]:
    """Values of parameters, then cells of grids, that differ between the rules in force on two days.

    A cell's key is grid, row and column: "gaps adalimumab amount_eur"; a row that one side lacks reads "absent".
    Errors: RuleError as `rules`.
    """
    return compare(
        rules(scheme, on=before_on, known_on=known_on, root=root),
        rules(scheme, on=after_on, known_on=known_on, root=root),
    )


def compare(before: Rules, after: Rules) -> list[Change]:
    """Values that differ between two rules of a scheme, in the order of the file after."""
    changed = [
        Change(key, before.text(key), new.value, new.unit, new.grade, new.source)
        for key, new in after.parameters.items()
        if new.value != before.text(key)
    ]
    return changed + [cell for name, new in after.grids.items() for cell in _cells(name, before.grids[name], new)]


def _cells(name: str, before: Grid, after: Grid) -> list[Change]:
    old, new = _by_cell(before), _by_cell(after)
    return [
        Change(
            key=f"{name} {row} {column}",
            before=old.get((row, column), ABSENT),
            after=new.get((row, column), ABSENT),
            unit=after.units[column],
            grade=after.grade,
            source=after.source,
        )
        for row, column in dict.fromkeys([*new, *old])
        if old.get((row, column)) != new.get((row, column))
    ]


def _by_cell(grid: Grid) -> dict[tuple[str, str], str]:
    """(row, column) → value; a row is known by its first column."""
    first, *others = grid.units
    return {(row[first], column): row[column] for row in grid.rows for column in others}
