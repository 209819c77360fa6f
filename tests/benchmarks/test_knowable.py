"""What can be known of a made-up country: the truth leads, trees taught it come near."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmarks.knowable import country_of, measured
from features.engine import dataset_path
from tests.training.made_up import RECIPE, write_year


@pytest.fixture(scope="module")
def country(tmp_path_factory):
    data = tmp_path_factory.mktemp("country")
    write_year(data, 2023, patients=4_000, seed=3)
    known = pd.read_parquet(dataset_path(data, "feature_table", 2023))
    mean = 40 + 0.8 * known["age"] + 30 * known["carto_count"] + 120 * known["ald_08"] + 20 * known["c2s_free"]
    truth = pd.DataFrame({"patient_id": known["patient_id"], "year": 2023, "expected_mg_eur": 0.85 * mean})
    (data / "oracle").mkdir()
    truth.to_parquet(data / "oracle" / "expected.parquet")
    return country_of(data, RECIPE, 2023, 1_000, seed=0)


def test_who_tests_does_not_train(country):
    """A thousand test, the others may train, nobody both; the truth is that of the row's patient."""
    assert len(country.tested) == 1_000
    assert not np.intersect1d(country.tested, country.others).size
    age, count, diabetes, free = (
        country.rows.matrix[:, country.rows.names.index(name)] for name in ("age", "carto_count", "ald_08", "c2s_free")
    )
    assert country.truth == pytest.approx(0.85 * (40 + 0.8 * age + 30 * count + 120 * diabetes + 20 * free))


def test_the_truth_bounds_who_is_taught_it(country):
    """Trees taught the truth reach nearly all of it; our recipe learns from spending, and reaches less."""
    oracle, ours, taught = measured(RECIPE, country, [2_000], seed=0)
    assert (oracle["who"], oracle["share_of_oracle"]) == ("oracle", 1.0)
    assert 0.95 < taught["share_of_oracle"] < 1.01
    assert 0.5 < ours["share_of_oracle"] < taught["share_of_oracle"] + 0.02
    assert ours["patients"] == taught["patients"] == 2_000
