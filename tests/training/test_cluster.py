"""Trees grown by a Dask cluster of two workers on this machine, beside those of one process."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from sklearn.base import clone

from features.scoring import load_scorer
from tests.training.made_up import RECIPE, write_year
from tests.training.test_columns import made_up_rows
from training import SpendingRegressor
from training.big.cluster import ClusterRegressor
from training.big.columns import compact
from training.freeze import card_of, freeze
from training.population import experiment_patients, load_columns
from training.train import estimator_of

distributed = pytest.importorskip("distributed", reason="Dask is absent: uv sync --extra dask")
NOISE = 0.02  # seeds of one process move R² here by 0.010, runs of a cluster by 0.013
TREES = {"objective": "tweedie", "n_estimators": 40, "learning_rate": 0.1, "cap_quantile": 0.999, "floor_eur": 0.0}


@pytest.fixture(scope="module")
def client() -> Iterator[object]:
    """Two workers, one thread each, without a dashboard."""
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def r2(y: np.ndarray, expected: np.ndarray) -> float:
    return float(1 - ((y - expected) ** 2).sum() / ((y - y.mean()) ** 2).sum())


def test_a_cluster_gives_the_same_quality(client):
    """On 8,000 rows unseen: R² as of one process (mean of three seeds) within noise; totals right on the rows seen."""
    names, matrix, y = made_up_rows(16_000, seed=3)
    table, unseen = compact(names, matrix[:8000]), compact(names, matrix[8000:])
    alone = SpendingRegressor(**TREES, balance_on=["x0", "x1"], n_jobs=2).fit(table, y[:8000])
    shared = ClusterRegressor(**TREES, balance_on=["x0", "x1"], n_jobs=2).on(client).fit(table, y[:8000])
    assert shared.predict(table).sum() == pytest.approx(y[:8000].sum(), rel=1e-9)
    seeds = [clone(alone).set_params(random_state=seed).fit(table, y[:8000]) for seed in range(3)]
    quality = np.mean([r2(y[8000:], model.predict(unseen)) for model in seeds])
    assert quality > 0.1
    assert abs(r2(y[8000:], shared.predict(unseen)) - quality) < NOISE
    assert shared.booster_.feature_name() == names
    assert shared.n_trees_ == alone.n_trees_ == 140


def test_a_cluster_grows_one_booster_only(client):
    """A blend, early stopping and a cluster that was not named are refused."""
    names, matrix, y = made_up_rows(300, seed=3)
    for model in (
        ClusterRegressor(objective="blend").on(client),
        ClusterRegressor(**TREES, early_stopping_rounds=5).on(client),
        ClusterRegressor(**TREES),
    ):
        with pytest.raises(ValueError, match="cluster"):
            model.fit(compact(names, matrix), y)


def test_a_booster_of_a_cluster_is_frozen_as_any_other(client, tmp_path):
    """Fitted on datasets read a batch at a time, frozen, loaded: the service's scorer expects the same euros."""
    for year in (2022, 2023):
        write_year(tmp_path / "data", year)
    recipe = replace(RECIPE, objective="tweedie")
    rows, _ = load_columns(tmp_path / "data", recipe, [2022], excluded=experiment_patients(tmp_path / "data"))
    asked = estimator_of(recipe, rows, seed=0).set_params(n_estimators=20).get_params()
    fitted = ClusterRegressor(**asked).on(client).fit(rows.given, rows.spent_eur, sample_weight=rows.exposure)
    card, is_new = freeze(
        tmp_path, card_of(recipe, fitted, years=(2022, 2023), seed=0), fitted.booster_.model_to_string()
    )
    scorer = load_scorer(tmp_path, card.model, card.version)
    assert is_new
    assert np.allclose(scorer.predict(rows.matrix), fitted.predict(rows.given), rtol=1e-12, atol=0)
    assert rows.exposure @ scorer.predict(rows.matrix) == pytest.approx(rows.total_eur, rel=1e-9)
