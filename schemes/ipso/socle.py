"""The socle of a patient: mean spending, forfait of the médecin traitant, ROSP; and the fidelisation that scales it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

import numpy as np
import numpy.typing as npt
import pandas as pd

from features.errors import RuleError
from schemes.ipso.prices import MONTHS, Prices
from schemes.rulebook import Rules

Euros = npt.NDArray[np.float64]

FMT = "forfait_medecin_traitant"
LEVELS = ("team", "patient")
BILLIONTH = Decimal("1e-9")


@dataclass(frozen=True)
class Socle:
    """Euros of each patient for a full year, by part, and what could not be told."""

    consumption: Euros
    fmt: Euros
    rosp: Euros
    warnings: tuple[str, ...]

    @property
    def eur(self) -> Euros:
        """The three parts together."""
        return self.consumption + self.fmt + self.rosp


def socle(patients: pd.DataFrame, prices: Prices, rules: Mapping[str, Rules]) -> Socle:
    """S(i) = mean spending of the age band and sex + FMT-equivalent + ROSP-equivalent, before fidelisation.

    Rule: IPSO, the socle comes from mean French consumption and holds ROSP and FPMT.
    Errors: RuleError where the rules of the FMT are wanted and not given.
    """
    own = rules["ipso"]
    fmt = np.zeros(len(patients))
    warnings: tuple[str, ...] = ()
    if own.flag("socle_includes_fmt"):
        if FMT not in rules:
            raise RuleError(f"{own.file}: socle_includes_fmt is yes; give the rules of {FMT} too")
        fmt, warnings = fmt_eur(patients, rules[FMT])
    rosp = np.full(len(patients), float(own.decimal("rosp_eur_per_patient")))
    return Socle(prices.socle_eur(patients), fmt, rosp, warnings)


def fmt_eur(patients: pd.DataFrame, rules: Rules) -> tuple[Euros, tuple[str, ...]]:
    """What the convention's forfait would pay for each patient in a year, and which supplements are not measured.

    The cell of age and ALD (flag of the claims), replaced by not_seen_eur where is_seen is false, plus the C2S
    supplement and prevention_eur_per_indicator × prevention_indicators. A supplement in force whose column is not
    among the patients' is left out with a warning. The uplift of the list by its C2S share has no published amount
    and is not computed.
    Errors: RuleError unless every patient falls in exactly one cell.
    """
    age = patients["age_months"].to_numpy(dtype=float) // MONTHS
    has_ald = patients["ald"].to_numpy(dtype=bool)
    euros, cells = np.zeros(len(patients)), np.zeros(len(patients), dtype=int)
    for row in rules.grid("cells"):
        is_in = (age >= int(row["age_from"])) & (age <= int(row["age_to"])) & (has_ald == (row["ald"] == "yes"))
        euros[is_in] = float(row["amount_eur"])
        cells += is_in
    if (cells != 1).any():
        raise RuleError(f"{rules.file}: grid cells has no cell, or several, for {(cells != 1).sum()} patients")
    return _with_supplements(euros, patients, rules)


def _with_supplements(euros: Euros, patients: pd.DataFrame, rules: Rules) -> tuple[Euros, tuple[str, ...]]:
    warnings = []
    not_seen, c2s, prevention = (
        rules.decimal_or_none(key) for key in ("not_seen_eur", "c2s_supplement_eur", "prevention_eur_per_indicator")
    )
    if not_seen is not None:
        if "is_seen" in patients:
            euros = np.where(patients["is_seen"].to_numpy(dtype=bool), euros, float(not_seen))
        else:
            warnings.append("fmt_not_seen_not_measured")
    for name, column, supplement in (("c2s", "c2s", c2s), ("prevention", "prevention_indicators", prevention)):
        if supplement is None:
            continue
        if column in patients:
            euros = euros + float(supplement) * patients[column].to_numpy(dtype=float)
        else:
            warnings.append(f"fmt_{name}_not_measured")
    return euros, tuple(warnings)


@dataclass(frozen=True)
class Fidelisation:
    """Rate of the practice, the cents behind it, and the rate of each patient."""

    rate: Decimal
    in_team_cents: int
    outside_cents: int
    by_patient: Euros


def fidelisation(patients: pd.DataFrame, rules: Rules) -> Fidelisation | None:
    """τ = in-team / (in-team + outside) over the practice, to the billionth; None where no care was measured.

    Level patient: (in-team + κ·τ) / (all + κ) for each, κ = fidelisation_shrinkage_eur; the practice's rate where
    someone has no care and κ is 0.
    Rule: IPSO, the socle is adjusted by the taux de fidélisation (level assumed).
    Errors: RuleError for a level other than team or patient.
    """
    if (level := rules.text("fidelisation_level")) not in LEVELS:
        raise RuleError(f"{rules.file}: fidelisation_level is {level!r}; it should be one of {', '.join(LEVELS)}")
    inside, outside = (patients[column].to_numpy(dtype=float) / 100 for column in ("in_team_cents", "outside_cents"))
    kept, lost = (int(patients[column].sum()) for column in ("in_team_cents", "outside_cents"))
    if kept + lost == 0:
        return None
    rate = (Decimal(kept) / Decimal(kept + lost)).quantize(BILLIONTH, ROUND_HALF_UP)
    rates = np.full(len(patients), float(rate))
    if level == "patient":
        kappa = float(rules.decimal("fidelisation_shrinkage_eur"))
        whole = inside + outside + kappa
        rates = np.where(whole > 0, (inside + kappa * float(rate)) / np.where(whole > 0, whole, 1.0), float(rate))
    return Fidelisation(rate, kept, lost, rates)


@dataclass(frozen=True)
class Terms:
    """What a practice's forfait by category is made of: socle and fidelisation by patient, prices of bricks."""

    socle: Socle
    fidelisation: Fidelisation
    prices: Prices
