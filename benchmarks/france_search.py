"""The peers by name with the settings each may draw, and the choice of settings on folds by patient."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.france_cases import Case, Sample
from benchmarks.france_peers import (
    Peer,
    Predictor,
    Problem,
    Settings,
    cart,
    catboost,
    cell_baseline,
    constrained_ols,
    ebm,
    forest,
    glm,
    lightgbm,
    nnls,
    ols,
    xgboost,
)
from benchmarks.france_scores import means_of
from training.baselines import age_sex_mean, grid, grid_cells
from training.episodes.target import normalised, stratum_factors

FOLDS = 3
CAPPED = "capped"

Draw = np.random.Generator


@dataclass(frozen=True)
class Budget:
    """Trials of each peer, most rows on which they are compared, seed and threads."""

    trials: int
    rows: int
    seed: int
    threads: int


@dataclass(frozen=True)
class Chosen:
    """The best settings of a peer, their score out of fold, and what they expect out of fold of the rows compared."""

    settings: dict[str, Any]
    score: float
    expected: np.ndarray


def chosen(peer: Peer, case: Case, budget: Budget, say: Callable[[str], None]) -> Chosen:
    """Settings with the best mean of R² and CPM out of fold, among the first ones and draws: `budget.trials` in all.

    Whether the target is capped is one of the settings, so that no peer is held to a cap that harms it.
    """
    some, folds = case.folds(budget.rows, folds=FOLDS, seed=budget.seed)
    found: list[Chosen] = []
    for number, settings in enumerate(trials(peer, budget, capped=case.cap_quantile is not None), start=1):
        say(f"trial {number}/{budget.trials}")
        expected = np.empty(len(some))
        for seen, unseen in folds:
            fitted = peer.fit(problem_of(case, some.at(seen), settings, budget), own(settings))
            expected[unseen] = fitted(some.known.iloc[unseen])
        found.append(Chosen(settings, score(case, some, expected), expected))
    return max(found, key=lambda one: one.score)


def trials(peer: Peer, budget: Budget, *, capped: bool) -> list[dict[str, Any]]:
    """Settings to compare; a peer with nothing to draw is tried with and without the cap."""
    generator = np.random.default_rng(budget.seed)
    caps = (True, False) if capped else (False,)
    if peer.draw is None:
        return [{**peer.first, CAPPED: cap} for cap in caps][: max(budget.trials, 1)]
    firsts = [{**peer.first, CAPPED: cap} for cap in caps]
    drawn = [
        {**peer.draw(generator), CAPPED: caps[int(generator.integers(len(caps)))]} for _ in range(budget.trials)
    ]  # fmt: skip
    return [*firsts, *drawn][: budget.trials]


def fitted_on_all(peer: Peer, case: Case, settings: Settings, budget: Budget) -> Predictor:
    """The peer fitted on all training rows with the settings chosen."""
    problem = problem_of(case, case.trained, settings, budget)
    return peer.fit(replace(problem, final=True), own(settings))


def own(settings: Settings) -> dict[str, Any]:
    """Settings of the peer itself, without the cap of what it learns."""
    return {name: value for name, value in settings.items() if name != CAPPED}


def problem_of(case: Case, rows: Sample, settings: Settings, budget: Budget) -> Problem:
    """What a fit sees of rows: the target is capped where the settings say so."""
    target = rows.target(case.cap_quantile if settings[CAPPED] else None)
    cells = cell_indicators(rows.known)
    return Problem(
        rows.known, target, rows.target(None), rows.weight, rows.patients, cells, budget.seed, budget.threads
    )


def score(case: Case, some: Sample, expected: np.ndarray) -> float:
    """(R² + CPM) / 2 out of fold, with the total (of each stratum) made right."""
    factors = stratum_factors(some.euros * some.weight, expected * some.weight, some.strata)
    right = normalised(expected, some.strata, factors)
    away = some.euros - means_of(some.euros, some.weight, some.strata)
    lost = some.euros - right
    r2 = 1 - some.weight @ lost**2 / (some.weight @ away**2)
    return float(r2 + 1 - some.weight @ np.abs(lost) / (some.weight @ np.abs(away))) / 2


def cell_indicators(known: pd.DataFrame) -> Callable[[pd.DataFrame], np.ndarray]:
    """What gives the indicators of the policy cells of the grid, one by one, at the levels seen in `known`."""
    seen = [np.unique(level) for level in grid_cells(known)]

    def indicators(frame: pd.DataFrame) -> np.ndarray:
        levels = zip(grid_cells(frame), seen, strict=True)
        return np.column_stack([level == value for level, values in levels for value in values]).astype(float)

    return indicators


def _log(generator: Draw, low: float, high: float) -> float:
    return float(np.exp(generator.uniform(np.log(low), np.log(high))))


def _lightgbm(objective: str) -> Peer:
    def draw(generator: Draw) -> dict[str, Any]:
        depth = int(generator.integers(2, 8))
        found = {
            "objective": objective,
            "learning_rate": _log(generator, 0.02, 0.15),
            "num_leaves": int(min(2**depth, 63)),
            "max_depth": depth,
            "min_data_in_leaf": int(_log(generator, 10, 400)),
            "lambda_l2": _log(generator, 0.1, 100),
            "feature_fraction": float(generator.uniform(0.2, 1.0)),
            "bagging_fraction": float(generator.uniform(0.5, 1.0)),
        }
        power = {"tweedie_variance_power": float(generator.uniform(1.1, 1.9))} if objective == "tweedie" else {}
        return found | power

    return Peer(lightgbm, {"objective": objective, "learning_rate": 0.05, "bagging_fraction": 0.8}, draw)


def _xgboost(generator: Draw) -> dict[str, Any]:
    law = {"objective": "reg:tweedie", "tweedie_variance_power": float(generator.uniform(1.1, 1.9))}
    return {
        **(law if generator.random() < 0.5 else {"objective": "reg:squarederror"}),
        "max_depth": int(generator.integers(2, 8)),
        "learning_rate": _log(generator, 0.02, 0.15),
        "min_child_weight": _log(generator, 3, 300),
        "reg_lambda": _log(generator, 0.1, 100),
        "subsample": float(generator.uniform(0.5, 1.0)),
        "colsample_bytree": float(generator.uniform(0.2, 1.0)),
    }


def _catboost(generator: Draw) -> dict[str, Any]:
    power = float(generator.uniform(1.1, 1.9))
    return {
        "loss_function": f"Tweedie:variance_power={power:.3f}" if generator.random() < 0.5 else "RMSE",
        "depth": int(generator.integers(3, 8)),
        "learning_rate": _log(generator, 0.03, 0.15),
        "l2_leaf_reg": _log(generator, 1, 100),
        "rsm": float(generator.uniform(0.3, 1.0)),
    }


def _glm(low: float, high: float) -> Callable[[Draw], dict[str, Any]]:
    return lambda generator: {"power": float(generator.uniform(low, high)), "alpha": _log(generator, 1e-5, 3.0)}


def _leaf(generator: Draw) -> dict[str, Any]:
    return {"leaf": int(_log(generator, 20, 1000))}


def _forest(generator: Draw) -> dict[str, Any]:
    return {"leaf": int(_log(generator, 5, 100)), "features": float(generator.uniform(0.1, 0.6))}


def _ebm(generator: Draw) -> dict[str, Any]:
    return {
        "interactions": int(generator.integers(0, 20)),
        "rate": _log(generator, 0.02, 0.1),
        "leaf": int(_log(generator, 4, 100)),
    }


PEERS: dict[str, Peer] = {
    "age × sex mean": Peer(cell_baseline(age_sex_mean), {}),
    "grid": Peer(cell_baseline(grid), {}),
    "OLS": Peer(ols, {}),
    "NNLS": Peer(nnls, {}),
    "constrained OLS": Peer(constrained_ols, {}),
    "Tweedie GLM": Peer(glm, {"power": 1.5, "alpha": 1e-3}, _glm(1.1, 1.9)),
    "gamma GLM": Peer(glm, {"power": 2.0, "alpha": 1e-3}, _glm(2.0, 2.0)),
    "CART": Peer(cart, {"leaf": 200}, _leaf),
    "random forest": Peer(forest, {"leaf": 20, "features": 0.33}, _forest),
    **{f"LightGBM {law}": _lightgbm(law) for law in ("regression", "poisson", "tweedie", "gamma")},
}
if importlib.util.find_spec("xgboost"):
    PEERS["XGBoost"] = Peer(
        xgboost,
        {"objective": "reg:tweedie", "learning_rate": 0.05, "max_depth": 4, "min_child_weight": 20},
        _xgboost,
    )
if importlib.util.find_spec("catboost"):
    PEERS["CatBoost"] = Peer(
        catboost,
        {"loss_function": "Tweedie:variance_power=1.5", "depth": 5, "learning_rate": 0.06},
        _catboost,
    )
if importlib.util.find_spec("interpret"):
    PEERS["EBM"] = Peer(ebm, {"interactions": 0, "rate": 0.04, "leaf": 20}, _ebm)
