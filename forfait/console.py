"""What a user sees on the terminal: progress on long work, tables, errors without a stack trace."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from features.errors import ForfaitError

if TYPE_CHECKING:
    import pandas as pd

out = Console()
err = Console(stderr=True)
COUNTED = re.compile(r"(\d+)\s*/\s*(\d+)")

Step = Callable[[str], None]


@contextmanager
def working(title: str) -> Iterator[Step]:
    """A progress line; call the yielded function with the step's text ("chunk 3/10" moves the bar)."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[step]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=err, transient=not err.is_terminal) as progress:
        task = progress.add_task(title, total=None, step="")

        def step(text: str) -> None:
            counted = COUNTED.search(text)
            if counted:
                progress.update(task, completed=int(counted[1]), total=int(counted[2]))
            progress.update(task, step=text)

        yield step
        progress.update(task, completed=1, total=1, step="done")


def frame_table(frame: pd.DataFrame, title: str) -> Table:
    """A frame as a terminal table; numbers to the right, thousands apart."""
    table = Table(title=title, title_justify="left", header_style="bold")
    for name in frame.columns:
        table.add_column(str(name), justify="right" if frame[name].dtype.kind in "iuf" else "left")
    for row in frame.itertuples(index=False):
        table.add_row(*(escape(_cell(value)) for value in row))
    return table


def _cell(value: object) -> str:
    if value is None or str(value) in ("<NA>", "NaT"):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return "" if value != value else f"{value:,.4g}" if abs(value) < 100 else f"{value:,.0f}"
    if isinstance(value, int):
        return f"{value:,}"
    return str(value)


def run_safely(run: Callable[[], object]) -> None:
    """Run a command; a mistake of the user's is one line on standard error and the exit code of its kind."""
    try:
        run()
    except ForfaitError as error:
        err.print(f"[bold red]error[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        sys.exit(error.exit_code)
