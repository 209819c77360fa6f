"""What a user sees on the terminal: progress on long work, tables, errors without a stack trace."""

from __future__ import annotations

import errno
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from features.errors import ForfaitError, InputError

if TYPE_CHECKING:
    import pandas as pd

out = Console()
err = Console(stderr=True)
WEIGHED = re.compile(r" \[\d+/\d+\]$")
COUNTED = re.compile(r"(\d+)\s*/\s*(\d+)")

Step = Callable[[str], None]


def remaining(task: Task) -> str:
    """Time left, at the pace since work that counts began; "" until some of it is done."""
    done, began = (task.completed - task.fields["first"], task.fields["began"]) if task.total else (0, None)
    if began is None or done <= 0 or task.finished or task.total is None:
        return ""
    seconds = round((task.get_time() - began) * (task.total - task.completed) / done)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"about {hours}:{minutes:02d}:{seconds:02d} left"


class Remaining(ProgressColumn):
    """`remaining`, drawn; rich's own column forgets a pace whose steps take longer than half a minute."""

    def render(self, task: Task) -> Text:
        """The text of the column."""
        return Text(remaining(task), style="progress.remaining")


@contextmanager
def working(title: str) -> Iterator[Step]:
    """A progress line; call the yielded function with the step's text ("chunk 3/10" moves the bar).

    A figure in brackets ("bucket 2 of 8 [310/1000]") is the work done before the step, and is not shown. Where
    standard error is no terminal, each step is a line.
    """
    if not err.is_terminal:
        yield lambda text: err.print(f"{title}: {_plain(text)}", highlight=False, soft_wrap=True)
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[step]}"),
        TimeElapsedColumn(),
        Remaining(),
    )
    with Progress(*columns, console=err) as progress:
        task = progress.add_task(title, total=None, step="", first=0, began=None)

        def step(text: str) -> None:
            counted = COUNTED.search(text)
            if counted:
                done, total = int(counted[1]), int(counted[2])
                if progress.tasks[task].fields["began"] is None:
                    progress.update(task, began=progress.get_time(), first=done)
                progress.update(task, completed=done, total=total)
            progress.update(task, step=_plain(text))

        yield step
        progress.update(task, completed=1, total=1, step="done")


def _plain(text: str) -> str:
    return WEIGHED.sub("", text)


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
        _refuse(str(error), error.exit_code)
    except Exception as error:
        if not (told := _lack_of_resources(error)):
            raise
        _refuse(told, InputError.exit_code)


def _refuse(told: str, exit_code: int) -> NoReturn:
    err.print(f"[bold red]error[/] {escape(told)}", highlight=False, soft_wrap=True)
    sys.exit(exit_code)


def _lack_of_resources(error: Exception) -> str:
    """What to do where disk or memory ran out, whichever library says so; empty for any other error."""
    kind, said = type(error).__name__, str(error)
    is_disk = any(words in said for words in ("No space left on device", "max_temp_directory_size"))
    if is_disk or getattr(error, "errno", None) == errno.ENOSPC:
        return "the disk is full: free space (data, or the folder TMPDIR); the same command goes on where it can"
    if isinstance(error, MemoryError) or kind == "OutOfMemoryException":
        return "the memory given is too small: raise --memory, or read a large country in more buckets (--buckets)"
    return ""
