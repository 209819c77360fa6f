"""The explainable grid: few cells, none small, that stay close to the model and price anyone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from features.errors import InputError
from schemes.peps import amounts_from, export_grid
from schemes.peps.grid import fidelity
from tests.schemes.rules_made import made_rules

RULES = made_rules("peps")
AXES = ["age_years", "sex", "ald_count", "c2s", "comorbidity_count"]


def crowd(size: int, seed: int = 1) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    people = pd.DataFrame(
        {
            "age_years": draw.integers(0, 100, size), "sex": draw.integers(1, 3, size),
            "ald_count": draw.poisson(0.3, size), "c2s": draw.random(size) < 0.1,
            "comorbidity_count": draw.poisson(0.8, size), "weight": draw.uniform(0.2, 1.0, size),
        }
    )  # fmt: skip
    steps = 40 + people["age_years"] // 10 * 8 + people["sex"] * 10 + people["ald_count"].clip(upper=4) * 60
    return people.assign(expected_eur=steps + people["comorbidity_count"].clip(upper=4) * 30.0 + people["c2s"] * 15)


def test_two_groups_are_two_cells():
    """11 children at 50 EUR and 11 elders at 250 EUR: two cells, and the grid is the model."""
    people = pd.DataFrame(
        {"age_years": [4] * 11 + [80] * 11, "sex": 1, "ald_count": 0, "c2s": False, "comorbidity_count": 0,
         "expected_eur": [50.0] * 11 + [250.0] * 11}
    )  # fmt: skip
    cells = export_grid(people, rules=RULES)
    assert cells[["patients", "expected_eur", "fidelity"]].to_numpy().tolist() == [[11, 50.0, 1.0], [11, 250.0, 1.0]]
    assert cells["age_from"].tolist()[0] == 0
    assert cells["age_to"].isna().tolist() == [False, True]


def test_a_cell_that_would_be_small_is_merged():
    """10 children and 12 elders cannot stand apart: one cell, at the mean weighing by exposure."""
    people = pd.DataFrame(
        {"age_years": [4] * 10 + [80] * 12, "sex": 1, "ald_count": 0, "c2s": False, "comorbidity_count": 0,
         "expected_eur": [50.0] * 10 + [250.0] * 12, "weight": [1.0] * 10 + [0.5] * 12}
    )  # fmt: skip
    cells = export_grid(people, rules=RULES)
    assert cells[["patients", "expected_eur", "fidelity"]].to_numpy().tolist() == [[22, 125.0, 0.0]]


def test_cells_are_few_large_and_cover_everyone():
    """At most 200 cells of at least 11 people; any person has exactly one, also beyond those seen."""
    people = crowd(20_000)
    cells = export_grid(people, rules=RULES)
    assert len(cells) <= 200
    assert cells["patients"].min() >= 11
    assert cells["patients"].sum() == len(people)
    every = pd.MultiIndex.from_product(
        [range(0, 121, 5), (1, 2), range(7), (False, True), range(7)], names=AXES
    ).to_frame(index=False)
    assert np.isfinite(amounts_from(cells, every)).all()


def test_fidelity_is_that_of_the_look_up():
    """The R² written beside the cells is that of the amounts that they give, and high on a model of steps."""
    people = crowd(20_000)
    cells = export_grid(people, rules=RULES)
    model, weight = people["expected_eur"].to_numpy(), people["weight"].to_numpy()
    assert cells["fidelity"].nunique() == 1
    assert cells["fidelity"][0] == pytest.approx(fidelity(model, amounts_from(cells, people), weight), abs=1e-6)
    assert cells["fidelity"][0] > 0.95


def test_fewer_cells_where_the_rules_allow_fewer():
    """Ten cells at most."""
    assert len(export_grid(crowd(5_000), rules=made_rules("peps", grid_cells_max="10"))) == 10


def test_order_of_people_changes_nothing():
    """The same grid from shuffled rows."""
    people = crowd(3_000)
    shuffled = people.sample(frac=1.0, random_state=7)
    pd.testing.assert_frame_equal(export_grid(people, rules=RULES), export_grid(shuffled, rules=RULES))


def test_fidelity_by_hand():
    """Model 10 and 30, grid 15 and 25: gaps 25 + 25, spread 100 + 100: 0.75. A flat model is met by its mean."""
    model, grid, weight = np.array([10.0, 30.0]), np.array([15.0, 25.0]), np.ones(2)
    assert fidelity(model, grid, weight) == 0.75
    assert fidelity(np.ones(2), np.ones(2), weight) == 1.0


def test_bad_people():
    """A missing column, an empty value, too few people, someone outside every cell."""
    people = crowd(50)
    with pytest.raises(InputError, match="column c2s is missing"):
        export_grid(people.drop(columns="c2s"), rules=RULES)
    with pytest.raises(InputError, match="column age_years, row 1: should be a number 0 or more"):
        export_grid(people.assign(age_years=None), rules=RULES)
    with pytest.raises(InputError, match="column weight, row 1: should be a number above 0"):
        export_grid(people.assign(weight=0.0), rules=RULES)
    with pytest.raises(InputError, match="fewer than 11 rows"):
        export_grid(people.head(10), rules=RULES)
    with pytest.raises(InputError, match="row 1 falls into no cell"):
        amounts_from(export_grid(people, rules=RULES), people.assign(sex=3))
