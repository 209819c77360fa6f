"""The baselines: what they compute on small tables, and totals brought to the same sum."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from tests.training.made_up import made_up_features, made_up_spending
from training.baselines import BASELINES, PRIOR_PATIENTS, age_sex_mean, fit_baseline, grid, ols, tweedie_glm

NAMES = ["age", "is_woman", "ald_count", "c2s_free", "carto_count"]


@pytest.fixture(scope="module")
def table() -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    known = made_up_features(1200, 2023)
    spent = made_up_spending(known)
    exposure = spent["exposure_share"].to_numpy()
    return known[NAMES].astype(float), spent["spent_mg_eur"].to_numpy() / exposure, exposure


def test_means_are_drawn_to_their_parents():
    """60 women at 200 and 60 men at 100, all of one age: each sex is drawn from 150 by 30 patients."""
    known = pd.DataFrame({"age": np.full(120, 40.0), "is_woman": np.repeat([1.0, 0.0], 60)})
    expected = age_sex_mean(known, np.repeat([200.0, 100.0], 60), np.ones(120))(known)
    women = (60 * 200 + PRIOR_PATIENTS * 150) / (60 + PRIOR_PATIENTS)
    again = (60 * 200 + PRIOR_PATIENTS * women) / (60 + PRIOR_PATIENTS)
    assert expected[0] == pytest.approx(again)
    assert expected[0] + expected[-1] == pytest.approx(300)


def test_an_empty_cell_takes_its_parents_mean(table):
    """Nobody has C2S and 40 comorbidities at 100 years in training: the cell above answers."""
    known, spent, weight = table
    seen = (known["age"] < 90) | (known["c2s_free"] == 0)
    predict = grid(known[seen], spent[seen], weight[seen])
    old = pd.DataFrame([[95, 1, 0, 0, 0], [95, 1, 0, 1, 0]], columns=NAMES, dtype=float)
    assert np.isfinite(predict(old)).all()
    assert predict(old)[1] == pytest.approx(predict(old)[0], rel=0.35)


def test_ols_is_least_squares(table):
    """The same coefficients as scikit-learn's on the plain table; a category enters as indicators."""
    known, spent, weight = table
    direct = LinearRegression().fit(known, spent, sample_weight=weight).predict(known)
    assert ols(known, spent, weight)(known) == pytest.approx(direct)
    ranked = known.assign(fdep_quintile=np.arange(len(known)) % 3).astype({"fdep_quintile": "category"})
    raised = spent + 500 * (ranked["fdep_quintile"] == 1)
    expected = ols(ranked, raised, weight)(ranked)
    middle = (ranked["fdep_quintile"] == 1).to_numpy()
    assert expected[middle].mean() - expected[~middle].mean() == pytest.approx(500, abs=30)


def test_glm_does_not_extrapolate_without_bound(table):
    """Beyond the highest linear predictor of training, the expectation is held."""
    known, spent, weight = table
    predict = tweedie_glm(known, spent, weight)
    beyond = known.head(1).assign(carto_count=1000.0)
    assert predict(beyond)[0] <= predict(known).max()


@pytest.mark.parametrize("name", BASELINES)
def test_every_baseline_is_brought_to_the_uncapped_total(table, name):
    """Fitted on capped spending, its weighted sum is that of the uncapped."""
    known, spent, weight = table
    expected = fit_baseline(BASELINES[name], known, spent, weight, cap=200.0)(known)
    assert weight @ expected == pytest.approx(weight @ spent)
