"""From characteristics and spending to a frozen model version."""

from training.estimator import SpendingRegressor

__all__ = ["SpendingRegressor"]
