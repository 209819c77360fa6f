"""IR_IMB_R, IR_MTT_R and IR_ORC_R → ALD periods, médecin traitant contracts and dated C2S (pitfalls 23 to 25, 27)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import ibis
import pandas as pd
from ibis import _
from ibis.common.deferred import Deferred
from ibis.expr.types import Table

from features.reference_data import ald_number
from features.snds.controls import DROPPED, FLAGGED, NETTED, Count, Report, account
from features.snds.schema import IR_IMB_R, IR_MTT_R, IR_ORC_R, RawTable
from features.snds.sources import Sources, code, real_date
from features.tables import ALD_PERIODS, DECLARATIONS

LISTED, UNLISTED, POLYPATHOLOGY = 41, 43, 45
UNLISTED_NUMBER, POLYPATHOLOGY_NUMBER, UNALLOCATED = 31, 32, 99
REUSED_NUMBER, REUSED_FROM = 15, date(2004, 1, 1)  # leprosy before, dementia since
C2S_CONTRACT = 89
C2S_STATUS = {"G": "c2s_free", "": "c2s_free", "P": "c2s_participative"}
OPEN = ibis.date(9999, 12, 31)
REASONS = pd.DataFrame({"icd10": pd.Series(dtype="str"), "number_from_icd10": pd.Series(dtype="int64")})


def read_ald(sources: Sources, pseudonyms: Table) -> tuple[Table, Report]:
    """Rows of ald_periods and the account of IR_IMB_R."""
    received = _with_person(sources.raw(IR_IMB_R), pseudonyms).mutate(icd10=code(_.MED_MTF_COD))
    is_ald = received.IMB_ETM_NAT.isin([LISTED, UNLISTED, POLYPATHOLOGY]).fill_null(False)
    start = real_date(received.IMB_ALD_DTD)
    placed = received.mutate(
        start_date=start,
        reason=ibis.cases(
            (~is_ald, "not_an_ald"), (received.patient_id.isnull(), "unknown_person"), (start.isnull(), "no_start_date")
        ),
    )
    numbered = sources.materialise("ald", _numbered(sources, placed))
    kept = numbered.filter(_.reason.isnull())
    periods = latest_end(kept, by=("patient_id", "ald_number", "start_date", "icd10"), known_date=_.known_date.min())
    periods = sources.materialise("ald_periods", periods.select(ALD_PERIODS.column_names))
    merged = Count("duplicate_period", DROPPED, int(periods.count().execute()))
    flags = ("ald_number_reused", "ald_number_from_icd10", "ald_unallocated", "sentinel_end_date")
    drops = ("not_an_ald", "unknown_person", "no_start_date")
    return periods, _account(IR_IMB_R, numbered, drops=drops, flags=flags, merged=merged)


def read_declarations(sources: Sources, pseudonyms: Table) -> tuple[Table, Report]:
    """Rows of declarations and the account of IR_MTT_R."""
    received = _with_person(sources.raw(IR_MTT_R), pseudonyms)
    start, end = real_date(received.MTT_DEB_DTE), real_date(received.MTT_FIN_DTE)
    placed = received.select(
        patient_id=received.patient_id,
        doctor_id=received.MTT_PFS_NUM,
        start_date=start,
        end_date=end,
        end_reason=received.MTT_MTF_COD,
        sentinel_end_date=end.isnull(),
        reason=ibis.cases(
            (received.patient_id.isnull(), "unknown_person"),
            (start.isnull() | received.MTT_PFS_NUM.isnull(), "no_start_date"),
            ((end < start).fill_null(False), "empty_contract"),
        ),
    )
    placed = sources.materialise("contracts", placed)
    kept = placed.filter(_.reason.isnull())
    contracts = latest_end(kept, by=("patient_id", "doctor_id", "start_date"), end_reason=_.end_reason.max())
    contracts = sources.materialise("declarations", contracts.select(DECLARATIONS.column_names))
    drops = ("unknown_person", "no_start_date", "empty_contract")
    merged = Count("duplicate_contract", NETTED, int(contracts.count().execute()))
    return contracts, _account(IR_MTT_R, placed, drops=drops, flags=("sentinel_end_date",), merged=merged)


def read_c2s(sources: Sources, pseudonyms: Table) -> tuple[Table | None, Report]:
    """Rows of coverages from dated C2S contracts, known on their first day [A], and the account of IR_ORC_R.

    REF_C2S_COD: G or empty is free, P with contribution; suspended (S), closed (F) and others are unknown.
    """
    received = sources.raw_if_present(IR_ORC_R)
    if received is None:
        return None, []
    received = _with_person(received, pseudonyms)
    start = real_date(received.MLL_CTA_DSD)
    is_c2s = (received.BEN_CTA_TYP == C2S_CONTRACT).fill_null(False)
    placed = received.select(
        patient_id=received.patient_id,
        right=received.REF_C2S_COD.fill_null("").cases(*C2S_STATUS.items(), else_="c2s_unknown"),
        start_date=start,
        end_date=real_date(received.MLL_CTA_DSF),
        reason=ibis.cases(
            (~is_c2s, "not_c2s"), (received.patient_id.isnull(), "unknown_person"), (start.isnull(), "no_start_date")
        ),
    )
    placed = sources.materialise("contracts_c2s", placed)
    kept = latest_end(placed.filter(_.reason.isnull()), by=("patient_id", "right", "start_date"))
    kept = sources.materialise("c2s", kept.mutate(known_date=_.start_date))
    drops = ("not_c2s", "unknown_person", "no_start_date")
    merged = Count("duplicate_contract", NETTED, int(kept.count().execute()))
    return kept, _account(IR_ORC_R, placed, drops=drops, flags=(), merged=merged)


def latest_end(rows: Table, *, by: tuple[str, ...], **others: Deferred) -> Table:
    """One row per `by` with the latest end_date of its rows (an open period ends last) and `others`, aggregated."""
    groups = rows.group_by(*by).agg(last=_.end_date.fill_null(OPEN).max(), **others)
    return groups.mutate(end_date=groups["last"].nullif(OPEN)).drop("last")


def _with_person(rows: Table, pseudonyms: Table) -> Table:
    persons = pseudonyms.select("BEN_NIR_PSA", "BEN_RNG_GEM", "patient_id")
    return rows.left_join(persons, ("BEN_NIR_PSA", "BEN_RNG_GEM"))


def _numbered(sources: Sources, rows: Table) -> Table:
    """ALD number as received; else 31 for an unlisted illness, 32 for several, ICD-10 for the rest, 99 at last."""
    reasons = rows.select("icd10").distinct().execute().icd10.dropna()
    found = [(reason, number) for reason in sorted(reasons) if (number := ald_number(reason)) is not None]
    from_icd10 = ibis.memtable(pd.DataFrame(found, columns=REASONS.columns).astype(REASONS.dtypes))
    rows = rows.left_join(from_icd10, "icd10")
    is_reused = ((rows.IMB_ALD_NUM == REUSED_NUMBER) & (rows.start_date < REUSED_FROM)).fill_null(False)
    is_given = rows.IMB_ALD_NUM.between(1, POLYPATHOLOGY_NUMBER).fill_null(False) & ~is_reused
    is_derived = ~is_given & (rows.IMB_ETM_NAT == LISTED) & rows.number_from_icd10.notnull()
    number = ibis.cases(
        (is_given, rows.IMB_ALD_NUM),
        (rows.IMB_ETM_NAT == UNLISTED, UNLISTED_NUMBER),
        (rows.IMB_ETM_NAT == POLYPATHOLOGY, POLYPATHOLOGY_NUMBER),
        (is_derived, rows.number_from_icd10),
        else_=UNALLOCATED,
    )
    end = real_date(rows.IMB_ALD_DTF)
    return rows.select(
        "patient_id",
        "icd10",
        "start_date",
        "reason",
        ald_number=number,
        end_date=end,
        known_date=real_date(rows.INS_DTE).fill_null(rows.start_date),
        ald_number_reused=is_reused,
        ald_number_from_icd10=is_derived.fill_null(False),
        ald_unallocated=number == UNALLOCATED,
        sentinel_end_date=end.isnull(),
    )


def _account(
    table: RawTable, placed: Table, *, drops: tuple[str, ...], flags: tuple[str, ...], merged: Count
) -> Report:
    """Report rows of a table of periods; `merged` names the control that merges, its rows being those written."""
    reasons = placed.group_by(reason=placed.reason.fill_null("")).agg(rows=_.count()).execute()
    counts = dict(zip(reasons.reason, reasons.rows, strict=True))
    kept = placed.filter(placed.reason.isnull())
    hits = [Count(control, DROPPED, int(counts.get(control, 0))) for control in drops]
    hits.append(replace(merged, rows=int(counts.get("", 0)) - merged.rows))
    hits.extend(Count(flag, FLAGGED, int(kept.filter(kept[flag]).count().execute())) for flag in flags)
    return account(table.name, Count("rows_in", "in", sum(counts.values())), hits)
