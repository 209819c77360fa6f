"""What it would take to balance a group that no feature of the model sees, and why it is refused.

Amounts can only follow features. The nearest thing to the group is the chance q that someone with these features is in
it; a correction a × (q − mean q) reaches its members by a × Σ w (q − mean q) over them, and moves everyone else too.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import numpy as np

from training.bootstrap import Bootstrap
from training.cells.layer import floored
from training.evaluate import Observed, fit_metrics
from training.evaluation.money import OUTSIDE, Grouping, group_rows

RIDGE = 1e-3
NEAREST = 3
MOST_SHOWN = 40


class UnseenRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A level of a group that the model does not see, with what balancing it would do. Euros per patient and year.

    told_share: share of the membership that the features tell (0 none, 1 all); moved_eur: euros given to or taken from
    others for each that reaches the group (1 where the group is seen whole; null where none can reach it); r2_change:
    of such a correction; nearest: features of the model that come closest. Null under 11 patients.
    """

    cells: str
    level: str
    lacks: tuple[str, ...]
    patients: int | None = None
    net_eur: float | None = None
    net_low: float | None = None
    net_high: float | None = None
    told_share: float | None = None
    moved_eur: float | None = None
    r2_change: float | None = None
    nearest: tuple[str, ...] = ()


@dataclass(frozen=True)
class Judged:
    """Rows on which a group is judged: features, what was observed and expected (out of fold), the floor."""

    names: list[str]
    matrix: np.ndarray
    observed: Observed
    expected: np.ndarray
    floor: float | None = None


def unseen_rows(
    name: str, labels: np.ndarray, judged: Judged, draws: Bootstrap, *, lacks: tuple[str, ...] = ()
) -> tuple[UnseenRow, ...]:
    """A row per level, worst gap first; membership is told from features across two halves of the patients."""
    levels = [str(level) for level in np.unique(labels.astype(str)) if level != OUTSIDE]
    belongs = np.column_stack([labels.astype(str) == level for level in levels]).astype(float)
    told = _told(judged, belongs)
    gaps = {
        row.level: row for row in group_rows(judged.observed, judged.expected, [Grouping(name, labels, False)], draws)
    }
    rows = []
    for place, level in enumerate(levels):
        gap = gaps.get(level)
        row = UnseenRow(cells=name, level=level, lacks=lacks)
        if gap is None or gap.net_eur is None:
            rows.append(row)
            continue
        moved, change = _effect(judged, belongs[:, place], told[:, place], -gap.net_eur)
        rows.append(
            msgspec.structs.replace(
                row,
                patients=gap.patients,
                net_eur=gap.net_eur,
                net_low=gap.net_low,
                net_high=gap.net_high,
                told_share=_share(belongs[:, place], told[:, place], judged.observed.exposure),
                moved_eur=moved,
                r2_change=change,
                nearest=_nearest(judged, belongs[:, place]),
            )
        )
    return tuple(sorted(rows, key=lambda one: -abs(one.net_eur or 0.0))[:MOST_SHOWN])


def _told(judged: Judged, belongs: np.ndarray) -> np.ndarray:
    """Chance of each membership by least squares on the features, each half of the patients told by the other."""
    half = np.unique(judged.observed.patients.astype(str), return_inverse=True)[1] % 2 == 0
    known = _standard(judged.matrix)
    told = np.empty_like(belongs)
    for held in (half, ~half):
        some = known[~held]
        gram = some.T @ some
        pull = np.diag(np.full(len(gram), RIDGE * len(some)))
        told[held] = known[held] @ np.linalg.solve(gram + pull, some.T @ belongs[~held])
    return told


def _effect(
    judged: Judged, belongs: np.ndarray, told: np.ndarray, lack_eur: float
) -> tuple[float | None, float | None]:
    """Euros moved among others per euro that reaches the group, and the change of R², if its lack were paid."""
    w = judged.observed.exposure
    away = told - np.average(told, weights=w)
    reach, owed = float(w @ (belongs * away)), lack_eur * float(w @ belongs)
    if reach <= 1e-9 * float(w @ belongs) or owed == 0:
        return None, None
    given = owed / reach * away
    moved = float(w @ (np.abs(given) * (1 - belongs))) / abs(owed)
    after = fit_metrics(judged.observed, floored(judged.expected + given, judged.floor))["r2"]
    return moved, after - fit_metrics(judged.observed, judged.expected)["r2"]


def _share(belongs: np.ndarray, told: np.ndarray, weight: np.ndarray) -> float:
    """1 − Σw(member − told)² / Σw(member − mean)², 0 at least."""
    mean = np.average(belongs, weights=weight)
    spread = float(weight @ (belongs - mean) ** 2)
    return max(1 - float(weight @ (belongs - told) ** 2) / spread, 0.0) if spread > 0 else 0.0


def _nearest(judged: Judged, belongs: np.ndarray) -> tuple[str, ...]:
    """The features most correlated with membership."""
    known = _standard(judged.matrix)[:, 1:]
    tie = np.abs(known.T @ (belongs - belongs.mean()))
    return tuple(judged.names[place] for place in np.argsort(-tie, kind="stable")[:NEAREST] if tie[place] > 0)


def _standard(matrix: np.ndarray) -> np.ndarray:
    """Columns of mean 0 and variance 1 after a column of ones; missing values at the mean."""
    with np.errstate(invalid="ignore"):
        mean, spread = np.nanmean(matrix, axis=0), np.nanstd(matrix, axis=0)
    known = (np.where(np.isnan(matrix), mean, matrix) - mean) / np.where(spread > 0, spread, 1.0)
    return np.column_stack([np.ones(len(matrix)), known])
