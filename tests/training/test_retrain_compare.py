"""Champion against challenger by hand: euros per structure, worst group, warnings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from training.bootstrap import bootstrap_of
from training.evaluate import Observed
from training.evaluation.money import Grouping
from training.retrain.cohort import Cohort
from training.retrain.compare import compare_rows, impact_of, paired_groups, warnings_of, worst_nets
from training.retrain.record import VersionFacts


@dataclass(frozen=True)
class Fixed:
    """A version whose expectation is a column of the characteristics."""

    column: str


class Lists(Cohort):
    """A cohort that reads the expectation from its own table."""

    def expected(self, scorer: Fixed) -> np.ndarray:  # type: ignore[override]
        return self.known[scorer.column].to_numpy(float)


def lists(structures: list[str], champion: list[float], challenger: list[float], weight: list[float]) -> Lists:
    known = pd.DataFrame({"champion": champion, "challenger": challenger})
    people = np.array([f"p{place}" for place in range(len(structures))], dtype=object)
    euros = pd.DataFrame({"spent": np.full(len(structures), 100.0)})
    labels = np.array(structures, dtype=object)
    return Lists(2024, people, np.array(weight), known, euros, "spent", None, labels)


def test_impact_per_structure_by_hand():
    """S1: 20 patients × 100 € become 110 €: + 200 €, + 10 %. S2: 20 half-years × 100 € become 90 €: − 100 €, − 10 %.

    In the nation both versions expect as much, so all of it moves between structures: (200 + 100) / 2 of 3,000 once
    their totals are equal (3,000 and 3,100).
    """
    found = lists(
        ["S1"] * 20 + ["S2"] * 20 + ["S3"] * 10, [100.0] * 50, [110.0] * 20 + [90.0] * 20 + [500.0] * 10,
        [1.0] * 20 + [0.5] * 20 + [1.0] * 10,
    )  # fmt: skip
    nation = lists(["N"] * 40, [100.0, 300.0] * 20, [300.0, 100.0] * 20, [1.0] * 40)
    impact = impact_of(nation, found, Fixed("champion"), Fixed("challenger"), lost=3)  # type: ignore[arg-type]
    rows = {row.structure: row for row in impact.rows}
    assert (rows["S1"].champion_eur, rows["S1"].challenger_eur) == (2000.0, 2200.0)
    assert (rows["S1"].difference_eur, rows["S1"].change) == pytest.approx((200.0, 0.10))
    assert (rows["S2"].difference_eur, rows["S2"].change) == pytest.approx((-100.0, -0.10))
    assert rows["S1"].moved == pytest.approx(0.10)
    level = 3000 / 3100
    assert impact.moved_share == pytest.approx((abs(2200 * level - 2000) + abs(900 * level - 1000)) / 2 / 3000)
    assert "S3" not in rows and impact.masked == 1, "fewer than 11 patients are counted, not shown"
    assert impact.without_rows is None, "3 patients are a small cell"
    assert impact.rank_correlation == pytest.approx(-1.0)


def test_what_moves_leaves_the_level_out():
    """Everyone expects 5 % more, in the nation as in the structure: + 5 % for it, nothing moves."""
    found, nation = (lists([name] * 20, [100.0] * 20, [105.0] * 20, [1.0] * 20) for name in ("S1", "N"))
    (row,) = impact_of(nation, found, Fixed("champion"), Fixed("challenger"), lost=0).rows  # type: ignore[arg-type]
    assert (row.change, row.moved) == (pytest.approx(0.05), pytest.approx(0.0))


def judged(champion: np.ndarray, challenger: np.ndarray, labels: np.ndarray, spent: np.ndarray):
    people = np.arange(len(spent))
    observed = Observed(spent, np.ones(len(spent)), people, np.inf, 1.0)
    return observed, (champion, challenger), [Grouping("g", labels, True)], bootstrap_of(people, draws=50)


def test_worst_group_by_hand():
    """Two groups of 1,000: cost 100 and 300. The champion pays 120 and 280, the challenger 105 and 295: 20 €, 5 €."""
    spent, labels = np.repeat([100.0, 300.0], 1000), np.repeat(["poor", "rich"], 1000).astype(object)
    observed, both, groupings, draws = judged(
        np.repeat([120.0, 280.0], 1000), np.repeat([105.0, 295.0], 1000), labels, spent
    )
    assert worst_nets(observed, both[0], groupings, draws)[0] == pytest.approx(20.0)
    rows = {row.name: row for row in compare_rows(observed, both, both, groupings, draws)}
    assert (rows["worst_group_eur"].champion, rows["worst_group_eur"].challenger) == pytest.approx((20.0, 5.0))
    assert rows["worst_group_eur"].difference == pytest.approx(-15.0)
    # Σ(y − ȳ)² = 2000 × 100²; Σ(y − ŷ)² = 2000 × 20² and × 5²
    assert (rows["r2"].champion, rows["r2"].challenger) == pytest.approx((0.96, 0.9975))
    assert (rows["mae_eur"].champion, rows["mae_eur"].challenger) == pytest.approx((20.0, 5.0))
    assert (rows["cpm"].champion, rows["cpm"].difference) == pytest.approx((0.8, 0.15))
    assert (rows["total_ratio"].champion, rows["total_ratio"].difference) == pytest.approx((1.0, 0.0))
    paired = paired_groups(observed, both, groupings, draws)
    nets = {row.level: (row.champion_net_eur, row.challenger_net_eur) for row in paired}
    assert nets == {"poor": pytest.approx((20.0, 5.0)), "rich": pytest.approx((-20.0, -5.0))}


def test_a_group_under_a_thousand_is_no_policy_group():
    """999 people: chance alone moves them."""
    spent, labels = np.repeat([100.0, 300.0], 999), np.repeat(["poor", "rich"], 999).astype(object)
    observed, both, groupings, draws = judged(spent, spent, labels, spent)
    assert worst_nets(observed, both[0], groupings, draws) is None
    assert paired_groups(observed, both, groupings, draws) == ()


@pytest.mark.parametrize(
    ("champion", "warned"),
    [
        (
            VersionFacts(version=1, version_hash="a", training_years=(2022,), test_year=2023),
            ("challenger_knows_more_years",),
        ),
        (
            VersionFacts(version=1, version_hash="a", training_years=(2022, 2023), test_year=2024),
            ("champion_tested_on_year",),
        ),
        (
            VersionFacts(version=1, version_hash="a", training_years=(2022, 2023, 2024), test_year=2025),
            ("champion_trained_on_year",),
        ),
        (
            VersionFacts(version=2, version_hash="b", training_years=(2022, 2023), test_year=2024),
            ("unchanged", "champion_tested_on_year"),
        ),
    ],
)
def test_what_makes_a_comparison_unfair_is_said(champion: VersionFacts, warned: tuple[str, ...]):
    """A champion that trained on the year of the comparison, or was tested on it; the same version; more years."""
    challenger = VersionFacts(version=2, version_hash="b", training_years=(2022, 2023), test_year=2024)
    assert warnings_of(champion, challenger, 2024) == warned
