"""Raw tables as Ibis tables: found by name, read as Parquet (or turned into it), columns checked and typed."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
from ibis.backends import BaseBackend
from ibis.expr.types import Column, Table

from features.errors import InputError
from features.snds.csv_import import import_csv
from features.snds.schema import RawColumn, RawTable
from features.store import cast_by_engine

SUFFIXES = (".parquet", ".csv", ".csv.gz")
FLUX = "flux="
ENGINE_TYPES = {"euros": "decimal(13, 2)"}


@dataclass(frozen=True)
class Sources:
    """What a read works with: engine, raw folder, scratch folder, care year, delay of the PMSI.

    `absent` and `read` note, as tables are asked for, what was not received and what was. With a `month` of flux
    (YYYY-MM), the tables that lie by month hold that month only.
    """

    con: BaseBackend
    snds: Path
    scratch: Path
    year: int
    pmsi_delay_months: int = 2
    absent: list[tuple[str, str, str]] = field(default_factory=list)
    read: list[Path] = field(default_factory=list)
    month: str | None = None
    columns: dict[str, set[str]] = field(default_factory=dict)

    def raw(self, table: RawTable) -> Table:
        """The table with its declared columns, typed; amounts are exact euros, absent optional columns null.

        Errors: InputError naming the table or column, where it was looked for and what it is for.
        """
        parts = find_parts(self.snds, table.file_name(self.year))
        if not parts:
            raise InputError(_missing_table(table, self.snds, self.year))
        self.read.append(self.snds / table.file_name(self.year) if len(parts) > 1 else parts[0])
        if parts[0].suffix != ".parquet":
            parts = import_csv(parts, table, self.scratch / f"csv-{table.file_name(self.year)}")
        imported = parts[0].parent == self.scratch / f"csv-{table.file_name(self.year)}"
        present = _checked_columns(parts, table, self.year) if imported else self.present(table)
        for column in table.columns:
            if column.name not in present:
                self.absent.append((table.name, column.name, column.if_absent))
        chosen = [part for part in parts if self.month is None or month_of(part) in (self.month, None)]
        rows = self.con.read_parquet(_pattern(chosen or parts))
        typed = rows.select(
            *[_typed(rows, column) if column.name in present else _null(column) for column in table.columns]
        )
        return typed if chosen else typed.limit(0)

    def raw_if_present(self, table: RawTable) -> Table | None:
        """As `raw`, or None, noted as absent, where there is no such table."""
        if find_parts(self.snds, table.file_name(self.year)):
            return self.raw(table)
        self.absent.append((table.name, "", table.if_absent))
        return None

    def present(self, table: RawTable) -> set[str]:
        """Declared columns that every part of a table holds, looked up once; none where it was not received."""
        if table.name not in self.columns:
            parts = find_parts(self.snds, table.file_name(self.year))
            is_parquet = all(part.suffix == ".parquet" for part in parts)
            self.columns[table.name] = _checked_columns(parts, table, self.year) if parts and is_parquet else set()
        return self.columns[table.name]

    def materialise(self, name: str, rows: Table) -> Table:
        """`rows` computed once and kept in the scratch folder, for a result that several queries read."""
        path = self.scratch / name
        whole = {column: "int64" for column, kind in rows.schema().items() if kind.is_integer()}
        self.con.to_parquet(cast_by_engine(rows, whole), path)
        return self.con.read_parquet(path)


def find_parts(snds: Path, name: str) -> list[Path]:
    """Files of a raw table, sorted: snds/NAME.parquet|.csv|.csv.gz, or all such files of the folder snds/NAME (or
    snds/NAME.parquet, as Spark names it), or of its folders flux=YYYY-MM (month of FLX_DIS_DTD).

    Errors: InputError for a table found twice, or a folder that mixes Parquet and CSV.
    """
    files = [path for suffix in SUFFIXES if (path := snds / f"{name}{suffix}").is_file()]
    as_spark = snds / f"{name}{SUFFIXES[0]}"
    folder = as_spark if as_spark.is_dir() and not (snds / name).exists() else snds / name
    files += [as_spark] if as_spark.is_dir() and folder != as_spark else []
    flat, by_flux = (
        sorted(path for path in folder.glob(pattern) if path.name.endswith(SUFFIXES)) if folder.is_dir() else []
        for pattern in ("*", f"{FLUX}*/*")
    )
    inside = flat or by_flux
    if len(files) + bool(flat) + bool(by_flux) > 1:
        raise InputError(f"{snds}: {name} lies there more than once; keep one file or one folder of parts")
    if len({path.suffix == ".parquet" for path in inside}) > 1:
        raise InputError(f"{folder}: mixes Parquet and CSV; keep one kind of part")
    return files or inside


def month_of(part: Path) -> str | None:
    """Month of flux (YYYY-MM) of a part that lies by month, else None."""
    name = part.parent.name
    return name.removeprefix(FLUX) if name.startswith(FLUX) else None


def _pattern(parts: list[Path]) -> str:
    """What the engine reads for these parts of one table."""
    if len(parts) == 1:
        return str(parts[0])
    folders = {part.parent for part in parts}
    folder = parts[0].parent
    return str(folder / "*.parquet" if len(folders) == 1 else folder.parent / f"{FLUX}*" / "*.parquet")


def _missing_table(table: RawTable, snds: Path, year: int) -> str:
    name = table.file_name(year)
    return (
        f"{name} is missing: looked for {snds / name}{{{','.join(SUFFIXES)}}} and for parts in {snds / name}/; "
        f"it is needed for {table.purpose}"
    )


def _checked_columns(parts: list[Path], table: RawTable, year: int) -> set[str]:
    """Names of the declared columns that every part holds, each of a type that can be read."""
    schemas = {part: pq.read_schema(part) for part in parts}
    present = {column.name for column in table.columns}
    for part, schema in schemas.items():
        for column in table.columns:
            if column.name not in schema.names:
                present.discard(column.name)
                if not column.optional:
                    raise InputError(
                        f"{part}: column {column.name} is missing from {table.file_name(year)}; "
                        f"it is needed for: {column.purpose}"
                    )
            elif not _readable(schema.field(column.name).type, column.type):
                found = schema.field(column.name).type
                raise InputError(f"{part}: column {column.name} is {found}; it should be {_wanted(column)}")
    return present


def _wanted(column: RawColumn) -> str:
    return {"string": "text", "int64": "a whole number", "date": "a date", "euros": "an amount in euros"}[column.type]


def _readable(found: pa.DataType, wanted: str) -> bool:
    found = found.value_type if pa.types.is_dictionary(found) else found
    number = pa.types.is_integer(found) or pa.types.is_floating(found) or pa.types.is_decimal(found)
    if pa.types.is_null(found):
        return True
    if wanted == "string":
        return pa.types.is_string(found) or pa.types.is_large_string(found)
    if wanted == "date":
        return pa.types.is_date(found) or pa.types.is_timestamp(found)
    return number


def _typed(rows: Table, column: RawColumn) -> Column:
    values = rows[column.name]
    return values.cast(ENGINE_TYPES.get(column.type, column.type)).name(column.name)


def _null(column: RawColumn) -> Column:
    return ibis.null(ENGINE_TYPES.get(column.type, column.type)).name(column.name)


def cents(euros: Column) -> Column:
    """Exact euros, or a sum of them, as whole cents; null stays null."""
    return (euros * 100).cast("int64")


def real_date(day: Column) -> Column:
    """The date, or null where the SNDS writes a missing one (1600-01-01, 0001-01-01; pitfall 15)."""
    return ibis.ifelse(day > ibis.date(1600, 12, 31), day, ibis.null("date"))


def code(text: Column) -> Column:
    """A code as capital letters and digits: no blank, dot or plus sign; null where nothing is left."""
    stripped = text.upper().re_replace("[^A-Z0-9]", "")
    return stripped.nullif("")
