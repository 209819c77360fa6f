"""Raw tables out of a database. No Oracle is reached here: its SQL is read, and SQLite stands in for it."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import date
from decimal import Decimal
from pathlib import Path

import ibis
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ibis.backends.sql.compilers.oracle import OracleCompiler

from features.engine import connect, connect_source
from features.errors import InputError
from features.snds import extract as module
from features.snds.extract import Database, asked, extract, months_between
from features.snds.read import read_snds
from features.snds.schema import ER_PRS_F
from forfait.cli import main
from tests.snds.raw import TABLES, YEAR, table_of, write_raw
from tests.snds.test_read import a_bit_of_everything, datasets, same

MONTHS = months_between(f"{YEAR}-01..{YEAR + 1}-12")


def drawn(folder: Path, **other: pa.Table) -> Database:
    """An SQLite whose schema SNDS holds the raw tables of the reader's tests, and others."""
    raw = write_raw(folder / "snds", a_bit_of_everything())
    tables = {path.stem: pq.read_table(path) for path in sorted(raw.glob("*.parquet"))}
    load(folder / "source.sqlite", tables | other)
    con = ibis.sqlite.connect()
    con.attach("SNDS", folder / "source.sqlite")
    return Database(con, "SNDS")


def load(path: Path, tables: Mapping[str, pa.Table]) -> None:
    """Tables of an SQLite, which has no decimals: amounts are floats there."""
    with closing(sqlite3.connect(path)) as made:
        for name, rows in tables.items():
            floats = [column for column in rows.column_names if pa.types.is_decimal(rows[column].type)]
            frame = rows.to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get)
            frame.astype(dict.fromkeys(floats, "float64")).to_sql(name, made, index=False)


def taken(database: Database, snds: Path, months: Sequence[date] = MONTHS[2:4]) -> pd.DataFrame:
    return extract(database, snds, months=months, years=[YEAR])


def states(found: pd.DataFrame, table: str) -> dict[str, str]:
    mine = found[found["table"] == table]
    return dict(zip(mine["flux"], mine["state"], strict=True))


def test_what_is_extracted_reads_like_what_was_there(tmp_path: Path):
    """Every dataset of the read, from tables taken month by month and from the tables themselves."""
    database = drawn(tmp_path)
    found = taken(database, tmp_path / "taken", MONTHS)
    assert set(found["state"]) == {"written"}
    counted = {name: database.find(name).count().execute() for name in ("ER_PRS_F", "IR_BEN_R", f"T_MCO{YEAR % 100}B")}
    assert found.groupby("table")["rows"].sum()[list(counted)].to_dict() == counted
    for name in ("snds", "taken"):
        read_snds(connect(), tmp_path / name, tmp_path / f"data-{name}", YEAR)
    expected = datasets(tmp_path / "data-snds")
    for name, frame in datasets(tmp_path / "data-taken").items():
        same(frame, expected[name])


def test_only_declared_columns_leave(tmp_path: Path):
    database = drawn(tmp_path)
    database.con.raw_sql('ALTER TABLE "SNDS"."IR_BEN_R" ADD COLUMN "BEN_NOM" TEXT')
    taken(database, tmp_path / "taken")
    names = pq.read_schema(tmp_path / "taken" / "IR_BEN_R.parquet").names
    assert names == [column.name for column in TABLES["IR_BEN_R"].columns if column.name in names]


