"""Spending by poste: labels, and totals of care lines by patient and poste."""

from __future__ import annotations

from functools import cache

import ibis

from features.codes import listed

POSTES: dict[str, tuple[str, str]] = {
    row["poste"]: (row["label_fr"], row["label_en"]) for row in listed("poste_labels")
}
"""French and English label of every poste of care in the target, in the order of the columns."""


@cache
def gp_act_codes() -> tuple[int, ...]:
    """Natures of act counted as general-practice acts: those of the PEPS list that are no supplement."""
    return tuple(
        int(row["code"])
        for row in listed("prs_nat_ref")
        if row["peps_scope"] == "gp" and row["care_subcategory"] != "supplement"
    )


def totals_by_poste(lines: ibis.Table) -> ibis.Table:
    """One row per patient, poste and perimeter: base and reimbursed cents, and general-practice acts.

    Only lines in the target (payments without an act and cash benefits are left out).
    """
    is_gp_act = (lines.perimeter == "mg") & lines.act_code.isin(gp_act_codes())
    gp_acts = ibis.ifelse(is_gp_act, lines.quantity, 0)
    kept = lines.mutate(gp_acts=gp_acts).filter(lines.is_in_target)
    return kept.group_by(["patient_id", "poste", "perimeter"]).aggregate(
        base_cents=kept.base_cents.sum(), reimbursed_cents=kept.reimbursed_cents.sum(), gp_acts=kept.gp_acts.sum()
    )


def euros(totals: ibis.Table, where: ibis.BooleanValue | None = None) -> ibis.FloatingValue:
    """Euros of the base of reimbursement over the totals of a patient that meet a condition (an aggregate)."""
    return (totals.base_cents.sum(where=where).fill_null(0) / 100).cast("float64")


def count_of(values: ibis.IntegerColumn) -> ibis.IntegerScalar:
    """Sum of a column of counts (an aggregate), 0 where empty, as a plain 32-bit number on every engine."""
    return values.sum().fill_null(0).cast("int32")


def poste_euros(totals: ibis.Table, prefix: str) -> dict[str, ibis.FloatingValue]:
    """One aggregate per poste, named <prefix>_<poste>_eur."""
    return {f"{prefix}_{poste}_eur": euros(totals, totals.poste == poste) for poste in POSTES}
