"""The rule book on the terminal: parameters of a period with their grade and source, and what changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.markup import escape
from rich.table import Table

from schemes.rule_diff import Change
from schemes.rulebook import Grid, Parameter, Rules

NARROW = ("parameter", "key", "grade")
WIDEST = {"value": 18, "unit": 14}
COLOURS = {"text": "green", "reported": "cyan", "derived": "yellow", "assumed": "bold red"}


def rules_table(rules: Rules, meanings: Mapping[str, str], *, assumed_only: bool = False) -> Table:
    """Parameters and grids with value, unit, grade, meaning and source; only what is assumed where asked.

    The title names file, period, day of publication and hash; the caption says how the dates are known.
    """
    table = _table(rules_title(rules), "parameter", "value", "unit", "grade", "meaning and source")
    table.caption = escape(rules.dates)
    shown: dict[str, Parameter | Grid] = {**rules.parameters, **rules.grids}
    for name, one in shown.items():
        if one.grade == "assumed" or not assumed_only:
            value = (one.value, one.unit) if isinstance(one, Parameter) else (one.file, f"{len(one.rows)} rows")
            said = f"{escape(meanings[name])}\n[dim]{escape(one.source)}[/]"
            table.add_row(*_cells(name, *value), _grade(one.grade), said)
    return table


def grid_table(rules: Rules, name: str) -> Table:
    """The rows of a grid, as written."""
    rows = rules.grid(name)
    table = _table(f"{rules.scheme} · {name} · {rules.grids[name].file}", *rows[0])
    for row in rows:
        table.add_row(*_cells(*row.values()))
    return table


def sources_table(rules: Rules) -> Table:
    """The sources that a rule file names: name, title, address."""
    table = _table(f"{rules.file} · sources", "source", "title", "address")
    for name, source in rules.sources.items():
        table.add_row(*_cells(name, source["title"], source.get("url", "")))
    return table


def diff_table(before: Rules, after: Rules, changes: Sequence[Change]) -> Table:
    """What changed from one period to another; a line says so where nothing did."""
    table = _table(f"{before.file} → {after.file}", "key", "before", "after", "unit", "grade", "source")
    for change in changes:
        cells = _cells(change.key, change.before, change.after, change.unit)
        table.add_row(*cells, _grade(change.grade), escape(change.source))
    table.caption = None if changes else "no value differs"
    return table


def rules_title(rules: Rules) -> str:
    """File, period, day of publication and the first twelve characters of the hash."""
    period = f"{rules.first_day} to {rules.last_day or 'further notice'}"
    return f"{rules.file} · in force {period} · published {rules.published} · {rules.sha256[:12]}"


def _table(title: str, *columns: str) -> Table:
    table = Table(title=escape(title), title_justify="left", caption_justify="left", header_style="bold")
    for name in columns:
        table.add_column(name, overflow="fold", no_wrap=name in NARROW, max_width=WIDEST.get(name))
    return table


def _cells(*values: str) -> list[str]:
    return [escape(value) for value in values]


def _grade(grade: str) -> str:
    return f"[{COLOURS[grade]}]{grade}[/]"
