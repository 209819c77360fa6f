"""Reversals: quantities of identical lines are summed before any filter (pitfall 8).

Only lines that share person, act and day with a negative quantity are looked at; the others pass untouched.
"""

from __future__ import annotations

import ibis
from ibis import _
from ibis.expr.types import IntegerColumn, Table

from features.snds.schema import LINE_KEY
from features.snds.sources import Sources

REVERSAL_KEY = ("BEN_NIR_PSA", "BEN_RNG_GEM", "PRS_NAT_REF", "EXE_SOI_DTD")
NETTING_COLUMNS = ("BEN_RNG_GEM", "EXE_SOI_DTF", "CPL_MAJ_TOP", "CPL_AFF_COD", "DPN_QLF", "PRS_DPN_QLP")
IDENTICAL = (
    "patient_id",
    *NETTING_COLUMNS,
    "act_code",
    "care_date",
    "performer_id",
    "ORG_CLE_NUM",
    "REM_TYP_AFF",
    "unit_cents",
)
SUMMED = ("quantity", "base_cents", "reimbursed_cents", "paid_cents")


def net_reversals(sources: Sources, lines: Table) -> Table:
    """The lines, netted: of a group whose quantities sum above 0, one line holds the sums; all others lose theirs.

    Groups without a negative quantity are left as they are. Adds quantity (0 on a supplement, pitfall 7),
    is_supplement, known_date (latest load of the group) and has_detail: details of every line of a group that
    stays are kept, so that packs given back are deducted.
    """
    is_supplement = (lines.CPL_MAJ_TOP >= 2).fill_null(False)
    lines = lines.mutate(
        is_supplement=is_supplement, quantity=ibis.ifelse(is_supplement, 0, lines.signed_quantity).cast("int64")
    )
    untouched = lines.filter(~_.is_candidate).mutate(known_date=_.FLX_DIS_DTD, has_detail=_.reason.isnull())
    netted = sources.materialise("netted", _netted(lines.filter(_.is_candidate)))
    kept = [name for name in untouched.columns if name not in (*NETTING_COLUMNS, "is_candidate", "signed_quantity")]
    return untouched.select(kept).union(netted.select(kept))


def _netted(candidates: Table) -> Table:
    lines = candidates.mutate(unit_cents=_unit(candidates.base_cents, candidates.signed_quantity))
    whole = ibis.window(group_by=IDENTICAL)
    lines = lines.mutate(
        has_reversal=(_.signed_quantity < 0).cast("int64").max().over(whole) == 1,
        left_quantity=_.signed_quantity.sum().over(whole),
        latest=_.FLX_DIS_DTD.max().over(whole),
        place=ibis.row_number().over(group_by=IDENTICAL, order_by=[_.signed_quantity.desc(), *LINE_KEY]),
        **{f"sum_{name}": lines[name].sum().over(whole) for name in SUMMED},
    )
    survives = lines.left_quantity > 0
    is_kept = survives & (lines.place == 0)
    amounts = {name: _after(lines, name) for name in SUMMED}
    return lines.mutate(
        **amounts,
        known_date=ibis.ifelse(lines.has_reversal, lines.latest, lines.FLX_DIS_DTD),
        has_detail=lines.reason.isnull() & (survives | ~lines.has_reversal),
        reason=ibis.ifelse(lines.has_reversal & ~is_kept, ibis.literal("reversal_netted"), lines.reason),
    )


def _after(lines: Table, name: str) -> IntegerColumn:
    """Amount of a line after netting: the group's on the line kept, none on those merged into it, else its own."""
    return ibis.cases(
        (~lines.has_reversal | (lines.left_quantity <= 0), lines[name]),
        (lines.place == 0, lines[f"sum_{name}"]),
        else_=0,
    )


def _unit(base_cents: IntegerColumn, quantity: IntegerColumn) -> IntegerColumn:
    """Cents per unit, so that two drugs of one day stay apart; the base itself where nothing is counted."""
    units = ibis.ifelse(quantity == 0, 1, quantity.abs())
    return (base_cents.abs() / units).round().cast("int64")
