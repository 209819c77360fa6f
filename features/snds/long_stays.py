"""T_SSR and T_HAD: rehabilitation stays and home hospitalisation (pitfalls 16 to 18, 22)."""

from __future__ import annotations

import ibis
import pyarrow as pa
from ibis import _
from ibis.expr.types import Table

from features.snds import schema_pmsi as pmsi_schema
from features.snds.hospital import (
    KEY,
    Hospital,
    account_of_stays,
    chained,
    code_list,
    drop_reason,
    hospital_care_rows,
    known_date,
    stay_rows,
    with_person,
)
from features.snds.schema import RawTable
from features.snds.sources import Sources, cents, code

SSR = ("ETA_NUM", "RHA_NUM")
HAD = ("ETA_NUM_EPMSI", "RHAD_NUM")
CODES = (*pmsi_schema.RETURN_CODES, *pmsi_schema.COHERENCE_CODES)
NO_STAY = Hospital(None, None, [])


def read_rehabilitation(sources: Sources, pmsi: Table) -> Hospital:
    """Rehabilitation stays; nothing where T_SSRaaB or T_SSRaaC was not received."""
    weeks, persons = sources.raw_if_present(pmsi_schema.T_SSRB), sources.raw_if_present(pmsi_schema.T_SSRC)
    if weeks is None or persons is None:
        return NO_STAY
    groups = weeks.group_by(establishment="ETA_NUM", number="RHA_NUM").agg(ghm=code(_.GRG_GME).min())
    main = code_list([(weeks, SSR, ("MOR_PRP", "ETL_AFF"))], "main_diagnoses")
    parts = [
        chained(persons, SSR, return_codes=CODES),
        main,
        _associated(sources, pmsi_schema.T_SSRD, key=SSR, column="DGN_COD"),
    ]
    return _hospital(sources, "SSR", parts=[groups, *parts, _rehabilitation_amounts(sources)], pmsi=pmsi)


def read_home_hospitalisation(sources: Sources, pmsi: Table) -> Hospital:
    """Home hospitalisation; nothing where T_HADaaB or T_HADaaC was not received."""
    stays, persons = sources.raw_if_present(pmsi_schema.T_HADB), sources.raw_if_present(pmsi_schema.T_HADC)
    if stays is None or persons is None:
        return NO_STAY
    keys = stays.select(establishment="ETA_NUM_EPMSI", number="RHAD_NUM").distinct()
    groups = sources.raw_if_present(pmsi_schema.T_HADGRP)
    if groups is None:
        keys = keys.mutate(ghm=ibis.null("string"))
    else:
        ghpc = groups.group_by(establishment="ETA_NUM_EPMSI", number="RHAD_NUM").agg(ghm=code(_.PAP_GRP_GHPC).max())
        keys = keys.left_join(ghpc, KEY).select(*KEY, "ghm")
    main = code_list([(stays, HAD, ("DGN_PAL",))], "main_diagnoses")
    parts = [
        chained(persons, HAD, return_codes=CODES),
        main,
        _associated(sources, pmsi_schema.T_HADD, key=HAD, column="DGN_ASS"),
    ]
    return _hospital(sources, "HAD", parts=[keys, *parts, _home_amounts(sources)], pmsi=pmsi)


def _hospital(sources: Sources, field: str, *, parts: list[Table], pmsi: Table) -> Hospital:
    """The stays of a field from its parts: keys with groups first, then what is joined to them."""
    stays = parts[0]
    for part in parts[1:]:
        stays = stays.left_join(part, KEY)
    stays = with_person(stays, pmsi)
    stays = stays.mutate(
        nights=stays.end_date.delta(stays.start_date, unit="day").cast("int64"),
        sessions=ibis.literal(0, "int64"),
        entry_mode=ibis.null("string"),
        exit_mode=ibis.null("string"),
        is_public=stays.is_public.fill_null(False),
        is_valued=stays.is_public.fill_null(False) & stays.base_cents.notnull(),
        known_date=known_date(stays.end_date, sources.pmsi_delay_months),
    )
    error = "99" if field == "HAD" else "90"
    is_error, never = stays.ghm.startswith(error), ibis.literal(False)
    stays = drop_reason(stays, sources.year, is_error=is_error, is_service=never)
    stays = sources.materialise(field.lower(), stays)
    return Hospital(
        stay_rows(stays, field=field, year=sources.year),
        hospital_care_rows(stays, field=field, year=sources.year),
        account_of_stays(f"T_{field}aaB", stays, without=("inter_establishment",)),
    )


def _associated(sources: Sources, table: RawTable, *, key: tuple[str, str], column: str) -> Table:
    rows = sources.raw_if_present(table)
    if rows is not None:
        return code_list([(rows, key, (column,))], "associated_diagnoses")
    columns = {"establishment": pa.string(), "number": pa.string(), "associated_diagnoses": pa.list_(pa.string())}
    return ibis.memtable(pa.schema(columns).empty_table())


def _rehabilitation_amounts(sources: Sources) -> Table:
    """Amounts of valued stays, weeks summed; the base of bills is not received: what is paid stands for it [A]."""
    values = sources.raw_if_present(pmsi_schema.T_SSRVALO)
    if values is None:
        return _no_amount()
    bills = values.MNT_AM_RSF.fill_null(values.MNT_AM_RSFA).fill_null(0)  # two names of one amount
    values = values.mutate(
        paid=bills + values.DMA_AM.fill_null(0), base=bills + values.DMA_BR.fill_null(values.DMA_AM).fill_null(0)
    )
    is_valued = (values.VALO == "1").fill_null(False)
    amounts = values.group_by(establishment="ETA_NUM", number="RHA_NUM").agg(
        base_cents=cents(values.base.sum(where=is_valued)),
        reimbursed_cents=cents(values.paid.sum(where=is_valued)),
    )
    return amounts.mutate(is_public=True)


def _home_amounts(sources: Sources) -> Table:
    """Amounts billed; no base of reimbursement is received: what is paid stands for it [A]."""
    bills = sources.raw_if_present(pmsi_schema.T_HADSTC)
    if bills is None:
        return _no_amount()
    return (
        bills.group_by(establishment="ETA_NUM_EPMSI", number="RHAD_NUM")
        .agg(base_cents=cents(_.TOT_MNT_AM.sum()), reimbursed_cents=cents(_.TOT_MNT_AM.sum()))
        .mutate(is_public=True)
    )


def _no_amount() -> Table:
    columns = {"establishment": pa.string(), "number": pa.string(), "is_public": pa.bool_()}
    columns |= {"base_cents": pa.int64(), "reimbursed_cents": pa.int64()}
    return ibis.memtable(pa.schema(columns).empty_table())
