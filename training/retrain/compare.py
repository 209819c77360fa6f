"""Champion against challenger on the same patients, paired; and what the change does to each structure's list."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from features.scoring import Scorer
from training.bootstrap import Bootstrap, interval
from training.evaluate import SMALLEST_CELL, Observed
from training.evaluation.fit import UNITS, measures, row_sums
from training.evaluation.money import OUTSIDE, POLICY_SIZE, Grouping, group_rows
from training.evaluation.record import GroupRow, number_or_none
from training.evaluation.stability import stability_of
from training.recipes import RECIPES
from training.retrain.cohort import Cohort
from training.retrain.record import CompareRow, Impact, ImpactRow, PairedGroup, VersionFacts

LEVELLED = ("r2", "r2_capped", "cpm", "mae_eur", "calibration_slope", "top_decile_share")
RAW = ("total_ratio", "negative_share")
WORST = "worst_group_eur"


def facts_of_version(scorer: Scorer) -> VersionFacts:
    """What is said of a version."""
    card = scorer.card
    return VersionFacts(
        version=card.version,
        version_hash=scorer.hash,
        training_years=card.training_years,
        test_year=card.test_year,
        is_payment=card.model in RECIPES and RECIPES[card.model].is_payment,
    )


def warnings_of(champion: VersionFacts, challenger: VersionFacts, year: int) -> tuple[str, ...]:
    """What makes the comparison on a year other than fair: names of sentences of the page."""
    found = []
    if champion.version_hash == challenger.version_hash:
        found.append("unchanged")
    if year in champion.training_years:
        found.append("champion_trained_on_year")
    elif champion.test_year == year:
        found.append("champion_tested_on_year")
    if set(challenger.training_years) - set(champion.training_years):
        found.append("challenger_knows_more_years")
    return tuple(found)


def compare_rows(
    observed: Observed,
    raw: tuple[np.ndarray, np.ndarray],
    levelled: tuple[np.ndarray, np.ndarray],
    groupings: Sequence[Grouping],
    draws: Bootstrap,
) -> tuple[CompareRow, ...]:
    """Each measure of champion and challenger, and their paired difference.

    R², CPM, MAE, slope and capture: totals made right first; total_ratio and negative_share: as frozen; worst_group:
    the largest |euros paid above or under cost| per patient of a visible group of 1,000 people or more.
    """
    rows = []
    for names, both in ((LEVELLED, levelled), (RAW, raw)):
        sums = [row_sums(observed, values) for values in both]
        point = [measures(one.sum(axis=0)[None, :]) for one in sums]
        drawn = [measures(draws.sums(one)) for one in sums]
        for name in names:
            ends = float(point[0][name][0]), float(point[1][name][0])
            rows.append(_row(name, UNITS[name], ends, drawn[1][name] - drawn[0][name]))
    nets = [worst_nets(observed, values, groupings, draws) for values in levelled]
    if nets[0] is not None and nets[1] is not None:
        rows.append(_row(WORST, "EUR", (nets[0][0], nets[1][0]), nets[1][1] - nets[0][1]))
    return tuple(rows)


def worst_nets(
    observed: Observed, expected: np.ndarray, groupings: Sequence[Grouping], draws: Bootstrap
) -> tuple[float, np.ndarray] | None:
    """Largest |net| per patient and year over visible groups of 1,000 people or more, and that of each draw.

    net = (k Σwŷ − Σwy) / Σw in the group, k = Σwy / Σwŷ over all rows of the draw. None without such a group.
    """
    point, drawn = [], []
    for grouping in (one for one in groupings if one.is_seen):
        codes, levels = pd.factorize(grouping.labels, sort=True)
        kept = _large(observed.patients, codes, levels)
        if len(levels) < 2 or not kept.any():
            continue
        w = observed.exposure
        terms = (w, w * observed.spent_eur, w * expected)
        once = [np.bincount(codes, one, minlength=len(levels))[None, :] for one in terms]
        point.append(_largest(once, kept)[0])
        drawn.append(_largest([draws.group_sums(codes, one) for one in terms], kept))
    return (max(point), np.max(drawn, axis=0)) if point else None


def paired_groups(
    observed: Observed,
    levelled: tuple[np.ndarray, np.ndarray],
    groupings: Sequence[Grouping],
    draws: Bootstrap,
) -> tuple[PairedGroup, ...]:
    """Groups of 1,000 people or more under both versions, the largest gap of the challenger first."""
    champion, challenger = (
        {(row.group, row.level): row for row in group_rows(observed, values, groupings, draws)} for values in levelled
    )
    both = [(champion[key], row) for key, row in challenger.items() if key in champion]
    rows = [_paired(before, after) for before, after in both if before.patients is not None and after.patients]
    large = [row for row in rows if row is not None and row.patients >= POLICY_SIZE]
    return tuple(sorted(large, key=lambda row: (not row.is_seen, -abs(row.challenger_net_eur), row.group, row.level)))


def impact_of(reference: Cohort, lists: Cohort, champion: Scorer, challenger: Scorer, *, lost: int) -> Impact:
    """Expected euros of each structure's list under both versions, as frozen; what moves once national totals agree.

    change = challenger / champion − 1 of Σ weight × expected over the list. Structures under 11 patients are left out
    and counted. lost: patients of the lists without a row.
    """
    before, after = reference.expected(champion), reference.expected(challenger)
    on_lists = pd.DataFrame(
        {
            "structure_id": lists.structures,
            "patient_id": lists.patients,
            "weight": lists.weight,
            "before_eur": lists.expected(champion),
            "after_eur": lists.expected(challenger),
        }
    )
    stable = stability_of(reference.observed(), before, after, on_lists, against="")
    moved = {row.structure: row.change for row in stable.structures}
    sizes = on_lists.groupby("structure_id")["patient_id"].nunique()
    rows = [
        _impact_row(str(name), rows, moved[str(name)])
        for name, rows in on_lists.groupby("structure_id")
        if str(name) in moved
    ]
    return Impact(
        year=reference.year,
        rows=tuple(sorted(rows, key=lambda row: (-abs(row.change), row.structure))),
        masked=int((sizes < SMALLEST_CELL).sum()),
        without_rows=None if 0 < lost < SMALLEST_CELL else lost,
        rank_correlation=stable.rank_correlation,
        mean_absolute_change=stable.mean_absolute_change,
        structure_rank_correlation=stable.structure_rank_correlation,
        structure_mean_absolute_change=stable.structure_mean_absolute_change,
        moved_share=stable.moved_share,
    )


def _impact_row(name: str, rows: pd.DataFrame, moved: float) -> ImpactRow:
    weight = rows["weight"].to_numpy(float)
    champion, challenger = (float(weight @ rows[column].to_numpy(float)) for column in ("before_eur", "after_eur"))
    return ImpactRow(
        structure=name,
        patients=int(rows["patient_id"].nunique()),
        champion_eur=champion,
        challenger_eur=challenger,
        difference_eur=challenger - champion,
        change=challenger / champion - 1,
        moved=moved,
    )


def _row(name: str, unit: str, ends: tuple[float, float], drawn: np.ndarray) -> CompareRow:
    low, high = interval(drawn) if np.isfinite(drawn).any() else (float("nan"), float("nan"))
    return CompareRow(
        name=name,
        unit=unit,
        champion=number_or_none(ends[0]),
        challenger=number_or_none(ends[1]),
        difference=number_or_none(ends[1] - ends[0]),
        low=number_or_none(float(low)),
        high=number_or_none(float(high)),
    )


def _large(patients: np.ndarray, codes: np.ndarray, levels: np.ndarray) -> np.ndarray:
    counts = pd.Series(patients).groupby(codes).nunique().reindex(range(len(levels))).to_numpy()
    return (counts >= POLICY_SIZE) & (levels != OUTSIDE)


def _largest(sums: Sequence[np.ndarray], kept: np.ndarray) -> np.ndarray:
    """Largest |net| of the kept levels in each draw; sums: weight, euros observed and expected, (draws, levels)."""
    mass, spent, due = sums
    k = spent.sum(axis=1, keepdims=True) / due.sum(axis=1, keepdims=True)
    return np.abs((k * due - spent)[:, kept] / mass[:, kept]).max(axis=1)


def _paired(before: GroupRow, after: GroupRow) -> PairedGroup | None:
    figures = before.net_eur, after.net_eur, before.ratio, after.ratio
    if after.patients is None or any(figure is None for figure in figures):
        return None
    champion_net, challenger_net, champion_ratio, challenger_ratio = (float(figure or 0.0) for figure in figures)
    return PairedGroup(
        group=after.group,
        level=after.level,
        is_seen=after.is_seen,
        patients=after.patients,
        champion_net_eur=champion_net,
        challenger_net_eur=challenger_net,
        champion_ratio=champion_ratio,
        challenger_ratio=challenger_ratio,
    )
