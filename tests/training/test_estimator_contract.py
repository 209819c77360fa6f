"""The estimator keeps scikit-learn's contract."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from sklearn.utils.estimator_checks import estimator_checks_generator

from training import SpendingRegressor

OF_ARRAYS = "check_array_api_input"  # scipy is asked for it before it is imported, hence in a process of its own
ESTIMATORS = [SpendingRegressor(n_jobs=1), SpendingRegressor(objective="gamma", n_jobs=1)]
CHECKS = [
    (estimator, check)
    for one in ESTIMATORS
    for estimator, check in estimator_checks_generator(one)
    if check.func.__name__ != OF_ARRAYS
]
ARRAYS = f"""
from sklearn.utils.estimator_checks import {OF_ARRAYS}
from training import SpendingRegressor
for objective in ("blend", "gamma"):
    {OF_ARRAYS}("SpendingRegressor", SpendingRegressor(objective=objective, n_jobs=1), array_namespace="numpy")
"""


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@pytest.mark.parametrize(
    "estimator, check", CHECKS, ids=[f"{e.objective}-{c.func.__name__}-{n}" for n, (e, c) in enumerate(CHECKS)]
)
def test_scikit_learn_contract(estimator, check):
    """Every check that scikit-learn makes of an estimator holds; none is expected to fail."""
    check(estimator)


def test_scikit_learn_contract_of_arrays():
    """The check of the array API, where scipy speaks it."""
    environment = {**os.environ, "SCIPY_ARRAY_API": "1"}
    done = subprocess.run([sys.executable, "-c", ARRAYS], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
