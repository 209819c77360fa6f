"""How well expected costs fit within strata: R², CPM, MAE, slope, ratios by group, all after the same normalisation."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from sklearn.metrics import mean_absolute_error, r2_score

from training.bootstrap import Bootstrap, bootstrap_of, interval
from training.episodes.population import Episodes
from training.episodes.target import normalised, stratum_factors
from training.evaluate import deciles, paired_differences

SIZES = (31, 100)
SIZE_NAMES = np.array(["under 31 episodes", "31 to 99 episodes", "100 episodes or more"])


def within(values: np.ndarray, strata: np.ndarray) -> np.ndarray:
    """Values minus the mean of their stratum."""
    return values - pd.Series(values).groupby(strata).transform("mean").to_numpy()


def r2_within(cost_eur: np.ndarray, expected: np.ndarray, strata: np.ndarray) -> float:
    """1 − Σ(cost − expected)² / Σ(cost − mean of the stratum)²: what is explained beyond the price of the stratum."""
    spread = float((within(cost_eur, strata) ** 2).sum())
    return 1 - float(((cost_eur - expected) ** 2).sum()) / spread if spread else float("nan")


def r2_after_normalising(cost_eur: np.ndarray, expected: np.ndarray, strata: np.ndarray) -> float:
    """`r2_within` of expectations normalised by stratum on these very rows."""
    factors = stratum_factors(cost_eur, expected, strata)
    return r2_within(cost_eur, normalised(expected, strata, factors), strata)


def calibration_slope(cost_eur: np.ndarray, expected: np.ndarray, strata: np.ndarray) -> float:
    """Euros observed per euro expected within strata: 1 where differences are neither too wide nor too narrow."""
    expected, cost_eur = within(expected, strata), within(cost_eur, strata)
    spread = float(expected @ expected)
    return float(expected @ cost_eur) / spread if spread > 0 else float("nan")


def fit_metrics(episodes: Episodes, expected: np.ndarray) -> dict[str, float]:
    """R² within strata (of cut costs, of raw ones), pooled R², CPM, MAE, calibration slope and total ratio.

    CPM (Cumming) = 1 − Σ|cost − expected| / Σ|cost − mean of the stratum|.
    """
    y, strata = episodes.cost_eur, episodes.strata
    spread = float(np.abs(within(y, strata)).mean())
    mae = float(mean_absolute_error(y, expected))
    return {
        "r2": r2_within(y, expected, strata),
        "r2_pooled": float(r2_score(y, expected)),
        "r2_raw": r2_within(episodes.known["raw_eur"].to_numpy(float), expected, strata),
        "cpm": 1 - mae / spread if spread else float("nan"),
        "mae_eur": mae,
        "calibration_slope": calibration_slope(y, expected, strata),
        "total_ratio": float(expected.sum() / y.sum()),
    }


def fit_table(episodes: Episodes, expected: Mapping[str, np.ndarray], *, seed: int = 0) -> pd.DataFrame:
    """A row of `fit_metrics` per model, with the 95 % interval of its R² (bootstrap by patient)."""
    draws, rows = bootstrap_of(episodes.rows.patients, seed=seed), []
    for name, values in expected.items():
        low, high = interval(drawn_r2(draws, episodes, values))
        rows.append({"model": name, **fit_metrics(episodes, values), "low": float(low), "high": float(high)})
    return pd.DataFrame(rows)


def r2_differences(episodes: Episodes, expected: Mapping[str, np.ndarray], *, seed: int = 0) -> pd.DataFrame:
    """R² within strata of the first model minus that of each other, with 95 % intervals of a paired bootstrap."""
    draws = bootstrap_of(episodes.rows.patients, seed=seed)
    drawn = {name: drawn_r2(draws, episodes, values) for name, values in expected.items()}
    point = {name: r2_within(episodes.cost_eur, values, episodes.strata) for name, values in expected.items()}
    return paired_differences(point, drawn)


def drawn_r2(draws: Bootstrap, episodes: Episodes, expected: np.ndarray) -> np.ndarray:
    """R² within strata of each draw of patients."""
    y = episodes.cost_eur
    lost = draws.sums(((y - expected) ** 2)[:, None])[:, 0]
    codes = pd.factorize(episodes.strata)[0]
    count, total, squares = (draws.group_sums(codes, values) for values in (np.ones(len(y)), y, y**2))
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = (squares - np.where(count > 0, total**2 / count, 0.0)).sum(axis=1)
        return 1 - lost / spread


def groups_of(episodes: Episodes, expected: np.ndarray) -> dict[str, np.ndarray]:
    """Groupings of the fairness table: decile, age, FDep, C2S, living alone, Charlson, sector, establishment size."""
    frame = episodes.rows.frame()
    flags = {
        "age_85": ("age", 85.0, "85 and over", "under 85"),
        "fdep_q5": ("fdep_quintile", 5.0, "FDep Q5", "other FDep"),
        "lives_alone": ("lives_alone", 1.0, "lives alone", "not known to live alone"),
        "charlson_5": ("charlson_score", 5.0, "Charlson 5 and over", "Charlson under 5"),
    }
    found = {"decile": deciles(expected, episodes.rows.exposure)}
    for group, (name, least, yes, no) in flags.items():
        if name in frame:
            values = frame[name].to_numpy(float)
            # FDep is encoded by rank: 4 is the fifth quintile, 5 is missing
            is_in = values == least - 1 if name == "fdep_quintile" else values >= least
            found[group] = np.where(is_in, yes, no)
    rights = [name for name in ("c2s_free", "c2s_participative", "c2s_unknown") if name in frame]
    if rights:
        found["c2s"] = np.where((frame[rights].to_numpy(float) == 1).any(axis=1), "C2S", "no C2S")
    return {**found, "sector": episodes.strata, "size": size_names(episodes.establishments)}


def size_names(establishments: np.ndarray) -> np.ndarray:
    """Band of the number of episodes of each row's establishment."""
    counts = pd.Series(establishments).groupby(establishments).transform("size").to_numpy()
    return SIZE_NAMES[np.searchsorted(SIZES, counts, side="right")]
