"""The layer on tables that one can check by hand: exact corrections, floor then balance, directions, credibility."""

from __future__ import annotations

import lightgbm as lgb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.scoring import Scorer
from features.versions import Card, sha256
from tests.training.cells_made import FEATURES, UP, alike, balanced, drawn_euros, drawn_rows, frozen, person
from training import SpendingRegressor
from training.cells.declare import resolve
from training.cells.folded import Fold, Folded, bare
from training.cells.layer import FitRows, Rule, floored
from training.cells.text import with_layer
from training.evaluation.monotone import monotone_rows
from training.population import Rows

WHOLE = Rule(fewest_patients=11, believed_gap=None)


def cells(asked: str):
    return resolve(asked, FEATURES).cells


def test_two_margins_by_hand():
    """Gaps 2, 6, −4, 6: mean 2.5, men ±1.5, ALD ±3.5; men 38, women 42, no ALD 18, ALD 62 are then right."""
    rows = [person(), person(ald=1), person(woman=1), person(woman=1, ald=1)]
    given_ = alike(rows, [10, 20, 10, 30], [12, 26, 6, 36], None)
    layer = balanced("sex,ald", given_, WHOLE, UP)
    assert layer.of(np.array(rows)) == pytest.approx([0.5, 7.5, -2.5, 4.5])
    assert layer.is_settled and layer.tied == ((), ())


def test_floor_then_balance_by_hand():
    """Men 1 and 9 expected, 4 spent: −3 each would leave −2 and 6, floored 0 and 6. At −5 they get 0 and 4."""
    rows = [person(), person(), person(woman=1), person(woman=1)]
    given_ = alike(rows, [1, 9, 5, 5], [0, 4, 8, 4], 0.0)
    layer = balanced("sex", given_, WHOLE)
    assert layer.of(np.array(rows)) == pytest.approx([-5, -5, 1, 1])
    assert layer.is_settled and layer.steps >= 2


def test_a_floor_that_costs_more_than_was_spent_is_said():
    """Floor 3 for two men who spent 2 and 2: no correction can bring them to 4. The layer says that 2 are left."""
    rows = [person(), person(), person(woman=1)]
    layer = balanced("sex", alike(rows, [5, 5, 5], [2, 2, 9], 3.0), WHOLE)
    assert not layer.is_settled and layer.left_eur == pytest.approx(2.0)


def test_a_direction_is_kept_and_said():
    """No ALD lacks 4, ALD has 2 too many: a correction that falls with ALD is refused; both get the mean, 1."""
    rows = [person(), person(ald=1)]
    given_ = alike(rows, [10, 20], [14, 18], 0.0)
    free = balanced("ald", given_, WHOLE)
    held = balanced("ald", given_, WHOLE, UP)
    assert free.of(np.array(rows)) == pytest.approx([4, -2])
    assert held.of(np.array(rows)) == pytest.approx([1, 1]) and held.tied == ((0, 1),)


def test_a_cell_of_few_patients_is_not_corrected():
    """Ten women (11 are needed, whatever is asked): their gap of 90 stays; the total is right all the same."""
    matrix = np.array([person()] * 30 + [person(woman=1)] * 10)
    spent = np.where(matrix[:, 1] == 1, 100.0, 8.0)
    given_ = FitRows(np.full(40, 10.0), spent, np.ones(40), np.arange(40), 0.0)
    layer = balanced("sex", (matrix, given_), Rule(fewest_patients=1, believed_gap=None))
    added = layer.of(matrix)
    assert layer.euros[0][1] == 0.0 and layer.credibility[0].tolist() == [1.0, 0.0, 0.0]
    assert (10 + added).sum() == pytest.approx(spent.sum())


