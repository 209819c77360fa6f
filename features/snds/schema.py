"""The raw SNDS tables and columns that are read: type, purpose, and what stands in for an absent one.

Types: string, int64, date, euros (decimal(13,2), read as integer cents). Names of PMSI tables carry the
year in place of `aa`. Source: SNDS dictionary (schema-snds 2020, KWIKLY 2021), features/reference/.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RawColumn:
    """A raw column: type, what it is for, whether the read can do without it, and what then happens."""

    name: str
    type: str
    purpose: str
    optional: bool = False
    if_absent: str = ""


@dataclass(frozen=True)
class RawTable:
    """A raw table: what it is for, its columns, whether the read can do without it, and what then happens."""

    name: str
    purpose: str
    columns: tuple[RawColumn, ...]
    optional: bool = False
    if_absent: str = ""

    def file_name(self, year: int) -> str:
        """Name of the table's file or folder: `T_MCOaaB` of 2024 is `T_MCO24B`."""
        return self.name.replace("aa", f"{year % 100:02d}")


def text(name: str, purpose: str) -> RawColumn:
    """A required text column."""
    return RawColumn(name, "string", purpose)


def whole(name: str, purpose: str) -> RawColumn:
    """A required column of whole numbers."""
    return RawColumn(name, "int64", purpose)


def day(name: str, purpose: str) -> RawColumn:
    """A required column of days."""
    return RawColumn(name, "date", purpose)


def euros(name: str, purpose: str) -> RawColumn:
    """A required column of amounts in euros."""
    return RawColumn(name, "euros", purpose)


def optional(name: str, kind: str, purpose: str, if_absent: str) -> RawColumn:
    """An optional column, with what happens where it is absent."""
    return RawColumn(name, kind, purpose, True, if_absent)


