"""Datasets are checked when written and when read, and each write says where it comes from."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import ibis
import pandas as pd
import pyarrow.parquet as pq
import pytest

from features.engine import connect, dataset_path
from features.errors import InputError, MissingError
from features.provenance import Provenance, content_hash, read_provenance
from features.store import read_dataset, write_dataset, years_written
from features.tables import BENEFICIARIES, CARE_LINES, EPISODES, STAYS

READ_2024 = Provenance("read --year 2024", parameters={"pmsi_delay_months": 2})
PERSONS = pd.DataFrame(
    {
        "patient_id": ["a", "b"],
        "birth_date": pd.to_datetime(["1950-01-01", None]),
        "sex": [1, None],
        "death_date": [None, dt.date(2024, 5, 1)],
        "department": ["01", None],
        "commune": [None, None],
        "fdep_quintile": [1, None],
        "pseudonym_count": [1, 2],
        "is_ambiguous_twin": [False, True],
    }
)


def test_a_frame_comes_back_typed_as_declared(tmp_path: Path) -> None:
    path = write_dataset(BENEFICIARIES, tmp_path, PERSONS, 2024, provenance=READ_2024)
    assert pq.read_schema(path).types == BENEFICIARIES.arrow_schema().types
    frame = read_dataset(None, BENEFICIARIES, tmp_path, 2024)
    assert frame.death_date.tolist()[1] == pd.Timestamp("2024-05-01")
    assert frame.sex.isna().tolist() == [False, True]
    assert years_written(BENEFICIARIES, tmp_path) == [2024]


def test_an_expression_is_cast_to_the_declared_types(tmp_path: Path) -> None:
    con = connect()
    small = ibis.memtable(PERSONS.assign(pseudonym_count=[1, 2])).mutate(pseudonym_count=ibis.literal(1, "int8"))
    write_dataset(BENEFICIARIES, tmp_path, small.cast({"death_date": "date"}), 2024, provenance=READ_2024)
    assert read_dataset(con, BENEFICIARIES, tmp_path, 2024).pseudonym_count.sum().execute() == 2


def test_lists_are_kept(tmp_path: Path) -> None:
    row = {name: [None] for name in STAYS.column_names} | {
        "stay_id": ["1"], "patient_id": ["a"], "field": ["MCO"], "sector": ["public"], "establishment_id": ["1"],
        "start_date": [dt.date(2024, 1, 1)], "end_date": [dt.date(2024, 1, 2)], "known_date": [dt.date(2024, 3, 1)],
        "sessions": [0], "main_diagnoses": [["I10"]], "associated_diagnoses": [[]], "acts": [["NEKA020"]],
        "is_linked": [True],
    }  # fmt: skip
    write_dataset(STAYS, tmp_path, pd.DataFrame(row), 2024, provenance=READ_2024)
    frame = read_dataset(None, STAYS, tmp_path, 2024)
    assert [list(value) for value in frame.loc[0, ["main_diagnoses", "associated_diagnoses"]]] == [["I10"], []]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (PERSONS.drop(columns="sex"), "column sex is missing"),
        (PERSONS.assign(shoe_size=1), "column shoe_size is not declared"),
        (PERSONS.assign(patient_id="a"), "1 rows repeat the key"),
        (PERSONS.assign(patient_id=["a", None]), "column patient_id has 1 empty rows"),
        (PERSONS.assign(sex=["man", "woman"]), "column sex cannot be stored as int64"),
    ],
)
def test_rows_that_break_the_declaration_are_refused_and_leave_nothing(
    tmp_path: Path, rows: pd.DataFrame, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        write_dataset(BENEFICIARIES, tmp_path, rows, 2024, provenance=READ_2024)
    assert list((tmp_path / "beneficiaries").iterdir()) == []


def test_a_missing_dataset_names_the_command_that_writes_it(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match=r"care_lines/2024.parquet is missing: run forfait read --year 2024"):
        read_dataset(None, CARE_LINES, tmp_path, 2024)


def test_a_missing_year_of_episodes_names_the_years_option(tmp_path: Path) -> None:
    """`forfait episodes` takes --years."""
    with pytest.raises(MissingError, match=r"episodes/2025.parquet is missing: run forfait episodes --years 2025$"):
        read_dataset(None, EPISODES, tmp_path, 2025)


def test_provenance_names_the_command_inputs_and_rows(tmp_path: Path) -> None:
    source = tmp_path / "raw.csv"
    source.write_text("a\n1\n")
    provenance = Provenance("read --year 2024", inputs=(source,), seed=7)
    write_dataset(BENEFICIARIES, tmp_path, PERSONS, 2024, provenance=provenance)
    record = read_provenance(dataset_path(tmp_path, "beneficiaries", 2024))
    assert record is not None
    assert (record["command"], record["seed"], record["rows"]) == ("read --year 2024", 7, 2)
    assert record["inputs"] == {f"{tmp_path.name}/raw.csv": content_hash(source)}


def test_a_hash_moves_with_contents_and_names(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("1")
    first = content_hash(tmp_path)
    (tmp_path / "one").write_text("2")
    second = content_hash(tmp_path)
    (tmp_path / "one").rename(tmp_path / "two")
    assert len({first, second, content_hash(tmp_path)}) == 3


def test_a_large_parquet_file_is_hashed_by_its_footer(tmp_path: Path) -> None:
    path = tmp_path / "large.parquet"
    hashes = []
    for last in (1, 2):
        pd.DataFrame({"n": [*range(2_000_000), last]}).to_parquet(path, compression=None)
        hashes.append(content_hash(path))
    assert path.stat().st_size > 8 * 1024 * 1024
    assert hashes[0] != hashes[1]
