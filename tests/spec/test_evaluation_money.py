"""Money by group: ratios, net euros, verdicts, order and masking, by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.bootstrap import bootstrap_of
from training.evaluate import Observed
from training.evaluation.money import VERDICTS, Grouping, group_rows, in_all, masked_levels, surely_outside, verdict_of
from training.evaluation.record import GroupRow


def rows_of(spent: np.ndarray, expected: np.ndarray, labels: np.ndarray, weight: np.ndarray | None = None):
    weight = np.ones_like(spent) if weight is None else weight
    observed = Observed(spent, weight, np.arange(len(spent)), np.inf, 1.0)
    found = group_rows(
        observed, expected, [Grouping("g", labels.astype(object), True)], bootstrap_of(np.arange(len(spent)))
    )
    return {row.level: row for row in found}


def test_money_by_hand():
    """20 patients cost 100 € and expect 90; 20 cost 300 and expect 310: total right, −10 € and +10 € each."""
    spent, expected = np.repeat([100.0, 300.0], 20), np.repeat([90.0, 310.0], 20)
    found = rows_of(spent, expected, np.repeat(["poor", "rich"], 20))
    poor, rich = found["poor"], found["rich"]
    assert (poor.patients, poor.observed_eur, poor.expected_eur) == (20, 100, 90)
    assert (poor.net_eur, poor.net_total_eur, poor.ratio) == pytest.approx((-10, -200, 0.9))
    assert (rich.net_eur, rich.net_total_eur) == pytest.approx((10, 200))
    assert poor.net_low is not None and poor.net_high is not None
    assert poor.net_low <= -10 <= poor.net_high


def test_total_is_made_right_first():
    """Everyone is paid 80 % of their cost: each group gets its due once k = 1.25; the raw ratio stays 0.8."""
    spent = np.repeat([100.0, 300.0], 20)
    found = rows_of(spent, 0.8 * spent, np.repeat(["a", "b"], 20))
    assert [row.ratio for row in found.values()] == pytest.approx([1, 1])
    assert [row.raw_ratio for row in found.values()] == pytest.approx([0.8, 0.8])
    assert [row.net_low for row in found.values()] == pytest.approx([0, 0], abs=1e-9)


def test_patients_count_by_their_part_of_the_year():
    """Half a year at 400 € weighs as a whole one at 200 €: (0.5 × 400 + 1 × 100) / 1.5 = 200 €."""
    spent, weight = np.tile([400.0, 100.0], 20), np.tile([0.5, 1.0], 20)
    found = rows_of(spent, spent, np.repeat(["a", "b"], 20), weight)
    assert found["a"].observed_eur == pytest.approx(200)


@pytest.mark.parametrize(
    ("patients", "ratio", "low", "high", "verdict"),
    [
        (1000, 0.97, 0.9, 0.99, "within"),
        (1000, 1.03, 1.01, 1.05, "within"),
        (1000, 0.96, 0.95, 0.98, "uncertain"),
        (1000, 0.96, 0.95, 0.969, "outside"),
        (5000, 1.2, 1.02, 1.4, "uncertain"),
        (5000, 1.2, 1.04, 1.4, "outside"),
        (999, 2.0, 1.9, 2.1, "small"),
    ],
)
def test_verdicts(patients: int, ratio: float, low: float, high: float, verdict: str):
    """Band 0.97 to 1.03 for 1,000 patients or more; "uncertain" where the interval reaches it."""
    assert verdict_of(patients, ratio, low, high) == verdict


def group(level: str, ratio: float, low: float, high: float, *, is_seen: bool = True, patients: int = 5000) -> GroupRow:
    verdict = verdict_of(patients, ratio, low, high)
    return GroupRow(
        group="g", level=level, is_seen=is_seen, verdict=verdict, patients=patients, ratio=ratio, low=low, high=high
    )


def test_many_groups_are_judged_together():
    """Alone, 1.086 (1.037 to 1.135) is outside. Among 44 an interval is 3.255 / 1.960 = 1.66 times as wide on either
    side: 1.086 − 1.66 × 0.049 = 1.005, in the band; 1.2 − 1.66 × 0.05 = 1.117 and 0.9 + 1.66 × 0.02 = 0.933, out."""
    diabetes = group("diabetes", 1.086, 1.037, 1.135)
    assert surely_outside([diabetes]) == (diabetes,)
    dear, cheap = group("dear", 1.2, 1.15, 1.25), group("cheap", 0.9, 0.88, 0.92)
    others = [group(str(number), 1.0, 0.99, 1.01) for number in range(41)]
    hidden = [group("unseen", 2.0, 1.9, 2.1, is_seen=False), group("few", 2.0, 1.9, 2.1, patients=999)]
    assert surely_outside([diabetes, dear, cheap, *others, *hidden]) == (dear, cheap)


def test_cells_under_eleven_are_masked():
    """A level of 10 shows no figure; alone in its grouping, the next smallest is masked with it."""
    spent = np.full(62, 100.0)
    found = rows_of(spent, spent, np.repeat(["a", "b", "c"], [40, 12, 10]))
    assert [found[level].verdict for level in "abc"] == ["small", "masked", "masked"]
    hidden = found["c"]
    assert all(getattr(hidden, name) is None for name in GroupRow.__struct_fields__[4:])


def test_masking_rule():
    """Two cells that are masked hide each other; a flag whose complement is not shown needs no second one."""
    assert masked_levels(np.array([5, 8, 50]), is_partition=True).tolist() == [True, True, False]
    assert masked_levels(np.array([5, 40, 50]), is_partition=True).tolist() == [True, True, False]
    assert masked_levels(np.array([5, 40]), is_partition=False).tolist() == [True, False]
    assert masked_levels(np.array([11, 40]), is_partition=True).tolist() == [False, False]


def test_worst_first():
    """Outside the band before uncertain, within and small; by gap per patient within a verdict."""
    sizes = [2000, 2000, 2000, 50, 3]
    spent = np.repeat([100.0, 100, 100, 100, 100], sizes)
    expected = np.repeat([100.0, 120, 80, 500, 100], sizes)
    generator = np.random.default_rng(0)
    observed = Observed(
        spent + generator.normal(0, 5, len(spent)), np.ones(len(spent)), np.arange(len(spent)), np.inf, 1
    )
    labels = np.repeat(["even", "over", "under", "few", "masked"], sizes).astype(object)
    found = group_rows(observed, expected, [Grouping("g", labels, True)], bootstrap_of(observed.patients))
    order = [VERDICTS.index(row.verdict) for row in found]
    assert order == sorted(order)
    assert [row.level for row in found[:2]] in (["over", "under"], ["under", "over"])
    outside = [abs(row.net_eur or 0) for row in found if row.verdict == "outside"]
    assert outside == sorted(outside, reverse=True)


def test_outside_and_single_levels_are_left_out():
    """Rows of an empty label are in no level; a grouping of one level is the nation."""
    spent = np.full(40, 100.0)
    assert list(rows_of(spent, spent, np.repeat(["yes", ""], 20))) == ["yes"]
    assert rows_of(spent, spent, np.repeat(["all"], 40)) == {}


def test_groups_cross():
    """Levels are joined; outside one grouping is outside the cross."""
    crossed = in_all([np.array(["ALD", "ALD", ""], dtype=object), np.array(["C2S", "", "C2S"], dtype=object)])
    assert crossed.tolist() == ["ALD × C2S", "", ""]


@given(seed=st.integers(0, 1000), share=st.floats(0.1, 0.9))
def test_gaps_of_a_partition_add_up_to_nothing(seed: int, share: float):
    """What some groups are paid too much, others lack; the order of rows changes nothing."""
    generator = np.random.default_rng(seed)
    spent, expected = generator.gamma(1, 100, 200), generator.gamma(2, 50, 200)
    labels = np.where(generator.random(200) < share, "a", "b")
    found = rows_of(spent, expected, labels)
    totals = [row.net_total_eur for row in found.values() if row.net_total_eur is not None]
    if len(totals) == len(found) == 2:
        assert sum(totals) == pytest.approx(0, abs=1e-6)
    order = generator.permutation(200)
    again = rows_of(spent[order], expected[order], labels[order])
    assert {name: row.ratio for name, row in again.items()} == pytest.approx(
        {name: row.ratio for name, row in found.items()}
    )
