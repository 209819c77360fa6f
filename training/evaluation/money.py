"""Money by group: what each is paid over what it costs, with intervals, worst first, small cells masked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import msgspec
import numpy as np
import pandas as pd

from training.bootstrap import Bootstrap, interval
from training.evaluate import SMALLEST_CELL, Observed
from training.evaluation.record import GroupRow, number_or_none

BAND = (0.97, 1.03)
POLICY_SIZE = 1_000
OUTSIDE = ""
VERDICTS = ("outside", "uncertain", "within", "small", "masked")


@dataclass(frozen=True)
class Grouping:
    """Level of each row under one grouping (`OUTSIDE`, an empty text: in none). `is_seen`: the model reads it."""

    name: str
    labels: np.ndarray
    is_seen: bool


def group_rows(
    observed: Observed, expected: np.ndarray, groupings: Iterable[Grouping], draws: Bootstrap
) -> tuple[GroupRow, ...]:
    """A row per level of each grouping, worst first; expected euros are brought to the national total first.

    net = k × expected − observed, per year lived (€/patient) and in all; ratio = k × expected / observed; k is drawn
    with the patients. Verdict of `verdict_of`; order: verdict, then |net| per patient. A grouping of one level is left
    out: it is the nation. Levels under 11 patients are masked, and where one alone is masked in a grouping, the next
    smallest as well (subtraction would give it away).
    """
    rows = [row for grouping in groupings for row in _rows(observed, expected, grouping, draws)]
    return tuple(sorted(rows, key=lambda row: (VERDICTS.index(row.verdict), -abs(row.net_eur or 0.0))))


def verdict_of(patients: int, ratio: float, low: float, high: float) -> str:
    """ "within" the policy band 0.97 to 1.03; "uncertain": outside, but the interval reaches the band; "outside".

    Under 1,000 patients: "small", whatever the ratio: chance alone leaves the band.
    """
    if patients < POLICY_SIZE:
        return "small"
    if BAND[0] <= ratio <= BAND[1]:
        return "within"
    return "uncertain" if low <= BAND[1] and high >= BAND[0] else "outside"


def surely_outside(rows: Iterable[GroupRow]) -> tuple[GroupRow, ...]:
    """The groups that the model sees, of policy size, outside the band beyond what chance does to so many at once.

    Of forty groups treated right, one or two leave their own 95 % interval. Each interval is widened to hold all
    groups together (Bonferroni): on either side by the ratio of the normal quantiles of 1 − 2.5 % / groups and 97.5 %.
    """
    seen = [row for row in rows if row.is_seen and (row.patients or 0) >= POLICY_SIZE]
    normal = NormalDist()
    wider = normal.inv_cdf(1 - 0.025 / max(len(seen), 1)) / normal.inv_cdf(0.975)
    return tuple(row for row in seen if row.verdict == "outside" and _leaves(row, wider))


def _leaves(row: GroupRow, wider: float) -> bool:
    """Whether the interval, `wider` times as wide on either side, leaves the band."""
    ratio, low, high = (float(value or 0.0) for value in (row.ratio, row.low, row.high))
    return ratio - wider * (ratio - low) > BAND[1] or ratio + wider * (high - ratio) < BAND[0]


def masked_levels(patients: np.ndarray, *, is_partition: bool) -> np.ndarray:
    """True for levels under 11 people, and for the next smallest where a lone masked one could be subtracted."""
    masked = patients < SMALLEST_CELL
    if is_partition and masked.sum() == 1 and len(patients) > 1:
        shown = np.where(masked, np.iinfo(np.int64).max, patients)
        masked = masked | (np.arange(len(patients)) == np.argmin(shown))
    return masked


def in_all(labels: Sequence[np.ndarray]) -> np.ndarray:
    """Levels of several groupings joined by " × "; outside where one is."""
    joined = labels[0].astype(object)
    outside = joined == OUTSIDE
    for other in labels[1:]:
        outside = outside | (other == OUTSIDE)
        joined = joined + " × " + other.astype(object)
    return np.where(outside, OUTSIDE, joined)


def _rows(observed: Observed, expected: np.ndarray, grouping: Grouping, draws: Bootstrap) -> list[GroupRow]:
    codes, levels = pd.factorize(grouping.labels, sort=True)
    if len(levels) == 1:
        return []  # the nation again, or nobody
    w = observed.exposure
    patients = pd.Series(observed.patients).groupby(codes).nunique().reindex(range(len(levels))).to_numpy()
    terms = (w, w * observed.spent_eur, w * expected)
    point = _figures(*(np.bincount(codes, values)[None, :] for values in terms))
    drawn = _figures(*(draws.group_sums(codes, values) for values in terms))
    ends = {name: _ends(drawn[name]) for name in ("ratio", "net_eur")}
    figures = {name: values[0] for name, values in point.items()}
    figures |= dict(zip(("low", "high", "net_low", "net_high"), (*ends["ratio"], *ends["net_eur"]), strict=True))
    hidden = masked_levels(patients, is_partition=not (grouping.labels == OUTSIDE).any())
    return [
        _row(grouping, str(level), None if hidden[place] else int(patients[place]), _at(figures, place))
        for place, level in enumerate(levels)
        if level != OUTSIDE
    ]


def _figures(mass: np.ndarray, spent: np.ndarray, due: np.ndarray) -> dict[str, np.ndarray]:
    """Figures of each level (column) and draw (row) from sums of weight, of euros observed and expected."""
    with np.errstate(divide="ignore", invalid="ignore"):
        k = spent.sum(axis=1, keepdims=True) / due.sum(axis=1, keepdims=True)
        return {
            "observed_eur": spent / mass,
            "expected_eur": k * due / mass,
            "net_eur": (k * due - spent) / mass,
            "net_total_eur": k * due - spent,
            "ratio": k * due / spent,
            "raw_ratio": due / spent,
        }


def _at(figures: Mapping[str, np.ndarray], place: int) -> dict[str, float]:
    return {name: float(values[place]) for name, values in figures.items()}


def _row(grouping: Grouping, level: str, patients: int | None, figures: Mapping[str, float]) -> GroupRow:
    row = GroupRow(group=grouping.name, level=level, is_seen=grouping.is_seen, verdict="masked")
    if patients is None:
        return row
    known = {name: number_or_none(value) for name, value in figures.items()}
    verdict = verdict_of(patients, figures["ratio"], figures["low"], figures["high"])
    return msgspec.structs.replace(row, verdict=verdict, patients=patients, **known)


def _ends(drawn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    drawn = np.where(np.isfinite(drawn), drawn, np.nan)
    known = np.isfinite(drawn).any(axis=0)
    low, high = np.full(drawn.shape[1], np.nan), np.full(drawn.shape[1], np.nan)
    if known.any():
        low[known], high[known] = interval(drawn[:, known])
    return low, high
