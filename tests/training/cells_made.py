"""Small features, rows and a frozen model for the tests of the cells."""

from __future__ import annotations

import lightgbm as lgb
import numpy as np

from features.scoring import Scorer
from features.versions import Card, CardFeature, sha256
from training.cells.declare import resolve
from training.cells.layer import FitRows, Layer, Rule, fit_layer

FEATURES = (
    CardFeature("age", "Âge", "Age", "age_sex", "number", "years", 0.0, 110.0, nullable=True),
    CardFeature("is_woman", "Femme", "Woman", "age_sex", "flag", nullable=True),
    CardFeature("ald_count", "Nombre d'ALD", "ALD count", "ald", "number", "ALD", 0.0, 33.0, monotone=1),
    CardFeature("c2s_free", "C2S gratuite", "Free C2S", "precarity", "flag"),
    CardFeature("c2s_participative", "C2S", "C2S", "precarity", "flag"),
    CardFeature("fdep_quintile", "FDep", "FDep", "territory", "category", categories=("1", "2", "missing")),
)
ALIKE = 12
UP = {2: 1}


def alike(
    rows: list[tuple[float, ...]], expected: list[float], spent: list[float], floor: float | None
) -> tuple[np.ndarray, FitRows]:
    """Matrix and rows; each given row (see `person`) is lived by 12 patients who weigh 1 / 12 each."""
    matrix, euros, paid = (
        np.repeat(np.array(values, dtype=float), ALIKE, axis=0) for values in (rows, expected, spent)
    )
    people = np.array([f"p{number}" for number in range(len(euros))], dtype=object)
    return matrix, FitRows(euros, paid, np.full(len(euros), 1 / ALIKE), people, floor)


def balanced(
    asked: str, given: tuple[np.ndarray, FitRows], rule: Rule, directions: dict[int, int] | None = None
) -> Layer:
    """The layer of the cells asked for on a matrix and its rows."""
    matrix, rows = given
    cells = resolve(asked, FEATURES).cells
    return fit_layer(cells, [one.codes(matrix) for one in cells], rows=rows, rule=rule, directions=directions)


def person(*, age: float = 40, woman: float = 0, ald: float = 0, c2s: float = 0) -> tuple[float, ...]:
    """Features of a row."""
    return (age, woman, ald, c2s, 0.0, 0.0)


def drawn_rows(count: int, *, seed: int = 0) -> np.ndarray:
    """Encoded features of patients drawn at random, some ages and sexes missing."""
    draw = np.random.default_rng(seed)
    matrix = np.column_stack(
        [draw.integers(0, 100, count), draw.random(count) < 0.5, draw.poisson(0.4, count), draw.random(count) < 0.1,
         draw.random(count) < 0.05, draw.integers(0, 3, count)]
    ).astype(float)  # fmt: skip
    matrix[draw.random(count) < 0.05, 0] = np.nan
    matrix[draw.random(count) < 0.02, 1] = np.nan
    return matrix


def drawn_euros(matrix: np.ndarray, *, seed: int = 0) -> np.ndarray:
    """Skewed euros, a third of them nil, that rise with age, ALD and C2S."""
    draw = np.random.default_rng(seed + 1)
    mean = 20 + np.nan_to_num(matrix[:, 0], nan=50.0) + 80 * matrix[:, 2] + 60 * matrix[:, 3]
    return draw.gamma(0.7, mean / 0.7) * (draw.random(len(matrix)) < 0.67)


def frozen(matrix: np.ndarray, euros: np.ndarray, *, link: str = "identity", factor: float = 1.1) -> Scorer:
    """A model of few trees, monotone in the number of ALD, floored at 0."""
    objective = "tweedie" if link == "log" else "regression"
    parameters = {
        "objective": objective, "num_leaves": 6, "verbosity": -1, "num_threads": 1, "learning_rate": 0.2,
        "min_data_in_leaf": 5, "monotone_constraints": [known.monotone for known in FEATURES],
    }  # fmt: skip
    data = lgb.Dataset(matrix, euros, feature_name=[known.name for known in FEATURES])
    booster = lgb.train(parameters, data, 8)
    card = Card(
        model="peps_mg", version=1, perimeter="MG", objective=objective, link=link, balance_factor=factor,
        floor_eur=0.0, features=FEATURES, model_sha256=sha256(booster.model_to_string().encode()),
        reference_rows=tuple(tuple(None if np.isnan(v) else float(v) for v in row) for row in matrix[:5])
        if link == "log"
        else (),
    )  # fmt: skip
    return Scorer(booster, card, "")
