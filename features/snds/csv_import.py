"""CSV extractions turned into typed Parquet: `;` or `,`, gzipped or not, comma or point, ISO or DD/MM/YYYY."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from features.errors import InputError
from features.snds.schema import RawTable

BLOCK_BYTES = 16 * 1024 * 1024
ARROW_TYPES = {
    "string": pa.string(),
    "int64": pa.int64(),
    "date": pa.date32(),
    "euros": pa.decimal128(13, 2),
}
WANTED = {
    "string": "text in UTF-8",
    "int64": "a whole number",
    "date": "a date as YYYY-MM-DD or DD/MM/YYYY",
    "euros": "an amount in euros with at most two decimals, after a comma or a point",
}
FRENCH_DATE = r"^(\d{2})/(\d{2})/(\d{4})$"
TIME_OF_DAY = r"[T ]00:00(:00)?(\.0+)?$"


def import_csv(parts: list[Path], table: RawTable, folder: Path) -> list[Path]:
    """Parquet files in `folder`, one per CSV part, with the declared columns that the part holds.

    Errors: InputError naming file, column and row of a value that cannot be read, and what would be right.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for number, part in enumerate(parts):
        target = folder / f"part-{number:05d}.parquet"
        _import_part(part, table, target)
        written.append(target)
    return written


def _import_part(part: Path, table: RawTable, target: Path) -> None:
    delimiter, header = _header(part)
    types = {column.name: column.type for column in table.columns if column.name in header}
    schema = pa.schema([(name, ARROW_TYPES[kind]) for name, kind in types.items()])
    first_row = 2
    with pq.ParquetWriter(target, schema) as writer:
        for batch in _batches(part, delimiter, list(types)):
            columns = []
            for name, kind in types.items():
                try:
                    columns.append(_converted(batch.column(name), kind))
                except pa.ArrowInvalid:
                    row = first_row + _first_unreadable(batch.column(name), kind)
                    raise InputError(f"{part}: column {name}, row {row}: should be {WANTED[kind]}") from None
            writer.write_table(pa.table(columns, schema=schema))
            first_row += batch.num_rows


def _header(part: Path) -> tuple[str, list[str]]:
    opener = gzip.open if part.suffix == ".gz" else open
    with opener(part, "rt", encoding="utf-8-sig", errors="replace") as file:
        line = file.readline().rstrip("\r\n")
    if not line:
        raise InputError(f"{part}: is empty; its first row should name the columns")
    delimiter = ";" if line.count(";") >= line.count(",") else ","
    return delimiter, next(csv.reader([line], delimiter=delimiter))


def _batches(part: Path, delimiter: str, names: list[str]) -> Iterator[pa.RecordBatch]:
    try:
        yield from pacsv.open_csv(
            part,
            read_options=pacsv.ReadOptions(block_size=BLOCK_BYTES),
            parse_options=pacsv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            convert_options=pacsv.ConvertOptions(
                include_columns=names,
                column_types={name: pa.string() for name in names},
                null_values=[""],
                strings_can_be_null=True,
            ),
        )
    except pa.ArrowInvalid as error:
        # the engine's message ends with the row itself: patients' data, left out
        reason = ": ".join(str(error).split(": ")[:2])
        raise InputError(f"{part}: cannot be read as CSV with {delimiter!r} between columns: {reason}") from None


def _converted(texts: pa.Array, kind: str) -> pa.Array:
    texts = pc.utf8_trim_whitespace(texts)
    texts = pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)
    if kind == "euros":
        texts = pc.replace_substring(texts, ",", ".")
    if kind == "date":
        texts = pc.replace_substring_regex(texts, TIME_OF_DAY, "")
        texts = pc.replace_substring_regex(texts, FRENCH_DATE, r"\3-\2-\1")
    return texts.cast(ARROW_TYPES[kind])


def _first_unreadable(texts: pa.Array, kind: str) -> int:
    for index in range(len(texts)):
        try:
            _converted(texts.slice(index, 1), kind)
        except pa.ArrowInvalid:
            return index
    return 0
