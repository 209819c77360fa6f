"""Models of episodes: what may be learnt from, how costs are cut and normalised, that no episode prices itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.errors import InputError
from features.feature import Feature
from tests.training.episodes_made import write_episodes
from training import SpendingRegressor
from training.episodes import EPISODE_RECIPES, train_episodes
from training.episodes.baselines import gamma_glm, mean_cost
from training.episodes.evaluate import calibration_slope, groups_of, r2_within, size_names
from training.episodes.folds import boosted, cross_fitted, folds_by, staged
from training.episodes.population import Episodes, load_episodes
from training.episodes.target import drawn_factors, levelled, normalised, stratum_factors, trimmed

RECIPE = EPISODE_RECIPES["eds_pth"]
QUICK = {"n_estimators": 30, "max_depth": 2, "num_leaves": 4, "n_jobs": 1, "floor_eur": 1.0}


@pytest.fixture(scope="module")
def episodes(tmp_path_factory) -> Episodes:
    """About 250 made-up hips of one year."""
    data = tmp_path_factory.mktemp("hips")
    write_episodes(data, 2022, {"pth": 280})
    return load_episodes(data, RECIPE, [2022])[0]


@pytest.mark.parametrize(
    "planted", ["ghm_level", "los", "exit_mode", "destination", "approach", "provider_id", "sector", "establishment_id"]
)
def test_what_the_stay_decides_is_refused_before_fitting(planted, tmp_path):
    """Planting a GHM level, length of stay, exit mode, approach or provider raises, before any data is read."""
    feature = Feature(planted, "x", "x", "1", "admission", "x", "comorbidity")
    recipe = replace(RECIPE, features=(*RECIPE.features, feature))
    with pytest.raises(InputError, match=f"feature {planted} may not describe an episode"):
        train_episodes(tmp_path, "eds_pth", 2023, root=tmp_path, recipe=recipe)


def test_a_feature_out_of_the_catalogue_is_refused(tmp_path):
    """What is not in the catalogue may not be known at admission."""
    feature = Feature("blood_pressure", "x", "x", "1", "admission", "x", "comorbidity")
    with pytest.raises(InputError, match="blood_pressure is not in the catalogue"):
        load_episodes(tmp_path, replace(RECIPE, features=(feature,)), [2022])


def test_costs_are_cut_at_both_percentiles_of_their_group():
    """0, 100, … 10,000 (101 costs): P1 is 100, P99 is 9,900. Another group is cut at its own; equal costs stay."""
    costs = np.concatenate([np.arange(101) * 100.0, [50.0, 50.0]])
    groups = np.array(["public 2022"] * 101 + ["private 2022"] * 2, dtype=object)
    cut = trimmed(costs, groups)
    assert (cut[0], cut[1], cut[99], cut[100]) == (100.0, 100.0, 9_900.0, 9_900.0)
    assert (cut[1:100] == costs[1:100]).all()
    assert cut[101:].tolist() == [50.0, 50.0]


def test_normalisation_by_hand():
    """Public: 30,000 observed over 24,000 expected, N = 1.25; private 16,000 over 20,000, N = 0.8."""
    cost = np.array([10_000.0, 20_000.0, 6_000.0, 10_000.0])
    expected = np.array([12_000.0, 12_000.0, 8_000.0, 12_000.0])
    strata = np.array(["public", "public", "private", "private"], dtype=object)
    factors = stratum_factors(cost, expected, strata)
    assert factors == {"private": 0.8, "public": 1.25}
    assert normalised(expected, strata, factors).tolist() == [15_000.0, 15_000.0, 6_400.0, 9_600.0]
    with pytest.raises(InputError, match="no past episode of stratum public"):
        normalised(expected, strata, {"private": 0.8})


def test_costs_are_learnt_at_one_level_between_sectors():
    """Means 15,000 and 5,000 around 10,000: public costs × 2/3, private × 2; the total stays."""
    cost = np.array([10_000.0, 20_000.0, 4_000.0, 6_000.0])
    strata = np.array(["public", "public", "private", "private"], dtype=object)
    level = levelled(cost, strata)
    assert level == pytest.approx([20_000 / 3, 40_000 / 3, 8_000.0, 12_000.0])
    assert level.sum() == pytest.approx(cost.sum())
    assert levelled(np.zeros(2), np.array(["a", "b"])).tolist() == [0.0, 0.0]


def test_the_level_of_an_establishment_is_drawn_to_one():
    """One episode of 20,000 where 10,000 was expected, mean 10,000: (20,000 + 100,000) / (10,000 + 100,000)."""
    cost, expected = np.array([20_000.0, 0.0]), np.array([10_000.0, 10_000.0])
    assert drawn_factors(cost, expected, np.array(["H1", "H2"]))[0] == pytest.approx(120 / 110)


def test_r2_counts_from_the_mean_of_the_stratum():
    """The stratum means explain nothing (0), the costs themselves everything (1), whatever lies between strata."""
    cost = np.array([8.0, 12.0, 100.0, 104.0])
    strata = np.array(["a", "a", "b", "b"], dtype=object)
    assert r2_within(cost, np.array([10.0, 10.0, 102.0, 102.0]), strata) == 0.0
    assert r2_within(cost, cost, strata) == 1.0
    # errors 1, 1, 2, 2: lost 10 of 4 × 2² = 16
    assert r2_within(cost, np.array([9.0, 11.0, 102.0, 102.0]), strata) == 1 - 10 / 16
    assert calibration_slope(cost, np.array([9.0, 11.0, 101.0, 103.0]), strata) == 2.0


def test_no_episode_is_priced_by_a_model_that_saw_its_patient(episodes):
    """A hundredfold cost leaves every expectation of its own fold as it was, for each model."""
    fold = folds_by(episodes.rows.patients, seed=0)
    place = int(np.argsort(episodes.cost_eur)[len(episodes) // 2])
    other = episodes.cost_eur.copy()
    other[place] *= 100
    changed, own = episodes.with_cost(other), fold == fold[place]
    settings = SpendingRegressor(objective="gamma", **QUICK)
    for fit in (boosted(settings), gamma_glm(1.0, ["fdep_quintile"]), mean_cost):
        before, after = (cross_fitted(fit, rows, fold) for rows in (episodes, changed))
        assert (before[own] == after[own]).all()
        assert (before[~own] != after[~own]).any()
    before, after = (staged(settings, rows, fold) for rows in (episodes, changed))
    assert (before[:, own] == after[:, own]).all()


def test_folds_keep_patients_and_establishments_whole(episodes):
    """All episodes of a patient fall in one fold; in the second evaluation, all those of an establishment."""
    for groups in (episodes.rows.patients, episodes.establishments):
        fold = folds_by(groups, seed=0)
        assert (pd.Series(fold).groupby(groups).nunique() == 1).all()
        assert sorted(set(fold)) == [0, 1, 2, 3, 4]


def test_the_stages_end_where_the_fit_ends(episodes):
    """The last stage of the folds is what an estimator with as many trees expects (its floor apart)."""
    fold = folds_by(episodes.rows.patients, seed=0)
    for objective in ("gamma", "regression"):
        settings = SpendingRegressor(objective=objective, **QUICK)
        whole = cross_fitted(boosted(settings), episodes, fold)
        assert staged(settings, episodes, fold)[-1] == pytest.approx(whole)


def test_one_more_illness_never_lowers_the_expectation(episodes):
    """Illnesses and past stays are monotone; the place of the cancer and chemotherapy are not illnesses more."""
    directions = {known.name: known.monotone for known in RECIPE.features}
    assert directions["charlson_score"] == directions["ald_count"] == directions["malnutrition"] == 1
    assert directions["cancer_left_colon"] == directions["prior_chemotherapy"] == directions["age"] == 0
    monotone = {name: sign for name, sign in directions.items() if sign}
    model = SpendingRegressor(objective="gamma", monotone=monotone, **QUICK)
    model.fit(episodes.rows.frame(), episodes.cost_eur)
    frame = episodes.rows.frame().head(30)
    path = np.array([model.predict(frame.assign(charlson_score=float(score))) for score in range(8)])
    assert (np.diff(path, axis=0) >= -1e-9).all()


@given(st.integers(0, 50), st.floats(0.05, 1.0))
def test_factors_bring_any_expectation_to_the_cost_of_each_stratum(seed, scale):
    """Σ normalised = Σ cost in every stratum, whatever was expected."""
    generator = np.random.default_rng(seed)
    strata = generator.choice(["public", "private"], 40).astype(object)
    cost, expected = generator.gamma(4, 2_000, 40), scale * generator.gamma(4, 2_000, 40)
    level = normalised(expected, strata, stratum_factors(cost, expected, strata))
    for name in set(strata):
        assert level[strata == name].sum() == pytest.approx(cost[strata == name].sum())


def test_groups_of_the_fairness_table(episodes):
    """Age, FDep, C2S, living alone, Charlson, sector, size: the fifth quintile is not the missing one."""
    groups = groups_of(episodes, episodes.cost_eur)
    assert set(groups) == {"decile", "age_85", "fdep_q5", "lives_alone", "charlson_5", "c2s", "sector", "size"}
    rank = episodes.rows.frame()["fdep_quintile"].to_numpy()
    assert ((groups["fdep_q5"] == "FDep Q5") == (rank == 4)).all()
    houses = np.array(["A"] * 30 + ["B"] * 31 + ["C"] * 100)
    assert pd.unique(size_names(houses)).tolist() == [
        "under 31 episodes", "31 to 99 episodes", "100 episodes or more"
    ]  # fmt: skip
