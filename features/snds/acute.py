"""T_MCO: acute stays and public outpatient care (pitfalls 5, 16 to 22)."""

from __future__ import annotations

import ibis
from ibis import _
from ibis.expr.types import BooleanColumn, Table

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
from features.snds.persons import AMBIGUOUS
from features.snds.sources import Sources, cents, code
from features.tables import COVERAGES

STAY = ("ETA_NUM", "RSA_NUM")
OUTPATIENT = ("ETA_NUM", "SEQ_NUM")
VALUED = ("1", "2", "3", "4", "5")
AME_STAY = "3"
VALUED_OUTPATIENT = ("1", "2", "3")
NOT_FOR_OUTPATIENT = ("ghm_error", "inter_establishment", "private_in_dcir", "stay_cost_outlier")
FIRST_YEAR_OF_AUTOMATIC_RECORDS = 2015


def read_acute(sources: Sources, pmsi: Table) -> Hospital:
    """Acute stays of the year of exit."""
    stays = _stays(sources, pmsi)
    is_error = stays.ghm.startswith("90")
    stays = drop_reason(stays, sources.year, is_error=is_error, is_service=_is_service(stays, sources.year))
    stays = sources.materialise("acute", stays)
    return Hospital(
        stay_rows(stays, field="MCO", year=sources.year),
        hospital_care_rows(stays, field="MCO", year=sources.year),
        account_of_stays(pmsi_schema.T_MCOB.name, stays),
        _state_medical_aid(stays),
    )


def read_outpatient(sources: Sources, pmsi: Table) -> Hospital:
    """Public outpatient care; nothing where its tables were not received."""
    persons = sources.raw_if_present(pmsi_schema.T_MCOCSTC)
    values = sources.raw_if_present(pmsi_schema.T_MCOVALOACE)
    if persons is None or values is None:
        return Hospital(None, None, [])
    care = chained(persons, OUTPATIENT, return_codes=pmsi_schema.OUTPATIENT_CODES)
    amounts = values.filter(_.VALO.isin(VALUED_OUTPATIENT))
    amounts = amounts.group_by(establishment="ETA_NUM", number="SEQ_NUM").agg(
        base_cents=cents(_.MNT_BR.sum()), reimbursed_cents=cents(_.MNT_REMB.sum())
    )
    care = with_person(care.left_join(amounts, KEY), pmsi)
    care = care.mutate(
        is_public=ibis.literal(True),
        is_valued=care.base_cents.notnull() & care.reimbursed_cents.notnull(),
        known_date=known_date(care.end_date, sources.pmsi_delay_months),
    )
    never = ibis.literal(False)
    care = sources.materialise("outpatient", drop_reason(care, sources.year, is_error=never, is_service=never))
    return Hospital(
        None,
        hospital_care_rows(care, field="ACE", year=sources.year),
        account_of_stays(pmsi_schema.T_MCOCSTC.name, care, without=NOT_FOR_OUTPATIENT),
    )


def _stays(sources: Sources, pmsi: Table) -> Table:
    header = sources.raw(pmsi_schema.T_MCOB)
    rows = header.select(
        establishment=header.ETA_NUM,
        number=header.RSA_NUM,
        ghm=code(header.GRG_GHM),
        entry_mode=header.ENT_MOD,
        exit_mode=header.SOR_MOD,
        nights=header.SEJ_NBJ,
        session_count=header.NBR_SEA,
        stay_type=header.SEJ_TYP,
        automatic=header.TYP_GEN_RSA,
        principal_diagnosis=code(header.DGN_PAL),
        linked_diagnosis=code(header.DGN_REL),
        entry_origin=header.ENT_PRV,
        emergency_passage=header.PASSAGE_URG,
        residence_code=header.BDI_COD,
        age=header.AGE_ANN,
    )
    return_codes = (*pmsi_schema.RETURN_CODES, *pmsi_schema.COHERENCE_CODES)
    rows = rows.left_join(chained(sources.raw(pmsi_schema.T_MCOC), STAY, return_codes=return_codes), KEY)
    for extra in (*_codes(sources, header), *_amounts(sources), *_of_episodes(sources)):
        rows = rows.left_join(extra, KEY)
    rows = with_person(rows, pmsi)
    is_session = rows.ghm.startswith("28").fill_null(False)
    return rows.mutate(
        nights=ibis.ifelse(is_session, ibis.null("int64"), rows.nights),
        sessions=ibis.ifelse(is_session, rows.session_count.fill_null(1), 0),
        is_public=rows.is_public.fill_null(False),
        is_valued=rows.is_public.fill_null(False) & rows.base_cents.notnull() & rows.reimbursed_cents.notnull(),
        known_date=known_date(rows.end_date, sources.pmsi_delay_months),
    )


