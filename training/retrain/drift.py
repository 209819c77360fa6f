"""Drift from the year before to the new one: features, mix, coding, spending, the champion's calibration; one table.

A row is in alert where its value passes the alert threshold and its 95 % interval (paired by patient) stays beyond the
watch threshold; to watch where it passes that one and the interval leaves 0 out. PSI, differences of means and shares
of missing values have no interval: their threshold decides alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import msgspec
import numpy as np

from features.feature import Feature
from training.bootstrap import Bootstrap, bootstrap_of, interval
from training.evaluate import SMALLEST_CELL
from training.retrain.cohort import Cohort
from training.retrain.gate_files import Threshold
from training.retrain.measures import MISSING, binned, moments, psi, shares_of, smd
from training.retrain.record import STATUSES, DriftRow

CODED = ("ald", "comorbidity")
TOTALS = ("spent_total_eur", "reimbursed_total_eur")


@dataclass(frozen=True)
class Pair:
    """The year before and the new one, the thresholds, and draws of patients common to both."""

    before: Cohort
    after: Cohort
    thresholds: Mapping[str, Threshold]
    draw_count: int = 200
    seed: int = 0

    @cached_property
    def draws(self) -> Bootstrap:
        """A patient of both years is drawn in both, so that what persists in a patient is no noise."""
        both = np.concatenate([self.before.patients, self.after.patients])
        return bootstrap_of(both, draws=self.draw_count, seed=self.seed)

    def drawn_means(self, before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Weighted means of each draw in the year before and in the new one."""
        sums = self._drawn_sums(before * self.before.weight, after * self.after.weight)
        with np.errstate(divide="ignore", invalid="ignore"):
            means = sums / self._drawn_mass
        return means[:, 0], means[:, 1]

    @cached_property
    def _drawn_mass(self) -> np.ndarray:
        return self._drawn_sums(self.before.weight, self.after.weight)

    def _drawn_sums(self, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        codes = np.repeat([0, 1], [len(before), len(after)])
        return self.draws.group_sums(codes, np.concatenate([before, after]))


def judged(row: DriftRow, threshold: Threshold) -> DriftRow:
    """The row with its thresholds and status; a row without a value stays as it is."""
    row = msgspec.structs.replace(row, watch=threshold.watch, alert=threshold.alert)
    if row.value is None:
        return row
    size, sure = abs(row.value), abs(row.value)
    if row.low is not None and row.high is not None:
        sure = 0.0 if row.low <= 0 <= row.high else min(abs(row.low), abs(row.high))
        is_alert = size > threshold.alert and sure > threshold.watch
        is_watch = size > threshold.watch and sure > 0
    else:
        is_alert, is_watch = size > threshold.alert, size > threshold.watch
    return msgspec.structs.replace(row, status="alert" if is_alert else "watch" if is_watch else "ok")


def in_order(rows: Sequence[DriftRow]) -> tuple[DriftRow, ...]:
    """Alerts first, then what is to be watched; in each, what passes its threshold most."""

    def rank(row: DriftRow) -> tuple[int, float, str, str]:
        over = abs(row.value or 0.0) / (row.alert or 1.0)
        return STATUSES.index(row.status), -over, row.name, row.level

    return tuple(sorted(rows, key=rank))


def feature_rows(pair: Pair, features: Sequence[Feature]) -> list[DriftRow]:
    """PSI of each feature, standardised difference of its mean, share without a value, levels nobody had before."""
    rows: list[DriftRow] = []
    for feature in features:
        if feature.name not in pair.before.known or feature.name not in pair.after.known:
            continue
        rows += _category(pair, feature.name) if feature.kind == "category" else _number(pair, feature)
    return rows


def mix_rows(pair: Pair, name: str, before: np.ndarray, after: np.ndarray) -> list[DriftRow]:
    """PSI of a grouping of people, and the change of each group's share in points."""
    shares = shares_of(before, pair.before.weight), shares_of(after, pair.after.weight)
    row = DriftRow(kind="mix", name=name, measure="psi", unit="1", value=psi(*shares), status="ok")
    rows = [judged(row, pair.thresholds["psi"])]
    for level in shares[0].index.union(shares[1].index):
        counts = [pair.before.people(before == level), pair.after.people(after == level)]
        ends = [float(share.get(level, 0.0)) for share in shares]
        row = DriftRow(kind="mix", name=name, level=str(level), measure="mix_share", unit="share", status="ok")
        means = pair.drawn_means((before == level).astype(float), (after == level).astype(float))
        rows.append(_shown(pair, row, ends, counts, value=ends[1] - ends[0], drawn=means[1] - means[0]))
    return rows


def coding_rows(pair: Pair, features: Sequence[Feature]) -> list[DriftRow]:
    """Relative change of the share of patients with each code (ALD, diseases), and of the codes per patient."""
    rows = []
    for feature in features:
        if feature.family not in CODED or feature.name not in pair.before.known or feature.name not in pair.after.known:
            continue
        is_code = feature.kind == "flag"
        measure = "coding_rate" if is_code else "codes_per_patient"
        values = [cohort.known[feature.name].fillna(0).to_numpy(float) for cohort in (pair.before, pair.after)]
        row = DriftRow(kind="coding", name=feature.name, measure=measure, unit="share" if is_code else "1", status="ok")
        rows += _changed(pair, row, values)
    return rows


def spending_rows(pair: Pair) -> list[DriftRow]:
    """Relative change of mean annual euros: the target, the totals, each poste."""
    rows = []
    for name in (column for column in pair.after.euros if column in pair.before.euros):
        is_total = name in (pair.after.target, *TOTALS)
        measure = "spending_total" if is_total else "spending_poste"
        values = [cohort.euros[name].fillna(0).to_numpy(float) for cohort in (pair.before, pair.after)]
        row = DriftRow(kind="spending", name=str(name), measure=measure, unit="EUR", status="ok")
        rows += _changed(pair, row, values)
    return rows


def calibration_row(
    pair: Pair, expected: tuple[np.ndarray, np.ndarray], where: tuple[np.ndarray, np.ndarray], *, at: tuple[str, str]
) -> DriftRow:
    """Change of the champion's expected / observed among the rows `where`; at: grouping and level ("" for all)."""
    name, level = at
    measure = "calibration_group" if level else "calibration_total"
    row = DriftRow(kind="calibration", name=name, level=level, measure=measure, unit="ratio", status="ok")
    cohorts = (pair.before, pair.after)
    due = [values * some for values, some in zip(expected, where, strict=True)]
    spent = [cohort.spent_eur * some for cohort, some in zip(cohorts, where, strict=True)]
    ends = [
        _ratio(float(cohort.weight @ one), float(cohort.weight @ other))
        for cohort, one, other in zip(cohorts, due, spent, strict=True)
    ]
    top, bottom = pair.drawn_means(due[0], due[1]), pair.drawn_means(spent[0], spent[1])
    with np.errstate(divide="ignore", invalid="ignore"):
        drawn = top[1] / bottom[1] - top[0] / bottom[0]
    counts = [cohort.people(some) for cohort, some in zip(cohorts, where, strict=True)]
    value = None if None in ends else ends[1] - ends[0]  # type: ignore[operator]
    return _shown(pair, row, ends, counts, value=value, drawn=drawn)


def _number(pair: Pair, feature: Feature) -> list[DriftRow]:
    before, after = (cohort.known[feature.name].to_numpy(float) for cohort in (pair.before, pair.after))
    labels = (before, after) if feature.kind == "flag" else binned(before, after, pair.before.weight)
    shares = [shares_of(one, cohort.weight) for one, cohort in zip(labels, (pair.before, pair.after), strict=True)]
    row = DriftRow(kind="feature", name=feature.name, measure="psi", unit="1", value=psi(*shares), status="ok")
    rows = [judged(row, pair.thresholds["psi"])]
    known = moments(before, pair.before.weight), moments(after, pair.after.weight)
    if known[0] is not None and known[1] is not None:
        row = DriftRow(kind="feature", name=feature.name, measure="smd", unit="1", status="told")
        is_all = feature.kind != "flag"
        counts = [pair.before.people((before == 1) | is_all), pair.after.people((after == 1) | is_all)]
        ends = [known[0][0], known[1][0]]
        rows.append(_shown(pair, row, ends, counts, value=smd(known[0], known[1])))
    return rows + _missing(pair, feature.name, np.isnan(before), np.isnan(after))


def _category(pair: Pair, name: str) -> list[DriftRow]:
    cohorts = (pair.before, pair.after)
    labels = [cohort.known[name].to_numpy(object) for cohort in cohorts]
    shares = [shares_of(one, cohort.weight) for one, cohort in zip(labels, cohorts, strict=True)]
    row = DriftRow(kind="feature", name=name, measure="psi", unit="1", value=psi(shares[0], shares[1]), status="ok")
    rows = [judged(row, pair.thresholds["psi"])]
    new = [level for level in shares[1].index if level not in shares[0].index and level != MISSING]
    if new:
        is_new = np.isin(labels[1].astype(str), new)
        row = DriftRow(kind="feature", name=name, level=", ".join(new), measure="new_levels", unit="share", status="ok")
        share = float(pair.after.weight[is_new].sum() / pair.after.weight.sum())
        rows.append(_shown(pair, row, [0.0, share], [0, pair.after.people(is_new)], value=share))
    gone = [np.array([label is None or label != label for label in one]) for one in labels]
    return rows + _missing(pair, name, gone[0], gone[1])


def _missing(pair: Pair, name: str, before: np.ndarray, after: np.ndarray) -> list[DriftRow]:
    """A row where a value is missing in either year."""
    if not (before.any() or after.any()):
        return []
    ends = [float(np.average(gone, weights=c.weight)) for gone, c in ((before, pair.before), (after, pair.after))]
    row = DriftRow(kind="feature", name=name, measure="missing_share", unit="share", status="ok")
    return [_shown(pair, row, ends, [pair.before.people(before), pair.after.people(after)], value=ends[1] - ends[0])]


def _changed(pair: Pair, row: DriftRow, values: list[np.ndarray]) -> list[DriftRow]:
    """after / before − 1 of weighted means, with its interval; no row where nobody has any in either year."""
    counts = [pair.before.people(values[0] != 0), pair.after.people(values[1] != 0)]
    if not any(counts):
        return []
    cohorts = (pair.before, pair.after)
    ends = [float(np.average(one, weights=cohort.weight)) for one, cohort in zip(values, cohorts, strict=True)]
    before, after = pair.drawn_means(values[0], values[1])
    with np.errstate(divide="ignore", invalid="ignore"):
        drawn = after / before - 1
    if ends[0] == 0:  # none the year before: no ratio, yet more than a small cell of them is an alert
        status = "alert" if counts[1] >= SMALLEST_CELL else "masked"
        return [msgspec.structs.replace(row, after=ends[1] if status == "alert" else None, status=status)]
    return [_shown(pair, row, ends, counts, value=ends[1] / ends[0] - 1, drawn=drawn)]


def _shown(
    pair: Pair,
    row: DriftRow,
    ends: Sequence[float | None],
    counts: Sequence[int],
    *,
    value: float | None,
    drawn: np.ndarray | None = None,
) -> DriftRow:
    """The row judged on its true value; figures of 1 to 10 people, or of all but 1 to 10, are left out afterwards."""
    low = high = None
    if drawn is not None and np.isfinite(drawn).any():
        low, high = (float(end) for end in interval(np.where(np.isfinite(drawn), drawn, np.nan)))
    whole = msgspec.structs.replace(row, before=ends[0], after=ends[1], value=value, low=low, high=high)
    whole = judged(whole, pair.thresholds[row.measure])
    sizes = pair.before.people(), pair.after.people()
    small = [is_small(count, size) for count, size in zip(counts, sizes, strict=True)]
    if not any(small):
        return whole
    is_seen = max(counts) >= SMALLEST_CELL and not all(small)
    status = whole.status if is_seen and whole.status in ("alert", "watch") else "masked"
    return msgspec.structs.replace(
        whole,
        before=None if small[0] else whole.before,
        after=None if small[1] else whole.after,
        value=None,
        low=None,
        high=None,
        status=status,
    )


def is_small(count: int, size: int) -> bool:
    """Whether a cell of `count` among `size`, or what is left beside it, stands for 1 to 10 people."""
    return 0 < count < SMALLEST_CELL or 0 < size - count < SMALLEST_CELL


def _ratio(top: float, bottom: float) -> float | None:
    return top / bottom if bottom else None
