"""Requests and answers shown in the OpenAPI document; a test sends the ones and looks for the others."""

from __future__ import annotations

from typing import Any

Example = dict[str, Any]
HASH = "f988b7b216930888c4e1a5d3b7029f6e8d14c05b3a7f92e6d1c8b4a5f3e27d90"
REQUEST: Example = {
    "model": "peps_mg",
    "on": "2024-03-01",
    "rows": [{"age": 67, "is_woman": 1, "ald_08": True, "fdep_quintile": "4"}],
}
HEADER: Example = {"model": "peps_mg", "version": 2, "hash": HASH, "unit": "EUR per year", "count": 1}
PREDICTED = HEADER | {"expected_eur": [412.57]}
EXPLAINED = HEADER | {
    "explanations": [
        {
            "expected_eur": 412.57,
            "base_eur": 310.0,
            "floor_eur": 0.0,
            "contributions": [
                {"feature": "age", "label_fr": "Âge", "family": "age_sex", "value": 67, "contribution_eur": 102.57}
            ],
            "families": [{"family": "age_sex", "label_fr": "Âge et sexe", "contribution_eur": 102.57}],
        }
    ]
}
ENTRY: Example = {
    "model": "peps_mg", "version": 2, "version_hash": HASH, "from_date": "2024-01-01", "decided_on": "2023-12-12",
    "by": "Comité des forfaits", "why": "Réapprentissage annuel", "despite": None, "approval": None,
    "previous": "0" * 64,
}  # fmt: skip
MODEL: Example = {"model": "peps_mg", "versions": [1, 2], "register": [ENTRY]}
CARD: Example = {
    "hash": HASH,
    "card": {
        "model": "peps_mg", "version": 2, "perimeter": "MG", "unit": "EUR per year", "objective": "regression",
        "balance_factor": 1.02, "model_sha256": "ab" * 32,
        "features": [
            {"name": "age", "label_fr": "Âge", "label_en": "Age", "family": "age_sex", "kind": "number",
             "unit": "years", "low": 0.0, "high": 110.0}
        ],
    },
}  # fmt: skip
HEALTHY: Example = {"status": "ok"}
READY: Example = {"status": "ready", "loaded": [{"model": "peps_mg", "version": 2}]}


def _rests(
    scheme: str, year: int, on: str, *, rule: tuple[str, str, str, str | None], assumed: tuple[str, ...]
) -> Example:
    """The head of an answer: one rule file, one value that is not official."""
    file, published, first_day, last_day = rule
    key, value, unit, grade, source = assumed
    return {
        "scheme": scheme, "year": year, "on": on, "known_on": None,
        "rules": [{"scheme": scheme, "file": file, "sha256": HASH, "published": published, "first_day": first_day,
                   "last_day": last_day}],
        "assumed": [{"scheme": scheme, "key": key, "value": value, "unit": unit, "grade": grade, "source": source}],
    }  # fmt: skip


def _step(component: str, label_fr: str, amount_cents: int, running_cents: int, *rule_keys: str) -> Example:
    return {
        "component": component, "label_fr": label_fr, "amount_cents": amount_cents, "running_cents": running_cents,
        "rule_keys": list(rule_keys),
    }  # fmt: skip


def _figure(value: str, unit: str, label_fr: str) -> Example:
    return {"value": value, "unit": unit, "label_fr": label_fr}


IPEP_RULE = ("ipep/2023-01-01.yaml", "2022-07-27", "2023-01-01", "2025-12-31")
SCOPE = ("scope_excluded_postes", "prestations_especes", "list of postes", "assumed",
         "all health spending is stated, the list is not; cash benefits are not care")  # fmt: skip
SIZE = ("min_patients", "5000", "patients", "reported", "ministere_2019, patientèle du groupement")
DAILY = ("exposure_rule", "daily", "one of daily, month_started, quarter_started", "assumed",
         "proration is not published; days over the days of the year")  # fmt: skip
