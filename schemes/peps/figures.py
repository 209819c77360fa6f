"""The figures behind the amount of a team, as exact text: what a statement shows beside the components."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import numpy.typing as npt

from schemes.amounts import Figure
from schemes.money import total_eur
from schemes.peps.amount import Case, tau_mean
from schemes.peps.eligibility import GPS, NURSES, patients_per_gp, professionals
from schemes.peps.exact import euros, figure, ratio, to_billionth
from schemes.peps.forfait import weighted_mean
from schemes.peps.phases import PHASES

FAMILIES = ("age_sex", "ald", "comorbidity", "precarity", "territory")
EUR, EUR_YEAR = "EUR", "EUR per patient-year"


def figures(case: Case, payable_eur: Decimal) -> dict[str, Figure]:
    """Every figure of a team's amount, in the order of the computation; "" where a figure has no value."""
    return {
        **_sizes(case),
        **_base(case),
        **_fidelisation(case),
        **_adjustments(case),
        **_bounds(case, payable_eur),
        **_phases(case),
        **{
            f"family_{family}_eur": figure(case.families[family], EUR_YEAR)
            for family in FAMILIES
            if family in case.families
        },
    }


def _sizes(case: Case) -> dict[str, Figure]:
    members, patients = case.members, len(case.patients)
    rules = case.team.rules
    return {
        "patientele": figure(case.team.patientele, "code"),
        "perimeter": figure(case.team.perimeter, "code"),
        "patients": figure(patients, "patients"),
        "exposure": figure(total_eur(case.patients["exposure"]), "patient-years"),
        "professionals": figure(professionals(members), "professionals"),
        "gps": figure(members.get(GPS, 0), "professionals"),
        "nurses": figure(members.get(NURSES, 0), "professionals"),
        "patients_per_gp": figure(patients_per_gp(members, patients), "patients"),
        "target_patients_per_gp": figure(rules.decimal_or_none("target_patients_per_gp"), "patients"),
    }


def _base(case: Case) -> dict[str, Figure]:
    rules = case.team.rules
    expected = total_eur((case.forfaits.balanced * case.patients["exposure"].to_numpy())[_known(case)])
    exposure = total_eur(case.patients["exposure"].to_numpy()[_known(case)])
    return {
        "k_cal": figure(case.k_cal, "ratio"),
        "tariff_index": figure(rules.decimal("tariff_index"), "ratio"),
        "fixed_forfait_eur": figure(rules.decimal_or_none("fixed_forfait_eur"), EUR_YEAR),
        "mean_expected_eur": figure(ratio(expected, exposure), EUR_YEAR),
        "base_eur": figure(case.forfaits.base_eur, EUR),
    }


def _known(case: Case) -> npt.NDArray[np.bool_]:
    return case.patients["expected_eur"].notna().to_numpy(dtype=bool)


def _fidelisation(case: Case) -> dict[str, Figure]:
    rates = case.rates
    return {
        "in_team_eur": figure(euros(rates.in_team_cents), EUR),
        "outside_eur": figure(euros(rates.outside_cents), EUR),
        "neutralised_eur": figure(euros(rates.neutralised_cents), EUR),
        "tau_observed": figure(rates.observed, "0 to 1"),
        "tau_schedule": figure(rates.schedule, "0 to 1"),
        "tau_used": figure(rates.used, "0 to 1"),
        "tau_mean": figure(tau_mean(case), "0 to 1"),
    }


def _adjustments(case: Case) -> dict[str, Figure]:
    forfaits = case.forfaits
    quality = case.quality
    observed, expected = (case.former_decimal(f"acts_{name}") for name in ("observed", "expected"))
    return {
        "local_mean": figure(weighted_mean(forfaits.gross_eur, forfaits.faithful_eur), "ratio"),
        "zone_unknown_patients": _count(case, case.zone_unknown),
        "quintile_unknown_patients": _count(case, int(case.patients["fdep_quintile"].isna().sum())),
        "gross_eur": figure(forfaits.gross_eur, EUR),
        "quality_known": figure("no" if case.team.quality_share is None else "yes", "yes/no"),
        "quality_share": figure(quality.share, "0 to 1"),
        "quality_days_share": figure(to_billionth(quality.days_share), "0 to 1"),
        "acts_observed": figure(observed, "acts"),
        "acts_expected": figure(expected, "acts"),
        "acts_ratio": figure(None if observed is None or expected is None else ratio(observed, expected), "ratio"),
        "modules_eur": figure(case.modules_eur, EUR),
    }


def _count(case: Case, count: int) -> Figure:
    """A count of patients that may be small: not shown from 1 to below small_cell_min."""
    return figure(None if 0 < count < case.team.rules.whole("small_cell_min") else count, "patients")


def _bounds(case: Case, payable_eur: Decimal) -> dict[str, Figure]:
    rules, revenue = case.team.rules, case.revenue
    caps, floors = revenue.capped(rules), revenue.floored(rules)
    exposure = total_eur(case.patients["exposure"])
    return {
        "ffs_reference_eur": figure(_cents(revenue.reference_eur), EUR),
        "ffs_shadow_eur": figure(_cents(revenue.shadow_eur), EUR),
        "cap_reference_eur": figure(_cents(caps.reference_eur), EUR),
        "cap_shadow_eur": figure(_cents(caps.shadow_eur), EUR),
        "cap_basis": figure(rules.text("cap_basis"), "code"),
        "cap_eur": figure(_cents(caps.on(rules)), EUR),
        "floor_eur": figure(_cents(floors.on(rules)), EUR),
        "payable_eur": figure(_cents(payable_eur), EUR),
        "mean_forfait_eur": figure(ratio(payable_eur, exposure), EUR_YEAR),
        "mean_forfait_reference_eur": figure(rules.decimal_or_none("mean_forfait_reference_eur"), EUR_YEAR),
    }


def _cents(value: Decimal | None) -> Decimal | None:
    return None if value is None else round(value, 6)


def _phases(case: Case) -> dict[str, Figure]:
    days = case.team.days_by_phase
    return {
        "phase": figure(", ".join(str(phase) for phase in PHASES if days[phase]), "phase"),
        **{f"phase_{phase}_days": figure(days[phase], "days") for phase in PHASES},
        "days_in_scheme": figure(case.team.days, "days"),
        "ffs_billed_eur": figure(_cents(case.billed_eur), EUR),
    }
