"""Drugs and acts of a claim line (ER_PHA_F, ER_CAM_F): they follow their line (pitfalls 8 and 9)."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pandas as pd
import pytest

from features.errors import InputError
from features.snds.details import read_dispensings, read_procedures
from features.snds.lines import claim_lines, classified_lines
from tests.snds.raw import Rows
from tests.snds.stages import rows_of, start

METFORMIN, OTHER = 3400930000001, 3400930000002
PHARMACY = {"PRS_NAT_REF": 3313}


def dispensed(folder: Path, tables: dict[str, Rows]) -> tuple[pd.DataFrame, dict[str, int]]:
    sources, persons = start(folder, {"IR_PHA_R": [{}]} | tables)
    lines = classified_lines(sources, claim_lines(sources), pseudonyms=persons.pseudonyms)
    rows, report = read_dispensings(sources, lines)
    return rows.execute().sort_values("cip13", ignore_index=True), rows_of(report)


def test_packs_of_a_day_are_one_dispensing(tmp_path: Path) -> None:
    """Two lines of one pack code on one day: one dispensing of three packs, never a sum of amounts."""
    lines = [{**PHARMACY, "PRS_ORD_NUM": 1}, {**PHARMACY, "PRS_ORD_NUM": 2, "FLX_DIS_DTD": dt.date(2024, 5, 1)}]
    packs = [{"PRS_ORD_NUM": 1}, {"PRS_ORD_NUM": 2, "FLX_DIS_DTD": dt.date(2024, 5, 1), "PHA_ACT_QSN": 2}]
    rows, hits = dispensed(tmp_path, {"ER_PRS_F": lines, "ER_PHA_F": packs})
    row = rows.iloc[0]
    assert (len(rows), row.cip13, row.atc, row.quantity) == (1, str(METFORMIN), "A10BA02", 3)
    assert (str(row.care_date)[:10], str(row.known_date)[:10]) == ("2024-03-04", "2024-05-01")
    assert hits == {"rows_in": 2, "packs_summed": 1, "kept": 1}


def test_details_of_dropped_lines_are_dropped(tmp_path: Path) -> None:
    """Pitfall 9: the line is sent for information, so is its drug; another line's drug stays."""
    lines = [{**PHARMACY, "PRS_ORD_NUM": 1, "DPN_QLF": 71}, {**PHARMACY, "PRS_ORD_NUM": 2}]
    packs = [{"PRS_ORD_NUM": 1}, {"PRS_ORD_NUM": 2, "PHA_PRS_C13": OTHER}]
    rows, hits = dispensed(tmp_path, {"ER_PRS_F": lines, "ER_PHA_F": packs})
    assert rows.cip13.tolist() == [str(OTHER)]
    assert hits == {"rows_in": 2, "detail_of_dropped_line": 1, "kept": 1, "unknown_pack": 1}


def test_packs_given_back_are_deducted(tmp_path: Path) -> None:
    """Pitfall 8: three packs, one returned by a partial reversal of the line."""
    back = {"DCT_ORD_NUM": 2, "FLX_DIS_DTD": dt.date(2024, 6, 1), "PRS_ORD_NUM": 2}
    lines = [
        {**PHARMACY, "PRS_ORD_NUM": 1, "PRS_ACT_QTE": 3, "BSE_REM_BSE": 15},
        {**PHARMACY, **back, "PRS_ACT_QTE": -1, "BSE_REM_BSE": -5},
    ]
    packs = [{"PRS_ORD_NUM": 1, "PHA_ACT_QSN": 3}, {**back, "PHA_ACT_QSN": -1}]
    rows, hits = dispensed(tmp_path, {"ER_PRS_F": lines, "ER_PHA_F": packs})
    assert (rows.quantity[0], str(rows.known_date[0])[:10]) == (2, "2024-06-01")
    assert hits == {"rows_in": 2, "packs_summed": 1, "kept": 1}


def test_a_reversed_line_takes_its_packs_with_it(tmp_path: Path) -> None:
    back = {"DCT_ORD_NUM": 2, "PRS_ORD_NUM": 2}
    lines = [
        {**PHARMACY, "PRS_ORD_NUM": 1, "BSE_REM_BSE": 5},
        {**PHARMACY, **back, "PRS_ACT_QTE": -1, "BSE_REM_BSE": -5},
    ]
    packs = [{"PRS_ORD_NUM": 1}, {**back, "PHA_ACT_QSN": -1}]
    rows, hits = dispensed(tmp_path, {"ER_PRS_F": lines, "ER_PHA_F": packs})
    assert rows.empty
    assert hits == {"rows_in": 2, "detail_of_dropped_line": 2}


def test_large_packs_are_told_apart(tmp_path: Path) -> None:
    lines = [{**PHARMACY, "PRS_ORD_NUM": 1}]
    packs = [{"PRS_ORD_NUM": 1}]
    known = [{"PHA_GRD_CND": "O", "PHA_ATC_CLA": "C10AA05"}]
    rows, _ = dispensed(tmp_path, {"ER_PRS_F": lines, "ER_PHA_F": packs, "IR_PHA_R": known})
    assert (rows.is_large_pack[0], rows.atc[0]) == (True, "C10AA05")