ALLOWANCE = (
    "avoidable_allowance_share", "1", "share", "assumed",
    "no allowance is published; PROMETHEUS began with half of the cost of avoidable complications",
)  # fmt: skip
FITTED = ("brick_prices", "fitted", "one of fitted, grid", "assumed",
          "prices of bricks are not published")  # fmt: skip
PRICE: Example = {
    "programme": "pth", "sector": "public", "pathway": "all", "reference_episodes": 3000,
    "reference_eur": "9600.000000", "mean_expected_eur": "10000.000000", "mean_index": "1.000000",
    "trend_ratio": "1.000000", "discount_share": "0.000000", "coordination_eur": "0.000000",
    "provisional_eur": "9600.000000", "cap_eur": "22000.00", "warnings": [],
}  # fmt: skip
SCHEMES: dict[str, Example] = {
    "/peps/forfait": {
        **_rests("peps", 2023, "2023-01-01", rule=("peps/2022-11-27.yaml", "2022-11-26", "2022-11-27", "2024-12-31"),
                 assumed=DAILY),
        "refused": [{"structure_id": "750000001", "reason": "too_few_patients", "label_fr": "Trop peu de patients",
                     "detail": "fewer than 11; at least 250 wanted"}],
        "excluded": [{"structure_id": "750000001", "reason": "structure_refused",
                      "label_fr": "Structure non éligible", "patients": 2}],
        "amounts": [],
    },
    "/ipep/target": {
        **_rests("ipep", 2024, "2024-01-01", rule=IPEP_RULE, assumed=SCOPE),
        "refused": [],
        "excluded": [],
        "targets": [{"structure_id": "750000002", "figures": {
            "expected_eur": _figure("2020.000000", "EUR per year lived", "Dépense attendue")}}],
        "seed": 7,
        "draws": 200,
    },
    "/ipep/interessement": {
        **_rests("ipep", 2024, "2024-01-01", rule=IPEP_RULE, assumed=SIZE),
        "refused": [{"structure_id": "750000002", "reason": "below_min_patients",
                     "label_fr": "Patientèle sous le minimum",
                     "detail": "2 patients on the list; the rules ask for 5000"}],
        "excluded": [],
        "amounts": [],
        "seed": 7,
        "draws": 200,
    },
    "/ipso/forfait": {
        **_rests("ipso", 2024, "2024-01-01", rule=("ipso/2023-01-01.yaml", "2020-06-15", "2023-01-01", "2025-06-15"),
                 assumed=FITTED),
        "refused": [],
        "excluded": [],
        "amounts": [{
            "structure_id": "750000003", "scheme": "ipso", "total_cents": 26771, "currency": "EUR",
            "components": [
                _step("socle", "Socle (avant fidélisation)", 18269, 18269, "socle_age_starts", "socle_includes_fmt",
                      "cells", "rosp_eur_per_patient", "exposure_rule"),
                _step("brick_ald", "Brique : ALD", 12156, 26771, "brick_prices", "bricks_from"),
            ],
            "figures": {"months": _figure("12", "months", "Mois dus")},
            "warnings": [{"warning": "mean_month_above_sanity",
                          "label_fr": "Moyenne mensuelle au-dessus de l'ordre de grandeur attendu"}],
        }],
        "forfaits": [{"structure_id": "750000003", "patient_id": "A", "present_share": 1.0, "expected_eur": 310.0,
                      "amount_cents": 26771}],
    },
    "/eds/bundle": {
        **_rests("eds", 2024, "2024-03-01", rule=("eds/2019-07-17.yaml", "2019-07-17", "2019-07-17", None),
                 assumed=ALLOWANCE),
        "currency": "EUR",
        "models": [],
        "prices": [PRICE],
        "episodes": [{
            "episode_id": "pth-1", "programme": "pth", "sector": "public", "pathway": "all", "expected_eur": 8000.0,
            "risk_index": 0.8, "forfait_cents": 768000,
            "components": [
                _step("reference", "Prix de référence", 960000, 960000, "year_weights", "trim_low_quantile",
                      "trim_high_quantile"),
                _step("risk", "Risque du patient à l'admission", -192000, 768000, "risk_index_min",
                      "risk_index_max"),
            ],
        }],
    },
}  # fmt: skip
