"""Codes added to patients and to episodes, pools and proof, by hand."""

from __future__ import annotations

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest

from features.catalogue import by_name
from features.episodes.catalogue import EPISODE_CATALOGUE
from training.estimator import SpendingRegressor
from training.evaluation.codes import CHARLSON_OF, added_codes, code_rows, is_code, pool_rows, with_code
from training.evaluation.monotone import Leaf, broken_by, monotone_rows
from training.tree_text import NEVER

EPISODE = {known.name: known for known in EPISODE_CATALOGUE}
CHARLSON = [name for name in EPISODE if name.startswith("charlson_")]


def test_pools_by_hand():
    """Four patients of 100 € each. Any code pays 40 € for ALD 8 (held by one), 10 € for diabetes of the cartographie.

    prevalence: odds 1/4 and 2/4. Who lacks both expects (40 × 1 + 10 × 2) / 3 = 20 €; the third lacks ALD 8 alone,
    40 €; the fourth lacks the cartographie's alone, 10 €. chronic: ALD 8 only, for the three who lack it. targeted:
    the better of both: 40, 40, 40 and 10 €.
    """
    names = ["ald_08", "carto_fdiabet_ind"]
    features = [by_name()[name] for name in names]
    rows = np.array([[0.0, 0], [0, 0], [0, 1], [1, 1]])
    rows[3, 1] = 0  # the fourth has ALD 8 alone
    rows[1] = [0, 1]  # the second is as the third
    added = added_codes(lambda m: 100 + m @ np.array([40.0, 10]), rows, features, np.ones(4))  # type: ignore[arg-type]
    best, second = code_rows(added, features)  # type: ignore[arg-type]
    assert (best.code, best.eur_per_code, best.prevalence) == ("ald_08", 40, 0.25)
    assert (second.code, second.eur_per_code, second.prevalence) == ("carto_fdiabet_ind", 10, 0.5)
    pools = {row.pool: row for row in pool_rows(added, 115.0)}
    assert set(pools) == {"prevalence", "chronic", "targeted"}
    assert pools["prevalence"].eur_per_code == pytest.approx((20 + 40 + 40 + 10) / 4)
    assert pools["chronic"].eur_per_code == pytest.approx(40)
    assert pools["targeted"].eur_per_code == pytest.approx((40 + 40 + 40 + 10) / 4)
    assert [pools[name].codes for name in pools] == [2, 1, 2]
    assert pools["targeted"].share == 0.1 and pools["targeted"].growth == pytest.approx(0.1 * 32.5 / 115)


def test_lowering_additions_are_counted_by_weight():
    """A code that takes 5 € from a patient of weight 3 and gives 5 € to one of weight 1: 3/4 of additions lower."""
    features = [by_name()["ald_08"], by_name()["age"]]
    rows = np.array([[0.0, 80], [0, 30]])
    predict = lambda m: 100 + m[:, 0] * np.where(m[:, 1] > 50, -5.0, 5.0)  # noqa: E731
    (row,) = code_rows(added_codes(predict, rows, features, np.array([3.0, 1])), features)  # type: ignore[arg-type]
    assert (row.lowering_share, row.eur_per_code) == (0.75, (3 * -5 + 5) / 4)


def test_a_condition_of_an_episode_brings_its_charlson_flag_and_score():
    """Heart failure added to nobody's illness: charlson_chf and one point; severe obesity is obesity of 35 and more."""
    names = ["heart_failure", "obesity", "obesity_35", "severe_obesity", *CHARLSON]
    none = np.zeros((1, len(names)))
    ill = dict(zip(names, with_code(none, names, "heart_failure")[0], strict=True))
    assert {name for name, value in ill.items() if value} == {"heart_failure", "charlson_chf", "charlson_score"}
    assert ill["charlson_score"] == 1
    large = dict(zip(names, with_code(none, names, "severe_obesity")[0], strict=True))
    assert {name for name, value in large.items() if value} == {"obesity", "obesity_35", "severe_obesity"}