def test_a_patient_counts_once():
    """Six women over two years are six patients, not twelve."""
    matrix = np.array([person()] * 20 + [person(woman=1)] * 12)
    patients = np.array([*range(20), *(100 + np.arange(12) // 2)])
    level = FitRows(np.full(32, 10.0), np.full(32, 12.0), np.ones(32), patients, None)
    assert balanced("sex", (matrix, level), WHOLE).credibility[0].tolist() == [1.0, 0.0, 0.0]


def test_credibility_by_hand():
    """Rows ±10 around the mean of their level: s² = 100. No gap between levels: τ = 3 % of 1,000, λ = 100 / 900.

    Levels 50 above and below, 24 patients each: τ² = 2,500 − 100 / 24, and Z = 24 / (24 + λ) draws the gap to 0.
    """
    matrix = np.array([person()] * 24 + [person(woman=1)] * 24)
    noise, rule = np.tile([10.0, -10.0], 24), Rule(fewest_patients=11, believed_gap=0.03)
    level = FitRows(np.full(48, 1000.0), 1000 + noise, np.ones(48), np.arange(48), None)
    assert balanced("sex", (matrix, level), rule).credibility[0][:2] == pytest.approx([24 / (24 + 1 / 9)] * 2)
    apart = FitRows(np.full(48, 1000.0), 1000 + noise + np.repeat([50, -50], 24), np.ones(48), np.arange(48), None)
    layer, trust = balanced("sex", (matrix, apart), rule), 24 / (24 + 100 / (2500 - 100 / 24))
    assert layer.of(matrix[[0, -1]]) == pytest.approx([50 * trust, -50 * trust])
    assert layer.credibility[0] == pytest.approx([trust, trust, 0.0])


def test_credibility_looks_at_what_a_cell_needs_beside_the_others():
    """Women lack nothing in all: −20, −20 and, with ALD, +40. Beside ALD's +60 they need −20, that is ∓10 around men.

    s² of women 800; τ² = mean of 100 − 800 / 36 and 100 = 88.9; λ = 9; Z = 3 / (3 + 9). The gap alone would give τ = 1
    (a thousandth of the mean), and Z = .004.
    """
    rows = [person(woman=1), person(woman=1), person(woman=1, ald=1), person(), person(), person()]
    told = alike(rows, [1000] * 6, [980, 980, 1040, 1000, 1000, 1000], None)
    layer = balanced("sex,ald", told, Rule(fewest_patients=11, believed_gap=0.001))
    assert layer.credibility[0][1] == pytest.approx(0.25)


def test_out_of_fold_knows_nothing_of_what_is_held_out():
    """Women stand in one fold only, with a gap of 100: the layer that is judged on them has never seen one."""
    matrix = np.array([person()] * 40 + [person(woman=1)] * 20)
    people, spent = np.arange(60), np.where(matrix[:, 1] == 1, 110.0, 10.0)
    rows = Rows([known.name for known in FEATURES], matrix, spent, np.ones(60), people)
    parts = [np.arange(0, 20), np.arange(20, 40), np.arange(40, 60)]
    folds = tuple(
        Fold(np.setdiff1d(people, held), held, np.full(40, 10.0), np.full(20, 10.0)) for held in parts
    )  # fmt: skip
    apart = Folded(rows, folds, 0.0, WHOLE, {})
    after = apart.after(cells("sex"))
    assert after[40:] == pytest.approx(10.0)
    assert after[:40] == pytest.approx(10.0)
    whole = apart.whole(cells("sex"), np.full(60, 10.0))
    assert 10 + whole.of(matrix[-1:]) == pytest.approx([110.0])


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    link=st.sampled_from(["identity", "log"]),
    asked=st.sampled_from(
        ["age_class,sex,ald", "c2s,fdep_quintile", "ald*c2s,age=0-64,65+", "ald_count=0,1,2+,sex*c2s"]
    ),
)
def test_balanced_version_adds_up_is_not_negative_and_keeps_directions(seed, link, asked):
    """Frozen with its layer: amounts 0 or more, euros add up to them, cells and total right, ALD never pays less."""
    matrix = drawn_rows(400, seed=seed)
    spent = drawn_euros(matrix, seed=seed)
    scorer, wanted = frozen(matrix, spent, link=link), cells(asked)
    raw = bare(scorer).predict(matrix)
    rows = FitRows(raw, spent, np.ones(400), np.arange(400), 0.0)
    layer = balanced(asked, (matrix, rows), WHOLE, UP)
    card, text = with_layer(scorer, layer, matrix)
    version = Scorer(lgb.Booster(model_str=text), card, "")
    expected = version.predict(matrix)
    assert expected == pytest.approx(floored(raw + layer.of(matrix), 0.0), abs=1e-6)
    assert (expected >= 0).all() and layer.is_settled
    assert version.explain(matrix).sum(axis=1) == pytest.approx(expected, abs=1e-6)
    assert expected.sum() == pytest.approx(spent.sum(), rel=1e-6)
    for one, trust, tied in zip(wanted, layer.credibility, layer.tied, strict=True):
        codes = one.codes(matrix)
        for level in np.flatnonzero(trust > 0):
            if level not in tied:
                assert expected[codes == level].sum() == pytest.approx(spent[codes == level].sum(), rel=1e-6)
    names = [known.name for known in FEATURES]
    assert all(row.broken == 0 for row in monotone_rows(version.booster, names, {"ald_count": 1}, labels={}))


def test_a_blend_takes_a_layer():
    """A version in parts gets one identity part more, before the others; amounts and euros agree."""
    matrix = drawn_rows(300, seed=3)
    spent = drawn_euros(matrix, seed=3)
    fitted = SpendingRegressor(n_estimators=30, n_jobs=1, floor_eur=0.0).fit(matrix, spent)
    references = tuple(tuple(None if np.isnan(v) else float(v) for v in row) for row in fitted.reference_[:5])
    text = fitted.booster_.model_to_string()
    card = Card(
        model="total", version=1, perimeter="TOTAL", objective="blend", link="parts", parts=fitted.parts_,
        balance_factor=fitted.balance_factor_, floor_eur=0.0, features=FEATURES, reference_rows=references,
        model_sha256=sha256(text.encode()),
    )  # fmt: skip
    scorer = Scorer(fitted.booster_, card, "")
    raw = bare(scorer).predict(matrix)
    layer = balanced("age_class,c2s", (matrix, FitRows(raw, spent, np.ones(300), np.arange(300), 0.0)), WHOLE)
    card, text = with_layer(scorer, layer, matrix)
    version = Scorer(lgb.Booster(model_str=text), card, "")
    assert card.parts[1:] == fitted.parts_ and card.parts[0].link == "identity"
    assert version.predict(matrix) == pytest.approx(floored(raw + layer.of(matrix), 0.0), abs=1e-6)
    assert version.explain(matrix).sum(axis=1) == pytest.approx(version.predict(matrix), abs=1e-6)
