"""Parts of a booster: the hurdle (chance × amount) by hand, its euros that add up, and cards that know no hurdle."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import permutations

import lightgbm as lgb
import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.explainer import explainer_of
from features.parts import Part, parts_eur, taken_apart
from training.tree_text import joined, staircase


def stairs(feature: int, levels: list[float]) -> str:
    return staircase(feature, np.array([0.5]), np.array(levels), levels[0], np.array([1, 1, 1]))


def booster_of(trees: list[str]) -> lgb.Booster:
    matrix = np.random.default_rng(0).normal(size=(300, 2))
    plain = lgb.train({"num_leaves": 4, "verbosity": -1, "num_threads": 1}, lgb.Dataset(matrix, matrix[:, 0]), 2)
    return lgb.Booster(model_str=joined(plain.model_to_string(), trees))


ROWS = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
HURDLE = (Part("hurdle", 2, 80.0, 1),)


def test_a_hurdle_is_a_chance_times_an_amount():
    """Odds 1 or 3 by the first column, 100 € or 200 € by the second: ½ or ¾ of them."""
    both = booster_of([stairs(0, [0.0, np.log(3)]), stairs(1, [np.log(100), np.log(200)])])
    assert parts_eur(both, HURDLE, ROWS) == pytest.approx([50, 75, 100, 150])


def test_an_amount_is_held_at_its_highest():
    """Amounts held at 150 €: ½ or ¾ of 150 instead of 200."""
    both = booster_of([stairs(0, [0.0, np.log(3)]), stairs(1, [np.log(100), np.log(200)])])
    parts = (Part("hurdle", 2, float(np.log(150)), 1),)
    assert parts_eur(both, parts, ROWS) == pytest.approx([50, 75, 75, 112.5])
    euros = explainer_of(taken_apart(both, parts), ROWS[:1]).explain(ROWS)
    assert euros.sum(axis=1) == pytest.approx([50, 75, 75, 112.5])


def test_each_half_of_a_hurdle_has_the_euros_that_it_moves():
    """Against the row of 50 €: 25 € of chance alone, 50 € of amount alone; where both move, they share 100 €."""
    both = booster_of([stairs(0, [0.0, np.log(3)]), stairs(1, [np.log(100), np.log(200)])])
    euros = explainer_of(taken_apart(both, HURDLE), ROWS[:1]).explain(ROWS)
    assert euros[:3] == pytest.approx(np.array([[50, 0, 0], [50, 25, 0], [50, 0, 50]]))
    assert euros[3].sum() == pytest.approx(150)
    # ∫ ŷ (1 − chance) dt × ln 3 on the way t, with chance = 3^t / (1 + 3^t) and an amount of 100 × 2^t
    t = (np.arange(100_000) + 0.5) / 100_000
    chance = 3**t / (1 + 3**t)
    assert euros[3, 1] == pytest.approx(np.mean(chance * (1 - chance) * 100 * 2**t) * np.log(3), abs=1e-4)


def test_a_hurdle_whose_chance_does_not_move_is_split_as_a_log_link():
    """Same chance for all: the euros of a log part times that chance."""
    trees = [stairs(0, [np.log(100), np.log(250)]), stairs(1, [0.0, 1.0])]
    even = booster_of([stairs(0, [0.0, 0.0]), *trees])
    half = explainer_of(taken_apart(even, (Part("hurdle", 3, 80.0, 1),)), ROWS).explain(ROWS)
    whole = explainer_of(taken_apart(booster_of(trees), (Part("log", 2),)), ROWS).explain(ROWS)
    assert half == pytest.approx(whole / 2)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-9, 9), min_size=4, max_size=4), st.lists(st.floats(-6, 12), min_size=4, max_size=4))
def test_euros_of_a_hurdle_add_up(odds, logs):
    """Whatever the scores, held or not, euros add up to the expectation to a millionth of it."""
    trees = [stairs(0, odds[:2]), stairs(1, odds[2:]), stairs(0, logs[:2]), stairs(1, logs[2:])]
    both, parts = booster_of(trees), (Part("hurdle", 4, 9.0, 2),)
    expected = parts_eur(both, parts, ROWS)
    assert explainer_of(taken_apart(both, parts), ROWS).explain(ROWS).sum(axis=1) == pytest.approx(expected, rel=1e-6)


def test_parts_of_older_cards_are_read():
    """A card written before hurdles names no chance: 0 trees of it."""
    read = msgspec.json.decode(
        b'[{"link":"identity","trees":3},{"link":"log","trees":2,"highest":9.5}]', type=list[Part]
    )
    assert read == [Part("identity", 3), Part("log", 2, 9.5, 0)]


def test_each_part_is_split_as_by_its_definition():
    """Identity and log parts of trees that mix three features, some rows held at the top: Shapley values from their
    definition against each reference, times what a unit of score is worth on the straight way, by fine steps."""
    draw = np.random.default_rng(2)
    rows = draw.integers(0, 4, (300, 3)).astype(float)
    trained = lgb.train(
        {"num_leaves": 6, "min_data_in_leaf": 5, "learning_rate": 0.5, "verbosity": -1, "num_threads": 1},
        lgb.Dataset(rows, rows[:, 0] * rows[:, 1] / 3 + rows[:, 2] ** 2 / 4),
        8,
    )
    parts = (Part("identity", 3), Part("log", 5, 0.15))
    some = rows[:12]
    low = rows[trained.predict(rows, raw_score=True, start_iteration=3) < 0.1][:4]
    assert (trained.predict(rows, raw_score=True, start_iteration=3)[:12] > 0.15).any()
    for references in (low, rows[:4]):  # none held, some held
        euros = explainer_of(taken_apart(trained, parts), references).explain(some)
        expected = sum(one_part(trained, part, run, (some, references)) for part, run in zip(parts, RUNS, strict=True))
        assert euros[:, 1:] == pytest.approx(expected, abs=2e-4)
        assert euros.sum(axis=1) == pytest.approx(parts_eur(trained, parts, some))


RUNS = ((0, 3), (3, 5))


def one_part(trained, part, run, rows):
    """Euros of an identity or log part, from the definition."""

    def score(matrix):
        return trained.predict(matrix, raw_score=True, start_iteration=run[0], num_iteration=run[1])

    found = np.zeros((len(rows[0]), 3))
    for place, row in enumerate(rows[0]):
        for reference in rows[1]:
            phi = by_definition(score, row, reference)
            way = score(reference[None])[0] + phi.sum() * (np.arange(20_000) + 0.5) / 20_000
            worth = np.ones_like(way) if part.link == "identity" else np.exp(way) * (way < part.highest)
            found[place] += phi * worth.mean() / len(rows[1])
    return found


def by_definition(score, row, reference):
    """Shapley values of a score between a row and a reference, from all orders of the three features."""
    phi = np.zeros(3)
    for order in permutations(range(3)):
        here = reference.copy()
        for feature in order:
            before = score(here[None])[0]
            here[feature] = row[feature]
            phi[feature] += (score(here[None])[0] - before) / 6
    return phi


def test_threads_that_ask_one_model_do_not_disturb_each_other():
    """A booster keeps the run of trees last asked for: two threads, a hundred answers each, all as when alone."""
    trees = [stairs(number % 2, [np.log(2.0 + number), 1.0]) for number in range(40)]
    parted = taken_apart(booster_of(trees), (Part("log", 10), Part("hurdle", 30, 80.0, 10)))
    rows = np.tile(ROWS, (250, 1))
    alone = parted.expected_eur(rows, threads=1)
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda _: parted.expected_eur(rows, threads=1), range(200)))
    assert all((each == alone).all() for each in found)