def test_codes_of_episodes():
    """Conditions and Charlson's flags are codes; age, rights, prior stays and the score are none."""
    codes = {known.name for known in EPISODE_CATALOGUE if is_code(known.name, known.kind)}
    assert {"obesity", "malnutrition", "lives_alone", "charlson_chf"} <= codes
    assert not codes & {"charlson_score", "is_woman", "c2s_free", "prior_ssr", "ald_count", "lives_in_ems"}
    assert set(CHARLSON_OF) <= codes and {f"charlson_{flag}" for flag in CHARLSON_OF.values()} <= codes


def test_the_establishment_codes_its_own_stay():
    """Obesity (30 €) may be coded at the index stay, heart failure (90 €) only looked back for: the pool holds one."""
    features = [EPISODE["obesity"], EPISODE["heart_failure"]]
    rows = np.array([[0.0, 0], [1, 0], [0, 1]])
    added = added_codes(lambda m: 9000 + m @ np.array([30.0, 90]), rows, features, np.ones(3))  # type: ignore[arg-type]
    pools = {row.pool: row for row in pool_rows(added, 9000.0)}
    assert set(pools) == {"prevalence", "index_stay", "targeted"}
    assert (pools["index_stay"].codes, pools["index_stay"].eur_per_code) == (1, pytest.approx(30))


def test_pairs_of_leaves_are_counted_one_by_one():
    """A stump on feature 0: one pair. Up 5 € is kept by +1 and broken by 5 € under −1; feature 1 parts no leaf."""
    matrix = np.column_stack([np.repeat([0.0, 1.0], 50), np.zeros(100)])
    data = lgb.Dataset(matrix, np.repeat([10.0, 15.0], 50))
    booster = lgb.train(
        {"num_leaves": 2, "learning_rate": 1.0, "min_data_in_leaf": 1, "verbosity": -1}, data, num_boost_round=1
    )
    kept, none = monotone_rows(booster, ["a", "b"], {"a": 1, "b": 1}, labels={"a": ("un", "one")})
    assert (kept.label_fr, kept.label_en, kept.direction, kept.trees) == ("un", "one", 1, 1)
    assert (kept.pairs, kept.broken, kept.worst_eur) == (1, 0, 0.0)
    assert (none.feature, none.label_fr, none.trees, none.pairs, none.broken) == ("b", "b", 0, 0, 0)
    (broken,) = monotone_rows(booster, ["a", "b"], {"a": -1}, labels={})
    assert (broken.pairs, broken.broken, broken.worst_eur) == (1, 1, pytest.approx(5.0))


def test_a_leaf_of_missing_values_is_not_the_highest():
    """A staircase 10, 20 € whose missing value counts 5 €: one pair, kept; the missing leaf stands beside the order."""
    low, high = Leaf(10.0, {0: (-np.inf, 1.0, False)}), Leaf(20.0, {0: (1.0, NEVER, False)})
    missing = Leaf(5.0, {0: (NEVER, np.inf, True)})
    assert broken_by([low, high, missing], 0, +1) == [0.0]
    # two leaves of feature 1 are only compared for who can reach both: not the missing of feature 0 and the others
    first, second = (Leaf(value, {0: box, 1: side}) for value, box, side in (
        (9.0, (NEVER, np.inf, True), (-np.inf, 1.0, True)), (3.0, (-np.inf, NEVER, False), (1.0, np.inf, False)),
    ))  # fmt: skip
    assert broken_by([first, second], 1, +1) == []


@pytest.mark.parametrize("objective", ["regression", "blend"])
def test_proof_of_the_estimators_that_pay(objective: str):
    """Formula and trees of a blend are proved as plain trees are; raising the feature shows the same."""
    generator = np.random.default_rng(0)
    known = pd.DataFrame({"age": generator.integers(0, 100, 1500).astype(float), "ald": generator.poisson(0.5, 1500)})
    spent = generator.gamma(1.2, (40 + known["age"] + 100 * known["ald"]) / 1.2) * (generator.random(1500) > 0.2)
    fitted = SpendingRegressor(objective=objective, n_estimators=20, monotone={"ald": 1}, n_jobs=1)
    fitted.fit(known, spent)
    (row,) = monotone_rows(fitted.booster_, list(known), {"ald": 1}, labels={})
    assert row.pairs > 0 and (row.broken, row.worst_eur) == (0, 0.0)
    raised = [fitted.predict(known.assign(ald=count)) for count in range(6)]
    assert (np.diff(raised, axis=0) >= -1e-9).all()
