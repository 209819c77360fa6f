"""Two versions on the same patients: how ranks, structures and allocations move."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from training.evaluate import SMALLEST_CELL, Observed
from training.evaluation.record import ShiftRow, Stability


def stability_of(
    observed: Observed,
    before: np.ndarray,
    after: np.ndarray,
    structures: pd.DataFrame | None = None,
    *,
    against: str,
) -> Stability:
    """Stability from one version (`before`) to the next (`after`), each brought to the total observed.

    normalisation: Σ observed / Σ expected of each version. rank_correlation: Spearman's, over patients.
    mean_absolute_change: Σ w |after − before| / Σ w before. Per structure: the same over its total. moved_share: half
    of Σ |change of a structure| over their total, what goes from some structures to others once the totals of the
    structures are equal. structures: rows structure_id, patient_id, weight, before_eur, after_eur (annual); those
    under 11 patients are left out.
    """
    w, total = observed.exposure, float(observed.exposure @ observed.spent_eur)
    k_before, k_after = total / float(w @ before), total / float(w @ after)
    old, new = k_before * before, k_after * after
    shifts, moved = _shifts(structures, k_before, k_after)
    changes = np.array([row.change for row in shifts])
    return Stability(
        against=against,
        rank_correlation=_ranks(old, new),
        mean_absolute_change=float(w @ np.abs(new - old) / (w @ old)),
        structure_rank_correlation=_ranks(
            np.array([row.before_eur for row in shifts]), np.array([row.after_eur for row in shifts])
        )
        if len(shifts) > 2
        else None,
        structure_mean_absolute_change=float(np.abs(changes).mean()) if len(changes) else None,
        moved_share=moved,
        normalisation_before=k_before,
        normalisation_after=k_after,
        structures=shifts,
    )


def _shifts(
    structures: pd.DataFrame | None, k_before: float, k_after: float
) -> tuple[tuple[ShiftRow, ...], float | None]:
    """Rows per structure, the largest change first, and the share of their total that moves between them."""
    if structures is None or structures.empty:
        return (), None
    euros = pd.DataFrame(
        {
            "structure_id": structures["structure_id"],
            "patient_id": structures["patient_id"],
            "weight": structures["weight"],
            "before": k_before * structures["weight"] * structures["before_eur"],
            "after": k_after * structures["weight"] * structures["after_eur"],
        }
    )
    sums = euros.groupby("structure_id")[["weight", "before", "after"]].sum()
    sums["patients"] = euros.groupby("structure_id")["patient_id"].nunique()
    sums = sums[sums["patients"] >= SMALLEST_CELL]
    if sums.empty:
        return (), None
    level = sums["before"].sum() / sums["after"].sum()
    moved = float((sums["after"] * level - sums["before"]).abs().sum() / 2 / sums["before"].sum())
    rows = [
        ShiftRow(
            structure=str(name),
            patients=int(row["patients"]),
            before_eur=float(row["before"] / row["weight"]),
            after_eur=float(row["after"] / row["weight"]),
            change=float(row["after"] / row["before"] - 1),
        )
        for name, row in sums.iterrows()
    ]
    return tuple(sorted(rows, key=lambda row: (-abs(row.change), row.structure))), moved


def _ranks(one: np.ndarray, other: np.ndarray) -> float:
    """Spearman's correlation; 1 where nothing varies in either."""
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return 1.0
    return float(spearmanr(one, other).statistic)
