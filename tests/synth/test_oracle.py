"""The oracle is unbiased: what is drawn equals what is expected, within sampling error, wherever one looks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.synth.raw import claims, table

HIGHEST_Z = 4.0
GROUPS = {
    "all": lambda rows: rows.age >= 0,
    "newborns": lambda rows: rows.exposure_share.lt(1) & rows.dies.eq(0),
    "children": lambda rows: rows.age.between(0, 14),
    "adults": lambda rows: rows.age.between(15, 59),
    "elders": lambda rows: rows.age >= 60,
    "oldest": lambda rows: rows.age >= 80,
    "men": lambda rows: rows.sex == 1,
    "no condition": lambda rows: rows.condition_count == 0,
    "one condition": lambda rows: rows.condition_count == 1,
    "three conditions": lambda rows: rows.condition_count >= 3,
    "diabetes": lambda rows: rows.has_diabetes == 1,
    "ALD": lambda rows: rows.ald_count > 0,
    "C2S": lambda rows: rows.c2s > 0,
    "deprived": lambda rows: rows.quintile == 5,
}


@pytest.fixture(scope="module")
def drawn(large: tuple[Path, pd.DataFrame]) -> pd.DataFrame:
    """The rows of the oracle and what was drawn."""
    rows = pd.read_parquet(large[0] / "oracle" / "drawn.parquet")
    return rows.assign(spent_amo_eur=rows.reimbursed_total_eur)


@pytest.mark.parametrize("perimeter", ["mg", "mg_ide", "total", "amo"])
@pytest.mark.parametrize("group", GROUPS)
def test_oracle_is_unbiased(drawn: pd.DataFrame, perimeter: str, group: str) -> None:
    """Σ drawn = Σ expected × exposure; errors of a person's years belong together (frailty persists)."""
    rows = drawn[GROUPS[group](drawn)]
    error = rows[f"spent_{perimeter}_eur"] - rows[f"expected_{perimeter}_eur"] * rows.exposure_share
    by_person = error.groupby(rows.patient_id).sum()
    z = by_person.sum() / (by_person.std() * np.sqrt(by_person.size))
    assert abs(z) < HIGHEST_Z


def test_death_costs_and_is_not_foreseen(drawn: pd.DataFrame) -> None:
    """The year of death costs several times what the state foretold; expected euros exist for everyone."""
    dead = drawn[drawn.dies == 1]
    assert dead.spent_total_eur.sum() > 1.5 * (dead.expected_total_eur * dead.exposure_share).sum()
    assert (drawn.filter(like="expected_") > 0).all().all()
    assert (drawn.expected_mg_ide_eur >= drawn.expected_mg_eur).all()
    assert (drawn.expected_total_eur > drawn.expected_mg_ide_eur).all()


def test_insurance_pays_a_part_and_more_in_ald(drawn: pd.DataFrame) -> None:
    """Compulsory insurance pays less than the base; in ALD nine tenths of it at least."""
    share = drawn.expected_amo_eur / drawn.expected_total_eur
    assert share.lt(1).all()
    in_ald = drawn.ald_count > 0
    assert share[in_ald].min() > 0.9 and share[~in_ald].mean() < share[in_ald].mean()


def test_state_is_no_sum_of_its_parts(drawn: pd.DataFrame) -> None:
    """Conditions together cost less than additive, and weigh less on general practice in old age."""
    alive = drawn[(drawn.exposure_share == 1) & (drawn.c2s == 0)]
    middle = alive[alive.age.between(50, 64)].groupby("condition_count").expected_mg_eur.mean()
    first, third = middle[1] - middle[0], middle[4] - middle[3]
    assert 0 < third < first


def test_expected_file_holds_the_oracle_alone(large: tuple[Path, pd.DataFrame]) -> None:
    """expected.parquet: one row per person and year of life, with the four expectations."""
    rows = pd.read_parquet(large[0] / "oracle" / "expected.parquet")
    assert list(rows.columns) == [
        "patient_id",
        "year",
        "expected_mg_eur",
        "expected_mg_ide_eur",
        "expected_total_eur",
        "expected_amo_eur",
    ]
    assert not rows.duplicated(["patient_id", "year"]).any()


def test_drawn_euros_are_those_of_the_tables(small: Path) -> None:
    """General-practice euros of the oracle's file are found again in ER_PRS_F, cent by cent and person by person."""
    drawn = pd.read_parquet(small / "oracle" / "drawn.parquet").query("year == 2023").set_index("patient_id")
    rows = claims(small)
    kept = rows[(rows.care_year == 2023) & rows.PSE_SPE_COD.isin((1, 22, 23)) & rows.BEN_CDI_NIR.isin(("00", "04"))]
    kept = kept[(kept.FLX_DIS_DTD <= "2024-07-01") & ~kept.DPN_QLF.isin((71, 72)) & (kept.PRS_DPN_QLP != 71)]
    taa = table(small, "ER_ETE_F").query("ETE_IND_TAA == 1 or ETE_CAT_COD != 124")
    keys = [name for name in taa.columns if name in rows.columns and name != "PRS_PPU_SEC"]
    kept = kept.merge(taa[keys].assign(in_pmsi=True), on=keys, how="left")
    kept = kept[kept.in_pmsi.isna() & ~kept.PRS_NAT_REF.isin((1145, 1173, 1178, 1180, 1195, 1196, 1992))]
    people = table(small, "IR_BEN_R")[["BEN_NIR_PSA", "BEN_RNG_GEM", "BEN_IDT_ANO"]].drop_duplicates()
    spent = kept.merge(people, on=["BEN_NIR_PSA", "BEN_RNG_GEM"]).groupby("BEN_IDT_ANO").base.sum()
    expected = (drawn.spent_mg_eur * 100).round().astype("int64")
    pd.testing.assert_series_equal(spent.reindex(drawn.index).fillna(0).astype("int64"), expected, check_names=False)
