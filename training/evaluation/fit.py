"""Fit with intervals: R², CPM, MAE, deviance, calibration, capture of the costliest tenth; paired differences.

Each measure is a formula of weighted sums over rows, so that the point and every draw of the bootstrap come from the
same code.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np

from training.bootstrap import Bootstrap, interval
from training.evaluate import Observed, deciles
from training.evaluation.record import Figure, RivalRow, number_or_none

TWEEDIE_POWER = 1.5
LEAST_EUR = 0.01
UNITS = {
    "r2": "1",
    "r2_capped": "1",
    "cpm": "1",
    "mae_eur": "EUR",
    "tweedie_deviance": "1",
    "calibration_slope": "1",
    "calibration_intercept_eur": "EUR",
    "top_decile_share": "share",
    "top_decile_best_share": "share",
    "total_ratio": "ratio",
    "mean_bias_eur": "EUR",
    "negative_share": "share",
    "zero_share": "share",
}


def fit_figures(observed: Observed, expected: np.ndarray, draws: Bootstrap) -> tuple[Figure, ...]:
    """Every measure of `UNITS` with its 95 % interval, by patient.

    r2 = 1 − Σw(y−ŷ)² / Σw(y−ȳ)²; r2_capped: the same of min(y, cap), ŷ brought to the capped level;
    cpm = 1 − Σw|y−ŷ| / Σw|y−ȳ|; mae = Σw|y−ŷ| / Σw; total_ratio = Σwŷ / Σwy; mean_bias = Σw(ŷ−y) / Σw;
    tweedie_deviance: mean unit deviance of power 1.5, ŷ not under a cent;
    slope b and intercept a of the weighted line y = a + bŷ (1 and 0 where calibrated);
    top_decile_share: share of the euros spent by the tenth of the exposure with the highest expectation,
    top_decile_best_share: by the tenth that spent most.
    """
    rows = row_sums(observed, expected)
    point, drawn = measures(rows.sum(axis=0)[None, :]), measures(draws.sums(rows))
    return tuple(_figure(name, float(point[name][0]), drawn[name]) for name in UNITS)


def rival_rows(observed: Observed, expected: Mapping[str, np.ndarray], draws: Bootstrap) -> tuple[RivalRow, ...]:
    """A row per model, the first being the one evaluated; totals are made right before anything is compared."""
    total = float(observed.exposure @ observed.spent_eur)
    found: list[RivalRow] = []
    first: dict[str, dict[str, np.ndarray]] = {}
    for model, values in expected.items():
        mass = float(observed.exposure @ values)
        rows = row_sums(observed, values * (total / mass) if mass > 0 else values)
        point, drawn = measures(rows.sum(axis=0)[None, :]), measures(draws.sums(rows))
        first = first or {"point": point, "drawn": drawn}
        row = RivalRow(
            model=model,
            raw_ratio=mass / total if total else None,
            r2=number_or_none(point["r2"][0]),
            r2_capped=number_or_none(point["r2_capped"][0]),
            cpm=number_or_none(point["cpm"][0]),
            mae_eur=number_or_none(point["mae_eur"][0]),
        )
        found.append(row if not found else _with_gains(row, first, point, drawn))
    return tuple(found)


def row_sums(observed: Observed, expected: np.ndarray) -> np.ndarray:
    """Terms of each row, shape (n, terms), whose sums `measures` reads."""
    y, w = observed.spent_eur, observed.exposure
    mean = float(np.average(y, weights=w))
    capped, level = np.minimum(y, observed.cap_eur), expected * observed.capped_share
    top = deciles(expected, w) == "10"
    best = deciles(y, w) == "10"
    terms = [
        np.ones_like(y), y, y**2, expected, expected**2, y * expected, (y - expected) ** 2,
        capped, capped**2, (capped - level) ** 2,
        np.abs(y - expected), np.abs(y - mean), np.sign(mean - y), np.full_like(y, mean),
        unit_deviance(y, expected), y * top, y * best, expected < 0, expected == 0,
    ]  # fmt: skip
    return np.column_stack(terms) * w[:, None]


def measures(sums: np.ndarray) -> dict[str, np.ndarray]:
    """Measures of `UNITS` from sums of `row_sums`, shape (draws, terms) -> (draws,) each."""
    (w, y, yy, e, ee, ye, lost, c, cc, clost, mae, spread, slope, mean, deviance, top, best, below, zero) = sums.T
    with np.errstate(divide="ignore", invalid="ignore"):
        # Σw|y − ȳ| of a draw, whose mean differs a little from that of all rows: one step of its derivative
        spread = spread + (y / w - mean / w) * slope
        covariance, variance = ye - y * e / w, ee - e**2 / w
        b = covariance / variance
        return {
            "r2": 1 - lost / (yy - y**2 / w),
            "r2_capped": 1 - clost / (cc - c**2 / w),
            "cpm": 1 - mae / spread,
            "mae_eur": mae / w,
            "tweedie_deviance": deviance / w,
            "calibration_slope": b,
            "calibration_intercept_eur": (y - b * e) / w,
            "top_decile_share": top / y,
            "top_decile_best_share": best / y,
            "total_ratio": e / y,
            "mean_bias_eur": (e - y) / w,
            "negative_share": below / w,
            "zero_share": zero / w,
        }


def unit_deviance(y: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Tweedie unit deviance of power p = 1.5, expectations under a cent taken as a cent; negative spending as 0.

    2 (y^(2−p) / ((1−p)(2−p)) − y ŷ^(1−p) / (1−p) + ŷ^(2−p) / (2−p))
    """
    p, spent, least = TWEEDIE_POWER, np.maximum(y, 0.0), np.maximum(expected, LEAST_EUR)
    whole = spent ** (2 - p) / ((1 - p) * (2 - p)) - spent * least ** (1 - p) / (1 - p) + least ** (2 - p) / (2 - p)
    return 2 * whole


def right_total(observed: Observed, expected: np.ndarray) -> float:
    """Normalisation factor k: Σ weight × k × expected = Σ weight × observed; 1 where nothing is expected."""
    mass = float(observed.exposure @ expected)
    return float(observed.exposure @ observed.spent_eur) / mass if mass > 0 else 1.0


def _figure(name: str, value: float, drawn: np.ndarray) -> Figure:
    drawn = drawn[np.isfinite(drawn)]  # a draw in which nothing varies has no R²
    low, high = interval(drawn) if len(drawn) else (float("nan"), float("nan"))
    return Figure(
        name=name,
        value=number_or_none(value),
        low=number_or_none(float(low)),
        high=number_or_none(float(high)),
        unit=UNITS[name],
    )


def _with_gains(
    row: RivalRow,
    first: Mapping[str, Mapping[str, np.ndarray]],
    point: Mapping[str, np.ndarray],
    drawn: Mapping[str, np.ndarray],
) -> RivalRow:
    r2, cpm = (
        _figure(name, float(first["point"][name][0] - point[name][0]), first["drawn"][name] - drawn[name])
        for name in ("r2", "cpm")
    )
    return msgspec.structs.replace(row, r2_gain=r2, cpm_gain=cpm)
