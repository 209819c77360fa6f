"""How well expected spending fits: R², CPM, MAE, bias, and what each group is paid, weighted by exposure.

R² and CPM say nothing of selection incentives (van de Ven & van Kleef 2024): read the ratios by group first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.metrics import mean_absolute_error, r2_score

from training.balance import weighted_quantile
from training.bootstrap import Bootstrap, bootstrap_of, interval

SMALLEST_CELL = 11  # no published cell under 11 people (SNDS disclosure rule)
AGE_EDGES = (16, 30, 45, 60, 70, 80)
AGE_BANDS = np.array(["00-15", "16-29", "30-44", "45-59", "60-69", "70-79", "80+"])


@dataclass(frozen=True)
class Observed:
    """What was spent: annualised euros, exposure (weight), patient of each row, and the cap with its training share.

    `capped_share` is Σ capped / Σ uncapped spending in training: it brings any balanced prediction to the total
    of capped spending, so that the capped R² of two models compares like with like.
    """

    spent_eur: np.ndarray
    exposure: np.ndarray
    patients: np.ndarray
    cap_eur: float
    capped_share: float


def fit_metrics(observed: Observed, expected: np.ndarray) -> dict[str, float]:
    """R² (uncapped, capped), CPM, MAE, mean bias, total ratio and shares of negative and zero expectations.

    CPM (Cumming) = 1 − Σ|observed − expected| / Σ|observed − mean|.
    """
    y, weight = observed.spent_eur, observed.exposure
    mean = np.average(y, weights=weight)
    mae = mean_absolute_error(y, expected, sample_weight=weight)
    spread = mean_absolute_error(y, np.full_like(y, mean), sample_weight=weight)
    capped = np.minimum(y, observed.cap_eur)
    return {
        "r2": float(r2_score(y, expected, sample_weight=weight)),
        "r2_capped": float(r2_score(capped, expected * observed.capped_share, sample_weight=weight)),
        "cpm": float(1 - mae / spread) if spread else float("nan"),
        "mae_eur": float(mae),
        "mean_bias_eur": float(np.average(expected - y, weights=weight)),
        "total_ratio": float(weight @ expected / (weight @ y)),
        "negative_share": float(np.average(expected < 0, weights=weight)),
        "zero_share": float(np.average(expected == 0, weights=weight)),
    }


def fit_table(observed: Observed, expected: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """One row of `fit_metrics` per model, in the order given."""
    rows = [{"model": name, **fit_metrics(observed, values)} for name, values in expected.items()]
    return pd.DataFrame(rows)


def r2_differences(observed: Observed, expected: Mapping[str, np.ndarray], *, seed: int = 0) -> pd.DataFrame:
    """R² of the first model minus that of each other, with 95 % intervals of a paired bootstrap by patient."""
    draws = bootstrap_of(observed.patients, seed=seed)
    drawn = {name: _drawn_r2(draws, observed, values) for name, values in expected.items()}
    point = {name: fit_metrics(observed, values)["r2"] for name, values in expected.items()}
    return paired_differences(point, drawn)


def paired_differences(point: Mapping[str, float], drawn: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """R² of the first model minus that of each other, with the 95 % interval of the same draws of both.

    Columns: baseline, r2_difference, low, high.
    """
    first, *others = point
    rows = []
    for other in others:
        low, high = interval(drawn[first] - drawn[other])
        difference = point[first] - point[other]
        rows.append({"baseline": other, "r2_difference": difference, "low": float(low), "high": float(high)})
    return pd.DataFrame(rows, columns=["baseline", "r2_difference", "low", "high"])


def ratio_table(
    observed: Observed, expected: np.ndarray, groups: Mapping[str, np.ndarray], *, seed: int = 0
) -> pd.DataFrame:
    """Expected over observed euros of each level of each grouping, with 95 % intervals of a bootstrap by patient.

    Columns: group, level, patients, observed_eur and expected_eur (means for a full year), net_eur (expected −
    observed), ratio, low, high. Levels of fewer than 11 patients are left out.
    """
    draws = bootstrap_of(observed.patients, seed=seed)
    tables = [_ratios(observed, expected, name, labels, draws) for name, labels in groups.items()]
    return pd.concat(tables, ignore_index=True)


def groups_of(known: pd.DataFrame, expected: np.ndarray, exposure: np.ndarray) -> dict[str, np.ndarray]:
    """Groupings that every report shows: decile of expectation, age × sex, ALD, C2S (of encoded features)."""
    groups = {"decile": deciles(expected, exposure)}
    if {"age", "is_woman"} <= set(known):
        groups["age_sex"] = _age_sex(known["age"].to_numpy(float), known["is_woman"].to_numpy(float))
    if "ald_count" in known:
        groups["ald"] = np.where(known["ald_count"].to_numpy(float) > 0, "ALD", "no ALD")
    rights = [name for name in ("c2s_free", "c2s_participative", "c2s_unknown") if name in known]
    if rights:
        groups["c2s"] = np.where((known[rights].to_numpy(float) == 1).any(axis=1), "C2S", "no C2S")
    return groups


def deciles(expected: np.ndarray, exposure: np.ndarray) -> np.ndarray:
    """Decile of each expectation ("01" lowest to "10"), each holding a tenth of the exposure; ties stay together."""
    edges = [weighted_quantile(expected, exposure, share / 10) for share in range(1, 10)]
    return np.array([f"{number:02d}" for number in range(1, 11)])[np.searchsorted(edges, expected)]


def _drawn_r2(draws: Bootstrap, observed: Observed, expected: np.ndarray) -> np.ndarray:
    y, weight = observed.spent_eur, observed.exposure
    sums = draws.sums(np.column_stack([weight * (y - expected) ** 2, weight * y**2, weight * y, weight]))
    lost, squares, total, mass = sums.T
    return 1 - lost / (squares - total**2 / mass)


def _ratios(observed: Observed, expected: np.ndarray, name: str, labels: np.ndarray, draws: Bootstrap) -> pd.DataFrame:
    codes, levels = pd.factorize(labels, sort=True)
    weight = observed.exposure
    mass = np.bincount(codes, weight)
    spent, due = np.bincount(codes, weight * observed.spent_eur), np.bincount(codes, weight * expected)
    with np.errstate(invalid="ignore", divide="ignore"):
        drawn = draws.group_sums(codes, weight * expected) / draws.group_sums(codes, weight * observed.spent_eur)
        ratio = due / spent
    low, high = interval(np.where(np.isfinite(drawn), drawn, np.nan))
    table = pd.DataFrame({"group": name, "level": levels, "patients": _patients_by(codes, observed.patients)})
    table = table.assign(observed_eur=spent / mass, expected_eur=due / mass, net_eur=(due - spent) / mass)
    table = table.assign(ratio=ratio, low=low, high=high)
    return table[table["patients"] >= SMALLEST_CELL]


def _patients_by(codes: np.ndarray, patients: np.ndarray) -> np.ndarray:
    return pd.Series(patients).groupby(codes).nunique().to_numpy()


def _age_sex(age: np.ndarray, is_woman: np.ndarray) -> np.ndarray:
    known = ~(np.isnan(age) | np.isnan(is_woman))
    band = AGE_BANDS[np.searchsorted(AGE_EDGES, np.nan_to_num(age), side="right")]
    sex = np.where(is_woman == 1, "women", "men")
    return np.where(known, np.char.add(np.char.add(band, " "), sex), "unknown")
