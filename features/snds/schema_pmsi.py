"""The raw tables of the PMSI (hospital) that are read, in the same terms as `features.snds.schema`."""

from __future__ import annotations

from features.snds.schema import RawColumn, RawTable, day, euros, optional, text, whole

RETURN_CODES = ("NIR_RET", "NAI_RET", "SEX_RET", "SEJ_RET", "FHO_RET", "PMS_RET", "DAT_RET")
COHERENCE_CODES = ("COH_NAI_RET", "COH_SEX_RET")
OUTPATIENT_CODES = ("NIR_RET", "NAI_RET", "SEX_RET", "IAS_RET", "ENT_DAT_RET")
NO_SSR = "no rehabilitation stay in stays and care_lines"
NO_HAD = "no home hospitalisation in stays and care_lines"
NO_ACE = "no public outpatient care in care_lines"


def _key(establishment: str, stay: str) -> tuple[RawColumn, RawColumn]:
    return text(establishment, "establishment, key of the stay"), text(stay, "stay number, key of the stay")


def _chaining(establishment: str, stay: str) -> tuple[RawColumn, ...]:
    return (
        *_key(establishment, stay),
        text("NIR_ANO_17", "pseudonym, leads to the person"),
        day("EXE_SOI_DTD", "entry"),
        day("EXE_SOI_DTF", "exit"),
        *(text(name, "return code of the chaining of stays (pitfall 18)") for name in RETURN_CODES),
        *(optional(name, "string", "coherence code, from 2013 (pitfall 18)", "taken as 0") for name in COHERENCE_CODES),
    )


_MCO = _key("ETA_NUM", "RSA_NUM")
_SSR = _key("ETA_NUM", "RHA_NUM")
_HAD = _key("ETA_NUM_EPMSI", "RHAD_NUM")
_ACE = _key("ETA_NUM", "SEQ_NUM")

