"""What IPSO pays a practice for a year: mean forfait, forfait by category, or the blend of both, by month present."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import numpy as np
import pandas as pd

from features.errors import RuleError
from features.tables import FORFAITS
from schemes.amounts import Amount, Payment, Walk
from schemes.ipso.figures import Computed, figures, warnings_of
from schemes.ipso.inputs import BRICKS, SCHEME, Inputs
from schemes.ipso.practices import BLEND, MEAN, Marks, Practice, Year, excluded_frame, refused_frame, year_of
from schemes.ipso.prices import MONTHS, Prices
from schemes.ipso.socle import Euros, Terms, fidelisation, socle
from schemes.money import allot, total_eur
from schemes.rulebook import Rules

SOURCES = ("declared", "claims")
FIDELISATION_KEYS = (
    "fidelisation_level", "fidelisation_shrinkage_eur", "neutralised_pathway_codes", "in_team_pathway_codes",
    "neutralise_regulated_acts",
)  # fmt: skip
KEYS = {
    "mean_forfait": ("mean_month_eur", "exposure_rule"),
    "socle": ("socle_age_starts", "socle_includes_fmt", "cells", "rosp_eur_per_patient", "exposure_rule"),
    "fidelisation": FIDELISATION_KEYS,
    "blend": ("phase", "blend_quarters", "mean_month_eur"),
    "team_envelope": ("team_envelope_eur_per_patient",),
    **{f"brick_{name}": ("brick_prices", "bricks_from") for name in BRICKS},
}


def pay(inputs: Inputs, *, year: int, rules: Mapping[str, Rules]) -> Payment:
    """What IPSO pays each practice for a year, by component and by patient.

    F(i, month) = (1 − λ) × mean_month_eur + λ × (S(i) × τ + Σ price of the bricks of i in the month) / 12
    λ = 0 in phase mean, 1 in phase category, rising by quarter in phase blend; + team_envelope × months / 12
    Inputs: see `schemes.ipso.inputs.tables`. Rules: "ipso", and "forfait_medecin_traitant" unless the phase is mean.
    Refused: empty_patientele, no_care_measured. Paid and excluded are all the patients of the inputs.
    Errors: InputError, MissingError, RuleError.
    Rule: IPSO project sheet, phases 1 to 3; shape of the forfait by category assumed.
    """
    found = year_of(inputs, year=year, rules=rules)
    refused, left_out, amounts, forfaits = list(found.refused), [], [], []
    for practice in found.practices:
        terms = terms_of(practice, found, rules)
        if found.phase != MEAN and terms is None:
            refused.append((practice.structure_id, "no_care_measured", "no in-scope care in the practice or outside"))
            left_out.append((practice.structure_id, "structure_refused", len(practice.patients)))
            continue
        amount, euros = _amount(practice, terms, found, year=year, rules=rules)
        amounts.append(amount)
        forfaits.append(_forfaits(practice, amount, euros))
    return Payment(
        amounts=tuple(amounts),
        forfaits=pd.concat(forfaits, ignore_index=True) if forfaits else pd.DataFrame(columns=FORFAITS.column_names),
        refused=refused_frame(refused),
        excluded=excluded_frame(found, left_out),
    )


def terms_of(practice: Practice, found: Year, rules: Mapping[str, Rules]) -> Terms | None:
    """What the practice's forfait by category is made of; None in phase mean, or where no care was measured."""
    rate = fidelisation(practice.patients, rules["ipso"])
    if found.prices is None or rate is None:
        return None
    return Terms(socle(practice.patients, found.prices, rules), rate, found.prices)


def bricks_paid(practice: Practice, rules: Rules) -> Marks:
    """Bricks that are paid (patient, brick, month): declared, or flagged by claims. Errors: RuleError."""
    if (source := rules.text("bricks_from")) not in SOURCES:
        raise RuleError(f"{rules.file}: bricks_from is {source!r}; it should be one of {', '.join(SOURCES)}")
    return practice.declared if source == "declared" else practice.flagged


