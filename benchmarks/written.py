"""Figures of a row as text, the same in the terminal and on the page, and the terminal's table."""

from __future__ import annotations

from collections.abc import Iterable

from rich.table import Table

from benchmarks.record import Judged
from benchmarks.rows import Row


def figure(row: Row) -> str:
    """Seconds, milliseconds or rows a second, with the 99th percentile where there is one."""
    if row.per_second is not None:
        text = f"{row.per_second:,.0f} {row.unit}/s"
    elif row.seconds is not None:
        text = seconds_text(row.seconds)
    else:
        text = ""
    return text if row.p99_ms is None else f"{text}, p99 {seconds_text(row.p99_ms / 1000)}"


def seconds_text(seconds: float) -> str:
    """3 significant figures in ms below a second, else seconds."""
    if seconds < 1:
        return f"{1000 * seconds:.3g} ms" if seconds < 0.9995 else "1 s"
    return f"{seconds:,.1f} s" if seconds < 100 else f"{seconds:,.0f} s"


def ratio_text(one: Judged) -> str:
    """Ours ÷ it, and that of memory."""
    parts = [] if one.ratio is None else [f"{one.ratio:.2f}"]
    return "; ".join(parts + ([] if one.peak_ratio is None else [f"memory {one.peak_ratio:.2f}"]))


def name_of(row: Row, *, strong: tuple[str, str]) -> str:
    """What did the task: ours between the marks of `strong`, the limit said to be one."""
    if row.role == "ours":
        return f"{strong[0]}{row.what}{strong[1]}"
    return f"{row.what} (limit)" if row.role == "limit" else row.what


def target_text(row: Row) -> str:
    """The targets of a row."""
    return "; ".join(filter(None, (row.target, row.peak_target and f"memory {row.peak_target}")))


def memory_text(row: Row) -> str:
    """GiB, or nothing."""
    return "" if row.peak_gib is None else f"{row.peak_gib:.2f}"


def table_of(found: Iterable[Judged]) -> Table:
    """One table: task, ours or other, figure, ours ÷ it, target, held or not."""
    table = Table("task", "what", "figure", "GiB", "ours ÷ it", "target", "", title="Benchmarks")
    last = None
    for one in found:
        row = one.row
        if last not in (None, row.task):
            table.add_section()
        held = {None: "", True: "held", False: "[red]NOT held[/]"}[one.is_held]
        name = name_of(row, strong=("[bold]", "[/]"))
        cells = (figure(row), memory_text(row), ratio_text(one), target_text(row))
        table.add_row("" if row.task == last else row.task, name, *cells, held)
        last = row.task
    return table
