"""How close a twin is to its model, and whether the model beats the grid: every figure from a table by hand."""

from __future__ import annotations

import numpy as np
import pytest

from training.evaluation.money import Grouping
from training.evaluation.record import Figure, RivalRow
from training.twin.fidelity import bands, fidelity_of, group_gaps, pair_of, structure_gaps
from training.twin.make import beats_grid

MODEL = np.array([100.0, 200.0, 300.0, 400.0])
ONES = np.ones(4)
FOUR = np.array(list("abcd"), dtype=object)


def test_figures_by_hand():
    """Gaps 10, −30, 0, 20 of 1,000: R² 1 − 1,400 / 50,000; 3 % moved; two of four within 5 %, three within 10 %."""
    pair = pair_of(MODEL, np.array([110.0, 170.0, 300.0, 420.0]), ONES, FOUR)
    found = fidelity_of(pair)
    assert found.raw_ratio == 1.0
    assert found.r2 == pytest.approx(1 - (100 + 900 + 400) / 50_000)
    assert found.rank_correlation == pytest.approx(1)
    assert (found.within_5, found.within_10, found.within_20) == (0.5, 0.75, 1.0)
    assert found.moved_share == pytest.approx(60 / 2000)
    assert found.mean_gap_eur == pytest.approx(15)


def test_the_total_is_made_right_first():
    """A twin of twice the model moves nothing: its raw ratio says 2."""
    found = fidelity_of(pair_of(MODEL, 2 * MODEL, ONES, FOUR))
    assert (found.r2, found.moved_share, found.raw_ratio) == (1.0, 0.0, 2.0)


def test_exposure_weighs():
    """A patient present a tenth of the year counts for a tenth: total 100 + 20 = 120 under both."""
    weight = np.array([1.0, 0.1])
    pair = pair_of(np.array([100.0, 200.0]), np.array([110.0, 100.0]), weight, FOUR[:2])
    found = fidelity_of(pair)
    assert found.raw_ratio == pytest.approx(1.0)
    assert found.moved_share == pytest.approx((10 + 0.1 * 100) / (2 * 120))
    assert found.within_10 == pytest.approx(1 / 1.1)
    assert found.mean_gap_eur == pytest.approx(20 / 1.1)


def test_ranks_turned_round():
    """A twin that pays in the opposite order has a correlation of −1."""
    found = fidelity_of(pair_of(MODEL, MODEL[::-1].copy(), ONES, FOUR))
    assert found.rank_correlation == pytest.approx(-1)


def test_a_twin_of_nothing_is_refused():
    """Zero everywhere cannot be brought to the model's total."""
    with pytest.raises(ValueError, match="cannot be made right"):
        pair_of(MODEL, np.zeros(4), ONES, FOUR)


def many(count: int) -> tuple[np.ndarray, np.ndarray]:
    return np.ones(count), np.array([f"p{number}" for number in range(count)], dtype=object)


def test_groups_by_hand_and_small_ones_masked():
    """12 at 100 → 110, 20 at 100 → 94: +10 (120 in all) and −6 (−120); of 12, 20 and 5, the two smallest are hidden."""
    weight, patients = many(32)
    labels = np.repeat(np.array(["few", "many"], dtype=object), [12, 20])
    pair = pair_of(np.full(32, 100.0), np.repeat([110.0, 94.0], [12, 20]), weight, patients)
    few, more = group_gaps(pair, [Grouping("c2s", labels, True)])
    assert (few.patients, few.gap_eur, few.gap_total_eur, few.gap_share) == pytest.approx((12, 10, 120, 0.1))
    assert (more.patients, more.gap_eur, more.gap_total_eur) == pytest.approx((20, -6, -120))
    weight, patients = many(37)
    labels = np.repeat(np.array(["few", "many", "tiny"], dtype=object), [12, 20, 5])
    pair = pair_of(np.full(37, 100.0), np.full(37, 100.0), weight, patients)
    found = {row.level: row.patients for row in group_gaps(pair, [Grouping("c2s", labels, True)])}
    assert found == {"few": None, "many": 20, "tiny": None}


def test_structures_by_hand():
    """S2 loses a tenth and comes first; S3 has 10 patients and says nothing."""
    weight, patients = many(40)
    structures = np.repeat(np.array(["S1", "S2", "S3"], dtype=object), [15, 15, 10])
    twin = np.repeat([105.0, 90.0, 107.5], [15, 15, 10])
    rows = structure_gaps(pair_of(np.full(40, 100.0), twin, weight, patients), structures)
    assert [(row.level, row.patients) for row in rows] == [("S2", 15), ("S1", 15), ("S3", None)]
    assert rows[0].gap_share == pytest.approx(-0.1) and rows[0].gap_total_eur == pytest.approx(-150)
    assert rows[2].model_eur is None


def test_bands_hold_50_rows():
    """100 rows: two bands, means 25.5 and 75.5, tenth and ninetieth centiles; the twin is the model."""
    weight, patients = many(100)
    model = np.arange(1.0, 101.0)
    found = bands(pair_of(model, model, weight, patients))
    assert found.tolist() == [[25.5, 5.0, 25.5, 45.0], [75.5, 55.0, 75.5, 95.0]]


def rival(name: str, r2: tuple[float, float], cpm: tuple[float, float]) -> RivalRow:
    gains = {
        "r2_gain": Figure(name="r2", value=r2[0], low=r2[1], high=2 * r2[0]),
        "cpm_gain": Figure(name="cpm", value=cpm[0], low=cpm[1], high=2 * cpm[0]),
    }
    return RivalRow(model=name, raw_ratio=1, r2=0.1, r2_capped=0.1, cpm=0.1, mae_eur=1, **gains)


FIRST = RivalRow(model="peps_mg", raw_ratio=1, r2=0.2, r2_capped=0.2, cpm=0.2, mae_eur=1)


@pytest.mark.parametrize(
    ("r2", "cpm", "verdict"),
    [
        ((0.03, 0.01), (0.02, 0.01), "ships"),
        ((0.03, 0.01), (0.02, -0.01), "split"),
        ((0.001, -0.01), (0.0, -0.01), "grid"),
        ((-0.01, -0.03), (-0.01, -0.02), "grid"),
    ],
)
def test_the_model_ships_where_it_beats_the_grid(r2, cpm, verdict):
    """Sure in R² and CPM: ships; in one: the payer must say why; in none: publish the grid. Others do not count."""
    rows = (FIRST, rival("age_sex_mean", (0.001, -0.1), (0.001, -0.1)), rival("grid", r2, cpm))
    found = beats_grid(rows)
    assert (found.verdict, found.against) == (verdict, ("grid",))
    assert (found.r2_gain.value, found.cpm_gain.value) == (r2[0], cpm[0])


def test_the_best_grid_counts():
    """Of two grids, the one that leaves the least: one lost is enough for the model not to ship."""
    rows = (FIRST, rival("grid", (0.03, 0.01), (0.03, 0.01)), rival("grid_observed", (0.02, 0.01), (-0.01, -0.02)))
    found = beats_grid(rows)
    assert (found.verdict, found.r2_gain.value, found.cpm_gain.value) == ("split", 0.02, -0.01)
    with pytest.raises(ValueError, match="no grid"):
        beats_grid(rows[:1])
