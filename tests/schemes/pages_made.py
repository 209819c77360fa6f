"""Amounts, rules and frames made for pages: fictional, small, the same each time."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pandas as pd

from features.tables import RECONCILIATION
from schemes.amounts import Amount, Figure, Walk
from schemes.runs import Run
from schemes.statements import Estimate, Given, Instalment, Views
from tests.schemes.rules_made import made_rules

TEAM, GROUP = "750012345", "G01"
PEPS_KEYS = {
    "base": ("tariff_index", "fixed_forfait_eur", "mean_forfait_reference_eur", "exposure_rule"),
    "fidelisation": (
        "fidelisation_level", "fidelisation_shrinkage_eur", "neutralised_pathway_codes", "in_team_pathway_codes",
        "tau_schedule_start", "tau_schedule_end",
    ),
    "local": ("local_min", "local_max", "local_shrinkage_patients", "poverty_uplift_max", "poverty_uplift_quintile"),
    "quality": ("quality_bonus_max", "quality_malus_max", "presumed_quality_share"),
    "activity": ("activity_corridor_applies", "activity_corridor_share", "activity_shared_share"),
    "modules": (),
    "cap": ("cap_over_ffs", "cap_basis"),
    "floor": ("floor_under_ffs", "cap_basis"),
    "phase": ("phase_1_months", "phase_2_months", "phase_3_months", "phase_2_bonus_share"),
}  # fmt: skip
PEPS_WALK = {
    "base": "412000.00", "fidelisation": "334750.00", "local": "341445.00", "quality": "355100.80",
    "activity": "355100.80", "modules": "361100.80", "cap": "348000.00", "floor": "348000.00", "phase": "348000.00",
}  # fmt: skip
LABELS = {
    "base": ("Forfait de base", "Base forfait"),
    "fidelisation": ("Fidélisation", "Fidélisation"),
    "local": ("Coefficient local", "Local coefficient"),
    "cap": ("Plafond face aux recettes à l'acte", "Cap against fee-for-service"),
}  # fmt: skip


def made_label(package: str, name: str, language: str) -> str:
    """A label for any name, so that pages can be made before the schemes have theirs."""
    french, english = LABELS.get(name, (f"{name} ({package})", f"{name} ({package})"))
    return french if language == "fr" else english


def given(scheme: str = "peps", language: str = "fr", **rules: str) -> Given:
    """A run, rules and a language; `rules` replaces parameters."""
    run = Run(
        scheme=scheme, year=2023, kind="final", known_on=date(2024, 9, 1), rules=(), inputs={}, model="peps_mg",
        version=3, version_hash="0123456789abcdef0123",
    )  # fmt: skip
    on = {"peps": date(2023, 1, 1)}.get(scheme)
    return Given(run, {scheme: made_rules(scheme, on, **rules)}, "MSP des Tilleuls", language, made_label)


def peps_amount() -> Amount:
    """A PEPS team above its cap."""
    steps = Walk()
    for name, running in PEPS_WALK.items():
        steps.to(name, Decimal(running), *PEPS_KEYS[name])
    figures = {
        "patientele": Figure("TOT", "code"),
        "perimeter": Figure("MG", "code"),
        "patients": Figure("3823", "patients"),
        "exposure": Figure("3711.482192", "patient-years"),
        "patients_per_gp": Figure("955.75", "patients"),
        "mean_expected_eur": Figure("111.006", "EUR per patient-year"),
        "k_cal": Figure("1.013204512", "ratio"),
        "tau_observed": Figure("0.8125", "0 to 1"),
        "tau_schedule": Figure("", "0 to 1"),
        "tau_used": Figure("0.8125", "0 to 1"),
        "outside_eur": Figure("77250.5", "EUR"),
        "neutralised_eur": Figure("12000", "EUR"),
        "local_mean": Figure("1.02", "ratio"),
        "quality_share": Figure("0.8", "0 to 1"),
        "acts_ratio": Figure("", "ratio"),
        "mean_forfait_eur": Figure("93.763", "EUR per patient-year"),
        "mean_forfait_reference_eur": Figure("", "EUR per patient-year"),
        "phase": Figure("3", "phase"),
        "ffs_billed_eur": Figure("310000", "EUR"),
        "ffs_reference_eur": Figure("290000", "EUR"),
        "ffs_shadow_eur": Figure("301234.56", "EUR"),
        "cap_reference_eur": Figure("348000", "EUR"),
        "cap_shadow_eur": Figure("361481.472", "EUR"),
        "cap_basis": Figure("reference", "code"),
        "family_age_sex_eur": Figure("-3.2", "EUR per patient-year"),
        "family_ald_eur": Figure("12.75", "EUR per patient-year"),
    }
    return Amount(TEAM, "peps", 2023, tuple(steps.components), figures, ("capped",))


def forfaits(count: int = 3823) -> pd.DataFrame:
    """FORFAITS rows of the team: only who is in it matters here."""
    return pd.DataFrame({"structure_id": [TEAM] * count, "patient_id": [f"P{place}" for place in range(count)]})


LEAKS = {
    "specialty": {
        "1": (900, 2100, 5_250_000), "22": (300, 410, 1_025_000), "12": (40, 60, 200_000), "17": (6, 9, 45_000),
    },
    "performer": {"01": (210, 500, 1_300_000), "02": (90, 200, 560_000), "other": (800, 1879, 4_660_000)},
    "distance": {"same_department": (1000, 2400, 6_100_000), "other_department": (120, 179, 420_000)},
    "month": {f"{month:02d}": (100 + month, 200 + month, 500_000 + 7_500 * month) for month in range(1, 13)},
    "weekday": {
        **{str(day): (150 + day, 340 + day, 900_000 + 10_000 * day) for day in range(1, 7)}, "7": (5, 6, 15_000),
    },
    "neutralised": {"5": (300, 350, 900_000), "6": (90, 120, 280_000), "regulated": (4, 5, 20_000)},
}  # fmt: skip


def leakage() -> pd.DataFrame:
    """LEAKAGE rows of the team; small counts among them."""
    rows = [
        (TEAM, 2023, "MG", dimension, value, *counts)
        for dimension, values in LEAKS.items()
        for value, counts in values.items()
    ]
    columns = ["structure_id", "year", "perimeter", "dimension", "value", "patients", "acts", "base_cents"]
    return pd.DataFrame(rows, columns=columns)


def fidelisation() -> pd.DataFrame:
    """FIDELISATION rows: 2,000 patients, 1,100 with care outside, 350 with neutralised care."""
    rows = [
        {
            "patient_id": f"P{place}", "structure_id": TEAM, "year": 2023, "perimeter": "MG", "in_team_cents": 14_126,
            "outside_cents": 6_520 if place < 1000 else 0, "neutralised_cents": 1_000 if place < 350 else 0,
            "in_team_acts": 5, "outside_acts": int(place < 1100), "neutralised_acts": int(place < 350),
        }
        for place in range(2000)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def instalments() -> tuple[Instalment, ...]:
    """Four quarters of 78 300 €, two of them paid."""
    days = [date(2023, 3, 31), date(2023, 6, 30), date(2023, 9, 30), date(2023, 12, 31)]
    return tuple(Instalment(f"2023-Q{n}", day, 7_830_000, n < 3) for n, day in enumerate(days, start=1))


def estimate(expected_cents: int = 34_800_000) -> Estimate:
    """An estimate with an interval of ± 12 000 €."""
    return Estimate(expected_cents, expected_cents - 1_200_000, expected_cents + 1_200_000, date(2024, 9, 30))


def reconciliation(**cents: int) -> pd.DataFrame:
    """RECONCILIATION rows of the team: 156 600 € paid, 156 600 € decided, 348 000 € due; `cents` replaces amounts."""
    amounts = {
        "paid": 15_660_000, "decided_not_paid": 15_660_000, "withheld": 3_480_000, "presence": -1_000_000,
        "patients_out": -500_000, "patients_in": 900_000, "late_claims": 600_000, "characteristics": 0,
        "participation": 0, "rule_change": 0, **cents,
    }  # fmt: skip
    rows, running = [], 0
    for order, (reason, amount) in enumerate(amounts.items(), start=1):
        running += amount
        rows.append((TEAM, "peps", 2023, order, reason, amount, running, None))
    return pd.DataFrame(rows, columns=RECONCILIATION.column_names)


def ipep_amount() -> Amount:
    """The first test vector of the specifications: 5,000 patients, 122 524.75 €."""
    steps = Walk()
    steps.to("ecart", Decimal("83333.333333"), "weight_ecart_numerator", "winsor_quantile")
    steps.to("evolution", Decimal("245049.504950"), "weight_evolution_numerator", "evolution_variant")
    steps.to("sharing", Decimal("122524.752475"), "sharing_share")
    per_year = "EUR per year lived"
    figures = {
        "phase": Figure("2", "phase"),
        "patients": Figure("5000", "patients"),
        "gain_ecart_eur": Figure("50.000000", per_year),
        "gain_ecart_low_eur": Figure("-62.10", per_year),
        "gain_ecart_high_eur": Figure("161.40", per_year),
        "gains_eur": Figure("122524.75", "EUR"),
        "chance_mean_eur": Figure("71250.40", "EUR"),
        "chance_p05_eur": Figure("0.00", "EUR"),
        "chance_p95_eur": Figure("214330.10", "EUR"),
        "chance_probability": Figure("0.2448", "0 to 1"),
        "standard_error_ecart_eur": Figure("57.02", per_year),
    }
    return Amount(GROUP, "ipep", 2023, tuple(steps.components), figures)


def views() -> Views:
    """The four views of the group, as `schemes.ipep` gives them."""
    ages = {"00-05": 300, "06-15": 500, "16-39": 1600, "40-64": 1700, "65-74": 500, "75-84": 393, "85+": 7}
    topics = {"age": ages, "sex": {"male": 2400, "female": 2600}, "ald": {"yes": 900, "no": 4100}}
    described = [
        (GROUP, topic, value, count, count / 5000, count / 5000 + 0.01)
        for topic, values in topics.items()
        for value, count in values.items()
    ]
    contacts = [
        (GROUP, 2023, poste, count, count / 5000, 4.25, 182.5, 190.25)
        for poste, count in {"generaliste": 4300, "pharmacie": 4200, "hopital_mco": 900, "cure": 3}.items()
    ]
    spending = [(GROUP, 2022, 4900.0, 2425.74, 2430.1, 2400.0), (GROUP, 2023, 4950.0, 2450.0, 2500.0, 2470.0)]
    gains = [
        (GROUP, "spending", "observed_eur", 0.01, 15_300_000, 3_047_525),
        (GROUP, "indicator", "rh30", 12.5, 12_502_475, 250_000),
    ]
    return Views(
        pd.DataFrame(described, columns=["structure_id", "topic", "value", "patients", "share", "nation_share"]),
        pd.DataFrame(
            contacts,
            columns=[
                "structure_id", "year", "poste", "patients", "share", "contacts_per_patient",
                "reimbursed_per_patient_eur", "nation_reimbursed_per_patient_eur",
            ],
        ),
        pd.DataFrame(
            spending,
            columns=["structure_id", "year", "exposure", "observed_eur", "expected_eur", "nation_observed_eur"],
        ),
        pd.DataFrame(gains, columns=["structure_id", "lever", "name", "change", "paid_cents", "added_cents"]),
    )  # fmt: skip
