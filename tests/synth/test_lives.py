"""What happens to persons: births, deaths, moves, doctors, conditions that last, operations with what follows."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from tests.synth.conftest import SMALL_YEARS
from tests.synth.raw import KEY, claims, table


def test_no_care_before_birth_or_after_death(small: Path) -> None:
    """Every line of a person lies in his life."""
    people = table(small, "IR_BEN_R").query("BEN_CDI_NIR in ('00', '04')")
    people = people.drop_duplicates(["BEN_NIR_PSA", "BEN_RNG_GEM"])
    rows = claims(small).query("BEN_CDI_NIR in ('00', '04')").merge(people, on=["BEN_NIR_PSA", "BEN_RNG_GEM"])
    birth = pd.to_datetime(rows.BEN_NAI_ANN + "-" + rows.BEN_NAI_MOI + "-01")
    is_dead = rows.BEN_DCD_DTE.dt.year > 1600
    assert (birth <= rows.EXE_SOI_DTD).all()
    assert (rows.EXE_SOI_DTD <= rows.BEN_DCD_DTE)[is_dead].all()
    assert is_dead.any()
    assert (birth.dt.year == 2023).any()


def test_stays_end_in_their_year(small: Path) -> None:
    """Stays of T_MCOaaC lie in the year of the table, entry before exit."""
    for year in SMALL_YEARS:
        stays = table(small, f"T_MCO{year % 100}C")
        assert (stays.EXE_SOI_DTD <= stays.EXE_SOI_DTF).all()
        assert (stays.EXE_SOI_DTD.dt.year == year).all()
        assert (stays.EXE_SOI_DTF.dt.year == year).all()


def test_movers_and_renamed_have_a_later_row(small: Path) -> None:
    """A second row of a person has a later claim, and another commune or pseudonym."""
    people = table(small, "IR_BEN_R").query("BEN_CDI_NIR in ('00', '04')").sort_values(["BEN_IDT_ANO", "MAX_TRT_DTD"])
    several = people[people.duplicated("BEN_IDT_ANO", keep=False)]
    assert several.BEN_IDT_ANO.nunique() > 50
    last = several.groupby("BEN_IDT_ANO").MAX_TRT_DTD.agg(["min", "max"])
    assert (last["min"] <= last["max"]).all()
    assert several.groupby("BEN_IDT_ANO").BEN_NIR_PSA.nunique().max() == 2
    assert several.groupby("BEN_IDT_ANO").BEN_RES_COM.nunique().max() == 2


def test_conditions_last_and_are_seen_before_the_index_date(large: tuple[Path, pd.DataFrame]) -> None:
    """Almost all who take antidiabetics in one year take them in the next; almost all have three dates or more."""
    data = large[0]
    drugs = table(data, "IR_PHA_R")
    diabetes = drugs[drugs.PHA_ATC_CLA.str.startswith("A10")].PHA_CIP_C13
    packs = table(data, "ER_PHA_F")
    packs = packs[packs.PHA_PRS_C13.isin(diabetes)][KEY]
    lines = claims(data)[[*KEY, "BEN_NIR_PSA", "BEN_CDI_NIR", "PRS_ACT_QTE", "EXE_SOI_DTD", "care_year"]]
    packs = packs.merge(lines[lines.BEN_CDI_NIR.isin(("00", "04")) & (lines.PRS_ACT_QTE > 0)], on=KEY)
    dates = packs.groupby(["care_year", "BEN_NIR_PSA"]).EXE_SOI_DTD.nunique().unstack(0)
    assert (dates[2023].dropna() >= 3).mean() > 0.93
    assert dates[2024][dates[2023] >= 3].notna().mean() > 0.93


def test_structures_hold_a_fifth_of_the_contracts(large: tuple[Path, pd.DataFrame]) -> None:
    """Rosters name real professionals, dated; a fifth of contracts or more are theirs; a tenth of adults have none."""
    data = large[0]
    roster = pd.read_csv(data / "roster.csv", dtype=str)
    columns = ["structure_id", "structure_name", "professional_id", "profession", "from_date", "to_date"]
    assert list(roster.columns) == columns
    assert roster.structure_id.str[:3].drop_duplicates().tolist() == ["GRP", "IPS", "STR"]
    assert roster.to_date.notna().any()
    contracts = table(data, "IR_MTT_R")
    doctors = roster[roster.profession == "mg"].professional_id
    assert 0.22 < contracts.MTT_PFS_NUM.isin(doctors).mean() < 0.32
    people = table(data, "IR_BEN_R").query("BEN_CDI_NIR == '00'").drop_duplicates("BEN_IDT_ANO")
    adults = people[(people.BEN_NAI_ANN.astype(int) < 2005) & (people.BEN_DCD_DTE.dt.year == 1600)]
    without = ~adults.BEN_NIR_PSA.isin(contracts.BEN_NIR_PSA)
    assert 0.07 < without.mean() < 0.14


def test_operations_and_what_follows(large: tuple[Path, pd.DataFrame]) -> None:
    """Hip, knee and colon surgery have their group, diagnosis and act; some go on to rehabilitation."""
    data = large[0]
    key = ["ETA_NUM", "RSA_NUM"]
    years = [table(data, f"T_MCO{year}B").merge(table(data, f"T_MCO{year}A"), on=key, how="left") for year in (23, 24)]
    stays = pd.concat(years)
    asked = (
        ("08C48", ("M16", "M87", "S72"), ("NEKA",)),  # worn, necrosis, fracture
        ("08C24", ("M17",), ("NFKA",)),
        ("06C04", ("C18", "K57"), ("HHFA", "HHFC", "HGCA")),  # cancer, other reason; resection, stoma
    )
    for root, diagnoses, acts in asked:
        operated = stays[stays.GRG_GHM.str.startswith(root)]
        assert len(operated) > 5
        assert operated.DGN_PAL.str.startswith(diagnoses).all()
        assert operated.CDC_ACT.str.startswith(acts).all()
    hips = stays[stays.GRG_GHM.str.startswith("08C48")]
    assert 0.1 < (hips.SOR_MOD == "6").mean() < 0.6


def test_sessions_have_no_nights(large: tuple[Path, pd.DataFrame]) -> None:
    """Category 28: nights are empty, sessions are counted; dialysis comes month by month."""
    stays = table(large[0], "T_MCO24B")
    sessions = stays[stays.GRG_GHM.isin(("28Z04Z", "28Z07Z"))]
    assert sessions.SEJ_NBJ.isna().all()
    assert (sessions[sessions.GRG_GHM == "28Z04Z"].NBR_SEA == 13).all()
    assert stays[~stays.GRG_GHM.str.startswith("28")].SEJ_NBJ.notna().all()


def test_private_stays_are_in_both_places(large: tuple[Path, pd.DataFrame]) -> None:
    """A private stay has no STC row, and its price among the claims, in a private establishment.

    The PMSI goes by year of exit, claims by day of entry: a stay of surgery may lie over the new year.
    """
    data = large[0]
    stays, billed = table(data, "T_MCO24B").merge(table(data, "T_MCO24C")), table(data, "T_MCO24STC")
    is_private = ~stays.set_index(["ETA_NUM", "RSA_NUM"]).index.isin(billed.set_index(["ETA_NUM", "RSA_NUM"]).index)
    private = int((is_private & (stays.EXE_SOI_DTD.dt.year == 2024)).sum())
    rows = claims(data)
    prices = rows[(rows.PRS_NAT_REF == 2111) & (rows.care_year == 2024)]
    assert int((prices.EXE_SOI_DTF.dt.year == 2024).sum()) == private > 100
    assert (prices.PRS_PPU_SEC == 2).all()
