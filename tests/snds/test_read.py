"""The whole read: formats, absences, errors a user can mend, conservation, what lies on disk."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from features.engine import connect
from features.errors import InputError
from features.provenance import read_provenance
from features.report import report_table
from features.snds.read import read_snds
from features.snds.schema import ER_PRS_F, IR_BEN_R
from features.snds.sources import Sources, find_parts
from features.store import read_dataset
from features.tables import TABLES as DATASETS
from features.tables import Table
from tests.snds.raw import TABLES, YEAR, Rows, write_raw

WRITTEN = (
    "beneficiaries",
    "ald_periods",
    "declarations",
    "coverages",
    "care_lines",
    "dispensings",
    "procedures",
    "analyses",
    "stays",
)
BACK = {"PRS_ACT_QTE": -1, "BSE_REM_BSE": -26.5, "BSE_REM_MNT": -18.55, "PRS_PAI_MNT": -26.5, "DCT_ORD_NUM": 2}


def a_bit_of_everything() -> dict[str, Rows]:
    """Every table with a row, and claims that meet several controls."""
    tables: dict[str, Rows] = {name: [{}] for name in TABLES}
    tables["ER_PRS_F"] = [
        {"PRS_ORD_NUM": 1},
        {"PRS_ORD_NUM": 2, "BSE_REM_BSE": 1234.5, "BSE_REM_MNT": 0.07, "PRS_NAT_REF": 3313, "BEN_C2S_TYP": "P89"},
        {"PRS_ORD_NUM": 3, "DPN_QLF": 71, "PFS_EXE_NUM": None},
        {"PRS_ORD_NUM": 4, "PRS_NAT_REF": 1195},
        {"PRS_ORD_NUM": 5, "EXE_SOI_DTD": dt.date(2023, 3, 1)},
        {"PRS_ORD_NUM": 6, "PFS_EXE_NUM": "D2"},
        {"PRS_ORD_NUM": 7, "PFS_EXE_NUM": "D2", **BACK},
    ]
    tables["ER_PHA_F"] = [{"PRS_ORD_NUM": 2}, {"PRS_ORD_NUM": 3}]
    tables["ER_CAM_F"] = [{"PRS_ORD_NUM": 1}]
    return tables


def same(one: pd.DataFrame, other: pd.DataFrame) -> None:
    """Assert that two datasets hold the same rows, whatever their order (lists compared as text)."""
    first, second = (
        frame.astype("string").sort_values(list(frame.columns), ignore_index=True) for frame in (one, other)
    )
    pd.testing.assert_frame_equal(first, second)


def datasets(data: Path) -> dict[str, pd.DataFrame]:
    return {name: read_dataset(None, DATASETS[name], data, YEAR) for name in WRITTEN}


def table(name: str) -> Table:
    return DATASETS[name]


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pd.DataFrame]:
    folder = tmp_path_factory.mktemp("read")
    write_raw(folder / "snds", a_bit_of_everything())
    return folder, read_snds(connect(), folder / "snds", folder / "data", YEAR)


@pytest.mark.parametrize("kind", ["csv", "csv.gz"])
def test_csv_gives_what_parquet_gives(read: tuple[Path, pd.DataFrame], tmp_path: Path, kind: str) -> None:
    """`;` with decimal commas and French dates; `,` with points and ISO dates, gzipped."""
    folder, report = read
    write_raw(tmp_path / "snds", a_bit_of_everything(), kind=kind)
    again = read_snds(connect(), tmp_path / "snds", tmp_path / "data", YEAR)
    pd.testing.assert_frame_equal(again, report)
    expected = datasets(folder / "data")
    for name, frame in datasets(tmp_path / "data").items():
        same(frame, expected[name])


def test_a_folder_of_parts_is_one_table(read: tuple[Path, pd.DataFrame], tmp_path: Path) -> None:
    folder, report = read
    write_raw(tmp_path / "snds", a_bit_of_everything())
    whole = tmp_path / "snds" / "ER_PRS_F.parquet"
    lines = pq.read_table(whole)
    whole.unlink()
    (tmp_path / "snds" / "ER_PRS_F").mkdir()
    for start in range(0, len(lines), 3):
        pq.write_table(lines.slice(start, 3), tmp_path / "snds" / "ER_PRS_F" / f"part-{start}.parquet")
    again = read_snds(connect(), tmp_path / "snds", tmp_path / "data", YEAR)
    pd.testing.assert_frame_equal(again, report)
    same(datasets(tmp_path / "data")["care_lines"], datasets(folder / "data")["care_lines"])


def test_every_table_adds_up(read: tuple[Path, pd.DataFrame]) -> None:
    """Rows received = kept + dropped + netted, rows and cents, in every table of the report."""
    _, report = read
    amounts = ["rows_hit", "base_cents", "reimbursed_cents"]
    for name, lines in report[report.control != "absent"].groupby("source_table"):
        received = lines[lines.effect == "in"][amounts].sum()
        accounted = lines[lines.effect.isin(["kept", "dropped", "netted"])][amounts].sum()
        assert received.equals(accounted), name


def test_care_lines_hold_the_euros_that_the_report_keeps(read: tuple[Path, pd.DataFrame]) -> None:
    folder, report = read
    kept = report[(report.control == "kept") & report.source_table.str.match("ER_PRS_F|T_")]
    care = read_dataset(None, table("care_lines"), folder / "data", YEAR)
    assert care.base_cents.sum() == kept.base_cents.sum()
    assert care.reimbursed_cents.sum() == kept.reimbursed_cents.sum()


def test_provenance_names_the_command_and_the_tables(read: tuple[Path, pd.DataFrame]) -> None:
    folder, _ = read
    record = read_provenance(folder / "data" / "care_lines" / f"{YEAR}.parquet")
    assert record is not None
    assert (record["command"], record["parameters"]) == ("read --year 2024", {"pmsi_delay_months": 2})
    assert "snds/ER_PRS_F.parquet" in record["inputs"]
    assert not list((folder / "data").glob(".*"))


def test_the_delay_of_the_pmsi_is_a_parameter(tmp_path: Path) -> None:
    write_raw(tmp_path / "snds", a_bit_of_everything())
    read_snds(connect(), tmp_path / "snds", tmp_path / "data", YEAR, pmsi_delay_months=10)
    stays = read_dataset(None, table("stays"), tmp_path / "data", YEAR)
    assert set(stays.known_date.astype("string").str[:10]) == {"2025-01-01"}


def test_a_report_is_printed_by_table(read: tuple[Path, pd.DataFrame]) -> None:
    _, report = read
    console = Console(width=160, record=True)
    console.print(report_table(report))
    text = console.export_text()
    assert "reversal_netted" in text
    assert "1,261.00" in text
    assert "outside_flux_window" not in text


def test_only_the_required_tables_are_needed(tmp_path: Path) -> None:
    """Absent optional tables and columns are listed with what happens without them; all datasets are written."""
    write_raw(tmp_path / "snds", {"ER_PRS_F": [{}]})
    report = read_snds(connect(), tmp_path / "snds", tmp_path / "data", YEAR)
    absent = report[report.control == "absent"].set_index("source_table").detail
    assert absent["ER_CAM_F"] == "table: no row in procedures"
    assert absent["ER_BIO_F"] == "table: no row in analyses: the follow-up of diabetics is not measured"
    assert absent["IR_ORC_R"] == "table: C2S is read on claims alone"
    assert "PRS_PDS_QCP: pathway_code left empty" in absent["ER_PRS_F"]
    assert {name: len(frame) for name, frame in datasets(tmp_path / "data").items()} == {
        "beneficiaries": 1, "ald_periods": 0, "declarations": 0, "coverages": 0, "care_lines": 1, "dispensings": 0,
        "procedures": 0, "analyses": 0, "stays": 0,
    }  # fmt: skip


def test_a_missing_table_is_named_with_its_purpose(tmp_path: Path) -> None:
    snds = write_raw(tmp_path / "snds", {})
    (snds / "T_MCO24VALO.parquet").unlink()
    with pytest.raises(InputError, match=r"T_MCO24VALO is missing: looked for .*; it is needed for acute stays: their"):
        read_snds(connect(), snds, tmp_path / "data", YEAR)


def test_a_missing_column_is_named_with_its_purpose(tmp_path: Path) -> None:
    snds = write_raw(tmp_path / "snds", {})
    path = snds / "ER_PRS_F.parquet"
    pq.write_table(pq.read_table(path).drop(["DPN_QLF"]), path)
    with pytest.raises(InputError, match=r"ER_PRS_F.parquet: column DPN_QLF is missing from ER_PRS_F; .*pitfall 3"):
        read_snds(connect(), snds, tmp_path / "data", YEAR)


def test_a_column_of_another_type_is_named(tmp_path: Path) -> None:
    snds = write_raw(tmp_path / "snds", {})
    path = snds / "ER_PRS_F.parquet"
    lines = pq.read_table(path)
    place = lines.schema.get_field_index("EXE_SOI_DTD")
    pq.write_table(lines.set_column(place, "EXE_SOI_DTD", lines["EXE_SOI_DTD"].cast("string")), path)
    with pytest.raises(InputError, match=r"column EXE_SOI_DTD is string; it should be a date"):
        read_snds(connect(), snds, tmp_path / "data", YEAR)


@pytest.mark.parametrize(
    ("column", "value", "wanted"),
    [
        ("EXE_SOI_DTD", "2024-02-31", "a date as YYYY-MM-DD or DD/MM/YYYY"),
        ("BSE_REM_BSE", "twelve", "an amount in euros"),
        ("BSE_REM_BSE", "12,345", "at most two decimals"),
        ("PRS_NAT_REF", "11.5", "a whole number"),
    ],
)
def test_an_unreadable_value_is_placed_and_not_shown(tmp_path: Path, column: str, value: str, wanted: str) -> None:
    """File, column and row; never the value: it is a patient's."""
    snds = write_raw(tmp_path / "snds", {"ER_PRS_F": [{}, {}, {}]}, kind="csv")
    path = snds / "ER_PRS_F.csv"
    lines = pd.read_csv(path, sep=";", dtype=str, keep_default_na=False)
    lines.loc[1, column] = value
    lines.to_csv(path, sep=";", index=False)
    with pytest.raises(InputError, match=rf"ER_PRS_F.csv: column {column}, row 3: should be .*{wanted}") as refused:
        Sources(connect(), snds, tmp_path, YEAR).raw(ER_PRS_F)
    assert value not in str(refused.value)