def _codes(sources: Sources, header: Table) -> tuple[Table, Table, Table]:
    units = sources.raw(pmsi_schema.T_MCOUM)
    diagnoses = ("DGN_PAL", "DGN_REL")
    return (
        code_list([(header, STAY, diagnoses), (units, STAY, diagnoses)], "main_diagnoses"),
        code_list([(sources.raw(pmsi_schema.T_MCOD), STAY, ("ASS_DGN",))], "associated_diagnoses"),
        code_list([(sources.raw(pmsi_schema.T_MCOA), STAY, ("CDC_ACT",))], "acts"),
    )


def _of_episodes(sources: Sources) -> list[Table]:
    """Per stay: its first unit, each execution of an act with activity and day, implants paid besides the stay."""
    units = sources.raw(pmsi_schema.T_MCOUM)
    first = units.group_by(establishment="ETA_NUM", number="RSA_NUM").agg(
        first_unit=units.AUT_TYP1_UM.argmin(units.UM_ORD_NUM)
    )
    implants = sources.raw_if_present(pmsi_schema.T_MCODMIP)
    acts = sources.raw(pmsi_schema.T_MCOA)
    parts = [first, timed_acts(acts)]
    if implants is not None:
        paid = implants.group_by(establishment="ETA_NUM", number="RSA_NUM").agg(
            implant_cents=cents(_.NBR_POS_PRI.sum())
        )
        parts.append(paid)
    return parts


def timed_acts(acts: Table) -> Table:
    """Acts of each stay as texts `CCAM activity days`, one per execution, sorted; parts not received are blank."""
    days = acts.ENT_DAT_DEL.strip().nullif("").cast("int64").cast("string").fill_null("")
    one = code(acts.CDC_ACT).substr(0, 7)
    text = one + " " + acts.ACV_ACT.fill_null("") + " " + days
    rows = acts.select(establishment=acts.ETA_NUM, number=acts.RSA_NUM, text=text, times=acts.NBR_EXE_ACT.fill_null(1))
    rows = rows.filter(rows.text.notnull())
    twice = rows.filter(rows.times > 1)  # two executions tell a second joint; more tell no more
    every = rows.union(twice)
    return every.group_by(*KEY).agg(timed_acts=every.text.collect().sort())


def _amounts(sources: Sources) -> tuple[Table, Table]:
    public = sources.raw(pmsi_schema.T_MCOSTC).select(establishment="ETA_NUM", number="RSA_NUM").distinct()
    values = sources.raw(pmsi_schema.T_MCOVALO)
    amounts = (
        values.filter(values.VALO.isin(VALUED))
        .group_by(establishment="ETA_NUM", number="RSA_NUM")
        .agg(
            base_cents=cents(_.MNT_TOT_BR.fill_null(_.MNT_TOT_AM).sum()),
            reimbursed_cents=cents(_.MNT_TOT_AM.sum()),
            is_ame=(_.VALO == AME_STAY).max(),
        )
    )
    return public.mutate(is_public=True), amounts


def _state_medical_aid(stays: Table) -> Table:
    """Rows of coverages: AME shown by the valuation of a stay (VALO 3, pitfall 25), over the stay."""
    shown = stays.filter(stays.reason.isnull() & stays.is_ame.fill_null(False) & (stays.patient_id != AMBIGUOUS))
    return shown.mutate(right=ibis.literal("ame")).select(COVERAGES.column_names)


def _is_service(stays: Table, year: int) -> BooleanColumn:
    modes = (stays.entry_mode == "0").fill_null(False) | (stays.exit_mode == "0").fill_null(False)
    service = modes | (stays.stay_type == "B").fill_null(False)
    if year < FIRST_YEAR_OF_AUTOMATIC_RECORDS:
        return service
    return service | (stays.automatic != "0").fill_null(False)
