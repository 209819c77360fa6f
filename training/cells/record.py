"""What is asked of a balance, and everything said of it."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from training.bootstrap import DRAWS
from training.cells.layer import Rule
from training.cells.measured import CellRow, Feasibility, FitRow
from training.cells.unseen import UnseenRow
from training.evaluation.record import MonotoneRow


@dataclass(frozen=True)
class Wanted:
    """What is asked for: cells (see `declare`) of a version, the year judged (default: its test year), how far cells
    are trusted, and how much is drawn."""

    model: str
    version: int
    asked: str
    year: int | None = None
    rule: Rule = field(default_factory=Rule)
    folds: int = 5
    draws: int = DRAWS
    seed: int = 0


class CellReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything said of a balance: what was asked, what is feasible, the corrections, before and after.

    corrections: euros per patient by cells and level; constant_eur is added to all. left_eur: largest sum that a level
    is off, once floored (0 up to rounding where is_settled).
    """

    model: str
    version: int
    year: int
    asked: str
    fewest_patients: int
    believed_gap: float | None
    cap_eur: float | None
    folds: int
    draws: int
    seed: int
    feasibility: tuple[Feasibility, ...]
    unseen: tuple[UnseenRow, ...]
    constant_eur: float
    corrections: dict[str, dict[str, float]]
    is_settled: bool
    left_eur: float
    cells: tuple[CellRow, ...]
    others: tuple[CellRow, ...]
    fit: tuple[FitRow, ...]
    monotone: tuple[MonotoneRow, ...]
    not_measured: tuple[str, ...] = ()
