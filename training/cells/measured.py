"""Cells and fit before and after a layer, with intervals, and what each cell allows: figures from arrays alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from training.bootstrap import Bootstrap, interval
from training.cells.declare import Cells
from training.cells.folded import Folded
from training.cells.layer import Layer
from training.evaluate import Observed
from training.evaluation.fit import measures, row_sums
from training.evaluation.money import Grouping, group_rows
from training.evaluation.record import GroupRow

MEASURED = ("r2", "r2_capped", "cpm", "mae_eur", "total_ratio")
FULL_CREDIBILITY = 0.9


class CellRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A group before and after, in one sample: in_sample, out_of_fold or out_of_time. Euros per patient and year.

    is_asked: one of the cells balanced. Totals are made right first. Null under 11 patients. Out of fold, the ratio of
    all folds together comes back to 1 by itself, since what one fold lacks another has: `fold_before` and `fold_after`
    are the root mean square over folds of (ratio in the fold − 1), which chance keeps above 0.
    """

    sample: str
    cells: str
    level: str
    is_asked: bool
    is_seen: bool
    patients: int | None
    ratio_before: float | None
    before_low: float | None
    before_high: float | None
    ratio_after: float | None
    after_low: float | None
    after_high: float | None
    net_before_eur: float | None
    net_after_eur: float | None
    verdict_before: str
    verdict_after: str
    fold_before: float | None = None
    fold_after: float | None = None


class FitRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A measure of fit before and after, and after − before with its paired interval."""

    sample: str
    measure: str
    before: float
    after: float
    change: float
    low: float
    high: float


class Feasibility(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a cell allows, before anything is applied. Gaps are out of fold, with intervals by patient.

    verdict: feasible, shrunk, bounded or refused; why: chance, small, few (under 11 patients), masked
    (subtraction would tell a cell under 11), direction, floor or nothing. chance_share:
    width of chance over the gap, 1 at most. credibility: Z. correction_eur: change of the mean of its patients.
    floor_rows: rows that it would bring to the floor. r2_change, cpm_change: out of fold, its partition balanced alone.
    """

    cells: str
    level: str
    verdict: str
    why: str
    reads: tuple[str, ...]
    patients: int | None = None
    exposure: float | None = None
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    net_eur: float | None = None
    net_low: float | None = None
    net_high: float | None = None
    chance_share: float | None = None
    credibility: float | None = None
    correction_eur: float | None = None
    floor_rows: int | None = None
    r2_change: float | None = None
    cpm_change: float | None = None


@dataclass(frozen=True)
class Sample:
    """Rows with what is expected before and after the layer; `draws` resample their patients."""

    name: str
    observed: Observed
    before: np.ndarray
    after: np.ndarray
    draws: Bootstrap


def cell_rows(sample: Sample, groupings: Sequence[Grouping], *, asked: bool) -> tuple[CellRow, ...]:
    """A row per level, in the order of the groupings."""
    one, other = (
        {(row.group, row.level): row for row in group_rows(sample.observed, expected, groupings, sample.draws)}
        for expected in (sample.before, sample.after)
    )
    order = {grouping.name: place for place, grouping in reversed(list(enumerate(groupings)))}
    return tuple(
        CellRow(
            sample=sample.name,
            cells=row.group,
            level=row.level,
            is_asked=asked,
            is_seen=row.is_seen,
            patients=row.patients,
            ratio_before=row.ratio,
            before_low=row.low,
            before_high=row.high,
            ratio_after=other[key].ratio,
            after_low=other[key].low,
            after_high=other[key].high,
            net_before_eur=row.net_eur,
            net_after_eur=other[key].net_eur,
            verdict_before=row.verdict,
            verdict_after=other[key].verdict,
        )
        for key, row in sorted(one.items(), key=lambda item: order[item[0][0]])
    )


def with_folds(row: CellRow, sample: Sample, mine: np.ndarray, folds: Sequence[np.ndarray]) -> CellRow:
    """The row with its distance to 1 fold by fold; `mine`: rows of the level, `folds`: row numbers of each fold."""
    if row.patients is None:
        return row
    observed = sample.observed
    found = []
    for expected in (sample.before, sample.after):
        some = [fold[mine[fold]] for fold in folds]
        mass = np.array([observed.exposure[rows].sum() for rows in some])
        spent, due = (
            np.array([observed.exposure[rows] @ euros[rows] for rows in some])
            for euros in (observed.spent_eur, expected)
        )
        known = spent > 0
        away = due[known] / spent[known] - 1
        found.append(float(np.sqrt(np.average(away**2, weights=mass[known]))) if known.any() else None)
    return msgspec.structs.replace(row, fold_before=found[0], fold_after=found[1])


