"""The local coefficient: spending of the patient's zone against the nation, and the uplift of deprived communes."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import numpy.typing as npt
import pandas as pd

from schemes.money import total_eur
from schemes.peps.exact import to_billionth
from schemes.rulebook import Rules

NEUTRAL = Decimal(1)
ZONE_COLUMNS = ("zone_id", "observed_eur", "expected_eur", "patients")


def zone_coefficients(zones: pd.DataFrame, rules: Rules) -> dict[str, Decimal]:
    """Coefficient of each zone: clip(1 + (O/E − 1) × n / (n + local_shrinkage_patients), local_min, local_max).

    O/E is the zone's observed over expected spending, divided by that of all the zones together: k_cal holds the
    national level already. `zones` must cover the nation, even where a team is paid alone.
    Rule: PEPS, local level of spending; shrinkage and bounds are assumed.
    """
    nation = total_eur(zones["observed_eur"]) / total_eur(zones["expected_eur"]) if len(zones) else Decimal(0)
    if not nation:
        return dict.fromkeys(zones["zone_id"], NEUTRAL)
    lowest, highest = rules.decimal("local_min"), rules.decimal("local_max")
    prior = rules.decimal("local_shrinkage_patients")
    found = {}
    for zone, observed, expected, people in zip(*(zones[name].tolist() for name in ZONE_COLUMNS), strict=True):
        relative = total_eur([observed]) / total_eur([expected]) / nation
        patients = Decimal(int(people))
        weight = patients / (patients + prior) if patients + prior else Decimal(0)
        found[zone] = to_billionth(min(max(NEUTRAL + (relative - 1) * weight, lowest), highest))
    return found


def uplift(quintile: float | None, rules: Rules) -> Decimal:
    """1 + poverty_uplift_max from quintile poverty_uplift_quintile of deprivation on; 1 below and where unknown.

    Rule: PRIMORDIAL, uplift in communes of a high poverty rate; the quintile stands for the rate (assumed).
    """
    lowest = rules.decimal_or_none("poverty_uplift_quintile")
    if lowest is None or quintile is None or np.isnan(quintile) or quintile < lowest:
        return NEUTRAL
    return NEUTRAL + rules.decimal("poverty_uplift_max")


def local_by_patient(patients: pd.DataFrame, coefficients: dict[str, Decimal], rules: Rules) -> npt.NDArray[np.float64]:
    """Coefficient of the zone × uplift of the quintile, per patient; a patient whose zone is unknown has zone 1."""
    by_zone = {zone: float(coefficient) for zone, coefficient in coefficients.items()}
    zone = np.array([by_zone.get(zone_id, 1.0) for zone_id in patients["zone_id"]])
    quintiles = {quintile: float(uplift(quintile, rules)) for quintile in patients["fdep_quintile"].dropna().unique()}
    return zone * patients["fdep_quintile"].map(quintiles).astype("float64").fillna(1.0).to_numpy()
