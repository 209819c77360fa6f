"""The figures behind a group's amount, as exact text."""

from __future__ import annotations

from decimal import Decimal

from schemes.amounts import Figure, figure
from schemes.ipep.cases import Case, Year
from schemes.ipep.gains import gain_ecart, gain_evolution, gain_evolution_difference, gain_evolution_ratio, gains_eur
from schemes.ipep.inputs import Inputs
from schemes.ipep.modulation import modulation_of
from schemes.ipep.quality import Points, decimal
from schemes.ipep.spending import means, national_year
from schemes.money import CENT
from schemes.rulebook import Rules

PER_YEAR, EUR = "EUR per year lived", "EUR"
TEN_THOUSANDTH = Decimal("0.0001")
Figures = dict[str, Figure]


def figures(case: Case, context: Year, inputs: Inputs, rules: Rules) -> Figures:
    """Figures of population, spending, gains, sensitivity to the cut, and quality."""
    return {
        "phase": figure(case.phase, "phase"),
        **_spending(case, context),
        **_gains(case, rules),
        **sensitivity(case, context.year, inputs, rules),
        **_quality(case, rules),
    }


def _spending(case: Case, context: Year) -> Figures:
    m, rows = case.means, case.rows
    lived_before = rows["exposure_share_before"] > 0
    return {
        "listed_patients": figure(case.listed, "patients"),
        "patients": figure(m.patients, "patients"),
        "patients_before": figure(int(lived_before.sum()), "patients"),
        "patients_both": figure(int((lived_before & rows["is_now"]).sum()), "patients"),
        "exposure_before": figure(m.exposure_before, "years lived"),
        "exposure": figure(m.exposure, "years lived"),
        "cap_before_eur": figure(context.before.cap_eur, PER_YEAR, CENT),
        "cap_eur": figure(context.now.cap_eur, PER_YEAR, CENT),
        "trend_before": figure(context.before.trend, "1"),
        "trend": figure(context.now.trend, "1"),
        "expected_before_eur": figure(m.expected_before, PER_YEAR),
        "expected_eur": figure(m.expected, PER_YEAR),
        "observed_before_eur": figure(m.observed_before, PER_YEAR),
        "observed_eur": figure(m.observed, PER_YEAR),
    }


def _gains(case: Case, rules: Rules) -> Figures:
    gains = gains_eur(case.means, rules)
    return {
        "gain_ecart_eur": figure(gain_ecart(case.means), PER_YEAR),
        "gain_evolution_eur": figure(gain_evolution(case.means, rules), PER_YEAR),
        "gain_evolution_ratio_eur": figure(gain_evolution_ratio(case.means), PER_YEAR),
        "gain_evolution_difference_eur": figure(gain_evolution_difference(case.means), PER_YEAR),
        "gains_per_patient_eur": figure(gains / case.means.patients, "EUR per patient"),
        "gains_eur": figure(gains, EUR, CENT),
    }


def sensitivity(case: Case, year: int, inputs: Inputs, rules: Rules) -> Figures:
    """Gains under a cut at P99.5 and without a cut; left out where the nation is not given under that cut."""
    found: Figures = {}
    for cut in ("p995", "uncapped"):
        now, before = national_year(inputs, year, cut), national_year(inputs, year - 1, cut)
        if now is None or before is None:
            continue
        m = means(case.rows, now, before)
        found |= {
            f"gain_ecart_{cut}_eur": figure(gain_ecart(m), PER_YEAR),
            f"gain_evolution_{cut}_eur": figure(gain_evolution(m, rules), PER_YEAR),
            f"gains_{cut}_eur": figure(gains_eur(m, rules), EUR, CENT),
        }
    return found


def _quality(case: Case, rules: Rules) -> Figures:
    score = case.score
    parts = {
        f"{part}_points": figure(_sum(score.indicators, part), "points", TEN_THOUSANDTH) for part in ("socle", "carte")
    }
    return {
        "score": figure(score.total, "points", TEN_THOUSANDTH),
        **parts,
        "experience_points": figure(score.experience, "points", TEN_THOUSANDTH),
        "modulation": figure(modulation_of(score, case.phase, rules), "1", TEN_THOUSANDTH),
        **{
            f"quality_{one.indicator}_points": figure(
                None if one.points is None else decimal(one.points), "points", TEN_THOUSANDTH
            )
            for one in score.indicators
        },
    }


def _sum(indicators: tuple[Points, ...], part: str) -> Decimal | None:
    known = [one.points for one in indicators if one.component == part and one.points is not None]
    return decimal(sum(known[1:], known[0])) if known else None
