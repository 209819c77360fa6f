"""The figures of chance behind a group's amount: intervals of its gains, and what no effect would have paid."""

from __future__ import annotations

import numpy as np

from schemes.amounts import figure
from schemes.ipep.cases import Case, Year
from schemes.ipep.chance import (
    DETECTABLE,
    Arms,
    Strata,
    bootstrap,
    gains_of,
    generator,
    mean_positive,
    pay_of,
    probability,
    standard_errors,
    under_no_effect,
)
from schemes.ipep.figures import EUR, PER_YEAR, TEN_THOUSANDTH, Figures
from schemes.ipep.gains import Sharing, gains_eur, sharing, variant
from schemes.ipep.modulation import modulation_of
from schemes.ipep.spending import cut_at, expected_cut
from schemes.money import CENT
from schemes.rulebook import Rules

INTERVAL = (0.025, 0.975)


def arms(case: Case, context: Year) -> Arms:
    """The members of a group as arrays, cut and with the national trend."""
    rows, now, before = case.rows, context.now, context.before
    return Arms(
        exposure=rows["exposure_share"].to_numpy(dtype=float),
        observed=cut_at(rows["observed_eur"], rows["exposure_share"], now.cap_eur),
        expected=expected_cut(rows, "", now.cap_eur) * float(now.trend),
        exposure_before=rows["exposure_share_before"].to_numpy(dtype=float),
        observed_before=cut_at(rows["observed_eur_before"], rows["exposure_share_before"], before.cap_eur),
        expected_before=expected_cut(rows, "_before", before.cap_eur) * float(before.trend),
        predicted=np.minimum(rows["expected_eur"].fillna(rows["expected_eur_before"]).to_numpy(float), now.cap_eur),
    )


def uncertainty(case: Case, context: Year, reference: Strata, luck: tuple[int, int], rules: Rules) -> Figures:
    """Intervals at 95 % of the two gains, and the payment of chance beside the one computed; luck: seed and draws.

    What is compared is the money of gains, with the modulation of phase 3 and without the money of quality.
    """
    (seed, draws), name, group = luck, variant(rules), arms(case, context)
    again = bootstrap(group, draws=draws, rng=generator(seed, case.group.structure_id, "bootstrap"))
    null = under_no_effect(group, reference, draws=draws, rng=generator(seed, case.group.structure_id, "chance"))
    factor = float(modulation_of(case.score, case.phase, rules))
    paid = pay_of(*gains_of(null, name), sharing(rules), case.means.patients * factor)
    computed = float(gains_eur(case.means, rules)) * factor
    errors = standard_errors(group, reference, name)
    return {
        **_intervals(again, name),
        "chance_mean_eur": figure(float(paid.mean()), EUR, CENT),
        "chance_p05_eur": figure(float(np.quantile(paid, 0.05)), EUR, CENT),
        "chance_p95_eur": figure(float(np.quantile(paid, 0.95)), EUR, CENT),
        "chance_probability": figure(probability(paid, computed), "0 to 1", TEN_THOUSANDTH),
        "gains_less_chance_eur": figure(computed - float(paid.mean()), EUR, CENT),
        "chance_normal_eur": figure(_normal(errors, sharing(rules), case.means.patients * factor), EUR, CENT),
        **_detectable(errors, float(case.means.expected)),
    }


def _intervals(again: np.ndarray, name: str) -> Figures:
    found = {}
    for gain, values in zip(("ecart", "evolution"), gains_of(again, name), strict=True):
        for end, share in zip(("low", "high"), INTERVAL, strict=True):
            bound = float(np.quantile(values, share)) if len(values) else None
            found[f"gain_{gain}_{end}_eur"] = figure(bound, PER_YEAR, CENT)
    return found


def _normal(errors: tuple[float, float], s: Sharing, factor: float) -> float:
    """Mean payment under no effect if both gains were normal around 0 (specifications, §2.8)."""
    level, evolution = (mean_positive(error) for error in errors)
    weighed = float(s.ecart) * level + float(s.evolution) * evolution
    return weighed / float(s.denominator) * float(s.share) * factor


def _detectable(errors: tuple[float, float], expected: float) -> Figures:
    """Gains that a one-sided test at 5 % finds four times in five at this size."""
    ecart, evolution = errors
    return {
        "standard_error_ecart_eur": figure(ecart, PER_YEAR, CENT),
        "standard_error_evolution_eur": figure(evolution, PER_YEAR, CENT),
        "detectable_ecart_eur": figure(DETECTABLE * ecart, PER_YEAR, CENT),
        "detectable_ecart_share": figure(DETECTABLE * ecart / expected, "0 to 1", TEN_THOUSANDTH),
        "detectable_evolution_eur": figure(DETECTABLE * evolution, PER_YEAR, CENT),
    }
