"""The pandas that `benchmarks/pipeline.py` compares with: claims, drugs, spending and a few characteristics.

It does less than ours: no hospital stay, no act, no analysis, no flag of disease. Same rules for claim lines.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
import pyarrow.dataset as pads

from features.reference_data import acts
from features.snds.lines import HEALTH_CENTRES, PUBLIC_CATEGORIES, PUBLIC_TREATMENTS, RETROCEDED
from features.snds.schema import ER_ETE_F, ER_PHA_F, ER_PRS_F, LINE_KEY

KEY = list(LINE_KEY)
ANNULLED = ["BEN_NIR_PSA", "BEN_RNG_GEM", "PRS_NAT_REF", "EXE_SOI_DTD", "PFS_EXE_NUM", "ORG_CLE_NUM", "REM_TYP_AFF"]
AMOUNTS = ["BSE_REM_BSE", "CPL_REM_BSE", "BSE_REM_MNT", "CPL_REM_MNT"]


def run(snds: Path, out: Path, years: range) -> None:
    """Each year read; characteristics and spending of every year but the first; Parquet files in `out`."""
    out.mkdir(parents=True, exist_ok=True)
    for year in years:
        _read(snds, out, year)
        if year > years[0]:
            _people(snds, out, year)


def _table(snds: Path, name: str, columns: list[str]) -> pd.DataFrame:
    path = snds / name if (snds / name).is_dir() else snds / f"{name}.parquet"
    found = pads.dataset(path, format="parquet", partitioning=None)
    return found.to_table(columns=[column for column in columns if column in found.schema.names]).to_pandas()


def _read(snds: Path, out: Path, year: int) -> None:
    lines = _table(snds, "ER_PRS_F", [column.name for column in ER_PRS_F.columns])
    days, loads = pd.to_datetime(lines["EXE_SOI_DTD"]), pd.to_datetime(lines["FLX_DIS_DTD"])
    inside = (days.dt.year == year) & loads.between(pd.Timestamp(year, 2, 1), pd.Timestamp(year + 1, 7, 1))
    lines = lines[inside]
    for name in AMOUNTS:
        lines[name] = (lines[name].fillna(0).astype(float) * 100).round().astype("int64")
    lines = lines.assign(base=lines["BSE_REM_BSE"] + lines["CPL_REM_BSE"], is_gp=lines["PSE_SPE_COD"].isin([1, 22, 23]))
    lines = lines.assign(reimbursed=lines["BSE_REM_MNT"] + lines["CPL_REM_MNT"]).drop(columns=AMOUNTS)
    stays = _table(snds, "ER_ETE_F", [column.name for column in ER_ETE_F.columns]).drop(columns="PRS_PPU_SEC")
    lines = lines.merge(stays, on=KEY, how="left")
    known = acts().rename(columns={"act_code": "PRS_NAT_REF"})
    lines = lines.merge(known, on=["PRS_NAT_REF", "is_gp"], how="left")
    persons = _table(snds, "IR_BEN_R", ["BEN_NIR_PSA", "BEN_RNG_GEM", "BEN_IDT_ANO", "MAX_TRT_DTD"])
    persons = persons.sort_values("MAX_TRT_DTD").drop_duplicates(["BEN_NIR_PSA", "BEN_RNG_GEM"], keep="last")
    lines = lines.merge(persons.drop(columns="MAX_TRT_DTD"), on=["BEN_NIR_PSA", "BEN_RNG_GEM"], how="left")
    kept = _netted(lines)
    packs = _table(snds, "ER_PHA_F", [column.name for column in ER_PHA_F.columns])
    packs = packs.merge(kept[[*KEY, "BEN_IDT_ANO", "EXE_SOI_DTD"]], on=KEY)
    packs = packs.groupby(["BEN_IDT_ANO", "EXE_SOI_DTD", "PHA_PRS_C13"], as_index=False)["PHA_ACT_QSN"].sum()
    packs[packs["PHA_ACT_QSN"] > 0].to_parquet(out / f"dispensings_{year}.parquet")
    named = ["BEN_IDT_ANO", "EXE_SOI_DTD", "PRS_NAT_REF", "poste", "perimeter", "PFS_EXE_NUM", "PSE_SPE_COD"]
    kept[[*named, "ETB_EXE_FIN", "PRS_ACT_QTE", "base", "reimbursed"]].to_parquet(out / f"care_lines_{year}.parquet")


def _netted(lines: pd.DataFrame) -> pd.DataFrame:
    """Lines kept: reversals summed over identical lines, then the filters."""
    held = (lines["ETE_IND_TAA"] == 1) | (
        (lines["ETE_IND_TAA"] == 0)
        & lines["ETE_CAT_COD"].isin(PUBLIC_CATEGORIES)
        & lines["MDT_COD"].isin(PUBLIC_TREATMENTS)
    )
    held &= ~lines["PRS_NAT_REF"].isin(RETROCEDED) & ~lines["ETE_CAT_COD"].isin(HEALTH_CENTRES)
    for_information = lines["DPN_QLF"].isin([71, 72]) | (lines["PRS_DPN_QLP"] == 71)
    is_payment = lines["is_payment"].fillna(False).astype(bool)
    lines = lines[~held & ~for_information & ~is_payment & lines["BEN_IDT_ANO"].notna()]
    unit = lines["base"].abs() // lines["PRS_ACT_QTE"].abs().clip(lower=1)
    lines = lines.assign(unit=unit)
    keys = [*ANNULLED, "unit"]
    reversed_keys = lines.loc[lines["PRS_ACT_QTE"] < 0, keys].drop_duplicates().assign(is_reversed=True)
    lines = lines.merge(reversed_keys, on=keys, how="left")
    plain, touched = lines[lines["is_reversed"].isna()], lines[lines["is_reversed"].notna()]
    sums = touched.groupby(keys, dropna=False)[["PRS_ACT_QTE", "base", "reimbursed"]].transform("sum")
    touched = touched.assign(**{str(name): sums[name] for name in sums}).drop_duplicates(keys)
    return pd.concat([plain, touched[touched["PRS_ACT_QTE"] > 0]], ignore_index=True)


def _people(snds: Path, out: Path, year: int) -> None:
    """Spending by patient and poste, and age, ALD and past drugs of the patients."""
    care = pd.read_parquet(out / f"care_lines_{year}.parquet")
    spent = care.pivot_table(index="BEN_IDT_ANO", columns="poste", values="base", aggfunc="sum", fill_value=0) / 100
    spent.to_parquet(out / f"spending_{year}.parquet")
    people = _table(snds, "IR_BEN_R", ["BEN_NIR_PSA", "BEN_RNG_GEM", "BEN_IDT_ANO", "BEN_NAI_ANN", "BEN_SEX_COD"])
    ald = _table(snds, "IR_IMB_R", ["BEN_NIR_PSA", "BEN_RNG_GEM", "IMB_ALD_NUM", "IMB_ALD_DTD"])
    ald = ald[pd.to_datetime(ald["IMB_ALD_DTD"].astype(str), errors="coerce") <= pd.Timestamp(year, 1, 1)]
    ill = ald.merge(people, on=["BEN_NIR_PSA", "BEN_RNG_GEM"]).groupby("BEN_IDT_ANO")["IMB_ALD_NUM"].nunique()
    drugs = pd.read_parquet(out / f"dispensings_{year - 1}.parquet").groupby("BEN_IDT_ANO")["PHA_PRS_C13"].nunique()
    table = people.drop_duplicates("BEN_IDT_ANO").set_index("BEN_IDT_ANO")
    table = table.assign(age=year - pd.to_numeric(table["BEN_NAI_ANN"], errors="coerce"), ald_count=ill, drugs=drugs)
    table.to_parquet(out / f"feature_table_{year}.parquet")


if __name__ == "__main__":
    run(Path(sys.argv[1]), Path(sys.argv[2]), range(int(sys.argv[3]), int(sys.argv[4]) + 1))
