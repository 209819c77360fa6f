"""What chance does to a result: the episodes of an establishment drawn again, with a seed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd

from schemes.eds.settle import Position, Safeguards, results_drawn

DRAWS = 1_000
HALF_CENT = 0.005


def generator(seed: int, structure_id: str) -> np.random.Generator:
    """Random numbers that depend on the seed and the establishment alone, not on who else is paid."""
    digest = hashlib.sha256(structure_id.encode()).digest()
    return np.random.default_rng([seed, *np.frombuffer(digest[:16], dtype="<u4").tolist()])


def drawn(
    rows: pd.DataFrame, positions: Sequence[Position], *, draws: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Raw results and prices in euros of episodes drawn with replacement: draws by programmes.

    Each programme keeps its number of episodes. `rows`: forfaits, in any order.
    """
    raw, price = np.empty((draws, len(positions))), np.empty((draws, len(positions)))
    ordered = rows.sort_values("episode_id", kind="stable")
    for place, one in enumerate(positions):
        part = ordered[ordered["programme"] == one.programme]
        forfait = part["forfait_cents"].to_numpy(dtype=float) / 100
        gap = forfait - part["counted_cents"].to_numpy(dtype=float) / 100
        times = rng.multinomial(len(part), np.full(len(part), 1 / len(part)), size=draws)
        raw[:, place], price[:, place] = times @ gap, times @ forfait
    return raw, price


def standard_error_eur(rows: pd.DataFrame, positions: Sequence[Position]) -> float:
    """Standard error of the raw result: √ Σ over programmes of episodes × variance of (forfait − counted spending)."""
    variance = 0.0
    for one in positions:
        part = rows[rows["programme"] == one.programme].sort_values("episode_id")
        gap = (part["forfait_cents"] - part["counted_cents"]).to_numpy(dtype=float) / 100
        variance += len(gap) * float(gap.var(ddof=1)) if len(gap) > 1 else 0.0
    return float(np.sqrt(variance))


def intervals(
    rows: pd.DataFrame,
    positions: Sequence[Position],
    safeguards: Safeguards,
    *,
    luck: tuple[np.random.Generator, int],
    share: float,
) -> dict[str, float]:
    """In euros: raw_low, raw_high (before safeguards), result_low, result_high (after the limit), and chance alone.

    no_effect_mean, no_effect_low, no_effect_high: the results of an establishment whose episodes vary as much and cost
    on average what they are paid; no_effect_share: how often chance alone gives it as much or more (as much loss or
    more, where the result is one). luck: generator and draws. share: probability inside. With one episode the
    interval is a point: nothing varies.
    """
    rng, draws = luck
    raw, price = drawn(rows, positions, draws=draws, rng=rng)
    found = _ends("raw", raw.sum(axis=1), share)
    own = np.array([[one.raw_cents / 100 for one in positions]])
    whole = np.array([[one.price_cents / 100 for one in positions]])
    low_volume = np.array([one.has_low_volume for one in positions])
    result_of = partial(results_drawn, low_volume=low_volume, episodes=len(rows), safeguards=safeguards)
    chance, result = result_of(raw - own, price), float(result_of(own, whole)[0])
    as_much = np.sign(result) * chance >= abs(result) - HALF_CENT
    found |= _ends("result", result_of(raw, price), share) | _ends("no_effect", chance, share)
    return found | {"no_effect_mean": float(chance.mean()), "no_effect_share": float(as_much.mean())}


def _ends(name: str, values: np.ndarray, share: float) -> dict[str, float]:
    """Quantiles that hold a share of the values between them."""
    tail = (1 - share) / 2
    return {f"{name}_low": float(np.quantile(values, tail)), f"{name}_high": float(np.quantile(values, 1 - tail))}
