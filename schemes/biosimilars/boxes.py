"""The boxes that a payment reads: those of the year, checked row by row."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import pandas as pd

from features.errors import InputError, RuleError
from features.tables import BIOSIMILAR_BOXES
from schemes.money import total_eur
from schemes.rulebook import Rules

GRID, AMOUNT = "gaps", "amount_eur"


@dataclass(frozen=True)
class Boxes:
    """Boxes of a hospital and molecule: all, biosimilars among them, and patients."""

    molecule: str
    boxes: Decimal
    biosimilar_boxes: Decimal
    patients: int

    @property
    def biosimilar_share(self) -> Decimal:
        """t: part of the boxes that are a biosimilar's; 0 without a box."""
        return self.biosimilar_boxes / self.boxes if self.boxes else Decimal(0)


def boxes_of_year(boxes: pd.DataFrame, *, year: int) -> dict[str, list[Boxes]]:
    """Boxes by hospital, molecules in alphabetical order.

    Errors: InputError for a missing column, a hospital and molecule that come twice, a number that is missing or
    negative, more biosimilars than boxes.
    """
    missing = [name for name in BIOSIMILAR_BOXES.column_names if name not in boxes.columns]
    if missing:
        raise InputError(f"boxes: column {', '.join(missing)} is missing; run forfait count --year {year}")
    rows = boxes.reset_index(drop=True)
    for name in ("boxes", "biosimilar_boxes", "patients"):
        _refuse(rows, name, ~(rows[name] >= 0), "should be a number of 0 or more")
    _refuse(rows, "biosimilar_boxes", rows["biosimilar_boxes"] > rows["boxes"], "should not exceed boxes")
    repeated = rows.duplicated(["establishment_id", "molecule", "year"])
    _refuse(rows, "molecule", repeated, "repeats a row above (same hospital, molecule and year); keep one")
    found: dict[str, list[Boxes]] = {}
    own = rows[rows["year"] == year].sort_values(["establishment_id", "molecule"])
    for row in own.to_dict("records"):
        counted = Boxes(
            molecule=str(row["molecule"]),
            boxes=total_eur([row["boxes"]]),
            biosimilar_boxes=total_eur([row["biosimilar_boxes"]]),
            patients=int(row["patients"]),
        )
        found.setdefault(str(row["establishment_id"]), []).append(counted)
    return found


def amounts_per_box(rules: Rules) -> dict[str, Decimal]:
    """R of each molecule: euros per box of the share of biosimilars, from the grid `gaps`.

    Errors: RuleError for a molecule that comes twice, or an amount that is negative or no number.
    """
    found: dict[str, Decimal] = {}
    for row in rules.grid(GRID):
        molecule, text = row["molecule"], row[AMOUNT]
        if molecule in found:
            raise RuleError(f"{rules.file}: grid {GRID} has {molecule} twice; keep one row")
        if not text.replace(".", "", 1).isdigit():
            raise RuleError(f"{rules.file}: grid {GRID}, {molecule}: {AMOUNT} is {text!r}; it should be 0 or more")
        found[molecule] = Decimal(text)
    return found


def _refuse(rows: pd.DataFrame, column: str, bad: pd.Series, why: str) -> None:
    if bad.any():
        raise InputError(f"boxes: row {int(bad.to_numpy().argmax()) + 1}, column {column} {why}")
