"""Boxes of biosimilars and references: which dispensings count, for which hospital, with which weight."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from features.biosimilar_boxes import PACKS, count_boxes, read_packs
from features.engine import connect, dataset_path
from features.errors import InputError
from features.provenance import read_provenance
from tests.features.world import Row, read_year

MARCH = date(2023, 3, 1)
LIST = """cip13,molecule,kind,dose_weight
3400900000001,adalimumab,reference,1
3400900000002,adalimumab,biosimilar,1
3400900000003,adalimumab,reference,0.5
3400900000004,etanercept,reference,1
3400900000005,etanercept,biosimilar,1
"""
REFERENCE, BIOSIMILAR, HALF, ETANERCEPT, _ = [line[:13] for line in LIST.splitlines()[1:]]


def counted(folder: Path, *rows: Row) -> pd.DataFrame:
    packs = folder / "packs.csv"
    packs.write_text(LIST, encoding="utf-8")
    hospital = {"care_date": MARCH, "prescriber_establishment_id": "75000001"}
    read_year(folder, 2023, dispensings=[hospital | dict(row) for row in rows])
    return count_boxes(connect("duckdb", threads=1), folder, 2023, packs=packs)


def test_boxes_are_weighted_by_dose(tmp_path: Path):
    """Two reference boxes, one biosimilar, three half doses: V = 4.5, of them 1 biosimilar, two patients."""
    found = counted(
        tmp_path,
        {"cip13": REFERENCE, "quantity": 2},
        {"cip13": BIOSIMILAR, "patient_id": "B"},
        {"cip13": HALF, "quantity": 3},
    )
    assert found.to_dict("records") == [
        {"establishment_id": "75000001", "molecule": "adalimumab", "year": 2023, "boxes": 4.5,
         "biosimilar_boxes": 1.0, "patients": 2}
    ]  # fmt: skip


def test_hospitals_and_molecules_apart(tmp_path: Path):
    found = counted(
        tmp_path,
        {"cip13": ETANERCEPT},
        {"cip13": BIOSIMILAR},
        {"cip13": BIOSIMILAR, "prescriber_establishment_id": "13000001", "quantity": 5},
    )
    key = ["establishment_id", "molecule"]
    assert found.set_index(key)[["boxes", "biosimilar_boxes"]].to_dict("index") == {
        ("13000001", "adalimumab"): {"boxes": 5.0, "biosimilar_boxes": 5.0},
        ("75000001", "adalimumab"): {"boxes": 1.0, "biosimilar_boxes": 1.0},
        ("75000001", "etanercept"): {"boxes": 1.0, "biosimilar_boxes": 0.0},
    }


def test_prescriptions_of_no_establishment_are_counted_apart(tmp_path: Path):
    """Prescribed in town, or not listed: no hospital's; the record of the dataset says how many boxes."""
    found = counted(
        tmp_path,
        {"cip13": REFERENCE, "prescriber_establishment_id": None, "quantity": 4},
        {"cip13": "3400999999999"},
        {"cip13": REFERENCE},
    )
    assert found["boxes"].tolist() == [1.0]
    record = read_provenance(dataset_path(tmp_path, "biosimilar_boxes", 2023))
    assert record is not None
    assert record["parameters"] == {"boxes_without_establishment": 4.0}


def test_no_dispensing_gives_no_row(tmp_path: Path):
    assert counted(tmp_path).empty


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (LIST.replace("reference,0.5", "princeps,0.5"), "row 4, column kind 'princeps' is unknown"),
        (LIST.replace("3400900000002", "340090000000"), "row 3, column cip13 '340090000000' is not a code of 13"),
        (LIST.replace("3400900000002", "3400900000001"), "row 3, column cip13 '3400900000001' stands in a row above"),
        (LIST.replace("0.5", "0"), "row 4, column dose_weight is not above 0"),
        (
            LIST.replace("etanercept,biosimilar", "etanercept,reference"),
            "column molecule 'etanercept' has packs of one",
        ),
    ],
)
def test_bad_packs_are_named(tmp_path: Path, text: str, says: str):
    path = tmp_path / "packs.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=says):
        read_packs(path)


def test_the_packs_of_fictional_france_are_listed():
    """Three molecules, each with a reference and a biosimilar."""
    packs = read_packs(PACKS)
    assert set(packs["molecule"]) == {"adalimumab", "etanercept", "glargine"}
