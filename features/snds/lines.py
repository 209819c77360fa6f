"""ER_PRS_F → claim lines of a care year, each with the control that drops it, or none (pitfalls 1 to 8, 14, 32).

One pass over the claims: every line of the year is classified and kept in the scratch folder with its key, so
that the report, `care_lines` and the detail tables read the same lines. Reversals touch a small part only.
"""

from __future__ import annotations

from datetime import date

import ibis
from ibis import _
from ibis.expr.types import BooleanColumn, Column, IntegerColumn, StringColumn, Table

from features.buckets import bucket_of
from features.reference_data import GENERAL_PRACTICE, acts
from features.snds.netting import NETTING_COLUMNS, REVERSAL_KEY, net_reversals
from features.snds.persons import is_fictitious
from features.snds.schema import ER_ETE_F, ER_PRS_F, LINE_KEY
from features.snds.sources import Sources, cents, code

FOR_INFORMATION = (71, 72)
PUBLIC_CATEGORIES = (101, 355, 131, 106, 122, 365, 128, 129)
PUBLIC_TREATMENTS = (0, 3, 7, 10)
RETROCEDED = (3317, 3318, 3319, 3330, 3351, 3352, 3353, 3354, 3355, 3356, 3357)
HEALTH_CENTRES = (124, 125, 130, 439)
SALARIED = "00000000"  # pitfall 30: stands for no professional
STATE_MEDICAL_AID = (95, 96)
RIGHTS = {"c2s_free": 1, "c2s_participative": 2, "c2s_unknown": 4, "ame": 8, "minimum_income": 16}
C2S_CODES = (("G89", RIGHTS["c2s_free"]), ("P89", RIGHTS["c2s_participative"]), ("I89", RIGHTS["c2s_unknown"]))


def claim_lines(sources: Sources) -> Table:
    """ER_PRS_F, columns typed, with base_eur, reimbursed_eur and paid_eur: exact decimals, an empty amount being 0."""
    rows = sources.raw(ER_PRS_F)
    return rows.mutate(
        base_eur=rows.BSE_REM_BSE.fill_null(0) + rows.CPL_REM_BSE.fill_null(0),
        reimbursed_eur=rows.BSE_REM_MNT.fill_null(0) + rows.CPL_REM_MNT.fill_null(0),
        paid_eur=rows.PRS_PAI_MNT.fill_null(0),
    )


def window(rows: Table, year: int) -> BooleanColumn:
    """True for loads of a care year: FLX_DIS_DTD from 1 February N to 1 July N+1 (pitfalls 1 and 2)."""
    return rows.FLX_DIS_DTD.between(date(year, 2, 1), date(year + 1, 7, 1))


def of_year(rows: Table, year: int) -> BooleanColumn:
    """True for care given in the year."""
    return rows.EXE_SOI_DTD.between(date(year, 1, 1), date(year, 12, 31))


def classified_lines(sources: Sources, claims: Table, *, pseudonyms: Table) -> Table:
    """Lines of the care year and its flux window, one row per raw line.

    Columns: the 9-part key; patient_id and the columns of care_lines; reason (control that drops the line, or
    null); has_detail (its drugs and acts are kept); rights (social rights shown, as bits of RIGHTS); is_supplement.
    What depends on an act or an establishment alone is worked out on their small tables, before the joins.
    A line merged into another by netting has reason `reversal_netted` and no amount left.
    """
    lines = claims.filter(of_year(claims, sources.year) & window(claims, sources.year))
    reversed_keys = lines.filter(_.PRS_ACT_QTE < 0).select(*REVERSAL_KEY).distinct()
    lines = lines.left_join(reversed_keys.mutate(is_reversal_candidate=True), REVERSAL_KEY)
    lines = lines.left_join(_establishments(sources), LINE_KEY)
    lines = _with_acts(lines)
    persons = pseudonyms.select("BEN_NIR_PSA", "BEN_RNG_GEM", "patient_id")
    lines = lines.left_join(persons, ("BEN_NIR_PSA", "BEN_RNG_GEM"))
    rows = lines.select(
        *LINE_KEY, **_of_person(lines, _reason(lines)), is_candidate=_is_candidate(lines), **_columns(lines)
    )
    return net_reversals(sources, sources.materialise("classified", rows))