def brick_eur(practice: Practice, marks: Marks, prices: Prices, share: Euros) -> dict[str, Euros]:
    """Euros of each brick by patient: price / 12 × Σ over months of the part due × share of the month."""
    weighted = practice.months * share
    return {
        name: float(prices.bricks[name] or 0) / MONTHS * (weighted * marks[:, place, :]).sum(axis=1)
        for place, name in enumerate(BRICKS)
    }


def category_eur(practice: Practice, terms: Terms, marks: Marks, share: Euros) -> dict[str, Euros]:
    """Euros by patient of each component of the forfait by category, months counting for `share` of themselves."""
    whole = terms.socle.eur / MONTHS * (practice.months @ share)
    bricks = brick_eur(practice, marks, terms.prices, share)
    return {
        "socle": whole,
        "fidelisation": whole * (terms.fidelisation.by_patient - 1.0),
        **{f"brick_{name}": euros for name, euros in bricks.items()},
    }


def forfait_eur(practice: Practice, terms: Terms | None, marks: Marks, found: Year, rules: Rules) -> dict[str, Euros]:
    """Euros by patient of each component, the team envelope apart, in the order of the computation."""
    mean = float(rules.decimal("mean_month_eur"))
    if terms is None:
        return {"mean_forfait": mean * practice.months.sum(axis=1)}
    share = found.category_share
    parts = category_eur(practice, terms, marks, np.ones_like(share))
    if found.phase == BLEND:
        kept = sum(category_eur(practice, terms, marks, share).values())
        parts["blend"] = kept + mean * (practice.months @ (1.0 - share)) - sum(parts.values())
    return parts


def total_on(practice: Practice, terms: Terms | None, marks: Marks, found: Year, rules: Rules) -> Decimal:
    """Euros of the practice if these bricks were paid, the team envelope included."""
    parts = forfait_eur(practice, terms, marks, found, rules)
    return sum((total_eur(euros) for euros in parts.values()), Decimal(0)) + total_eur(_envelope(practice, rules))


def _envelope(practice: Practice, rules: Rules) -> Euros:
    return float(rules.decimal("team_envelope_eur_per_patient")) / MONTHS * practice.months.sum(axis=1)


def _amount(
    practice: Practice, terms: Terms | None, found: Year, *, year: int, rules: Mapping[str, Rules]
) -> tuple[Amount, Euros]:
    """The practice's amount, and the unrounded euros of each patient."""
    own, walk, running = rules["ipso"], Walk(), Decimal(0)
    marks = bricks_paid(practice, own)
    parts = forfait_eur(practice, terms, marks, found, own) | {"team_envelope": _envelope(practice, own)}
    for name, euros in parts.items():
        running = walk.to(name, running + total_eur(euros), *KEYS[name])
    on = {"declared": practice.declared, "claims": practice.flagged, "both": practice.declared & practice.flagged}
    simulated = {source: total_on(practice, terms, bricks, found, own) for source, bricks in on.items()}
    computed = Computed(practice, terms, marks, simulated, running)
    amount = Amount(
        structure_id=practice.structure_id,
        scheme=SCHEME,
        year=year,
        components=tuple(walk.components),
        figures=figures(computed, found, own),
        warnings=warnings_of(computed, own),
    )
    return amount, np.maximum(sum(parts.values()), 0.0)


def _forfaits(practice: Practice, amount: Amount, euros: Euros) -> pd.DataFrame:
    """The rows of FORFAITS of a practice: its cents allotted in proportion to each patient's euros."""
    return pd.DataFrame(
        {
            "structure_id": practice.structure_id,
            "patient_id": practice.patients["patient_id"],
            "scheme": SCHEME,
            "year": amount.year,
            "present_share": practice.months.sum(axis=1) / MONTHS,
            "expected_eur": practice.patients["expected_eur"],
            "amount_cents": allot(amount.total_cents, euros.tolist()),
        }
    )[FORFAITS.column_names]
