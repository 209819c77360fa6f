"""Additive formulas: penalised least squares, and a log link with the variance of a Tweedie law, both by Newton."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

PENALTIES = (1.0, 10.0, 100.0, 1000.0, 10000.0, 100000.0)
POWER = 1.5
SPAN = 4.0

Fit = Callable[[np.ndarray, np.ndarray, np.ndarray, float], np.ndarray]


def least_squares(design: np.ndarray, y: np.ndarray, weight: np.ndarray, penalty: float) -> np.ndarray:
    """Intercept and coefficients of the penalised least squares."""
    full = np.column_stack([np.ones(len(y)), design])
    return _solved(full, weight, y, penalty)


def log_formula(design: np.ndarray, y: np.ndarray, weight: np.ndarray, penalty: float) -> np.ndarray:
    """Intercept and coefficients on the log scale; variance as mean ** POWER. The step is bounded, so it settles."""
    full = np.column_stack([np.ones(len(y)), design])
    mean = float(np.average(y, weights=weight))
    found = np.zeros(full.shape[1])
    for _ in range(12):
        score = np.clip(full @ found, -SPAN, SPAN)
        expected = np.exp(score)
        mass = weight * expected ** (2 - POWER)
        step = _solved(full, mass, score + (y / mean - expected) / expected, penalty) - found
        largest = float(np.abs(full @ step).max())
        found = found + step * min(1.0, 2 / max(largest, 1e-9))
        if largest < 1e-3:
            break
    found[0] += np.log(mean)
    return found


def chosen_penalty(
    fit: Fit, design: np.ndarray, y: np.ndarray, weight: np.ndarray, *, folds: Sequence[np.ndarray], link: str
) -> float:
    """Penalty of least loss out of fold: squared error, or Tweedie deviance for a log link."""
    losses = []
    for penalty in PENALTIES:
        loss = 0.0
        for held in folds:
            found = fit(design[~held], y[~held], weight[~held], penalty)
            expected = evaluate(found, design[held], link)
            loss += float(weight[held] @ _loss(y[held], expected, link))
        losses.append(loss)
    return PENALTIES[int(np.argmin(losses))]


def evaluate(found: np.ndarray, design: np.ndarray, link: str) -> np.ndarray:
    """What the formula expects of rows."""
    score = found[0] + design @ found[1:]
    return np.exp(np.minimum(score, 80.0)) if link == "log" else score


def _loss(y: np.ndarray, expected: np.ndarray, link: str) -> np.ndarray:
    if link == "identity":
        return (y - expected) ** 2
    return y * expected ** (1 - POWER) / (POWER - 1) + expected ** (2 - POWER) / (2 - POWER)


def _solved(full: np.ndarray, mass: np.ndarray, target: np.ndarray, penalty: float) -> np.ndarray:
    gram = (full * mass[:, None]).T @ full
    ridge = np.full(len(gram), penalty * mass.mean() + 1e-9)
    ridge[0] = 0.0
    return np.linalg.solve(gram + np.diag(ridge) + 1e-12 * np.eye(len(gram)), full.T @ (mass * target))
