"""The measures of the side-by-side run, by hand, and the verdict that it prints."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.accuracy import OURS, Outcome, compared, cpm, r2, verdict
from benchmarks.peers import design_of, native
from benchmarks.survey_tables import SURVEYS
from tests.training.test_blend import spending

TRUTH = np.array([0.0, 0.0, 30.0, 10.0])


def test_r2_and_cpm_by_hand():
    """Mean 10: squares 600, distances 40 about it; 250 and 30 about what is expected; weight 2 is a row twice."""
    expected, once = np.array([5.0, 10.0, 20.0, 5.0]), np.ones((1, 4))
    assert r2(expected, TRUTH, once) == pytest.approx([1 - 250 / 600])
    assert cpm(expected, TRUTH, once) == pytest.approx([1 - 30 / 40])
    twice = np.array([[1.0, 1.0, 1.0, 2.0]])
    assert r2(expected, TRUTH, twice) == pytest.approx([1 - 275 / 600])


def test_a_total_is_made_right_for_cpm_and_shown_raw():
    """A peer twice too high everywhere has our CPM, ratio 2, and a lower R²."""
    ours = np.array([5.0, 5.0, 20.0, 10.0])
    outcome = Outcome([TRUTH], [np.ones(4)], {OURS: [ours], "OLS": [2 * ours]}, {OURS: 1.0, "OLS": 0.0})
    found = compared(outcome)
    assert found["cpm"].tolist() == pytest.approx([1 - 20 / 40] * 2)
    assert found["ratio"].tolist() == pytest.approx([1.0, 2.0])
    assert found.loc["OLS", "r2_gain"] == pytest.approx((400 - 150) / 600)
    assert verdict(found).splitlines()[2] == "total: ours 1.0000 of observed, OLS 2.0000"


def test_native_categories_take_levels_that_training_did_not_see():
    """A level never seen, and a missing one, are scored alike."""
    table, euros = spending(400)
    predict = native("regression", tuned=False)(table, euros, np.ones(400))
    rows = table.head(5)
    assert predict(rows.assign(town="never seen")) == pytest.approx(predict(rows.assign(town=None)))
    assert design_of(table)(rows).shape[0] == 5


@pytest.mark.parametrize("name", SURVEYS)
def test_a_made_up_table_is_the_same_each_time(name):
    """Same seed, same rows; no euros below zero."""
    maker, _ = SURVEYS[name]
    table, euros = maker(300, np.random.default_rng(3))
    again, same = maker(300, np.random.default_rng(3))
    assert table.equals(again)
    assert euros.tolist() == same.tolist()
    assert euros.min() >= 0
