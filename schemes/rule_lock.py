"""The lock: rule files that have paid are listed with their hash, and are never edited again."""

from __future__ import annotations

import csv
from pathlib import Path

from features.errors import RuleError
from schemes.rulebook import RULES, Rules, every_file, schemes

PAID = "paid.csv"


def paid_files(root: Path = RULES) -> dict[str, str]:
    """Rule file → sha256 of those that have paid, from `paid.csv` (file, sha256). Errors: RuleError for a bad row."""
    with (root / PAID).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for number, row in enumerate(rows, start=2):
        if list(row) != ["file", "sha256"] or not all(row.values()):
            raise RuleError(f"{PAID}: row {number} should fill file, sha256")
    listed = {row["file"]: row["sha256"] for row in rows}
    if len(listed) < len(rows):
        raise RuleError(f"{PAID}: a file is listed twice; keep the row of its first payment")
    return listed


def check_paid(rules: Rules, root: Path = RULES) -> None:
    """Nothing when the file has not paid, or is as it was when it paid. Errors: RuleError where it was edited."""
    paid = paid_files(root).get(rules.file, rules.sha256)
    if rules.sha256 != paid:
        raise RuleError(_edited(rules.file, f"was {paid[:12]} when it paid and is {rules.sha256[:12]}"))


def broken_locks(root: Path = RULES) -> list[str]:
    """One message for each listed file that was edited or is gone; empty when all stand."""
    found = {file.file: file.sha256 for scheme in schemes(root) for file in every_file(scheme, root=root)}
    return [
        _edited(file, f"was {paid[:12]} when it paid and is {found.get(file, 'gone')[:12]}")
        for file, paid in paid_files(root).items()
        if found.get(file) != paid
    ]


def lock_line(rules: Rules) -> str:
    """The row to add to `paid.csv` once a file has paid."""
    return f"{rules.file},{rules.sha256}"


def _edited(file: str, what: str) -> str:
    first_day = Path(file).name[:10]
    return (
        f"{file} {what}; a file that has paid is not edited: put it back, and write the change as "
        f"{Path(file).parent}/{first_day}.amended-<day of publication>.yaml"
    )
