"""How close a twin comes to its model, on rows that neither saw: patients, groups, structures, bands of a picture."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from training.balance import weighted_quantile
from training.evaluate import SMALLEST_CELL
from training.evaluation.money import OUTSIDE, Grouping, masked_levels
from training.twin.record import Fidelity, GapRow

NEAR = (0.05, 0.10, 0.20)
BANDS, ROWS_PER_BAND = 20, 50
STRUCTURE = "structure"


@dataclass(frozen=True)
class Pair:
    """The same rows under the model and the twin, with weight and person; the twin brought to the model's total."""

    model_eur: np.ndarray
    twin_eur: np.ndarray
    weight: np.ndarray
    patients: np.ndarray
    raw_ratio: float


def pair_of(model_eur: np.ndarray, twin_eur: np.ndarray, weight: np.ndarray, patients: np.ndarray) -> Pair:
    """The pair, with Σ weight × twin = Σ weight × model. Errors: ValueError where the twin expects nothing."""
    total, mass = float(weight @ model_eur), float(weight @ twin_eur)
    if mass <= 0:
        raise ValueError("the twin gives nobody anything; its total cannot be made right")
    return Pair(model_eur, twin_eur * (total / mass), weight, patients, mass / total)


def fidelity_of(pair: Pair) -> Fidelity:
    """R² and rank correlation, closeness, euros moved; see `Fidelity`.

    r2 = 1 − Σ w (model − twin)² / Σ w (model − mean)²; rank correlation: weighted correlation of mid-ranks;
    within_p: Σ w [|twin − model| ≤ p model] / Σ w; moved: Σ w |twin − model| / (2 Σ w model).
    """
    model, twin, weight = pair.model_eur, pair.twin_eur, pair.weight
    gap = np.abs(twin - model)
    near = [float(np.average(gap <= share * model * (1 + 1e-12), weights=weight)) for share in NEAR]
    spread = float(weight @ (model - np.average(model, weights=weight)) ** 2)
    return Fidelity(
        r2=1 - float(weight @ gap**2) / spread if spread > 0 else 1.0,
        rank_correlation=_correlation(rankdata(model), rankdata(twin), weight),
        within_5=near[0],
        within_10=near[1],
        within_20=near[2],
        moved_share=float(weight @ gap) / (2 * float(weight @ model)),
        mean_gap_eur=float(np.average(gap, weights=weight)),
        raw_ratio=pair.raw_ratio,
    )


def group_gaps(pair: Pair, groupings: Iterable[Grouping]) -> tuple[GapRow, ...]:
    """A row per level of each grouping, in their order; levels under 11 people say nothing but their name."""
    return tuple(row for grouping in groupings for row in _gaps(pair, grouping.name, grouping.labels))


def structure_gaps(pair: Pair, structures: np.ndarray) -> tuple[GapRow, ...]:
    """A row per structure, the largest gap per patient first; `structures`: that of each row of the pair."""
    rows = _gaps(pair, STRUCTURE, structures, is_partition=False)
    return tuple(sorted(rows, key=lambda row: -abs(row.gap_share or 0.0)))


def bands(pair: Pair) -> np.ndarray:
    """Mean of the model, then tenth centile, mean and ninetieth of the twin, in up to 20 equal bands of the model.

    Shape (bands, 4). A band holds at least 50 rows, hence no patient's own amount is shown.
    """
    model, twin, weight = pair.model_eur, pair.twin_eur, pair.weight
    count = int(np.clip(len(model) // ROWS_PER_BAND, 1, BANDS))
    edges = np.unique([weighted_quantile(model, weight, part / count) for part in range(1, count)])
    place = np.searchsorted(edges, model)
    rows = []
    for band in range(len(edges) + 1):
        held = place == band
        if len(set(pair.patients[held])) < SMALLEST_CELL:
            continue
        ends = [weighted_quantile(twin[held], weight[held], share) for share in (0.1, 0.9)]
        means = [float(np.average(values[held], weights=weight[held])) for values in (model, twin)]
        rows.append([means[0], ends[0], means[1], ends[1]])
    return np.array(rows).reshape(-1, 4)


def _gaps(pair: Pair, name: str, labels: np.ndarray, *, is_partition: bool = True) -> list[GapRow]:
    codes, levels = pd.factorize(labels, sort=True)
    if len(levels) < 2 and name != STRUCTURE:
        return []  # the nation again
    weight = pair.weight
    mass = np.bincount(codes, weight)
    model, twin = (np.bincount(codes, weight * values) for values in (pair.model_eur, pair.twin_eur))
    people = pd.Series(pair.patients).groupby(codes).nunique().reindex(range(len(levels))).to_numpy()
    hidden = masked_levels(people, is_partition=is_partition and not (labels == OUTSIDE).any())
    return [
        GapRow(group=name, level=str(level))
        if hidden[place]
        else GapRow(
            group=name,
            level=str(level),
            patients=int(people[place]),
            model_eur=float(model[place] / mass[place]),
            twin_eur=float(twin[place] / mass[place]),
            gap_eur=float((twin[place] - model[place]) / mass[place]),
            gap_total_eur=float(twin[place] - model[place]),
            gap_share=float(twin[place] / model[place] - 1) if model[place] else None,
        )
        for place, level in enumerate(levels)
        if level != OUTSIDE
    ]


def _correlation(one: np.ndarray, other: np.ndarray, weight: np.ndarray) -> float:
    first, second = (values - np.average(values, weights=weight) for values in (one, other))
    spread = float(weight @ first**2) * float(weight @ second**2)
    return float(weight @ (first * second)) / spread**0.5 if spread > 0 else 1.0