T_MCOB = RawTable(
    "T_MCOaaB",
    "acute stays",
    (
        *_MCO,
        text("GRG_GHM", "group of stays; 90 is a grouping error (pitfall 17)"),
        text("DGN_PAL", "main diagnosis"),
        text("DGN_REL", "linked diagnosis"),
        text("ENT_MOD", "entry mode; 0 is a service between establishments (pitfall 19)"),
        text("SOR_MOD", "exit mode; 0 is a service between establishments (pitfall 19)"),
        whole("SEJ_NBJ", "nights"),
        whole("NBR_SEA", "sessions (pitfall 20)"),
        text("SEJ_TYP", "B is a service between establishments (pitfall 19)"),
        text("TYP_GEN_RSA", "records made without a stay (pitfall 19)"),
        optional(
            "ENT_PRV", "string", "origin of the patient (episodes: emergency, medico-social)", "entry_origin empty"
        ),
        optional(
            "PASSAGE_URG", "string", "emergency passage, from 2023; name to be checked", "entry_origin alone tells"
        ),
        optional("BDI_COD", "string", "residence; 99 is abroad (episodes)", "residence_code left empty"),
        optional("AGE_ANN", "int64", "age at entry (episodes)", "taken from the birth date"),
    ),
)
T_MCOC = RawTable("T_MCOaaC", "acute stays: person and dates", _chaining("ETA_NUM", "RSA_NUM"))
T_MCOD = RawTable("T_MCOaaD", "acute stays: associated diagnoses", (*_MCO, text("ASS_DGN", "associated diagnosis")))
T_MCOUM = RawTable(
    "T_MCOaaUM",
    "acute stays: diagnoses of each unit (pitfall 21)",
    (
        *_MCO,
        text("DGN_PAL", "main diagnosis of the unit"),
        text("DGN_REL", "linked diagnosis of the unit"),
        optional("UM_ORD_NUM", "int64", "order of the unit: the first tells an emergency", "first_unit left empty"),
        optional("AUT_TYP1_UM", "string", "type of the unit (critical, short-stay)", "first_unit left empty"),
    ),
)
T_MCOA = RawTable(
    "T_MCOaaA",
    "acute stays: CCAM acts",
    (
        *_MCO,
        text("CDC_ACT", "CCAM act"),
        optional("ACV_ACT", "string", "activity: 1 is the surgeon", "every activity counts in episodes"),
        optional("ENT_DAT_DEL", "string", "days from entry to the act", "the act counts on the day of entry"),
        optional("NBR_EXE_ACT", "int64", "executions of the act", "taken as 1"),
    ),
)
T_MCODMIP = RawTable(
    "T_MCOaaDMIP",
    "acute public stays: implants paid besides the stay",
    (*_MCO, euros("NBR_POS_PRI", "purchase price times number")),
    optional=True,
    if_absent="implants of public stays are not seen (implant_cents left empty)",
)
T_MCOSTC = RawTable(
    "T_MCOaaSTC",
    "acute stays of public hospitals: a stay without a row is private (pitfall 5)",
    (*_MCO, euros("TOT_MNT_AM", "amount billed; tells public from private only (pitfall 22)")),
)
T_MCOVALO = RawTable(
    "T_MCOaaVALO",
    "acute stays: their cost (pitfall 22)",
    (
        *_MCO,
        text("VALO", "class of valuation, 1 to 5"),
        euros("MNT_TOT_AM", "paid by compulsory insurance"),
        optional("MNT_TOT_BR", "euros", "base of reimbursement, from 2018", "MNT_TOT_AM stands for it"),
    ),
)
T_MCOCSTC = RawTable(
    "T_MCOaaCSTC",
    "public outpatient care: person and date",
    (
        *_ACE,
        text("NIR_ANO_17", "pseudonym, leads to the person"),
        day("EXE_SOI_DTD", "day of care"),
        *(text(name, "return code of the chaining (pitfall 18)") for name in OUTPATIENT_CODES),
    ),
    optional=True,
    if_absent=NO_ACE,
)
T_MCOVALOACE = RawTable(
    "T_MCOaaVALOACE",
    "public outpatient care: its cost (pitfall 22)",
    (
        *_ACE,
        text("VALO", "class of valuation, 1 to 3"),
        euros("MNT_BR", "base of reimbursement"),
        euros("MNT_REMB", "paid by compulsory insurance"),
    ),
    optional=True,
    if_absent=NO_ACE,
)
T_SSRB = RawTable(
    "T_SSRaaB",
    "rehabilitation stays, one row a week",
    (
        *_SSR,
        text("RHS_NUM", "week"),
        text("GRG_GME", "group of stays; 90 is a grouping error (pitfall 17)"),
        text("MOR_PRP", "main condition"),
        text("ETL_AFF", "aetiological condition"),
    ),
    optional=True,
    if_absent=NO_SSR,
)
T_SSRC = RawTable("T_SSRaaC", "rehabilitation stays: person and dates", _chaining("ETA_NUM", "RHA_NUM"), True, NO_SSR)
T_SSRD = RawTable(
    "T_SSRaaD",
    "rehabilitation stays: associated diagnoses",
    (*_SSR, text("DGN_COD", "associated diagnosis")),
    optional=True,
    if_absent="no associated diagnosis of rehabilitation stays",
)
T_SSRVALO = RawTable(
    "T_SSRaaVALO",
    "rehabilitation stays: their cost (pitfall 22)",
    (
        *_SSR,
        text("VALO", "class of valuation, 1 is valued"),
        optional("MNT_AM_RSF", "euros", "paid on bills (name in KWIKLY)", "MNT_AM_RSFA, else 0"),
        optional("MNT_AM_RSFA", "euros", "paid on bills (name in the SNDS documentation)", "MNT_AM_RSF, else 0"),
        euros("DMA_AM", "allocation by activity, paid by compulsory insurance"),
        optional("DMA_BR", "euros", "allocation by activity, base of reimbursement", "DMA_AM"),
    ),
    optional=True,
    if_absent="rehabilitation stays are taken as private, without amounts",
)
T_HADB = RawTable(
    "T_HADaaB", "home hospitalisation", (*_HAD, text("DGN_PAL", "main diagnosis")), optional=True, if_absent=NO_HAD
)
T_HADC = RawTable(
    "T_HADaaC", "home hospitalisation: person and dates", _chaining("ETA_NUM_EPMSI", "RHAD_NUM"), True, NO_HAD
)
T_HADD = RawTable(
    "T_HADaaD",
    "home hospitalisation: associated diagnoses",
    (*_HAD, text("DGN_ASS", "associated diagnosis")),
    optional=True,
    if_absent="no associated diagnosis of home hospitalisation",
)
T_HADGRP = RawTable(
    "T_HADaaGRP",
    "home hospitalisation: groups",
    (*_HAD, text("PAP_GRP_GHPC", "group; 99 is a grouping error (pitfall 17)")),
    optional=True,
    if_absent="grouping errors of home hospitalisation are not seen",
)
T_HADSTC = RawTable(
    "T_HADaaSTC",
    "home hospitalisation: amount billed (pitfall 22)",
    (*_HAD, euros("TOT_MNT_AM", "amount billed to compulsory insurance")),
    optional=True,
    if_absent="home hospitalisation is taken as private, without amounts",
)
