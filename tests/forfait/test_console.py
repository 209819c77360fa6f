"""Progress: a bar with the time left at the measured pace; plain lines where there is no terminal; errors in a line."""

from __future__ import annotations

import errno
from collections.abc import Callable

import duckdb
import pytest
from rich.progress import Progress

from features.errors import InputError
from forfait import console


def test_time_left_follows_the_pace_since_work_began() -> None:
    """200 of 1,000 were done before; 200 more took 60 s: 600 are left, three times as long."""
    now = 100.0
    progress = Progress(get_time=lambda: now)
    number = progress.add_task("read", total=1000, completed=200, first=200, began=100.0)
    task = progress.tasks[number]
    assert console.remaining(task) == ""
    now = 160.0
    progress.update(task.id, completed=400)
    assert console.remaining(task) == "about 0:03:00 left"


def test_without_a_terminal_each_step_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    with console.working("read 2024") as step:
        step("bucket 2 of 8 [310/1000]")
    assert capsys.readouterr().err == "read 2024: bucket 2 of 8\n"


def raised(error: Exception) -> Callable[[], None]:
    def run() -> None:
        raise error

    return run


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "the disk is full: free space"),
        (duckdb.IOException("IO Error: Could not write file: No space left on device"), "the disk is full: free space"),
        (duckdb.OutOfMemoryException("failed to offload; see max_temp_directory_size"), "the disk is full: free space"),
        (duckdb.OutOfMemoryException("failed to allocate data; SET memory_limit"), "raise --memory"),
        (MemoryError(), "raise --memory"),
        (InputError("give a year"), "give a year"),
    ],
)
def test_what_a_run_lacks_is_one_line(error: Exception, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The message says what to do, not which setting of a library; the exit code is that of a mistake of input."""
    with pytest.raises(SystemExit) as ended:
        console.run_safely(raised(error))
    written = capsys.readouterr().err
    assert ended.value.code == InputError.exit_code
    assert told in written and "memory_limit" not in written and "Traceback" not in written


def test_a_fault_of_ours_keeps_its_trace() -> None:
    """What nobody foresaw is not dressed up as a mistake of the user's."""
    with pytest.raises(ZeroDivisionError):
        console.run_safely(raised(ZeroDivisionError()))
