"""The forfait of each patient of a team: base, fidelisation, local coefficient; the sums the amount walks through."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from features.errors import InputError
from schemes.money import total_eur
from schemes.peps.exact import to_billionth
from schemes.peps.fidelisation import Fidelisation
from schemes.peps.team import Team

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Forfaits:
    """Euros per patient of a team, in the order of its patients, and their exact sums."""

    base: Floats
    faithful: Floats
    local: Floats
    balanced: Floats
    base_eur: Decimal
    untariffed_eur: Decimal
    faithful_eur: Decimal
    gross_eur: Decimal


def k_cal_of(team: Team, reference: pd.DataFrame) -> Decimal:
    """k_cal of the team's patientele: observed / expected of the national reference patients, to the billionth.

    Where the rules state the national mean forfait (mean_forfait_reference_eur), the nation is brought to it: times
    mean × patients / observed of the patientele TOT.
    Rule: PEPS, balance of the reference (Σ expected = Σ observed, per patientele); PRIMORDIAL for the stated mean.
    Errors: InputError where `reference` lacks the row.
    """
    own = _reference(reference, team.patientele)
    k_cal = total_eur([own.observed_eur]) / total_eur([own.expected_eur])
    stated = team.rules.decimal_or_none("mean_forfait_reference_eur")
    if stated is not None:
        nation = _reference(reference, "TOT")
        if not nation.observed_eur:
            raise InputError("reference: column observed_eur is 0 for TOT; a stated mean forfait cannot be met")
        k_cal *= stated * int(nation.patients) / total_eur([nation.observed_eur])
    return to_billionth(k_cal)


def _reference(reference: pd.DataFrame, patientele: str) -> Any:
    rows = reference[reference["patientele"] == patientele]
    if rows.empty:
        raise InputError(f"reference: column patientele has no row {patientele}; a team is paid by it")
    return next(rows.itertuples(index=False))


def forfaits(patients: pd.DataFrame, rates: Fidelisation, *, team: Team, k_cal: Decimal, local: Floats) -> Forfaits:
    """Forfaits of the patients of a team.

    base_i = exposure × k_cal × expected × tariff_index, or exposure × fixed_forfait_eur where the rules fix one
    (without model, k_cal or index); gross_i = base_i × fidelisation rate × local coefficient.
    Rule: PEPS, how the forfait is computed; conventional capitation for the fixed amount.
    """
    rules = team.rules
    fixed = rules.decimal_or_none("fixed_forfait_eur")
    exposure = patients["exposure"].to_numpy()
    balanced = patients["expected_eur"].to_numpy() * float(k_cal)
    index = Decimal(1) if fixed is not None else rules.decimal("tariff_index")
    untariffed = exposure * (balanced if fixed is None else float(fixed))
    base = untariffed * float(index)
    faithful = base * rates.by_patient
    gross = faithful * local
    return Forfaits(base, faithful, gross, balanced, *(total_eur(part) for part in (base, untariffed, faithful, gross)))


def weighted_mean(weighted_eur: Decimal, eur: Decimal) -> Decimal | None:
    """Mean coefficient that leads from a sum to another; None where the sum is 0."""
    return to_billionth(weighted_eur / eur) if eur else None
