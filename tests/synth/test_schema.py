"""Names and types of the raw tables are those of the SNDS dictionary."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.synth.raw import KEY, claims, table

DICTIONARY = Path(__file__).parents[2] / "features" / "reference" / "snds_dictionary.csv"
STAY = "NIR_ANO_17 EXE_SOI_DTD EXE_SOI_DTF NIR_RET NAI_RET SEX_RET SEJ_RET FHO_RET PMS_RET DAT_RET"
STAY += " COH_NAI_RET COH_SEX_RET"
LINE = " ".join(KEY)
TABLES = {
    "ER_PRS_F": f"{LINE} BEN_NIR_PSA BEN_RNG_GEM BEN_CDI_NIR RGM_COD RGM_GRG_COD PRS_NAT_REF EXE_SOI_DTD EXE_SOI_DTF "
    "PRS_ACT_QTE PRS_PAI_MNT BSE_REM_BSE BSE_REM_MNT CPL_REM_MNT CPL_MAJ_TOP CPL_AFF_COD MTM_NAT BEN_C2S_TYP DPN_QLF "
    "PRS_DPN_QLP PRS_PPU_SEC PSE_SPE_COD PFS_EXE_NUM CPL_REM_BSE PRS_PDS_QCP BEN_CMU_TOP BEN_CMU_CAT "
    "ETB_PRE_FIN PSP_SPE_COD",
    "ER_PHA_F": f"{LINE} PHA_PRS_C13 PHA_ACT_QSN",
    "ER_ETE_F": f"{LINE} ETB_EXE_FIN ETE_IND_TAA ETE_CAT_COD MDT_COD PRS_PPU_SEC",
    "ER_CAM_F": f"{LINE} CAM_PRS_IDE CAM_ACT_COD CAM_TRT_PHA",
    "ER_BIO_F": f"{LINE} BIO_PRS_IDE BIO_ACT_QSN",
    "IR_PHA_R": "PHA_CIP_C13 PHA_ATC_CLA PHA_GRD_CND",
    "IR_BEN_R": "BEN_NIR_PSA BEN_RNG_GEM BEN_IDT_ANO BEN_CDI_NIR BEN_NAI_ANN BEN_NAI_MOI BEN_SEX_COD BEN_DCD_DTE "
    "BEN_RES_DPT BEN_RES_COM MAX_TRT_DTD",
    "IR_IMB_R": "BEN_NIR_PSA BEN_RNG_GEM IMB_ETM_NAT IMB_ALD_NUM IMB_ALD_DTD IMB_ALD_DTF MED_MTF_COD INS_DTE",
    "IR_MTT_R": "BEN_NIR_PSA BEN_RNG_GEM MTT_PFS_NUM MTT_DEB_DTE MTT_FIN_DTE MTT_MTF_COD",
    "IR_ORC_R": "BEN_NIR_PSA BEN_RNG_GEM BEN_CTA_TYP REF_C2S_COD MLL_CTA_DSD MLL_CTA_DSF",
    "T_MCO23B": "ETA_NUM RSA_NUM GRG_GHM DGN_PAL DGN_REL ENT_MOD SOR_MOD SEJ_NBJ NBR_SEA SEJ_TYP TYP_GEN_RSA",
    "T_MCO23C": f"ETA_NUM RSA_NUM {STAY}",
    "T_MCO23D": "ETA_NUM RSA_NUM ASS_DGN",
    "T_MCO23UM": "ETA_NUM RSA_NUM DGN_PAL DGN_REL",
    "T_MCO23A": "ETA_NUM RSA_NUM CDC_ACT",
    "T_MCO23STC": "ETA_NUM RSA_NUM TOT_MNT_AM",
    "T_MCO23VALO": "ETA_NUM RSA_NUM VALO MNT_TOT_AM MNT_TOT_BR",
    "T_MCO23CSTC": "ETA_NUM SEQ_NUM NIR_ANO_17 EXE_SOI_DTD NIR_RET NAI_RET SEX_RET IAS_RET ENT_DAT_RET",
    "T_MCO23VALOACE": "ETA_NUM SEQ_NUM VALO MNT_BR MNT_REMB",
    "T_SSR23B": "ETA_NUM RHA_NUM RHS_NUM GRG_GME MOR_PRP ETL_AFF",
    "T_SSR23C": f"ETA_NUM RHA_NUM {STAY}",
    "T_SSR23D": "ETA_NUM RHA_NUM DGN_COD",
    "T_SSR23VALO": "ETA_NUM RHA_NUM VALO MNT_AM_RSF DMA_AM DMA_BR",
    "T_HAD23B": "ETA_NUM_EPMSI RHAD_NUM DGN_PAL",
    "T_HAD23C": f"ETA_NUM_EPMSI RHAD_NUM {STAY}",
    "T_HAD23D": "ETA_NUM_EPMSI RHAD_NUM DGN_ASS",
    "T_HAD23GRP": "ETA_NUM_EPMSI RHAD_NUM PAP_GRP_GHPC",
    "T_HAD23STC": "ETA_NUM_EPMSI RHAD_NUM TOT_MNT_AM",
    "DEFA_UU2015": "DEPCOM QUINTILE_POP",
    "DA_PRA_R": "PFS_PFS_NUM STA_PFS_NUM PFS_PRA_SPE DTE_ANN_TRT DTE_MOI_FIN",
    "BE_IDE_R": "IDE_ETA_NU8 IDE_PSH_CAT",
}
IS_OF = {
    "integer": pa.types.is_integer,
    "string": pa.types.is_string,
    "date": pa.types.is_date32,
    "decimal": lambda kind: kind == pa.decimal128(13, 2),
}


def schema(data: Path, name: str) -> pa.Schema:
    """Schema of every part of a raw table, checked to be the same."""
    folder = data / "snds" / name
    parts = sorted(folder.glob("*.parquet")) if folder.is_dir() else [folder.with_suffix(".parquet")]
    schemas = [pq.read_schema(part) for part in parts]
    assert all(found.equals(schemas[0]) for found in schemas)
    return schemas[0]


@pytest.mark.parametrize("name", TABLES)
def test_columns_are_there_with_their_type(small: Path, name: str) -> None:
    """Every column of the contract, of the type of the dictionary."""
    found = schema(small, name)
    assert set(TABLES[name].split()) <= set(found.names)
    words = pd.read_csv(DICTIONARY, dtype=str)
    general = f"{name[:5]}aa{name[7:]}" if name.startswith("T_") else name
    types = words[words.table == general].set_index("column").type
    for field in found:
        if field.name in types.index:
            assert IS_OF[types[field.name]](field.type), f"{field.name} is {field.type}, not {types[field.name]}"


def test_the_nine_part_key_is_unique(small: Path) -> None:
    """A line has one key; each detail follows a line."""
    lines = claims(small)
    assert not lines.duplicated(KEY).any()
    for name in ("ER_PHA_F", "ER_CAM_F", "ER_BIO_F", "ER_ETE_F"):
        detail = table(small, name)
        assert len(detail.merge(lines[KEY], on=KEY)) == len(detail)


def test_codes_look_like_codes(small: Path) -> None:
    """Pseudonyms, professionals, establishments, packs and stays have the length of the real ones."""
    lines, packs, stays = claims(small), table(small, "IR_PHA_R"), table(small, "T_MCO23B")
    assert (lines.BEN_NIR_PSA.str.len() == 17).all()
    assert (table(small, "IR_BEN_R").BEN_IDT_ANO.str.len() == 18).all()
    assert (lines.PFS_EXE_NUM.str.len() == 8).all()
    assert (stays.ETA_NUM.str.len() == 9).all()
    assert (stays.GRG_GHM.str.len() == 6).all()
    assert packs.PHA_CIP_C13.is_unique
    digits = packs.PHA_CIP_C13.astype(str).map(lambda text: [int(digit) for digit in text])
    assert all(sum(d * (3 if i % 2 else 1) for i, d in enumerate(code)) % 10 == 0 for code in digits)


def test_unknown_act_code_is_absent_from_the_nomenclature() -> None:
    """3160 stands for the codes made after the nomenclature."""
    known = pd.read_csv(DICTIONARY.with_name("prs_nat_ref.csv")).code
    assert 3160 not in set(known)