def test_packs_keep_the_prescriber_of_their_line(tmp_path: Path) -> None:
    """The hospital that prescribed, or nobody's; two packs of one day keep the one hospital that is known."""
    lines = [
        {**PHARMACY, "PRS_ORD_NUM": 1, "ETB_PRE_FIN": "75000001", "PSP_SPE_COD": None},
        {**PHARMACY, "PRS_ORD_NUM": 2, "ETB_PRE_FIN": None, "PSP_SPE_COD": 1},
        {**PHARMACY, "PRS_ORD_NUM": 3, "ETB_PRE_FIN": None, "PSP_SPE_COD": None},
    ]
    packs = [{"PRS_ORD_NUM": 1}, {"PRS_ORD_NUM": 2, "PHA_PRS_C13": OTHER}, {"PRS_ORD_NUM": 3}]
    rows, _ = dispensed(tmp_path, {"ER_PRS_F": lines, "ER_PHA_F": packs})
    assert rows.prescriber_establishment_id.fillna("").tolist() == ["75000001", ""]
    assert rows.prescriber_specialty.fillna(0).tolist() == [0, 1]
    assert rows.quantity.tolist() == [2, 1]


def test_without_the_prescriber_packs_are_read_all_the_same(tmp_path: Path) -> None:
    """ETB_PRE_FIN and PSP_SPE_COD were not extracted: no prescriber, and the sources say what is absent."""
    sources, persons = start(tmp_path, {"ER_PRS_F": [{**PHARMACY, "PRS_ORD_NUM": 1}], "ER_PHA_F": [{"PRS_ORD_NUM": 1}]})
    lines = classified_lines(sources, claim_lines(sources), pseudonyms=persons.pseudonyms)
    rows = read_dispensings(sources, lines)[0].execute()
    assert rows[["prescriber_establishment_id", "prescriber_specialty"]].isna().all(axis=None)
    absent = {(column, effect) for _, column, effect in sources.absent}
    assert ("ETB_PRE_FIN", "prescriber_establishment_id left empty") in absent
    assert ("PSP_SPE_COD", "prescriber_specialty left empty") in absent


def test_acts_follow_their_line(tmp_path: Path) -> None:
    """CCAM acts of kept lines are procedures; those of lines of another year or load are counted apart."""
    lines = [{"PRS_NAT_REF": 1324, "PRS_ORD_NUM": 1}, {"PRS_NAT_REF": 1324, "PRS_ORD_NUM": 2, "BEN_NIR_PSA": "P9"}]
    acts = [
        {"PRS_ORD_NUM": 1, "CAM_PRS_IDE": "DEQP003XXXXXX"},
        {"PRS_ORD_NUM": 2},
        {"PRS_ORD_NUM": 3},
        {"FLX_DIS_DTD": dt.date(2023, 1, 1)},
        {"PRS_ORD_NUM": 1, "CAM_PRS_IDE": None},
    ]
    sources, persons = start(tmp_path, {"ER_PRS_F": lines, "ER_CAM_F": acts})
    classified = classified_lines(sources, claim_lines(sources), pseudonyms=persons.pseudonyms)
    rows, report = read_procedures(sources, classified)
    assert rows is not None
    assert rows.ccam.execute().tolist() == ["DEQP003"]
    assert rows_of(report) == {
        "rows_in": 5, "outside_flux_window": 1, "other_care_year": 1, "detail_of_dropped_line": 1, "no_code": 1,
        "kept": 1,
    }  # fmt: skip


def test_an_act_billed_cancelled_and_billed_again_is_one(tmp_path: Path) -> None:
    """Pitfall 8: +1, −1, +1 with a CCAM row each: one procedure is left, as one line is."""
    lines = [
        {"PRS_NAT_REF": 1324, "PRS_ORD_NUM": 1},
        {"PRS_NAT_REF": 1324, "PRS_ORD_NUM": 2, "PRS_ACT_QTE": -1, "BSE_REM_BSE": -26.5, "BSE_REM_MNT": -18.55},
        {"PRS_NAT_REF": 1324, "PRS_ORD_NUM": 3},
    ]
    sources, persons = start(
        tmp_path, {"ER_PRS_F": lines, "ER_CAM_F": [{"PRS_ORD_NUM": number} for number in (1, 2, 3)]}
    )
    classified = classified_lines(sources, claim_lines(sources), pseudonyms=persons.pseudonyms)
    rows, report = read_procedures(sources, classified)
    assert rows is not None
    assert len(rows.execute()) == 1
    assert rows_of(report) == {"rows_in": 3, "detail_of_dropped_line": 2, "kept": 1}


def test_claim_lines_that_repeat_their_key_are_refused(tmp_path: Path) -> None:
    """A detail that meets two lines would be counted twice."""
    with pytest.raises(InputError, match=r"lines repeat their key .* 1 rows of ER_PHA_F met 2 lines"):
        dispensed(tmp_path, {"ER_PRS_F": [{**PHARMACY, "PRS_ORD_NUM": 1}] * 2, "ER_PHA_F": [{"PRS_ORD_NUM": 1}]})
