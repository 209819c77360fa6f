"""How quality and gains combine, phase by phase."""

from __future__ import annotations

from decimal import Decimal

from schemes.amounts import Walk
from schemes.ipep.gains import gains_eur
from schemes.ipep.quality import Score
from schemes.ipep.spending import Means
from schemes.rulebook import Rules

SCORE = (
    "socle_indicators", "decreasing_indicators", "quality_target_decile", "quality_intermediate_decile",
    "evolution_points_share", "experience_points_max",
)  # fmt: skip
CARTE, NO_CARTE = (
    ("quality_socle_points", "quality_carte_points", "carte_indicators"),
    ("quality_points_without_carte",),
)
MODULATION = ("modulation_min", "modulation_slope", "modulation_max", "modulation_score_max", "score_max")


def modulation(total: Decimal, rules: Rules) -> Decimal:
    """Factor that quality gives to gains in phase 3.

    m = min + slope × (score cut at modulation_score_max) / score_max, from modulation_min to modulation_max.
    Rule: IPEP, phase 3 (shape assumed).
    """
    lowest, slope, highest, cut, whole = (rules.decimal(key) for key in MODULATION)
    return max(lowest, min(highest, lowest + slope * min(total, cut) / whole))


def modulation_of(score: Score, phase: int, rules: Rules) -> Decimal:
    """The factor applied to gains in a phase: 1 outside phase 3, or without a score."""
    return modulation(score.total, rules) if phase == 3 and score.total is not None else Decimal(1)


def quality_eur(patients: int, total: Decimal, rules: Rules) -> Decimal:
    """Euros of quality in phase 2: patients × quality_max_eur_per_patient × (score cut at score_max) / score_max."""
    whole = rules.decimal("score_max")
    return patients * rules.decimal("quality_max_eur_per_patient") * min(total, whole) / whole


def due_eur(means: Means, score: Score, *, phase: int, rules: Rules, walk: Walk) -> Decimal:
    """Euros of a group, unrounded; the steps go into `walk`.

    Phase 1: start-up credits alone. Phase 2: gains, and quality beside them. Phase 3: gains × modulation, at least
    patients × quality_min_eur_per_patient where the rules have such a floor.
    Rule: IPEP, trajectory. The score of phases 2 and 3 is known: `cases` refuses a group without one.
    """
    if phase == 1:
        return walk.to("amorcage", rules.decimal("amorcage_eur"), "amorcage_eur")
    gains, total = gains_eur(means, rules, walk), score.total or Decimal(0)
    scored = (*SCORE, *(CARTE if any(one.component == "carte" for one in score.indicators) else NO_CARTE))
    if phase == 2:
        added = quality_eur(means.patients, total, rules)
        return walk.to("quality", gains + added, "quality_max_eur_per_patient", "score_max", *scored)
    modulated = walk.to("modulation", gains * modulation(total, rules), *MODULATION, *scored)
    lowest = rules.decimal_or_none("quality_min_eur_per_patient")
    if lowest is None:
        return modulated
    return walk.to("floor", max(modulated, means.patients * lowest), "quality_min_eur_per_patient")
