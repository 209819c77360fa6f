"""Each structure of a payment: its observed / expected beside chance, its credibility, what chance would pay it."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd

from training.evaluate import SMALLEST_CELL
from training.evaluation.chance import (
    Reference,
    between_structures,
    credibility,
    detectable,
    drawn_ratios,
    ends,
    floored_pay,
    own_level,
)
from training.evaluation.record import StructureRow, number_or_none

ASSUMED_BETWEEN_SD = 0.05
FEWEST_STRUCTURES = 5


def structure_rows(
    members: pd.DataFrame, reference: Reference, *, share: float, seed: int = 0
) -> tuple[tuple[StructureRow, ...], float, bool]:
    """A row per structure, lowest credibility last; the spread τ between structures, and whether it is assumed.

    members: structure_id, patient_id, weight (share of the year), spent_eur and expected_eur (annual, national total
    made right). τ comes from the structures themselves, or is 5 % (assumed) where fewer than five are there.
    Structures under 11 patients are left out.
    """
    lists = {str(name): rows for name, rows in members.groupby("structure_id")}
    lists = {name: rows for name, rows in lists.items() if rows["patient_id"].nunique() >= SMALLEST_CELL}
    drawn = {name: _drawn(name, rows, reference, seed) for name, rows in lists.items()}
    observed = {name: _ratio(rows) for name, rows in lists.items()}
    is_assumed = len(lists) < FEWEST_STRUCTURES
    spread = ASSUMED_BETWEEN_SD
    if not is_assumed:
        # what the list's own mix explains is no difference between structures
        levels = np.array([observed[name] / drawn[name].mean() for name in lists])
        spread = between_structures(levels, np.array([drawn[name].std(ddof=1) for name in lists]))
    rows = [_row(name, lists[name], observed[name], drawn[name], spread=spread, share=share) for name in lists]
    return tuple(sorted(rows, key=lambda row: (-row.credibility, row.structure))), spread, is_assumed


def _row(
    name: str, rows: pd.DataFrame, ratio: float, drawn: np.ndarray, *, spread: float, share: float
) -> StructureRow:
    patients = int(rows["patient_id"].nunique())
    low, high = own_level(ratio, drawn)
    chance_low, chance_high = ends(drawn)
    paid = floored_pay(drawn, _total(rows, "expected_eur"), share=share)
    return StructureRow(
        structure=name,
        patients=patients,
        ratio=ratio,
        low=low,
        high=number_or_none(high),
        chance_low=chance_low,
        chance_high=chance_high,
        credibility=credibility(spread, drawn),
        detectable=detectable(drawn),
        chance_eur=paid,
        chance_eur_per_patient=paid / patients,
    )


def _ratio(rows: pd.DataFrame) -> float:
    return _total(rows, "spent_eur") / _total(rows, "expected_eur")


def _total(rows: pd.DataFrame, name: str) -> float:
    return float(rows["weight"].to_numpy(float) @ rows[name].to_numpy(float))


def _drawn(name: str, rows: pd.DataFrame, reference: Reference, seed: int) -> np.ndarray:
    """Draws that depend on the seed and the structure alone, not on who else is paid."""
    own = int.from_bytes(hashlib.sha256(f"{seed}\0{name}".encode()).digest()[:8], "little")
    ordered = rows.sort_values("patient_id", kind="stable")
    return drawn_ratios(reference, ordered["expected_eur"].to_numpy(float), ordered["weight"].to_numpy(float), seed=own)
