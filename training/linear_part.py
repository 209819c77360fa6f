"""Additive formulas by penalised Newton steps: least squares, a log link, a chance (logit); signs may be imposed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import csr_array

PENALTIES = (100000.0, 10000.0, 1000.0, 300.0, 100.0, 30.0, 10.0, 1.0)
PENALTY_FOLDS = 2
POWER = 1.5
SPAN = 4.0
STEPS, PATH_STEPS = 12, 3
NEAR = 5e-3
LEAST_CHANCE = 1e-4
PIVOTS = 25


@dataclass(frozen=True)
class Design:
    """Terms of rows: columns of numbers, then indicators of levels; `signs` (per column) is 0 where all is allowed."""

    numbers: np.ndarray
    levels: csr_array
    signs: np.ndarray

    def rows(self, chosen: np.ndarray) -> Design:
        """The design of some rows (mask or numbers)."""
        places = np.flatnonzero(chosen) if chosen.dtype == bool else chosen
        return replace(self, numbers=self.numbers[places], levels=self.levels[places])

    def score(self, found: np.ndarray) -> np.ndarray:
        """Intercept (first of `found`) and terms × coefficients."""
        width = self.numbers.shape[1] + 1
        return found[0] + self.numbers @ found[1:width] + self.levels @ found[width:]

    def step(self, mass: np.ndarray, target: np.ndarray, penalty: float) -> np.ndarray:
        """Coefficients, intercept first, of the least Σ mass × (target − score)² + penalty × mean mass × Σ c²."""
        root = np.sqrt(mass)[:, None]
        heavy = np.column_stack([np.ones(len(mass)), self.numbers]) * root
        gram, moment = heavy.T @ heavy, heavy.T @ (root[:, 0] * target)
        if self.levels.shape[1]:
            across = self.levels.T @ (heavy * root)
            among = (self.levels.T @ self.levels.multiply(mass[:, None]).tocsr()).toarray()
            gram = np.block([[gram, across.T], [across, among]])
            moment = np.concatenate([moment, self.levels.T @ (mass * target)])
        ridge = np.full(len(gram), penalty * mass.mean() + 1e-9)
        ridge[0] = 1e-12
        return _bounded(gram + np.diag(ridge), moment, np.append(0, self.signs))


Truth = tuple[np.ndarray, np.ndarray]
Fit = Callable[[Design, Truth, float, "np.ndarray | None", int], np.ndarray]


def least_squares(
    design: Design, truth: Truth, penalty: float, start: np.ndarray | None = None, steps: int = STEPS
) -> np.ndarray:
    """Intercept and coefficients of the penalised least squares; truth: target and weight of each row."""
    return design.step(truth[1], truth[0], penalty)


def log_formula(
    design: Design, truth: Truth, penalty: float, start: np.ndarray | None = None, steps: int = STEPS
) -> np.ndarray:
    """Intercept and coefficients on the log scale; variance as mean ** POWER. The step is bounded, so it settles."""
    return _log_newton(design, truth, penalty, (start, steps), POWER)


def gamma_formula(
    design: Design, truth: Truth, penalty: float, start: np.ndarray | None = None, steps: int = STEPS
) -> np.ndarray:
    """As `log_formula`, with the variance of a gamma law."""
    return _log_newton(design, truth, penalty, (start, steps), 2.0)


def chance_formula(
    design: Design, truth: Truth, penalty: float, start: np.ndarray | None = None, steps: int = STEPS
) -> np.ndarray:
    """Intercept and coefficients of the log odds that y (0 or 1) is 1."""
    y, weight = truth

    def work(score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        chance = np.clip(1 / (1 + np.exp(-score)), LEAST_CHANCE, 1 - LEAST_CHANCE)
        spread = chance * (1 - chance)
        return weight * spread, (y - chance) / spread

    return _newton(design, work, penalty, (start, steps))


def chosen_penalty(fit: Fit, design: Design, truth: Truth, *, folds: Sequence[np.ndarray], link: str) -> float:
    """Penalty of least loss out of fold: squared error, Tweedie deviance for a log link, log loss for a chance.

    From the strongest on, a few steps from the last one each: nearly settled is enough to compare them.
    """
    losses, (y, weight) = np.zeros(len(PENALTIES)), truth
    for held in folds[:PENALTY_FOLDS]:
        known, unseen, found = design.rows(~held), design.rows(held), None
        for place, penalty in enumerate(PENALTIES):
            found = fit(known, (y[~held], weight[~held]), penalty, found, PATH_STEPS if place else STEPS)
            losses[place] += float(weight[held] @ _loss(y[held], evaluate(found, unseen, link), link))
    return PENALTIES[int(np.argmin(losses))]


def evaluate(found: np.ndarray, design: Design, link: str) -> np.ndarray:
    """What the formula expects of rows."""
    score = design.score(found)
    if link == "logit":
        return np.asarray(1 / (1 + np.exp(-score)))
    return np.exp(np.minimum(score, 80.0)) if link == "log" else score


Begun = tuple["np.ndarray | None", int]  # where to start from, and the most steps


def _log_newton(design: Design, truth: Truth, penalty: float, begun: Begun, power: float) -> np.ndarray:
    (y, weight), (start, steps) = truth, begun
    mean = float(np.average(y, weights=weight))

    def work(score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        expected = np.exp(np.clip(score, -SPAN, SPAN))
        return weight * expected ** (2 - power), (y / mean - expected) / expected

    shift = np.zeros(1 + len(design.signs))
    shift[0] = np.log(mean)
    return shift + _newton(design, work, penalty, (None if start is None else start - shift, steps))


def _newton(
    design: Design, work: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]], penalty: float, begun: Begun
) -> np.ndarray:
    found = np.zeros(1 + len(design.signs)) if begun[0] is None else begun[0]
    for _ in range(begun[1]):
        score = np.clip(design.score(found), -SPAN, SPAN)
        mass, gap = work(score)
        step = design.step(mass, score + gap, penalty) - found
        largest = float(np.abs(design.score(step)).max())
        found = found + step * min(1.0, 2 / max(largest, 1e-9))
        if largest < NEAR:
            break
    return found


def _bounded(gram: np.ndarray, moment: np.ndarray, signs: np.ndarray) -> np.ndarray:
    """Least ½ c'Gc − m'c with sign × c ≥ 0 where a sign is given: columns that turn are held at 0, by pivots."""
    held = np.zeros(len(signs), dtype=bool)
    found = np.zeros(len(signs))
    for _ in range(PIVOTS):
        found = np.zeros(len(signs))
        found[~held] = np.linalg.solve(gram[np.ix_(~held, ~held)], moment[~held])
        turned = signs * found < 0
        freed = held & (signs * (moment - gram @ found) > 1e-9 * np.abs(moment).max())
        if not turned.any() and not freed.any():
            return found
        held = (held | turned) & ~freed if not turned.any() else held | turned
    return np.where(signs * found < 0, 0.0, found)


def _loss(y: np.ndarray, expected: np.ndarray, link: str) -> np.ndarray:
    if link == "identity":
        return (y - expected) ** 2
    if link == "logit":
        expected = np.clip(expected, LEAST_CHANCE, 1 - LEAST_CHANCE)
        return -(y * np.log(expected) + (1 - y) * np.log1p(-expected))
    return y * expected ** (1 - POWER) / (POWER - 1) + expected ** (2 - POWER) / (2 - POWER)