LINE_KEY = (
    "DCT_ORD_NUM",
    "FLX_DIS_DTD",
    "FLX_EMT_NUM",
    "FLX_EMT_ORD",
    "FLX_EMT_TYP",
    "FLX_TRT_DTD",
    "ORG_CLE_NUM",
    "PRS_ORD_NUM",
    "REM_TYP_AFF",
)
_KEY_TYPES = {"FLX_DIS_DTD": "date", "FLX_TRT_DTD": "date", "ORG_CLE_NUM": "string"}
_KEY = tuple(RawColumn(name, _KEY_TYPES.get(name, "int64"), "key of the claim line") for name in LINE_KEY)
_PSEUDONYM = (
    text("BEN_NIR_PSA", "pseudonym, leads to the person"),
    whole("BEN_RNG_GEM", "rank, leads to the person with the pseudonym"),
)
ER_PRS_F = RawTable(
    "ER_PRS_F",
    "claim lines: spending, acts, performers",
    (
        *_KEY,
        *_PSEUDONYM,
        text("BEN_CDI_NIR", "fictitious identifiers (pitfall 14), state medical aid"),
        whole("RGM_COD", "state medical aid (pitfall 25), fictitious scheme (pitfall 14)"),
        whole("RGM_GRG_COD", "fictitious scheme (pitfall 14)"),
        whole("PRS_NAT_REF", "nature of the act: poste and perimeter"),
        day("EXE_SOI_DTD", "day of care"),
        day("EXE_SOI_DTF", "last day of care: tells identical lines apart (pitfall 8)"),
        whole("PRS_ACT_QTE", "number of acts; negative on a reversal (pitfall 8)"),
        euros("PRS_PAI_MNT", "amount charged"),
        euros("BSE_REM_BSE", "base of reimbursement"),
        euros("BSE_REM_MNT", "reimbursed amount"),
        euros("CPL_REM_MNT", "reimbursed amount of the supplement"),
        whole("CPL_MAJ_TOP", "supplement, not counted as an act (pitfall 7)"),
        whole("CPL_AFF_COD", "kind of supplement (pitfall 7)"),
        whole("MTM_NAT", "old-age or invalidity minimum (pitfall 25)"),
        optional("BEN_C2S_TYP", "string", "complementary cover C2S (pitfall 25)", "BEN_CMU_TOP tells the free cover"),
        whole("DPN_QLF", "lines sent for information (pitfall 3)"),
        whole("PRS_DPN_QLP", "lines sent for information (pitfall 3)"),
        whole("PRS_PPU_SEC", "public or private sector (pitfall 6)"),
        whole("PSE_SPE_COD", "specialty of the performer: general practice is 1, 22, 23"),
        text("PFS_EXE_NUM", "performing professional"),
        optional("CPL_REM_BSE", "euros", "base of reimbursement of the supplement", "taken as 0"),
        optional("PRS_PDS_QCP", "int64", "place in the coordinated pathway", "pathway_code left empty"),
        optional("ETB_PRE_FIN", "string", "establishment of the prescriber", "prescriber_establishment_id left empty"),
        optional("PSP_SPE_COD", "int64", "specialty of the prescriber", "prescriber_specialty left empty"),
        optional("BEN_CMU_TOP", "string", "free complementary cover before 2020 (pitfall 25)", "BEN_C2S_TYP alone"),
        optional("BEN_CMU_CAT", "string", "state medical aid shown as free cover (pitfall 25)", "RGM_COD alone"),
    ),
)
ER_ETE_F = RawTable(
    "ER_ETE_F",
    "establishment of a claim line: hospital care that the PMSI also holds (pitfalls 4 and 6)",
    (
        *_KEY,
        text("ETB_EXE_FIN", "FINESS of the performing establishment"),
        whole("ETE_IND_TAA", "public hospital under activity-based payment (pitfall 4)"),
        whole("ETE_CAT_COD", "category of the establishment (pitfall 6)"),
        whole("MDT_COD", "mode of treatment (pitfall 6)"),
        whole("PRS_PPU_SEC", "public or private sector (pitfall 6)"),
    ),
)
ER_PHA_F = RawTable(
    "ER_PHA_F",
    "drug packs dispensed",
    (*_KEY, whole("PHA_PRS_C13", "pack code (CIP13)"), whole("PHA_ACT_QSN", "packs, negative on a reversal")),
)
ER_CAM_F = RawTable(
    "ER_CAM_F",
    "CCAM acts outside public hospital stays",
    (
        *_KEY,
        text("CAM_PRS_IDE", "CCAM code"),
        text("CAM_ACT_COD", "CCAM activity"),
        whole("CAM_TRT_PHA", "CCAM phase"),
    ),
    optional=True,
    if_absent="no row in procedures",
)
ER_BIO_F = RawTable(
    "ER_BIO_F",
    "acts of medical biology",
    (*_KEY, whole("BIO_PRS_IDE", "code of the nomenclature of biology (NABM)")),
    optional=True,
    if_absent="no row in analyses: the follow-up of diabetics is not measured",
)
IR_PHA_R = RawTable(
    "IR_PHA_R",
    "drug packs: ATC class",
    (
        whole("PHA_CIP_C13", "pack code (CIP13)"),
        text("PHA_ATC_CLA", "ATC class"),
        text("PHA_GRD_CND", "large pack, about three months"),
    ),
)
IR_BEN_R = RawTable(
    "IR_BEN_R",
    "beneficiaries: one person behind several pseudonyms (pitfall 12)",
    (
        *_PSEUDONYM,
        text("BEN_IDT_ANO", "person"),
        text("BEN_CDI_NIR", "fictitious identifiers (pitfall 14)"),
        text("BEN_NAI_ANN", "year of birth"),
        text("BEN_NAI_MOI", "month of birth"),
        whole("BEN_SEX_COD", "sex"),
        day("BEN_DCD_DTE", "death"),
        text("BEN_RES_DPT", "department of residence"),
        text("BEN_RES_COM", "commune of residence"),
        day("MAX_TRT_DTD", "latest claim: decides between rows of one person (pitfall 12)"),
    ),
)
IR_IMB_R = RawTable(
    "IR_IMB_R",
    "long-term illnesses (ALD)",
    (
        *_PSEUDONYM,
        whole("IMB_ETM_NAT", "kind of exemption: 41, 43 and 45 are ALD (pitfall 23)"),
        whole("IMB_ALD_NUM", "ALD number"),
        day("IMB_ALD_DTD", "start of the exemption"),
        day("IMB_ALD_DTF", "end of the exemption"),
        text("MED_MTF_COD", "ICD-10 reason: gives the ALD number where it is 0 (pitfall 23)"),
        optional("INS_DTE", "date", "day the row was inserted: known_date", "known_date is the start"),
    ),
)
IR_MTT_R = RawTable(
    "IR_MTT_R",
    "médecin traitant contracts: attribution of patients (pitfall 27)",
    (
        *_PSEUDONYM,
        text("MTT_PFS_NUM", "declared professional, centre or establishment"),
        day("MTT_DEB_DTE", "start of the contract"),
        day("MTT_FIN_DTE", "end of the contract"),
        optional("MTT_MTF_COD", "string", "why the contract ended", "end_reason left empty"),
    ),
)
IR_ORC_R = RawTable(
    "IR_ORC_R",
    "complementary cover C2S, dated (pitfall 25)",
    (
        *_PSEUDONYM,
        whole("BEN_CTA_TYP", "kind of contract: 89 is C2S"),
        optional("REF_C2S_COD", "string", "free or with contribution", "taken as free"),
        day("MLL_CTA_DSD", "start of the contract"),
        day("MLL_CTA_DSF", "end of the contract"),
    ),
    optional=True,
    if_absent="C2S is read on claims alone",
)
DEFA_UU2015 = RawTable(
    "DEFA_UU2015",
    "deprivation index of communes (pitfall 28)",
    (text("DEPCOM", "commune (INSEE)"), whole("QUINTILE_POP", "quintile, 1 least to 5 most deprived")),
    optional=True,
    if_absent="fdep_quintile left empty",
)
