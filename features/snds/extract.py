"""`forfait extract`: the raw tables of a database (Oracle, or another that Ibis reads) → the files of `forfait read`.

Only declared columns leave the database. Claim tables come month of flux by month of flux, the others whole; a file
that is there is not asked for again, so that a run that was stopped goes on where it stood.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from ibis.backends import BaseBackend
from ibis.common.exceptions import TableNotFound
from ibis.expr.types import Column, Table

from features.errors import InputError
from features.provenance import Provenance, write_provenance
from features.snds import schema, schema_pmsi
from features.snds.csv_import import ARROW_TYPES
from features.snds.schema import RawColumn, RawTable
from features.store import cast_by_engine

FLUX = "FLX_DIS_DTD"
PART = "part.parquet"
BATCH_ROWS = 200_000
WHOLE_CENTS = pa.decimal128(38, 0)
EXACT_EUROS = pa.decimal128(38, 2)
WRITTEN, THERE, ABSENT = "written", "already there", "absent"
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Database:
    """A connection, and the schema (owner) of its SNDS tables; None: that of the user."""

    con: BaseBackend
    schema: str | None = None

    def find(self, name: str) -> Table | None:
        """A table, its columns in capitals; None where there is no such table."""
        try:
            rows = self.con.table(name, database=self.schema)
        except TableNotFound:
            return None
        return rows.rename({column.upper(): column for column in rows.columns if column != column.upper()})


@dataclass(frozen=True)
class Wanted:
    """A file to write: the declared table, its name and rows in the database (None: absent), month of flux, path."""

    declared: RawTable
    name: str
    rows: Table | None
    month: date | None
    path: Path


def extract(
    database: Database,
    snds: Path,
    *,
    months: Sequence[date],
    years: Sequence[int],
    progress: Progress | None = None,
) -> pd.DataFrame:
    """What was asked for, a row per file: table, flux (YYYY-MM or ""), rows, state (written, already there, absent).

    Writes snds/NAME/flux=YYYY-MM/part.parquet for claim tables and each first day of `months`, snds/NAME.parquet for
    the PMSI of `years` and the directories (persons, rights, drugs). Each file appears once complete, with as many
    rows as the database counted, and its record beside it.
    Errors: InputError for a required table or column that is absent (before anything is read), or rows that moved
    while they were read.
    """
    say = progress or (lambda step: None)
    wanted = list(_wanted(database, snds, months, years))
    _refuse_gaps(wanted)
    done = []
    for one in wanted:
        label = one.month.isoformat()[:7] if one.month else ""
        say(f"{one.name} {label}".strip())
        state, rows = _brought(database.con, one)
        done.append({"table": one.name, "flux": label, "rows": rows, "state": state})
    return pd.DataFrame(done, columns=["table", "flux", "rows", "state"])


def months_between(text: str) -> list[date]:
    """First days of the months of "2024-01..2024-12" (or "2024-01"). Errors: InputError."""
    first, _, last = text.partition("..")
    try:
        start, end = (date.fromisoformat(f"{month}-01") for month in (first, last or first))
    except ValueError:
        start, end = date.max, date.min
    if start > end:
        raise InputError(f"--flux {text!r}: give the first and last month, as in 2024-01..2024-12")
    return [date(place // 12, place % 12 + 1, 1) for place in range(_place(start), _place(end) + 1)]


def asked(table: RawTable, rows: Table, month: date | None) -> Table:
    """The expression of a file: declared columns that are there, amounts in whole cents, rows of a month of flux."""
    found = _columns(table, rows)
    if month is not None:
        rows = rows.filter(rows[FLUX] >= month, rows[FLUX] < _after(month))
    types = {column.name: "date" for column in found if column.type == "date"}
    return cast_by_engine(rows.select(*[_sent(rows, column) for column in found]), types)


def _wanted(database: Database, snds: Path, months: Sequence[date], years: Sequence[int]) -> Iterator[Wanted]:
    find = cache(database.find)
    modules = (schema, schema_pmsi)
    for table in [one for module in modules for one in vars(module).values() if isinstance(one, RawTable)]:
        if FLUX in {column.name for column in table.columns}:
            for month in months:
                past = f"{table.name}_{month.year}"  # the portal keeps past years in tables of their own [A]
                name = table.name if find(past) is None else past
                yield Wanted(table, name, find(name), month, snds / table.name / f"flux={month:%Y-%m}" / PART)
            continue
        for name in dict.fromkeys(table.file_name(year) for year in years):
            yield Wanted(table, name, find(name), None, snds / f"{name}.parquet")


def _refuse_gaps(wanted: Sequence[Wanted]) -> None:
    for one in wanted:
        if one.path.exists():
            continue
        if one.rows is not None:
            _columns(one.declared, one.rows)
        elif not one.declared.optional:
            raise InputError(f"{one.name} is missing in the database; it is needed for {one.declared.purpose}")


def _brought(con: BaseBackend, wanted: Wanted) -> tuple[str, int]:
    path = wanted.path
    if path.exists():
        return THERE, pq.read_metadata(path).num_rows
    if wanted.rows is None:
        return ABSENT, 0
    rows = asked(wanted.declared, wanted.rows, wanted.month)
    expected = int(rows.count().execute())
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.partial")
    written = _written(con, wanted.declared, rows, temporary)
    if written != expected:
        moved = f"{expected} rows were counted and {written} came"
        raise InputError(f"{wanted.name}: {moved}; it was loaded meanwhile, run again")
    temporary.replace(path)
    provenance = Provenance("extract", parameters={"table": wanted.name, "month": wanted.month})
    write_provenance(path, provenance, rows=written)
    return WRITTEN, written


def _written(con: BaseBackend, table: RawTable, rows: Table, path: Path) -> int:
    """Rows written, batch after batch: memory holds one."""
    kinds = {column.name: column.type for column in table.columns if column.name in rows.columns}
    arrow = pa.schema([(name, ARROW_TYPES[kind]) for name, kind in kinds.items()])
    count = 0
    with pq.ParquetWriter(path, arrow) as writer:
        try:
            for batch in con.to_pyarrow_batches(rows, chunk_size=BATCH_ROWS):
                columns = [_received(batch.column(name), kind) for name, kind in kinds.items()]
                writer.write_table(pa.table(columns, schema=arrow))
                count += batch.num_rows
        except (pa.ArrowInvalid, pa.ArrowTypeError):
            # the message of the library quotes the value: a patient's data, left out
            raise InputError(f"{table.name}: a value came that its column's type does not hold") from None
    return count


def _sent(rows: Table, column: RawColumn) -> Column:
    """The column as the database sends it: euros as whole cents, which no driver turns into a float."""
    values = rows[column.name]
    if column.type == "euros":
        return (values.cast("decimal(13, 2)") * 100).round().cast("int64").name(column.name)
    return values if column.type == "date" else values.cast(column.type).name(column.name)


def _received(values: pa.Array, kind: str) -> pa.Array:
    if kind != "euros":
        return values.cast(ARROW_TYPES[kind])
    whole = values.cast(pa.int64()).cast(WHOLE_CENTS)
    return pa.Array.from_buffers(EXACT_EUROS, len(whole), whole.buffers(), offset=whole.offset).cast(ARROW_TYPES[kind])


def _columns(table: RawTable, rows: Table) -> list[RawColumn]:
    missing = [column for column in table.columns if column.name not in rows.columns and not column.optional]
    if missing:
        raise InputError(
            f"{table.name}: column {missing[0].name} is missing in the database; it is needed for: {missing[0].purpose}"
        )
    return [column for column in table.columns if column.name in rows.columns]


def _place(month: date) -> int:
    return month.year * 12 + month.month - 1


def _after(month: date) -> date:
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)
