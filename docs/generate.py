"""Reference pages written from the code: `python -m docs.generate`; a test holds them in step."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from features.catalogue_page import catalogue_markdown
from features.indicators.page import indicators_markdown
from features.snds.controls import CONTROLS
from features.tables import TABLES, Table

REFERENCE = Path(__file__).parent / "reference"


def pages() -> dict[str, str]:
    """Text of each generated page, by its name under docs/reference/."""
    return {
        "datasets.md": datasets_markdown(),
        "features.md": catalogue_markdown(),
        "controls.md": controls_markdown(),
        "indicators.md": indicators_markdown(),
        "cli.md": cli_markdown(),
    }


def datasets_markdown() -> str:
    """One section per declared dataset: grain, key, columns with type, unit and meaning."""
    head = "# Datasets\n\nGenerated from `features/tables/`. Dates are days; cents are whole.\n"
    return head + "".join(_dataset(table) for table in TABLES.values())


def _dataset(table: Table) -> str:
    key = ", ".join(f"`{name}`" for name in table.key) or "none (lines)"
    rows = "".join(
        f"| `{c.name}` | {c.type}{' or null' if c.nullable else ''} | {c.unit} | {c.meaning} |\n" for c in table.columns
    )
    more = "\nFurther columns are declared in the catalogue.\n" if table.wide else ""
    return (
        f"\n## {table.name}\n\nOne row is {table.grain}. Key: {key}.\n\n"
        f"| column | type | unit | meaning |\n|---|---|---|---|\n{rows}{more}"
    )


def controls_markdown() -> str:
    """One row per control of the reader: rule, pitfall that it answers, source."""
    head = (
        "# Controls on reading\n\nGenerated from `features/snds/controls.py`. Each is a line of `read_report` for "
        "every table that it bears on, with the rows and cents it dropped, netted or flagged.\nRows in = rows kept + "
        "rows dropped + rows netted, rows and cents exactly. Pitfall: number in the project's list of SNDS traps.\n\n"
        "| control | rule | pitfall | source |\n|---|---|---|---|\n"
    )
    return head + "".join(
        f"| `{name}` | {control.rule} | {control.pitfall} | {control.source} |\n" for name, control in CONTROLS.items()
    )


def cli_markdown() -> str:
    """The command line's own help, as Markdown."""
    command = [sys.executable, "-m", "typer", "forfait.cli", "utils", "docs", "--name", "forfait"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return re.sub(r"<span style=\"font-weight: bold\">(.*?)</span>", r"`\1`", text).rstrip() + "\n"


if __name__ == "__main__":
    REFERENCE.mkdir(exist_ok=True)
    for name, page in pages().items():
        (REFERENCE / name).write_text(page, encoding="utf-8")
