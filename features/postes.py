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
        if row["peps_scope"] == "gp" and "supplement" not in row["care_subcategory"]
    )


def totals_by_poste(lines: ibis.Table) -> ibis.Table:
    """One row per patient and poste: cents (base, reimbursed, base of MG, base of MG and IDE), and GP acts.

    Only lines in the target (payments without an act and cash benefits are left out).
    """
    kept = lines.filter(lines.is_in_target)
    is_mg = kept.perimeter == "mg"
    return kept.group_by(["patient_id", "poste"]).aggregate(
        base_cents=kept.base_cents.sum(),
        reimbursed_cents=kept.reimbursed_cents.sum(),
        mg_cents=kept.base_cents.sum(where=is_mg),
        mg_ide_cents=kept.base_cents.sum(where=is_mg | (kept.perimeter == "ide")),
        gp_acts=kept.quantity.sum(where=is_mg & kept.act_code.isin(gp_act_codes())),
    )


def euros(cents: ibis.IntegerColumn, where: ibis.BooleanValue | None = None) -> ibis.FloatingScalar:
    """Euros of the cents of a patient that meet a condition (an aggregate), 0 where there are none."""
    return (cents.sum(where=where).fill_null(0) / 100).cast("float64")


def count_of(values: ibis.IntegerColumn) -> ibis.IntegerScalar:
    """Sum of a column of counts (an aggregate), 0 where empty, as a plain 32-bit number on every engine."""
    return values.sum().fill_null(0).cast("int32")


def poste_euros(totals: ibis.Table, prefix: str) -> dict[str, ibis.FloatingScalar]:
    """One aggregate per poste, named <prefix>_<poste>_eur."""
    return {f"{prefix}_{poste}_eur": euros(totals.base_cents, totals.poste == poste) for poste in POSTES}