def test_a_row_of_the_wrong_length_is_refused_without_showing_it(tmp_path: Path) -> None:
    snds = write_raw(tmp_path / "snds", {}, kind="csv")
    with (snds / "IR_BEN_R.csv").open("a") as file:
        file.write("P7;secret\n")
    with pytest.raises(InputError, match=r"IR_BEN_R.csv: cannot be read as CSV") as refused:
        Sources(connect(), snds, tmp_path, YEAR).raw(IR_BEN_R)
    assert "secret" not in str(refused.value)


def test_a_table_that_lies_there_twice_is_refused(tmp_path: Path) -> None:
    snds = write_raw(tmp_path / "snds", {})
    (snds / "IR_BEN_R.csv").write_text("BEN_NIR_PSA\n")
    with pytest.raises(InputError, match="IR_BEN_R lies there more than once"):
        find_parts(snds, "IR_BEN_R")


def test_a_joined_table_that_repeats_its_key_is_refused(tmp_path: Path) -> None:
    """Two ER_ETE_F rows of one line would count its euros twice."""
    tables: dict[str, Rows] = {"ER_PRS_F": [{"PRS_ORD_NUM": 1}], "ER_ETE_F": [{}, {}]}
    snds = write_raw(tmp_path / "snds", tables)
    with pytest.raises(InputError, match="ER_PRS_F: 2 rows and 5300 cents were written for 1 rows and 2650 cents"):
        read_snds(connect(), snds, tmp_path / "data", YEAR)


def test_floats_stand_for_whole_numbers_and_amounts(tmp_path: Path) -> None:
    """Extractions through SAS hold numbers as floats: 26.5 is 2650 cents."""
    snds = write_raw(tmp_path / "snds", {"ER_PRS_F": [{"BSE_REM_BSE": 0.29}]})
    path = snds / "ER_PRS_F.parquet"
    lines = pq.read_table(path)
    for name in ("BSE_REM_BSE", "BSE_REM_MNT", "PRS_NAT_REF"):
        lines = lines.set_column(lines.schema.get_field_index(name), name, lines[name].cast("float64"))
    pq.write_table(lines, path)
    read_snds(connect(), snds, tmp_path / "data", YEAR)
    care = read_dataset(None, table("care_lines"), tmp_path / "data", YEAR)
    assert (care.base_cents[0], care.reimbursed_cents[0], care.act_code[0]) == (29, 1855, 1111)