def lines_in_buckets(sources: Sources, claims: Table, *, seats: Table, buckets: int) -> Table:
    """Lines of a month of flux as `classified_lines` needs them, before what other months or persons decide.

    `seats`: BEN_NIR_PSA, BEN_RNG_GEM, bucket of each person known; a line of nobody's goes by its pseudonym.
    """
    lines = claims.filter(of_year(claims, sources.year) & window(claims, sources.year))
    lines = _with_acts(lines.left_join(_establishments(sources), LINE_KEY))
    lines = lines.left_join(seats, ("BEN_NIR_PSA", "BEN_RNG_GEM"))
    bucket = ibis.ifelse(lines.bucket.isnull(), bucket_of(lines.BEN_NIR_PSA.fill_null(""), buckets), lines.bucket)
    return lines.select(*LINE_KEY, "BEN_NIR_PSA", **_columns(lines), reason=_reason(lines), bucket=bucket)


def lines_of_bucket(sources: Sources, lines: Table, *, pseudonyms: Table) -> Table:
    """As `classified_lines`, from the `lines_in_buckets` of one bucket, all months, and its pseudonyms."""
    ours = {"PRS_NAT_REF": "act_code", "EXE_SOI_DTD": "care_date"}
    key = [ours.get(name, name) for name in REVERSAL_KEY]
    kept = [name for name in lines.columns if name not in ("BEN_NIR_PSA", "reason")]
    reversed_keys = lines.filter(_.signed_quantity < 0).select(*key).distinct().mutate(is_reversal_candidate=True)
    persons = pseudonyms.select("BEN_NIR_PSA", "BEN_RNG_GEM", "patient_id")
    joined = lines.left_join(reversed_keys, key, rname="{name}_reversed")
    joined = joined.left_join(persons, ("BEN_NIR_PSA", "BEN_RNG_GEM"))
    rows = joined.select(*kept, **_of_person(joined, joined.reason), is_candidate=_is_candidate(joined))
    return net_reversals(sources, sources.materialise("classified", rows))


def _with_acts(lines: Table) -> Table:
    lines = lines.mutate(is_gp=lines.PSE_SPE_COD.isin(GENERAL_PRACTICE).fill_null(False))
    known_acts = (
        acts().assign(is_retroceded=acts().act_code.isin(RETROCEDED)).rename(columns={"act_code": "PRS_NAT_REF"})
    )
    return lines.left_join(ibis.memtable(known_acts), ("PRS_NAT_REF", "is_gp"))


def _of_person(lines: Table, reason: StringColumn) -> dict[str, StringColumn]:
    """The person, or the pseudonym of nobody: the last control."""
    unknown = ibis.ifelse(lines.patient_id.isnull(), ibis.literal("unknown_person"), ibis.null("string"))
    return {"patient_id": lines.patient_id.fill_null(lines.BEN_NIR_PSA), "reason": reason.fill_null(unknown)}


def _is_candidate(lines: Table) -> BooleanColumn:
    return lines.is_reversal_candidate.fill_null(False)


def _establishments(sources: Sources) -> Table:
    """Establishments of claim lines: key, FINESS, and whether the PMSI holds their care (pitfalls 4 and 6).

    in_pmsi: 2 it does, 1 it does if the line is of the public sector, 0 it does not.
    """
    rows = sources.raw(ER_ETE_F)
    rows = rows.filter(window(rows, sources.year))
    outside = (rows.ETE_IND_TAA == 0) & rows.ETE_CAT_COD.isin(PUBLIC_CATEGORIES) & rows.MDT_COD.isin(PUBLIC_TREATMENTS)
    in_pmsi = ibis.cases(
        (rows.ETE_CAT_COD.isin(HEALTH_CENTRES), 0),
        (rows.ETE_IND_TAA == 1, 2),
        (outside & (rows.PRS_PPU_SEC == 1), 2),
        (outside & rows.PRS_PPU_SEC.isnull(), 1),
        else_=0,
    )
    return rows.select(*LINE_KEY, "ETB_EXE_FIN", in_pmsi=in_pmsi)


