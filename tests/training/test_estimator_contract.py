"""The estimator keeps scikit-learn's contract."""

from __future__ import annotations

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from training import SpendingRegressor


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@parametrize_with_checks([SpendingRegressor(n_jobs=1), SpendingRegressor(objective="gamma", n_jobs=1)])
def test_scikit_learn_contract(estimator, check):
    """Every check that scikit-learn makes of an estimator holds; none is expected to fail."""
    check(estimator)
