"""The figures behind an establishment's amount, as exact text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from schemes.amounts import Component, Figure, figure
from schemes.eds.cases import Case
from schemes.money import CENT

EUR, PER_EPISODE = "EUR", "EUR per episode"
Figures = dict[str, Figure]
BOUNDS = (
    "raw_low", "raw_high", "result_low", "result_high", "no_effect_mean", "no_effect_low", "no_effect_high",
    "standard_error",
)  # fmt: skip


def figures(case: Case, steps: Sequence[Component], bounds: Mapping[str, float]) -> Figures:
    """Phase, episodes, means, cap, quality, limits, and the sampling intervals."""
    rows, one, price = case.rows, case.participation, _eur(sum(p.price_cents for p in case.positions))
    number, raw = len(rows), _eur(sum(p.raw_cents for p in case.positions))
    running = {step.name: _eur(step.running_cents) for step in steps}
    over = rows["observed_cents"] > rows["counted_cents"]
    index = sum((Decimal(repr(value)) for value in sorted(rows["risk_index"])), Decimal(0)) / number
    return {
        "phase": Figure(one.phase.name, "phase"),
        "participation_year": figure(one.rank, "code"),
        "episodes": figure(number, "episodes"),
        "mean_risk_index": figure(index, "ratio"),
        "mean_forfait_eur": figure(price / number, PER_EPISODE, CENT),
        "mean_counted_eur": figure((price - raw) / number, PER_EPISODE, CENT),
        "over_cap_episodes": figure(int(over.sum()), "episodes"),
        "over_cap_eur": figure(_eur(sum(p.over_cap_cents for p in case.positions)), EUR, CENT),
        "raw_eur": figure(raw, EUR, CENT),
        "quality_share": figure(case.safeguards.quality, "0 to 1"),
        "before_limit_eur": figure(running["quality"], EUR, CENT),
        "gain_limit_eur": figure(one.phase.gain_limit * price, EUR, CENT),
        "loss_limit_eur": figure(one.phase.loss_limit * price, EUR, CENT),
        **{f"{name}_eur": figure(bounds.get(name), EUR, CENT) for name in BOUNDS},
        "no_effect_share": figure(bounds.get("no_effect_share"), "0 to 1"),
    }


def _eur(cents: int) -> Decimal:
    return cents * CENT