def test_a_stopped_run_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Stopped while a month came: the month is not there; then it is, the others are not asked for again."""
    database, whole = drawn(tmp_path), tmp_path / "whole"
    taken(database, whole)
    with monkeypatch.context() as broken:
        write, calls = module._written, []

        def stopped(*given: object) -> int:
            calls.append(given)
            if len(calls) == 4:
                given[-1].write_bytes(b"half")  # type: ignore[attr-defined]
                raise KeyboardInterrupt
            return write(*given)  # type: ignore[arg-type]

        broken.setattr(module, "_written", stopped)
        with pytest.raises(KeyboardInterrupt):
            taken(database, tmp_path / "taken")
    first = [path.relative_to(tmp_path / "taken") for path in (tmp_path / "taken").rglob("*.parquet")]
    assert len(first) == 3
    again = taken(database, tmp_path / "taken")
    assert (again["state"] == "already there").sum() == 3
    assert set(taken(database, tmp_path / "taken")["state"]) == {"already there"}
    for path in sorted(whole.rglob("*.parquet")):
        assert pq.read_table(path).equals(pq.read_table(tmp_path / "taken" / path.relative_to(whole)))
    assert not list((tmp_path / "taken").rglob("*.partial"))


def test_past_years_lie_in_tables_of_their_own(tmp_path: Path):
    """A month of a year that has its own table comes from there, under the name that the reader knows."""
    past = table_of("ER_PHA_F", [{"FLX_DIS_DTD": date(YEAR, 3, 1), "PHA_ACT_QSN": 7}])
    database = drawn(tmp_path, **{f"ER_PHA_F_{YEAR}": past})
    found = extract(database, tmp_path / "taken", months=[date(YEAR, 3, 1), date(YEAR + 1, 1, 1)], years=[YEAR])
    assert set(states(found, f"ER_PHA_F_{YEAR}")) == {f"{YEAR}-03"}
    assert set(states(found, "ER_PHA_F")) == {f"{YEAR + 1}-01"}
    part = tmp_path / "taken" / "ER_PHA_F" / f"flux={YEAR}-03" / "part.parquet"
    assert pq.read_table(part)["PHA_ACT_QSN"].to_pylist() == [7]


def test_amounts_are_exact_where_the_database_keeps_floats(tmp_path: Path):
    """0.29, 1.15, 4.35, -26.51 and 8.20 come to the cent from floats, since whole cents are what is sent."""
    amounts = ["0.29", "1.15", "4.35", "-26.51", "8.20"]
    lines = [{"FLX_DIS_DTD": date(YEAR, 3, 1), "BSE_REM_MNT": one} for one in amounts]
    database = drawn(tmp_path, ER_PRS_F=table_of("ER_PRS_F", lines))
    extract(database, tmp_path / "taken", months=[date(YEAR, 3, 1)], years=[YEAR])
    column = pq.read_table(tmp_path / "taken" / "ER_PRS_F" / f"flux={YEAR}-03" / "part.parquet")["BSE_REM_MNT"]
    assert column.to_pylist() == [Decimal(one) for one in amounts]


def test_the_sql_that_oracle_is_sent():
    """A month of a table, by its owner; a DATE of Oracle holds a time, an amount without scale is no whole number."""
    kinds = {"FLX_DIS_DTD": "timestamp", "FLX_TRT_DTD": "timestamp", "BSE_REM_MNT": "decimal(11, 2)"}
    kinds = {column.name: kinds.get(column.name, "int64") for column in ER_PRS_F.columns}
    received = ibis.table(kinds | {"NOT_DECLARED": "string"}, name="ER_PRS_F", database="SNDS")
    expression = asked(ER_PRS_F, received, date(2024, 12, 1))
    sql = " ".join(OracleCompiler().to_sqlglot(expression).sql("oracle").split())
    for part in (
        'CAST("t0"."FLX_DIS_DTD" AS DATE) AS "FLX_DIS_DTD"',
        'ROUND(CAST("t0"."BSE_REM_MNT" AS NUMBER(13, 2)) * 100, 0)',
        'ROUND(CAST("t0"."PRS_PAI_MNT" AS NUMBER(13, 2)) * 100, 0)',
        'FROM "SNDS"."ER_PRS_F" "t0"',
        """"t0"."FLX_DIS_DTD" >= TO_DATE('2024-12-01', 'FXYYYY-MM-DD')""",
        """"t0"."FLX_DIS_DTD" < TO_DATE('2025-01-01', 'FXYYYY-MM-DD')""",
    ):
        assert part in sql, sql
    assert "NOT_DECLARED" not in sql


def test_what_is_missing_is_said_before_anything_is_read(tmp_path: Path):
    database = drawn(tmp_path)
    database.con.raw_sql('ALTER TABLE "SNDS"."IR_MTT_R" DROP COLUMN "MTT_PFS_NUM"')
    with pytest.raises(InputError, match="IR_MTT_R: column MTT_PFS_NUM is missing in the database"):
        taken(database, tmp_path / "taken")
    database.con.raw_sql('DROP TABLE "SNDS"."IR_PHA_R"')
    with pytest.raises(InputError, match="IR_PHA_R is missing in the database"):
        taken(database, tmp_path / "taken")
    assert not (tmp_path / "taken").exists()


def test_an_optional_table_may_be_absent(tmp_path: Path):
    database = drawn(tmp_path)
    database.con.raw_sql('DROP TABLE "SNDS"."IR_ORC_R"')
    found = taken(database, tmp_path / "taken")
    assert found.loc[found["state"] == "absent", "table"].tolist() == ["IR_ORC_R"]
    assert not (tmp_path / "taken" / "IR_ORC_R.parquet").exists()


def test_rows_that_moved_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    database = drawn(tmp_path)
    monkeypatch.setattr(module, "_written", lambda *given: -1)
    with pytest.raises(InputError, match=r"ER_PRS_F: 0 rows were counted and -1 came; .* run again"):
        taken(database, tmp_path / "taken")
    assert not list((tmp_path / "taken").rglob("*.parquet"))


@pytest.mark.parametrize(
    ("text", "first", "last", "count"),
    [("2024-01..2024-12", (2024, 1), (2024, 12), 12), ("2023-11..2024-02", (2023, 11), (2024, 2), 4),
     ("2024-05", (2024, 5), (2024, 5), 1)],
)  # fmt: skip
def test_months(text: str, first: tuple[int, int], last: tuple[int, int], count: int):
    months = months_between(text)
    assert (months[0], months[-1], len(months)) == (date(*first, 1), date(*last, 1), count)


@pytest.mark.parametrize("text", ["2024", "2024-13", "2024-05..2024-04", "..", "2024-01-02..2024-02"])
def test_no_months(text: str):
    with pytest.raises(InputError, match=r"give the first and last month, as in 2024-01\.\.2024-12"):
        months_between(text)


def test_a_password_is_not_told():
    with pytest.raises(InputError, match="no connection to a source oracle://…") as caught:
        connect_source("oracle://someone:secret@127.0.0.1:1/none")
    assert "secret" not in str(caught.value)
    assert "someone" not in str(caught.value)


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """The URL by the environment; a table of what came."""
    drawn(tmp_path)
    monkeypatch.setenv("FORFAIT_SOURCE", f"sqlite://{tmp_path / 'source.sqlite'}")
    words = ["--snds", str(tmp_path / "taken"), "--flux", f"{YEAR}-03", "--years", f"{YEAR}"]
    monkeypatch.setattr(sys, "argv", ["forfait", "extract", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code in (0, None), capsys.readouterr().err
    assert (tmp_path / "taken" / "ER_PRS_F" / f"flux={YEAR}-03" / "part.parquet").exists()
