"""The amount of one team: the walk from base to phase, its warnings, and its cents by patient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

import pandas as pd

from schemes.amounts import Amount, Walk
from schemes.money import allot
from schemes.peps.adjustments import FormerRevenue, Quality, activity_eur, quality_eur, quality_used, rescaled_reference
from schemes.peps.eligibility import size_warnings
from schemes.peps.exact import euros, exact, to_billionth
from schemes.peps.fidelisation import Fidelisation
from schemes.peps.forfait import Forfaits
from schemes.peps.patients import window_share
from schemes.peps.phases import PHASES, paid_in_phases
from schemes.peps.team import Team

COMPONENTS = ("base", "fidelisation", "local", "quality", "activity", "modules", "cap", "floor", "phase")
BASE_KEYS = ("tariff_index", "fixed_forfait_eur", "mean_forfait_reference_eur", "exposure_rule")
TAU_KEYS = ("fidelisation_level", "fidelisation_shrinkage_eur", "neutralised_pathway_codes", "in_team_pathway_codes",
            "tau_schedule_start", "tau_schedule_end")  # fmt: skip
LOCAL_KEYS = ("local_min", "local_max", "local_shrinkage_patients", "poverty_uplift_max", "poverty_uplift_quintile")
QUALITY_KEYS = ("quality_bonus_max", "quality_malus_max", "presumed_quality_share", "presumed_quality_months")
ACTIVITY_KEYS = ("activity_corridor_applies", "activity_corridor_share", "activity_shared_share")
PHASE_KEYS = ("phase_1_months", "phase_2_months", "phase_3_months", "phase_2_bonus_share")


@dataclass(frozen=True)
class Case:
    """All that the amount of one eligible team is computed from."""

    team: Team
    year: int
    patients: pd.DataFrame
    members: dict[str, int]
    excluded: Mapping[str, int]
    zone_unknown: int
    k_cal: Decimal
    rates: Fidelisation
    forfaits: Forfaits
    former: Mapping[str, float | None]
    modules_eur: Decimal
    families: Mapping[str, Decimal]

    def former_decimal(self, name: str) -> Decimal | None:
        """A value of the team's row in fee_for_service; None where it has none."""
        value = self.former.get(name)
        return None if value is None or pd.isna(value) else exact(value)

    @property
    def revenue(self) -> FormerRevenue:
        """Former fee-for-service by both definitions."""
        reference, shadow = (self.former_decimal(f"{name}_ffs_cents") for name in ("reference", "shadow"))
        rescaled = rescaled_reference(
            None if reference is None else reference / 100,
            self.forfaits.untariffed_eur,
            former_base_eur=self.former_decimal("reference_base_eur"),
            tariff_index=self.team.rules.decimal("tariff_index"),
        )
        return FormerRevenue(rescaled, None if shadow is None else shadow / 100)

    @property
    def quality(self) -> Quality:
        """Quality used: known, presumed, or none."""
        return quality_used(self.team.quality_share, self.team.rules, presumed_days_share=self.team.presumed_days_share)

    @property
    def billed_eur(self) -> Decimal:
        """In-team acts of the patients, prorated to the team's days in the scheme: what phase 2 compares with."""
        share = exact(window_share(self.team, self.year))
        return euros(self.rates.in_team_cents) * share

    @property
    def phase_shares(self) -> dict[int, Decimal]:
        """Part of the team's days in the scheme spent in each phase."""
        return {phase: Decimal(self.team.days_by_phase[phase]) / self.team.days for phase in PHASES}


def walk(case: Case) -> tuple[Walk, Decimal]:
    """The steps from the base to what is due, and the payable forfait before phases.

    payable = max(min(gross + quality + activity + modules, cap), floor); due = what the phases pay of it.
    Rule: PEPS, how the forfait is computed.
    """
    rules, forfaits, steps = case.team.rules, case.forfaits, Walk()
    cap, floor = case.revenue.capped(rules).on(rules), case.revenue.floored(rules).on(rules)
    observed, expected = (case.former_decimal(f"acts_{name}") for name in ("observed", "expected"))
    steps.to("base", forfaits.base_eur, *BASE_KEYS)
    steps.to("fidelisation", forfaits.faithful_eur, *TAU_KEYS)
    gross = steps.to("local", forfaits.gross_eur, *LOCAL_KEYS)
    running = steps.to("quality", gross + quality_eur(gross, case.quality, rules), *QUALITY_KEYS)
    running = steps.to(
        "activity", running + activity_eur(gross, rules, observed=observed, expected=expected), *ACTIVITY_KEYS
    )
    running = steps.to("modules", running + case.modules_eur)
    running = steps.to("cap", running if cap is None else min(running, cap), "cap_over_ffs", "cap_basis")
    payable = steps.to("floor", running if floor is None else max(running, floor), "floor_under_ffs", "cap_basis")
    due = paid_in_phases(payable, case.billed_eur, shares=case.phase_shares, rules=rules)
    steps.to("phase", due, *PHASE_KEYS)
    return steps, payable


def warnings(case: Case, steps: Walk) -> tuple[str, ...]:
    """Names of the warnings of an amount, in a fixed order; their words are in labels.csv."""
    team, rules, patients = case.team, case.team.rules, case.patients
    by_name = {step.name: step.amount_cents for step in steps.components}
    bounds = (case.revenue.capped(rules), "cap_over_ffs"), (case.revenue.floored(rules), "floor_under_ffs")
    in_phases = sum(team.days_by_phase.values())
    acts = [case.former_decimal(f"acts_{name}") for name in ("observed", "expected")]
    found = {
        **dict.fromkeys(size_warnings(team, case.members, len(patients)), True),
        "exposure_as_given": rules.text("exposure_rule") != "daily" and "first_day" not in patients,
        "no_expectation": bool(case.excluded.get("no_expectation")),
        "fidelisation_by_schedule": case.rates.observed is None,
        "zone_unknown": case.zone_unknown > 0,
        "quintile_unknown": bool(rules.decimal("poverty_uplift_max")) and bool(patients["fdep_quintile"].isna().any()),
        str(case.quality.warning): case.quality.warning is not None,
        "activity_unknown": rules.flag("activity_corridor_applies") and None in acts,
        "cap_or_floor_unknown": any(
            rules.decimal_or_none(key) is not None and bound.on(rules) is None for bound, key in bounds
        ),
        "capped": by_name["cap"] < 0,
        "raised_to_floor": by_name["floor"] > 0,
        "several_phases": sum(days > 0 for days in team.days_by_phase.values()) > 1,
        "days_outside_phases": in_phases < team.days,
    }
    return tuple(name for name, is_met in found.items() if is_met)


def patient_rows(case: Case, amount: Amount) -> pd.DataFrame:
    """Rows of FORFAITS: the amount's cents allotted to patients in proportion to their forfait; they add up to it."""
    patients = case.patients
    return pd.DataFrame(
        {
            "structure_id": case.team.structure_id,
            "patient_id": patients["patient_id"].to_numpy(),
            "scheme": case.team.scheme,
            "year": case.year,
            "present_share": patients["exposure"].to_numpy(),
            "expected_eur": case.forfaits.balanced,
            "amount_cents": allot(amount.total_cents, case.forfaits.local.tolist()),
        }
    )


def tau_mean(case: Case) -> Decimal | None:
    """Mean rate applied, weighing by base forfaits; the rate used at team level."""
    base = case.forfaits.base_eur
    return to_billionth(case.forfaits.faithful_eur / base) if base else None
