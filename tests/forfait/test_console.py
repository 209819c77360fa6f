"""Progress: a bar with the time left at the measured pace; plain lines where there is no terminal."""

from __future__ import annotations

import pytest
from rich.progress import Progress

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
