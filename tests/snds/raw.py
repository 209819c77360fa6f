"""A raw SNDS folder from a few drawn rows: every column that a row does not give takes an ordinary value."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from features.snds import schema, schema_pmsi
from features.snds.schema import RawTable

Rows = list[dict[str, Any]]
YEAR = 2024
NEVER = dt.date(1600, 1, 1)
ORDER = count(1)
ARROW_TYPES = {"string": pa.string(), "int64": pa.int64(), "date": pa.date32(), "euros": pa.decimal128(13, 2)}
TABLES: dict[str, RawTable] = {
    table.name: table
    for module in (schema, schema_pmsi)
    for table in vars(module).values()
    if isinstance(table, RawTable)
}
KEY = {
    "DCT_ORD_NUM": 1, "FLX_DIS_DTD": dt.date(YEAR, 4, 1), "FLX_EMT_NUM": 1, "FLX_EMT_ORD": 1, "FLX_EMT_TYP": 1,
    "FLX_TRT_DTD": dt.date(YEAR, 3, 15), "ORG_CLE_NUM": "01C111111", "PRS_ORD_NUM": 1, "REM_TYP_AFF": 1,
}  # fmt: skip
PERSON = {"BEN_NIR_PSA": "P1", "BEN_RNG_GEM": 1}
RETURN_CODES = dict.fromkeys((*schema_pmsi.RETURN_CODES, *schema_pmsi.COHERENCE_CODES), "0")
CHAINED = {
    "NIR_ANO_17": "P1", "EXE_SOI_DTD": dt.date(YEAR, 3, 1), "EXE_SOI_DTF": dt.date(YEAR, 3, 5), **RETURN_CODES,
}  # fmt: skip
DEFAULTS: dict[str, dict[str, Any]] = {
    "ER_PRS_F": KEY | PERSON | {
        "BEN_CDI_NIR": "00", "RGM_COD": 101, "RGM_GRG_COD": 1, "PRS_NAT_REF": 1111, "EXE_SOI_DTD": dt.date(YEAR, 3, 4),
        "EXE_SOI_DTF": dt.date(YEAR, 3, 4), "PRS_ACT_QTE": 1, "PRS_PAI_MNT": 26.5, "BSE_REM_BSE": 26.5,
        "BSE_REM_MNT": 18.55, "CPL_REM_MNT": 0, "CPL_REM_BSE": 0, "CPL_MAJ_TOP": 0, "CPL_AFF_COD": 0, "MTM_NAT": 0,
        "BEN_C2S_TYP": "ZZZ", "PRS_DPN_QLP": 0, "PRS_PPU_SEC": 2, "PSE_SPE_COD": 1, "PFS_EXE_NUM": "D1",
    },
    "ER_ETE_F": KEY | {
        "ETB_EXE_FIN": "75000001", "ETE_IND_TAA": 2, "ETE_CAT_COD": 365, "MDT_COD": 3, "PRS_PPU_SEC": 2,
    },
    "ER_PHA_F": KEY | {"PHA_PRS_C13": 3400930000001, "PHA_ACT_QSN": 1},
    "ER_CAM_F": KEY | {"CAM_PRS_IDE": "DEQP003", "CAM_ACT_COD": "1", "CAM_TRT_PHA": 0},
    "ER_BIO_F": KEY | {"BIO_PRS_IDE": 1577},
    "IR_PHA_R": {"PHA_CIP_C13": 3400930000001, "PHA_ATC_CLA": "A10BA02", "PHA_GRD_CND": "N"},
    "IR_BEN_R": PERSON | {
        "BEN_IDT_ANO": "ID1", "BEN_CDI_NIR": "00", "BEN_NAI_ANN": "1950", "BEN_NAI_MOI": "06", "BEN_SEX_COD": 1,
        "BEN_DCD_DTE": NEVER, "BEN_RES_DPT": "075", "BEN_RES_COM": "056", "MAX_TRT_DTD": dt.date(YEAR, 12, 1),
    },
    "IR_IMB_R": PERSON | {
        "IMB_ETM_NAT": 41, "IMB_ALD_NUM": 8, "IMB_ALD_DTD": dt.date(2020, 1, 1), "IMB_ALD_DTF": dt.date(2029, 12, 31),
        "MED_MTF_COD": "E11", "INS_DTE": dt.date(2020, 2, 1),
    },
    "IR_MTT_R": PERSON | {
        "MTT_PFS_NUM": "D1", "MTT_DEB_DTE": dt.date(2020, 1, 1), "MTT_FIN_DTE": NEVER,
    },
    "IR_ORC_R": PERSON | {
        "BEN_CTA_TYP": 89, "REF_C2S_COD": "G", "MLL_CTA_DSD": dt.date(YEAR, 1, 1), "MLL_CTA_DSF": dt.date(YEAR, 12, 31),
    },
    "DEFA_UU2015": {"DEPCOM": "75056", "QUINTILE_POP": 2},
    "T_MCOaaB": {
        "ETA_NUM": "750000001", "RSA_NUM": "1", "GRG_GHM": "08C481", "DGN_PAL": "M161", "DGN_REL": None, "ENT_MOD": "8",
        "SOR_MOD": "8", "SEJ_NBJ": 4, "NBR_SEA": None, "SEJ_TYP": None, "TYP_GEN_RSA": "0",
    },
    "T_MCOaaC": {"ETA_NUM": "750000001", "RSA_NUM": "1", **CHAINED},
    "T_MCOaaD": {"ETA_NUM": "750000001", "RSA_NUM": "1", "ASS_DGN": "I10"},
    "T_MCOaaUM": {"ETA_NUM": "750000001", "RSA_NUM": "1", "DGN_PAL": "M161", "DGN_REL": None},
    "T_MCOaaA": {"ETA_NUM": "750000001", "RSA_NUM": "1", "CDC_ACT": "NEKA020"},
    "T_MCOaaDMIP": {"ETA_NUM": "750000001", "RSA_NUM": "1", "NBR_POS_PRI": 1500},
    "T_MCOaaSTC": {"ETA_NUM": "750000001", "RSA_NUM": "1", "TOT_MNT_AM": 1},
    "T_MCOaaVALO": {
        "ETA_NUM": "750000001", "RSA_NUM": "1", "VALO": "1", "MNT_TOT_AM": 4000, "MNT_TOT_BR": 5000,
    },
    "T_MCOaaCSTC": {
        "ETA_NUM": "750000001", "SEQ_NUM": "1", "NIR_ANO_17": "P1", "EXE_SOI_DTD": dt.date(YEAR, 3, 1),
        **dict.fromkeys(schema_pmsi.OUTPATIENT_CODES, "0"),
    },
    "T_MCOaaVALOACE": {"ETA_NUM": "750000001", "SEQ_NUM": "1", "VALO": "1", "MNT_BR": 30, "MNT_REMB": 21},
    "T_SSRaaB": {
        "ETA_NUM": "750000001", "RHA_NUM": "1", "RHS_NUM": "1", "GRG_GME": "0803A1", "MOR_PRP": "M161", "ETL_AFF": None,
    },
    "T_SSRaaC": {"ETA_NUM": "750000001", "RHA_NUM": "1", **CHAINED},
    "T_SSRaaD": {"ETA_NUM": "750000001", "RHA_NUM": "1", "DGN_COD": "I10"},
    "T_SSRaaVALO": {
        "ETA_NUM": "750000001", "RHA_NUM": "1", "VALO": "1", "MNT_AM_RSF": 100, "DMA_AM": 50, "DMA_BR": 60,
    },
    "T_HADaaB": {"ETA_NUM_EPMSI": "750000001", "RHAD_NUM": "1", "DGN_PAL": "C189"},
    "T_HADaaC": {"ETA_NUM_EPMSI": "750000001", "RHAD_NUM": "1", **CHAINED},
    "T_HADaaD": {"ETA_NUM_EPMSI": "750000001", "RHAD_NUM": "1", "DGN_ASS": "I10"},
    "T_HADaaGRP": {"ETA_NUM_EPMSI": "750000001", "RHAD_NUM": "1", "PAP_GRP_GHPC": "1234"},
    "T_HADaaSTC": {"ETA_NUM_EPMSI": "750000001", "RHAD_NUM": "1", "TOT_MNT_AM": 700},
}  # fmt: skip
REQUIRED = [name for name, table in TABLES.items() if not table.optional]


def write_raw(folder: Path, tables: Mapping[str, Rows], *, kind: str = "parquet", year: int = YEAR) -> Path:
    """`folder`, holding the tables given and every required one (one person, otherwise empty).

    Claim lines get a key of their own (PRS_ORD_NUM) unless a row gives one. kind: parquet, csv (`;`, comma,
    DD/MM/YYYY) or csv.gz (`,`, point, ISO).
    """
    folder.mkdir(parents=True, exist_ok=True)
    contents = {name: [] for name in REQUIRED} | {"IR_BEN_R": [{}]} | dict(tables)
    for name, rows in contents.items():
        path = folder / f"{TABLES[name].file_name(year)}.{kind}"
        _write(path, table_of(name, rows), kind)
    return folder


def table_of(name: str, rows: Rows) -> pa.Table:
    """Arrow table of the rows; optional columns that neither a row nor the defaults give are left out."""
    full = [DEFAULTS[name] | _own_key(name, row) | row for row in rows]
    given = {column for row in full for column in row} or set(DEFAULTS[name])
    columns = {
        column.name: pa.array([_value(row.get(column.name), column.type) for row in full], ARROW_TYPES[column.type])
        for column in TABLES[name].columns
        if column.name in given or not column.optional
    }
    return pa.table(columns)


def _own_key(name: str, row: dict[str, Any]) -> dict[str, int]:
    return {"PRS_ORD_NUM": next(ORDER)} if name == "ER_PRS_F" and "PRS_ORD_NUM" not in row else {}


def _value(value: Any, kind: str) -> Any:
    return Decimal(str(value)).quantize(Decimal("0.01")) if kind == "euros" and value is not None else value


def _write(path: Path, table: pa.Table, kind: str) -> None:
    if kind == "parquet":
        pq.write_table(table, path)
        return
    french = kind == "csv"
    text = {name: [_text(value, french) for value in table[name].to_pylist()] for name in table.column_names}
    options = pacsv.WriteOptions(delimiter=";" if french else ",", quoting_style="needed")
    written = pa.table({name: pa.array(values, pa.string()) for name, values in text.items()})
    with pa.output_stream(path) as stream:
        pacsv.write_csv(written, stream, options)


def _text(value: Any, french: bool) -> str | None:
    if isinstance(value, dt.date):
        return value.strftime("%d/%m/%Y") if french and value.year > 1000 else value.isoformat()
    if isinstance(value, Decimal):
        return str(value).replace(".", ",") if french else str(value)
    return None if value is None else str(value)
