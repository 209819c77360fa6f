"""A small request for each scheme, which the service answers; a test posts them."""

from __future__ import annotations

from typing import Any

from features.tables import BRICK_NAMES

FORMER_UNKNOWN = dict.fromkeys(
    ("reference_year", "reference_ffs_cents", "reference_base_eur", "shadow_ffs_cents", "acts_observed",
     "acts_expected"),
)  # fmt: skip
HASH = "f988b7b216930888"


def _peps_patient(patient_id: str, expected_eur: float, in_team_cents: int, outside_cents: int) -> dict[str, Any]:
    return {
        "structure_id": "750000001", "patient_id": patient_id, "present_share": 1.0, "is_diab": False, "is_age": True,
        "is_tot": True, "expected_eur": expected_eur, "zone_id": "75", "fdep_quintile": 3,
        "in_team_cents": in_team_cents, "outside_cents": outside_cents, "neutralised_cents": 0, "ame": False,
    }  # fmt: skip


PEPS: dict[str, Any] = {
    "year": 2023,
    "inputs": {
        "participations": [
            {"structure_id": "750000001", "scheme": "peps", "patientele": "TOT", "perimeter": "MG",
             "from_date": "2021-01-01", "to_date": None, "quality_share": 0.6, "legal_form": "SISA"}
        ],
        "teams": [
            {"structure_id": "750000001", "profession": "mg", "members": 4},
            {"structure_id": "750000001", "profession": "ide", "members": 2},
        ],
        "patients": [_peps_patient("A", 150.0, 120_00, 30_00), _peps_patient("B", 320.0, 300_00, 16_00)],
        "reference": [{"patientele": "TOT", "observed_eur": 9.6e6, "expected_eur": 9.5e6, "patients": 100_000}],
        "zones": [
            {"zone_id": "75", "observed_eur": 1.03e6, "expected_eur": 1e6, "patients": 10_000},
            {"zone_id": "35", "observed_eur": 0.97e6, "expected_eur": 1e6, "patients": 10_000},
        ],
        "fee_for_service": [{"structure_id": "750000001", **FORMER_UNKNOWN}],
    },
}  # fmt: skip


def _member(patient_id: str, year: int, expected_eur: float, observed_eur: float) -> dict[str, Any]:
    return {
        "structure_id": "750000002", "patient_id": patient_id, "year": year, "present_share": 1.0,
        "exposure_share": 1.0, "is_consumer": True, "expected_eur": expected_eur, "model": "ipep", "version": 1,
        "version_hash": HASH, "observed_eur": observed_eur,
    }  # fmt: skip


def _nation(year: int, observed_eur: float) -> dict[str, Any]:
    return {"year": year, "cap_eur": 30_000.0, "observed_eur": observed_eur, "expected_eur": 2e6}


RESIDUALS = [
    {"expected_eur": 2000.0, "observed_eur": 2600.0, "observed_before_eur": 1700.0},
    {"expected_eur": 2000.0, "observed_eur": 1500.0, "observed_before_eur": 2100.0},
]
IPEP_PARTICIPATION = {
    "structure_id": "750000002", "scheme": "ipep", "from_date": "2022-01-01", "to_date": None, "phase_from": None,
    "carte": "no", "experience_points": None,
}  # fmt: skip
TARGET: dict[str, Any] = {
    "year": 2024,
    "seed": 7,
    "draws": 200,
    "inputs": {
        "participations": [IPEP_PARTICIPATION],
        "members": [_member("A", 2024, 2500.0, 2450.0), _member("B", 2024, 1500.0, 1400.0)],
        "nation": [_nation(2024, 2.02e6)],
        "residuals": RESIDUALS,
    },
}
INTERESSEMENT: dict[str, Any] = {
    "year": 2024,
    "seed": 7,
    "draws": 200,
    "inputs": {
        "participations": [IPEP_PARTICIPATION],
        "members": [
            _member("A", 2023, 2400.0, 2430.0),
            _member("A", 2024, 2500.0, 2450.0),
            _member("B", 2024, 1500.0, 1400.0),
        ],
        "nation": [_nation(2023, 2e6), _nation(2024, 2.02e6)],
        "residuals": RESIDUALS,
        "indicators": [
            {"entity": "structure", "entity_id": "750000002", "year": 2024, "indicator": "rh30", "value_share": 0.11},
            {"entity": "territory", "entity_id": "T1", "year": 2024, "indicator": "rh30", "value_share": 0.12},
        ],
    },
}
NO_BRICK: dict[str, Any] = dict.fromkeys(BRICK_NAMES, False)
IPSO: dict[str, Any] = {
    "year": 2024,
    "with_patients": True,
    "inputs": {
        "participations": [
            {"structure_id": "750000003", "scheme": "ipso", "from_date": "2020-06-16", "to_date": None}
        ],
        "patients": [
            {"structure_id": "750000003", "patient_id": "A", "present_share": 1.0, "age_months": 806, "sex": 2,
             "expected_eur": 310.0, "in_team_cents": 240_00, "outside_cents": 60_00, **NO_BRICK, "ald": True}
        ],
        "declared": [
            {"structure_id": "750000003", "patient_id": "A", "brick": "ald", "from_date": "2023-01-01",
             "to_date": None}
        ],
        "reference": [
            {"age_months": 806, "sex": 2, "weight": 80.0, "expected_eur": 120.0, "observed_eur": 110.0, **NO_BRICK},
            {"age_months": 812, "sex": 2, "weight": 20.0, "expected_eur": 300.0, "observed_eur": 340.0, **NO_BRICK,
             "ald": True},
        ],
    },
}  # fmt: skip
BUNDLE: dict[str, Any] = {
    "year": 2024,
    "on": "2024-03-01",
    "inputs": {
        "episodes": [
            {"episode_id": "pth-1", "programme": "pth", "sector": "public", "expected_eur": 8_000.0},
            {"episode_id": "pth-2", "programme": "pth", "sector": "public", "expected_eur": 14_500.0},
        ],
        "reference": [
            {"programme": "pth", "sector": "public", "pathway": "all", "year": year, "episodes": 1000,
             "observed_eur": observed_eur, "raw_eur": observed_eur, "expected_eur": 1e7, "index_sum": 1000.0,
             "cap_eur": 22_000.0}
            for year, observed_eur in ((2021, 9.8e6), (2022, 9.6e6), (2023, 9.4e6))
        ],
    },
}  # fmt: skip
EXAMPLES = {
    "/peps/forfait": PEPS,
    "/ipep/target": TARGET,
    "/ipep/interessement": INTERESSEMENT,
    "/ipso/forfait": IPSO,
    "/eds/bundle": BUNDLE,
}