def _columns(lines: Table) -> dict[str, Column]:
    """Columns that a line and its own tables decide."""
    return {
        **{name: lines[name] for name in NETTING_COLUMNS},
        "care_date": lines.EXE_SOI_DTD,
        "act_code": lines.PRS_NAT_REF,
        "poste": lines.poste.fill_null("inconnu"),
        "perimeter": lines.perimeter.fill_null("autre"),
        "performer_id": lines.PFS_EXE_NUM.nullif(SALARIED),
        "performer_specialty": lines.PSE_SPE_COD,
        "establishment_id": lines.ETB_EXE_FIN,
        "pathway_code": lines.PRS_PDS_QCP,
        "prescriber_establishment_id": code(lines.ETB_PRE_FIN),
        "prescriber_specialty": lines.PSP_SPE_COD,
        "signed_quantity": lines.PRS_ACT_QTE.fill_null(0),
        "base_cents": cents(lines.base_eur),
        "reimbursed_cents": cents(lines.reimbursed_eur),
        "paid_cents": cents(lines.paid_eur),
        "is_in_target": lines.is_in_target.fill_null(True),
        "rights": _rights(lines),
    }


def _reason(lines: Table) -> StringColumn:
    """First control, in the order of operations, that drops a line of the year; netting stands before them, the
    person after them."""
    is_other_scheme = ((lines.RGM_GRG_COD == 1) & (lines.RGM_COD == 888)).fill_null(False)
    return ibis.cases(
        (_is_for_information(lines), "information_only"),
        (_is_hospital_in_pmsi(lines), "hospital_in_pmsi"),
        (lines.is_payment.fill_null(False), "payment_without_act"),
        (is_fictitious(lines.BEN_CDI_NIR) | is_other_scheme, "fictitious_identifier"),
    )


def _is_for_information(lines: Table) -> BooleanColumn:
    first = lines.DPN_QLF.isin(FOR_INFORMATION).fill_null(False)
    return first | (lines.PRS_DPN_QLP == 71).fill_null(False)


def _is_hospital_in_pmsi(lines: Table) -> BooleanColumn:
    """Public hospital care held by the PMSI, but for drugs dispensed to outpatients and health centres."""
    is_held = (lines.in_pmsi == 2) | ((lines.in_pmsi == 1) & (lines.PRS_PPU_SEC == 1))
    return is_held.fill_null(False) & ~lines.is_retroceded.fill_null(False)


def _rights(lines: Table) -> IntegerColumn:
    """Social rights shown by a line, as bits: C2S by BEN_C2S_TYP, else the free cover of before 2020; AME; minimum."""
    free = ((lines.BEN_CMU_TOP == "1") & (lines.BEN_CMU_CAT.fill_null("") != "5")).fill_null(False)
    c2s = lines.BEN_C2S_TYP.cases(*C2S_CODES, else_=ibis.ifelse(free, RIGHTS["c2s_free"], 0))
    ame = ibis.ifelse(_is_ame(lines), RIGHTS["ame"], 0)
    return c2s + ame + ibis.ifelse((lines.MTM_NAT == 1).fill_null(False), RIGHTS["minimum_income"], 0)


def _is_ame(lines: Table) -> BooleanColumn:
    provisional = (lines.BEN_CDI_NIR == "04").fill_null(False)
    managed = (lines.BEN_CMU_CAT == "5").fill_null(False)
    return lines.RGM_COD.isin(STATE_MEDICAL_AID).fill_null(False) | provisional | managed
