"""Reference pages written from the code: `python -m docs.generate`; a test holds them in step."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from features.catalogue_page import catalogue_markdown
from features.snds.controls import controls_markdown
from features.tables import TABLES, Table

REFERENCE = Path(__file__).parent / "reference"


def pages() -> dict[str, str]:
    """Text of each generated page, by its name under docs/reference/."""
    return {
        "datasets.md": datasets_markdown(),
        "features.md": catalogue_markdown(),
        "controls.md": controls_markdown(),
        "cli.md": cli_markdown(),
    }


def datasets_markdown() -> str:
    """One section per declared dataset: grain, key, columns with type, unit and meaning."""
    head = "# Datasets\n\nGenerated from `features/tables.py`. Dates are days; cents are whole.\n"
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


def cli_markdown() -> str:
    """The command line's own help, as Markdown."""
    command = [sys.executable, "-m", "typer", "forfait.cli", "utils", "docs", "--name", "forfait"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return text.rstrip() + "\n"


if __name__ == "__main__":
    REFERENCE.mkdir(exist_ok=True)
    for name, page in pages().items():
        (REFERENCE / name).write_text(page, encoding="utf-8")