def fit_rows(sample: Sample) -> tuple[FitRow, ...]:
    """R², capped R², CPM, mean absolute error and total ratio, after − before on the same draws."""
    drawn, point = [], []
    for expected in (sample.before, sample.after):
        rows = row_sums(sample.observed, expected)
        point.append(measures(rows.sum(axis=0)[None, :]))
        drawn.append(measures(sample.draws.sums(rows)))
    rows_ = []
    for name in MEASURED:
        before, after = float(point[0][name][0]), float(point[1][name][0])
        low, high = interval(drawn[1][name] - drawn[0][name])
        rows_.append(FitRow(sample=sample.name, measure=name, before=before, after=after, change=after - before,
                            low=float(low), high=float(high)))  # fmt: skip
    return tuple(rows_)


def grouping_of(cells: Cells, matrix: np.ndarray) -> Grouping:
    """The cells as a grouping of the rows of an encoded matrix."""
    return Grouping(cells.name, cells.labels(matrix), True)


def feasibility_rows(
    cells: Sequence[Cells], folded: Folded, layer: Layer, sample: Sample, in_sample: tuple[np.ndarray, np.ndarray]
) -> tuple[Feasibility, ...]:
    """A row per level of someone. `sample`: out of fold; `in_sample`: euros before the floor without and with it."""
    found: list[Feasibility] = []
    rows = folded.rows
    floor = -np.inf if folded.floor is None else folded.floor
    lowered = (in_sample[1] < floor) & (in_sample[0] >= floor)
    moved = np.maximum(in_sample[1], floor) - np.maximum(in_sample[0], floor)
    for place, one in enumerate(cells):
        codes = one.codes(rows.matrix)
        costs = _costs(folded, one, sample)
        gaps = {
            row.level: row
            for row in group_rows(sample.observed, sample.before, [grouping_of(one, rows.matrix)], sample.draws)
        }
        for level, name in enumerate(one.levels):
            mine = codes == level
            trust, is_tied = float(layer.credibility[place][level]), level in layer.tied[place]
            row = Feasibility(cells=one.name, level=name, verdict="refused", why="few", reads=one.reads)
            if not mine.any():
                continue
            gap = gaps.get(name)
            if gap is None or gap.patients is None or gap.net_eur is None:
                found.append(row if trust == 0 else msgspec.structs.replace(row, verdict="feasible", why="masked"))
                continue
            known = _known(gap, mine, rows.exposure, moved, lowered)
            verdict, why = _verdict(known, trust, is_tied=is_tied, is_settled=layer.is_settled)
            found.append(msgspec.structs.replace(row, verdict=verdict, why=why, credibility=trust, **known, **costs))
    return tuple(found)


def _known(
    gap: GroupRow, mine: np.ndarray, weight: np.ndarray, moved: np.ndarray, lowered: np.ndarray
) -> dict[str, object]:
    half = ((gap.net_high or 0.0) - (gap.net_low or 0.0)) / 2
    share = min(half / abs(gap.net_eur), 1.0) if gap.net_eur else 1.0
    return {
        "patients": gap.patients,
        "exposure": float(weight[mine].sum()),
        "ratio": gap.ratio,
        "low": gap.low,
        "high": gap.high,
        "net_eur": gap.net_eur,
        "net_low": gap.net_low,
        "net_high": gap.net_high,
        "chance_share": share,
        "correction_eur": float(np.average(moved[mine], weights=weight[mine])),
        "floor_rows": int(lowered[mine].sum()),
    }


def _verdict(known: Mapping[str, object], trust: float, *, is_tied: bool, is_settled: bool) -> tuple[str, str]:
    """Verdict and reason, the gravest first."""
    if trust == 0:
        return "refused", "small"
    if not is_settled:
        return "bounded", "floor"
    if is_tied:
        return "bounded", "direction"
    if trust < FULL_CREDIBILITY:
        return "shrunk", "small"
    return "feasible", "chance" if known["chance_share"] == 1.0 else ""


def _costs(folded: Folded, one: Cells, sample: Sample) -> dict[str, float]:
    """Change of R² and CPM out of fold when this partition alone is balanced."""
    alone = Sample(sample.name, sample.observed, sample.before, folded.after([one]), sample.draws)
    totals = [measures(row_sums(alone.observed, e).sum(axis=0)[None, :]) for e in (alone.before, alone.after)]
    return {f"{name}_change": float(totals[1][name][0] - totals[0][name][0]) for name in ("r2", "cpm")}
