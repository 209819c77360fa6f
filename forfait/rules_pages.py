"""The rule book on the terminal: one period, what changed between two, and what the change is worth."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from forfait.console import out
from forfait.rules_view import diff_table, grid_table, rules_table
from schemes.rule_diff import compare
from schemes.rulebook import meanings, rules


def print_rules(scheme: str, *, on: date, known_on: date | None, assumed_only: bool) -> None:
    """Parameters and grids of the rules in force on a day. Errors: RuleError."""
    found = rules(scheme, on=on, known_on=known_on)
    out.print(rules_table(found, meanings(scheme), assumed_only=assumed_only))
    for name in () if assumed_only else found.grids:
        out.print(grid_table(found, name))


def print_diff(
    scheme: str, before_on: date, after_on: date, *, known_on: date | None, impact: int | None, payments: Path
) -> None:
    """What changed between two days; with a year, what a kept payment would have been under each. Errors: RuleError."""
    before, after = (rules(scheme, on=day, known_on=known_on) for day in (before_on, after_on))
    out.print(diff_table(before, after, compare(before, after)))
    if impact is not None:
        from forfait.paying.scenarios import impact_of
        from forfait.paying.show import simulation_table

        frame = impact_of(payments, scheme, impact, before=before, after=after)
        out.print(simulation_table(frame, f"{scheme} {impact}: paid under each"))
