"""The read report as a table to print."""

from __future__ import annotations

from typing import Any

import pandas as pd
from rich.table import Table

ALWAYS_SHOWN = ("in", "kept")
STYLES = {"in": "bold", "kept": "bold green", "dropped": "red", "netted": "yellow", "flagged": "cyan"}


def report_table(report: pd.DataFrame) -> Table:
    """Rich table of a read report (features.tables.READ_REPORT); controls that met no row are left out.

    Amounts are in euros, base of reimbursement and reimbursed; a section per source table.
    """
    table = Table(title="What was read, dropped, netted and flagged", show_lines=False)
    table.add_column("table", no_wrap=True)
    table.add_column("control", no_wrap=True)
    table.add_column("effect", no_wrap=True)
    for name in ("rows", "base EUR", "reimbursed EUR"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("detail", overflow="fold")
    shown = report[(report.rows_hit > 0) | report.effect.isin(ALWAYS_SHOWN) | report.detail.notna()]
    previous: str | None = None
    rows: list[Any] = list(shown.itertuples())
    for row in rows:
        if previous is not None and row.source_table != previous:
            table.add_section()
        table.add_row(
            row.source_table if row.source_table != previous else "",
            row.control,
            row.effect,
            f"{row.rows_hit:,}",
            _euros(row.base_cents),
            _euros(row.reimbursed_cents),
            "" if pd.isna(row.detail) else str(row.detail),
            style=STYLES.get(row.effect),
        )
        previous = row.source_table
    return table


def _euros(cents: int) -> str:
    return "" if cents == 0 else f"{cents / 100:,.2f}"
