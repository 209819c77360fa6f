"""Reliability and Murphy diagrams, and the decomposition of squared error, by the library model-diagnostics."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure as Canvas

from training.balance import weighted_quantile
from training.evaluate import Observed
from training.evaluation.record import Curve, Diagrams

MOST_ROWS = 200_000
THRESHOLDS = 60
HIGHEST_SHARE = 0.995
POINTS = 200


def diagrams_of(observed: Observed, expected: Mapping[str, np.ndarray], *, seed: int = 0) -> Diagrams:
    """Diagrams of the models, the first of which is decomposed; at most 200,000 rows, drawn by the seed.

    Reliability: isotonic mean of spending by expectation (Dimitriadis, Gneiting, Jordan 2021). Murphy: mean elementary
    score at each threshold of euros; the lower curve everywhere is better under every consistent score (Ehm et al.
    2016). Mean squared error = miscalibration − discrimination + uncertainty.
    """
    rows = _sample(len(observed.spent_eur), seed)
    y, w = observed.spent_eur[rows], observed.exposure[rows]
    shown = {name: values[rows] for name, values in expected.items()}
    first = next(iter(shown))
    parts = _decomposed(y, shown[first], w)
    return Diagrams(reliability=_reliability(first, y, shown[first], w), murphy=_murphy(y, shown, w), **parts)


def _reliability(name: str, y: np.ndarray, expected: np.ndarray, w: np.ndarray) -> Curve:
    from model_diagnostics.calibration import plot_reliability_diagram

    if np.ptp(expected) == 0:
        return Curve(name=name, x=(float(expected[0]),), y=(float(np.average(y, weights=w)),))
    axes = Canvas().subplots()
    plot_reliability_diagram(y, expected, weights=w, ax=axes)
    return _curve(name, np.asarray(axes.lines[-1].get_xydata(), dtype=float))


def _murphy(y: np.ndarray, expected: Mapping[str, np.ndarray], w: np.ndarray) -> tuple[Curve, ...]:
    from model_diagnostics.scoring import plot_murphy_diagram

    highest = max(weighted_quantile(values, w, HIGHEST_SHARE) for values in expected.values())
    thresholds = np.linspace(0, highest, THRESHOLDS) if highest > 0 else np.zeros(1)
    curves = []
    for name, values in expected.items():
        axes = Canvas().subplots()
        plot_murphy_diagram(y, values, weights=w, etas=thresholds, ax=axes)
        curves.append(_curve(name, np.asarray(axes.lines[-1].get_xydata(), dtype=float)))
    return tuple(curves)


def _decomposed(y: np.ndarray, expected: np.ndarray, w: np.ndarray) -> dict[str, float]:
    from model_diagnostics.scoring import SquaredError, decompose

    parts = decompose(y, expected, weights=w, scoring_function=SquaredError())
    return {name: float(parts[name][0]) for name in ("miscalibration", "discrimination", "uncertainty")}


def _curve(name: str, points: np.ndarray) -> Curve:
    """At most 200 points of a line, its ends among them."""
    kept = points[np.unique(np.linspace(0, len(points) - 1, min(POINTS, len(points))).round().astype(int))]
    return Curve(name=name, x=tuple(kept[:, 0].tolist()), y=tuple(kept[:, 1].tolist()))


def _sample(rows: int, seed: int) -> np.ndarray:
    if rows <= MOST_ROWS:
        return np.arange(rows)
    return np.sort(np.random.default_rng(seed).choice(rows, MOST_ROWS, replace=False))
