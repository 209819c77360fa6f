"""What is said of cells: feasibility and refusal, before and after, fit, on tables that one can check by hand."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from tests.training.cells_made import FEATURES, person
from training.bootstrap import bootstrap_of
from training.cells.declare import resolve
from training.cells.folded import Fold, Folded
from training.cells.layer import Rule
from training.cells.measured import Sample, cell_rows, feasibility_rows, fit_rows, with_folds
from training.cells.page import mend
from training.cells.unseen import Judged, UnseenRow, unseen_rows
from training.evaluate import Observed
from training.evaluation.money import Grouping
from training.population import Rows

NAMES = [known.name for known in FEATURES]
WHOLE = Rule(fewest_patients=11, believed_gap=None)


def observed(spent: np.ndarray) -> Observed:
    return Observed(spent, np.ones(len(spent)), np.arange(len(spent)), float("inf"), 1.0)


def sample(name: str, spent: list[float], before: list[float], after: list[float]) -> Sample:
    """Each value lived by 20 patients."""
    told = [np.repeat(np.array(values, dtype=float), 20) for values in (spent, before, after)]
    return Sample(name, observed(told[0]), told[1], told[2], bootstrap_of(np.arange(len(told[0])), draws=30))


def test_before_and_after_by_hand():
    """Men: 12 expected for 10 spent, then 10; women 8 for 10, then 10. Ratios 1.2 and 0.8, then 1; nets ±2, then 0."""
    told = sample("out_of_time", [10, 10], [12, 8], [10, 10])
    labels = np.repeat(np.array(["men", "women"], dtype=object), 20)
    men, women = sorted(cell_rows(told, [Grouping("sex", labels, True)], asked=True), key=lambda row: row.level)
    assert (men.ratio_before, men.ratio_after, women.ratio_before) == pytest.approx((1.2, 1.0, 0.8))
    assert (men.net_before_eur, men.net_after_eur, women.net_before_eur) == pytest.approx((2, 0, -2))
    assert men.patients == 20 and men.sample == "out_of_time" and men.is_asked


def test_folds_that_cancel_are_told_fold_by_fold():
    """12 for 10 in one fold and 8 for 10 in the other: all together 1, fold by fold 0.2 away. After: 11 and 9, 0.1."""
    told = sample("out_of_fold", [10, 10], [12, 8], [11, 9])
    labels = np.array(["all"] * 39 + ["other"], dtype=object)
    row = next(r for r in cell_rows(told, [Grouping("x", labels, True)], asked=True) if r.patients is None)
    assert with_folds(row, told, labels == "other", [np.arange(40)]) == row  # a masked level stays masked
    shown = msgspec.structs.replace(row, patients=40)
    found = with_folds(shown, told, np.full(40, True), [np.arange(20), np.arange(20, 40)])
    assert (found.fold_before, found.fold_after) == pytest.approx((0.2, 0.1))


def test_fit_before_and_after_by_hand():
    """Spent 0, 10, 20; 5, 10, 15 expected before: R² 1 − 50/200, error 10/3. Then exact: R² 1, error 0."""
    rows = {row.measure: row for row in fit_rows(sample("out_of_fold", [0, 10, 20], [5, 10, 15], [0, 10, 20]))}
    assert (rows["r2"].before, rows["r2"].after, rows["r2"].change) == pytest.approx((0.75, 1.0, 0.25))
    assert (rows["mae_eur"].before, rows["mae_eur"].change) == pytest.approx((10 / 3, -10 / 3))
    assert rows["cpm"].before == pytest.approx(0.5)
    same = fit_rows(sample("out_of_fold", [0, 10, 20], [5, 10, 15], [5, 10, 15]))
    assert [(row.change, row.low, row.high) for row in same] == [(0.0, 0.0, 0.0)] * 5


def folded(matrix: np.ndarray, spent: np.ndarray, expected: np.ndarray, rule: Rule) -> Folded:
    """Two folds, every other patient, in which the model expects the same of all."""
    people = np.arange(len(spent))
    halves = [people[people % 2 == side] for side in (0, 1)]
    folds = tuple(Fold(seen, unseen, expected[seen], expected[unseen]) for seen, unseen in (halves, halves[::-1]))
    return Folded(Rows(NAMES, matrix, spent, np.ones(len(spent)), people), folds, 0.0, rule, {2: 1})


def judged(asked: str, people: list[tuple[float, ...]], spent: list[float], expected: list[float], rule: Rule):
    """Feasibility of the cells asked for; each person stands for 40 patients."""
    matrix = np.repeat(np.array(people), 40, axis=0)
    paid, due = np.repeat(np.array(spent, float), 40), np.repeat(np.array(expected, float), 40)
    apart, cells = folded(matrix, paid, due, rule), resolve(asked, FEATURES).cells
    layer = apart.whole(cells, due)
    draws = bootstrap_of(np.arange(len(paid)), draws=30)
    told = Sample("out_of_fold", observed(paid), apart.before, apart.after(cells), draws)
    return feasibility_rows(cells, apart, layer, told, (due, due + layer.of(matrix)))


def test_a_feasible_cell_says_what_it_corrects_and_costs():
    """Women lack 4 and men have 4 too many: both are corrected whole, and R² gains what the gap took.

    Total sum of squares 80 × 4² (spent 10 and 18 around 14), lost before 80 × 4², after 0.
    """
    men, women = judged("sex", [person(), person(woman=1)], [10, 18], [14, 14], WHOLE)
    assert (men.verdict, women.verdict, men.why) == ("feasible", "feasible", "")
    assert (women.net_eur, women.correction_eur, women.ratio) == pytest.approx((-4, 4, 14 / 18))
    assert women.credibility == 1 and women.floor_rows == 0 and women.patients == 40
    assert women.r2_change == pytest.approx(1.0)


def test_a_direction_bounds_and_says_so():
    """ALD has 4 too many and no ALD lacks 4: a correction that falls with ALD is not made."""
    none, ald = judged("ald", [person(), person(ald=1)], [18, 10], [14, 14], WHOLE)
    assert (none.verdict, none.why, ald.verdict) == ("bounded", "direction", "bounded")
    assert ald.correction_eur == pytest.approx(0.0, abs=1e-9)


def test_a_small_cell_is_refused():
    """Under the fewest patients asked for, the level is refused, with its gap all the same."""
    men, women = judged("sex", [person(), person(woman=1)], [10, 18], [14, 14], Rule(60, None))
    assert (men.verdict, women.verdict, women.why) == ("refused", "refused", "small")
    assert women.net_eur == pytest.approx(-4) and women.correction_eur == pytest.approx(0)


def test_rows_brought_to_the_floor_are_counted():
    """Men of 2 and 14 expected spend 0 and 4: −10 leaves the first below 0, so 40 rows come to the floor."""
    men, women = judged("sex", [person(), person(age=60), person(woman=1)], [0, 4, 9], [2, 14, 9], WHOLE)
    assert (men.floor_rows, women.floor_rows) == (40, 0)
    assert men.correction_eur == pytest.approx(-6)


def refused(belongs: list[int], flag: list[int], net: float) -> UnseenRow:
    """The level "in" of a group; each pair (in the group, has C2S) is lived by 40 patients."""
    matrix = np.repeat(np.array([person(c2s=one) for one in flag]), 40, axis=0)
    inside = np.repeat(np.array(belongs), 40)
    spent = np.where(inside == 1, 100.0 - net, 100.0)
    expected = np.full(len(spent), spent.mean())
    labels = np.where(inside == 1, "in", "out").astype(object)
    draws = bootstrap_of(np.arange(len(spent)), draws=20)
    rows = unseen_rows("region", labels, Judged(NAMES, matrix, observed(spent), expected), draws, lacks=("region",))
    return next(row for row in rows if row.level == "in")


def test_a_group_that_features_tell_whole_moves_one_euro_for_one():
    """All with C2S are in the group and nobody else: what the others lose is what the group gains."""
    row = refused([1, 0, 0], [1, 0, 0], -12.0)
    assert row.told_share == pytest.approx(1.0, abs=1e-4) and row.moved_eur == pytest.approx(1.0, abs=1e-3)
    assert row.nearest == ("c2s_free",) and row.net_eur == pytest.approx(-8.0)


def test_a_group_told_by_half_moves_three_euros_for_one():
    """Half of those with C2S are in the group: a × .25 each reaches them, and as much the other half; the two without
    C2S pay a × .25 each. For one euro that arrives, one goes astray and two are taken."""
    row = refused([1, 0, 0, 0], [1, 1, 0, 0], -12.0)
    assert row.moved_eur == pytest.approx(3.0, abs=1e-3)
    assert row.told_share == pytest.approx(1 / 3, abs=1e-3)


def test_a_group_that_no_feature_tells_cannot_be_reached():
    """As many in the group with C2S as without: no euro arrives; the reason names no feature as a mend."""
    row = refused([1, 0, 1, 0], [1, 1, 0, 0], -12.0)
    assert row.told_share == pytest.approx(0.0, abs=1e-6) and (row.moved_eur is None or row.moved_eur > 1e3)


@pytest.mark.parametrize(
    ("lacks", "message"),
    [
        (("past_gp_acts",), "past use: no payment model ever reads it"),
        (("ald_08",), "add to the model: ALD 8: "),
        (("region",), "no feature of the catalogue; the nearest: Age"),
    ],
)
def test_a_refusal_says_what_would_mend_it(lacks, message):
    """Past use never; a payment feature that the model lacks, by its label; else the nearest features."""
    row = UnseenRow(cells="x", level="yes", lacks=lacks, nearest=("age",))
    assert mend(row, "en").startswith(message)
