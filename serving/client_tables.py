"""Tables through the client: sent in chunks of rows, each a decision under a key of its own, answered as one table."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypedDict

from serving.client import ForfaitClient, decision_id
from serving.client_answers import ServiceError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    Source: TypeAlias = pa.Table | pa.RecordBatchReader | pd.DataFrame

PARQUET, ARROW = "application/vnd.apache.parquet", "application/vnd.apache.arrow.stream"
MEDIA_TYPES = {"parquet": PARQUET, "arrow": ARROW}
ROWS_A_CHUNK = {"/predict": 100_000, "/explain": 5_000}
VERSION = (b"model", b"version", b"hash")


class Options(TypedDict, total=False):
    """How a table is asked: one of version and on; media_type `parquet` or `arrow`; rows a chunk.

    key: chunk n is decided under `key-n`; the same key, source and rows a chunk find the decisions of a run that was
    cut short.
    """

    version: int | None
    on: date | str | None
    known_on: date | str | None
    media_type: Literal["parquet", "arrow"]
    rows_a_chunk: int
    key: str


@dataclass(frozen=True)
class Asked:
    """What is asked of every chunk: route, query, media type, rows a chunk, what each key begins with."""

    path: str
    query: dict[str, str]
    media_type: str
    rows: int
    key: str


@dataclass(frozen=True)
class Chunk:
    """The answer to a chunk: its table, `row` counted from the first row of the source; the decision that it is."""

    table: pa.Table
    decision_id: str


@dataclass(frozen=True)
class Batch:
    """The answers to all chunks as one table, and their decisions in order."""

    table: pa.Table
    decision_ids: list[str]


def answers(service: ForfaitClient, path: str, model: str, source: Source, options: Options) -> Iterator[Chunk]:
    """The answers to a table, chunk by chunk; source: a pyarrow table, a reader of batches, a pandas frame.

    Errors: ServiceError with `chunk`, its row counted in the source; also where another version came into force
    between two chunks.
    """
    which = {name: options.get(name) for name in ("version", "on", "known_on")}
    query = {"model": model, **{name: str(value) for name, value in which.items() if value is not None}}
    rows = options.get("rows_a_chunk") or ROWS_A_CHUNK[path]
    media_type = MEDIA_TYPES[options.get("media_type", "parquet")]
    return _answers(service, Asked(path, query, media_type, rows, options.get("key") or str(uuid.uuid4())), source)


def whole(chunks: Iterator[Chunk]) -> Batch:
    """One table of all the answers, and their decisions."""
    import pyarrow as pa

    found = list(chunks)
    table = pa.concat_tables([one.table for one in found], promote_options="default")
    return Batch(table, [one.decision_id for one in found])


def _answers(service: ForfaitClient, asked: Asked, source: Source) -> Iterator[Chunk]:
    first: dict[bytes, bytes] | None = None
    start = 0
    for number, table in enumerate(_chunks(source, asked.rows)):
        try:
            answer, decision = _answered(service, asked, table, number)
        except ServiceError as error:
            error.chunk, error.row = number, None if error.row is None else error.row + start
            raise
        told = answer.schema.metadata or {}
        first = told if first is None else first
        if any(told.get(name) != first.get(name) for name in VERSION):
            raise ServiceError(0, "another version came into force between two chunks; ask by version", chunk=number)
        yield Chunk(_moved(answer, start), decision)
        start += table.num_rows


def _answered(service: ForfaitClient, asked: Asked, table: pa.Table, number: int) -> tuple[pa.Table, str]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    body = _written(table, asked.media_type)
    key = f"{asked.key}-{number}"
    response = service.decide(asked.path, body, asked.media_type, key=key, query=asked.query)
    reader = pa.BufferReader(response.content)
    is_parquet = asked.media_type == PARQUET
    return (pq.read_table(reader) if is_parquet else pa.ipc.open_stream(reader).read_all()), decision_id(response)


def _moved(answer: pa.Table, start: int) -> pa.Table:
    """The answer, its rows counted from the first row of the source."""
    import pyarrow.compute as pc

    place = answer.schema.get_field_index("row")
    return answer.set_column(place, "row", pc.add(answer.column(place), start))  # type: ignore[attr-defined]


def _chunks(source: Any, rows: int) -> Iterator[pa.Table]:
    """The source in tables of `rows` rows, the last one shorter; without the metadata of pandas."""
    import pyarrow as pa

    if isinstance(source, pa.RecordBatchReader):
        yield from _of_batches(source, rows)
        return
    table = source if isinstance(source, pa.Table) else pa.Table.from_pandas(source, preserve_index=False)
    table = table.replace_schema_metadata(None)
    for start in range(0, max(table.num_rows, 1), rows):
        yield table.slice(start, rows)


def _of_batches(reader: pa.RecordBatchReader, rows: int) -> Iterator[pa.Table]:
    import pyarrow as pa

    waiting: list[pa.RecordBatch] = []
    count = 0
    for one in reader:
        waiting.append(one)
        count += one.num_rows
        while count >= rows:
            table = pa.Table.from_batches(waiting, reader.schema).replace_schema_metadata(None)
            yield table.slice(0, rows)
            waiting, count = table.slice(rows).to_batches(), count - rows
    if count:
        yield pa.Table.from_batches(waiting, reader.schema).replace_schema_metadata(None)


def _written(table: pa.Table, media_type: str) -> bytes:
    """The body of a chunk, the same bytes for the same rows."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    if media_type == PARQUET:
        pq.write_table(table, sink, compression="zstd")
    else:
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table.combine_chunks())
    return bytes(sink.getvalue().to_pybytes())
