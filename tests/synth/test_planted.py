"""planted.json holds what each control must find: counted here again, directly on the raw tables."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.synth import Rates, synthesise
from tests.synth.conftest import SMALL_YEARS
from tests.synth.raw import KEY, claims, table

YEAR = 2023
PAYMENTS = (1145, 1173, 1178, 1180, 1195, 1196, 1992)
FICTITIOUS = ("01", "05", "06", "08", "09", "11", "12", "13", "14", "15")
Counts = dict[str, tuple[int, int, int]]


def planted(data: Path, source: str, year: int | None) -> Counts:
    """Rows and cents announced for a table and care year."""
    rows = json.loads((data / "oracle" / "planted.json").read_text(encoding="utf-8"))
    return {
        row["control"]: (row["rows"], row["base_cents"], row["reimbursed_cents"])
        for row in rows
        if row["source_table"] == source and row["year"] == year
    }


def count(rows: pd.DataFrame) -> tuple[int, int, int]:
    return len(rows), int(rows.base.sum()), int(rows.reimbursed.sum())


@pytest.fixture(scope="module")
def lines(small: Path) -> pd.DataFrame:
    """Claim lines with the defect of each, found from its columns alone."""
    rows = claims(small)
    places = table(small, "ER_ETE_F").rename(columns={"PRS_PPU_SEC": "ete_sector"})
    rows = rows.merge(places, on=KEY, how="left", validate="one_to_one")
    known = table(small, "IR_BEN_R")[["BEN_NIR_PSA", "BEN_RNG_GEM"]].drop_duplicates()
    rows = rows.merge(known.assign(is_known=True), on=["BEN_NIR_PSA", "BEN_RNG_GEM"], how="left")
    start = pd.to_datetime(rows.care_year.astype(str) + "-02-01")
    end = pd.to_datetime((rows.care_year + 1).astype(str) + "-07-01")
    public = (rows.ETE_IND_TAA == 0) & (rows.ete_sector == 1) & rows.ETE_CAT_COD.isin((101, 355, 131, 106, 122, 365))
    public |= (rows.ETE_IND_TAA == 0) & (rows.ete_sector == 1) & rows.ETE_CAT_COD.isin((128, 129))
    defects = {
        "outside_flux_window": (start > rows.FLX_DIS_DTD) | (end < rows.FLX_DIS_DTD),
        "information_only": rows.DPN_QLF.isin((71, 72)) | (rows.PRS_DPN_QLP == 71),
        "hospital_in_pmsi": (rows.ETE_IND_TAA == 1) | public,
        "payment_without_act": rows.PRS_NAT_REF.isin(PAYMENTS),
        "fictitious_identifier": rows.BEN_CDI_NIR.isin(FICTITIOUS) & ~rows.PRS_NAT_REF.isin(PAYMENTS),
        "unknown_person": rows.is_known.isna() & (rows.BEN_CDI_NIR == "00"),
    }
    return rows.assign(**defects)


def test_claims_add_up(small: Path, lines: pd.DataFrame) -> None:
    """Every announced count of ER_PRS_F is found, rows and cents; no row has two defects."""
    found = planted(small, "ER_PRS_F", YEAR)
    year = lines[lines.care_year == YEAR]
    names = ["outside_flux_window", "information_only", "hospital_in_pmsi", "payment_without_act"]
    names += ["fictitious_identifier", "unknown_person"]
    assert (lines[names].sum(axis=1) <= 1).all()
    assert {name: count(year[year[name]]) for name in names} == {name: found[name] for name in names}
    assert count(lines) == found["rows_in"]
    assert count(lines[lines.care_year != YEAR]) == found["other_care_year"]
    kept = year[~year[names].any(axis=1)]
    assert count(kept[kept.PRS_NAT_REF == 3160]) == found["unknown_act_code"]
    assert count(kept[kept.PRS_NAT_REF.isin((6111, 6112))]) == found["cash_benefit"]
    assert count(kept[kept.CPL_MAJ_TOP == 2]) == found["supplement_not_counted"]


def test_reversals_meet_their_line_and_no_other(small: Path, lines: pd.DataFrame) -> None:
    """Each group with a negative quantity is one line and its reversal; the sum is never negative."""
    group = ["BEN_NIR_PSA", "BEN_RNG_GEM", "PRS_NAT_REF", "EXE_SOI_DTD"]
    year = lines[(lines.care_year == YEAR) & ~lines.outside_flux_window]
    touched = year[year.PRS_ACT_QTE < 0][group].drop_duplicates()
    pairs = year.merge(touched, on=group)
    sums = pairs.groupby(group).agg(rows=("base", "size"), left=("PRS_ACT_QTE", "sum"), euros=("base", "sum"))
    assert (sums.rows == 2).all()
    assert (sums.left >= 0).all()
    assert (sums.euros[sums.left == 0] == 0).all()
    netted = int((sums.rows - (sums.left > 0)).sum())
    assert netted == planted(small, "ER_PRS_F", YEAR)["reversal_netted"][0]
    assert (sums.left > 0).any()
    assert (sums.left == 0).any()


def test_negative_contributions_are_no_reversals(lines: pd.DataFrame) -> None:
    """Flat contributions are taken back with a positive quantity; the qualifier of some lines is empty."""
    taken = lines[lines.CPL_AFF_COD == 16]
    assert len(taken) > 100
    assert (taken.reimbursed == -100).all()
    assert (taken.PRS_ACT_QTE > 0).all()
    assert lines.DPN_QLF.isna().mean() == pytest.approx(0.12, abs=0.02)


def test_stays_add_up(small: Path) -> None:
    """Every announced count of T_MCOaaB is found in T_MCO23B, C, STC and VALO."""
    stay = ["ETA_NUM", "RSA_NUM"]
    rows = table(small, "T_MCO23B").merge(table(small, "T_MCO23C"), on=stay, validate="one_to_one")
    rows = rows.merge(table(small, "T_MCO23STC"), on=stay, how="left", validate="one_to_one")
    valued = table(small, "T_MCO23VALO")
    rows = rows.merge(valued[valued.VALO.isin(list("12345"))], on=stay, how="left", validate="one_to_one")
    rows["base"] = rows.MNT_TOT_BR.fillna(0).astype("int64")
    rows["reimbursed"] = rows.MNT_TOT_AM.fillna(0).astype("int64")
    people = table(small, "IR_BEN_R")
    shared = people.groupby("BEN_NIR_PSA").BEN_IDT_ANO.nunique()
    codes = [name for name in rows.columns if name.endswith("_RET")]
    defects = {
        "ghm_error": rows.GRG_GHM.str.startswith("90"),
        "inter_establishment": (rows.ENT_MOD == "0") | (rows.SOR_MOD == "0") | (rows.SEJ_TYP == "B"),
        "anonymous_identifier": rows.NIR_ANO_17.isin(("xxxxxxxxxxxxxxxxx", "XXXXXXXXXXXXXXXXD")),
        "return_code": (rows[codes] != "0").any(axis=1),
        "unknown_person": rows.NIR_ANO_17.str.startswith("U"),
        "stay_not_valued": rows.TOT_MNT_AM.notna() & rows.MNT_TOT_BR.isna(),
    }
    found = planted(small, "T_MCOaaB", YEAR)
    assert {name: count(rows[hit]) for name, hit in defects.items()} == {name: found[name] for name in defects}
    assert (pd.DataFrame(defects).sum(axis=1) <= 1).all()
    kept = rows[~pd.DataFrame(defects).drop(columns="stay_not_valued").any(axis=1)]
    assert int(kept.TOT_MNT_AM.isna().sum()) == found["private_in_dcir"][0]
    assert count(kept[kept.NIR_ANO_17.map(shared) > 1]) == found["ambiguous_twin"]
    assert count(rows) == found["rows_in"]


def test_persons_add_up(small: Path) -> None:
    """Rows of IR_BEN_R, IR_IMB_R, IR_MTT_R and IR_ORC_R with a defect are as many as announced."""
    people = table(small, "IR_BEN_R")
    real = people[~people.BEN_CDI_NIR.isin(FICTITIOUS)]
    found = planted(small, "IR_BEN_R", None)
    twins = real.groupby("BEN_NIR_PSA").BEN_IDT_ANO.nunique()
    assert len(people) - len(real) == found["fictitious_identifier"][0]
    assert len(real) - real.BEN_IDT_ANO.nunique() == found["several_pseudonyms"][0]
    assert 2 * int((twins > 1).sum()) == found["ambiguous_twin"][0]
    ald, found = table(small, "IR_IMB_R"), planted(small, "IR_IMB_R", None)
    is_ald = ald.IMB_ETM_NAT.isin((41, 43, 45))
    known = ald.BEN_NIR_PSA.isin(people.BEN_NIR_PSA)
    assert int((~is_ald).sum()) == found["not_an_ald"][0]
    assert int((is_ald & ~known).sum()) == found["unknown_person"][0]
    numberless = is_ald & (ald.IMB_ALD_NUM == 0)
    assert int((numberless & (ald.MED_MTF_COD != "R69")).sum()) == found["ald_number_from_icd10"][0]
    assert int((ald.IMB_ALD_DTF.dt.year == 1600).sum()) == found["sentinel_end_date"][0]
    contracts, found = table(small, "IR_MTT_R"), planted(small, "IR_MTT_R", None)
    open_ended = contracts.MTT_FIN_DTE.dt.year == 1600
    assert int(((contracts.MTT_FIN_DTE < contracts.MTT_DEB_DTE) & ~open_ended).sum()) == found["empty_contract"][0]
    cover, found = table(small, "IR_ORC_R"), planted(small, "IR_ORC_R", None)
    assert int((cover.BEN_CTA_TYP != 89).sum()) == found["not_c2s"][0]


def test_duplicated_finess_until_2017_only(tmp_path: Path, small: Path) -> None:
    """AP-HP, AP-HM and HCL appear twice in 2017, and no more in the years after."""
    rates = Rates(stay_finess_duplicate=0.5)
    synthesise(tmp_path, patients=400, years=range(2017, 2019), seed=3, rates=rates, workers=1)
    source = Path(__file__).parents[2] / "features" / "reference" / "finess_duplicates.csv"
    listed = set(pd.read_csv(source, dtype=str).finess_geo)
    hit = table(tmp_path, "T_MCO17B").ETA_NUM.isin(listed)
    assert int(hit.sum()) == planted(tmp_path, "T_MCOaaB", 2017)["finess_duplicate"][0] > 0
    assert not table(tmp_path, "T_MCO18B").ETA_NUM.isin(listed).any()
    assert not any(table(small, f"T_MCO{year % 100}B").ETA_NUM.isin(listed).any() for year in SMALL_YEARS)


def test_without_rates_nothing_is_planted(tmp_path: Path) -> None:
    """All rates at 0: no row has a defect, no quantity is negative."""
    rates = Rates(**dict.fromkeys(Rates.__dataclass_fields__, 0.0))
    synthesise(tmp_path, patients=300, years=range(2023, 2024), seed=3, rates=rates, workers=1)
    rows = json.loads((tmp_path / "oracle" / "planted.json").read_text(encoding="utf-8"))
    natural = {"rows_in", "private_in_dcir", "supplement_not_counted", "unknown_act_code", "several_pseudonyms"}
    natural |= {"sentinel_end_date"}
    assert {row["control"] for row in rows if row["rows"]} <= natural
    lines = claims(tmp_path)
    assert lines.PRS_ACT_QTE.min() > 0
    assert np.isin(lines.BEN_CDI_NIR.unique(), ["00", "04"]).all()
