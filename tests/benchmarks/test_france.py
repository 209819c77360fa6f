"""The comparison on fictional France: its measures by hand, its constrained peer, its folds, its trials."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmarks.france_peers import Problem, constrained_ols, nnls
from benchmarks.france_scores import Yardstick, means_of
from benchmarks.france_search import CAPPED, PEERS, Budget, cell_indicators, own, trials
from training.bootstrap import bootstrap_of


def yardstick(euros: list[float], weight: list[float], strata: str, cap: float = 15.0) -> Yardstick:
    patients = np.arange(len(euros))
    return Yardstick(
        np.array(euros), np.array(weight), np.array(list(strata)), cap, 0.75, bootstrap_of(patients, draws=5)
    )


def test_r2_and_cpm_by_hand():
    """Euros 0, 10, 20 with weights 1, 1, 2: mean 12.5. Errors 5, 5, 5: R² = 1 − 100 / 275; CPM once the total is
    right (expected 5, 15, 15 add up to 50, as do the euros): 1 − 20 / 30."""
    one = yardstick([0, 10, 20], [1, 1, 2], "aaa")
    expected = np.array([5.0, 15.0, 15.0])
    assert one.r2(expected) == pytest.approx(1 - 100 / 275)
    assert one.cpm(expected) == pytest.approx(1 - 20 / 30)
    assert one.cpm(3 * expected) == pytest.approx(one.cpm(expected))
    # capped at 15: 0, 10, 15 (mean 10); expectations × .75 = 3.75, 11.25, 11.25
    assert one.r2_capped(expected) == pytest.approx(1 - (14.0625 + 1.5625 + 2 * 14.0625) / (100 + 0 + 50))


def test_fit_of_episodes_is_read_within_strata():
    """The mean of each stratum explains nothing: R² and CPM are 0."""
    one = yardstick([0, 10, 100, 120], [1, 1, 1, 1], "aabb")
    means = means_of(one.euros, one.weight, one.strata)
    assert means.tolist() == [5, 5, 110, 110]
    assert (one.r2(means), one.cpm(means)) == (0, 0)


def test_draws_of_one_patient_each_give_the_point():
    """Where every patient is drawn once, the draw is the figure itself."""
    one = yardstick([0, 10, 20, 30], [1, 1, 2, 1], "aabb")
    expected = np.array([3.0, 8.0, 22.0, 25.0])
    once = Yardstick(one.euros, one.weight, one.strata, one.cap_eur, one.capped_share, one.draws)
    once.draws.counts[:] = 1.0
    drawn = once.drawn(expected)
    assert drawn["r2"] == pytest.approx(one.r2(expected))
    assert drawn["cpm"] == pytest.approx(one.cpm(expected))


@pytest.fixture(scope="module")
def problem() -> Problem:
    generator = np.random.default_rng(0)
    known = pd.DataFrame(
        {
            "age": generator.integers(0, 100, 400).astype(float),
            "is_woman": generator.integers(0, 2, 400).astype(float),
            "ald_count": generator.integers(0, 3, 400).astype(float),
            "healthy": generator.integers(0, 2, 400).astype(float),
        }
    )
    euros = np.where(known["age"] > 70, 400.0, 50.0) + 100 * known["ald_count"] - 40 * known["healthy"]
    euros = np.maximum(euros + generator.normal(0, 30, 400), 0).to_numpy()
    weight = generator.uniform(0.2, 1, 400)
    patients = np.arange(400)
    return Problem(known, np.minimum(euros, 300), euros, weight, patients, cell_indicators(known), seed=0, threads=1)


def test_constrained_least_squares_leave_no_cell_over_or_under_paid(problem):
    """In sample, Σ weight × (expected − euros) is 0 in every policy cell: whole euros, from capped ones."""
    expected = constrained_ols(problem, {})(problem.known)
    gaps = (problem.weight * (expected - problem.euros)) @ problem.cells / (problem.weight @ problem.cells)
    assert np.abs(gaps).max() < 1e-6


def test_the_payment_form_pays_no_less_for_more(problem):
    """NNLS: "healthy" lowers euros, so its coefficient is 0; the others are not negative, nor is any expectation."""
    predict = nnls(problem, {})
    for name in ("ald_count", "age", "healthy"):
        more = problem.known.assign(**{name: problem.known[name] + 1})
        assert (predict(more) - predict(problem.known)).min() >= -1e-9
    assert predict(problem.known.assign(healthy=1.0)) == pytest.approx(predict(problem.known.assign(healthy=0.0)))


def test_every_peer_that_can_be_tuned_has_the_same_number_of_trials():
    """First settings with and without the cap, then draws; a peer with nothing to choose has the cap only."""
    budget = Budget(trials=6, rows=1000, seed=0, threads=1)
    found = {name: trials(peer, budget, capped=True) for name, peer in PEERS.items()}
    assert {len(found[name]) for name, peer in PEERS.items() if peer.draw} == {6}
    assert found["OLS"] == [{CAPPED: True}, {CAPPED: False}]
    assert [one[CAPPED] for one in found["CART"][:2]] == [True, False]
    assert own({"leaf": 20, CAPPED: True}) == {"leaf": 20}
    assert found["CART"] == trials(PEERS["CART"], budget, capped=True)
