"""Parquet and Arrow bodies: read within limits, validated before use, written with the version that answers."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from features.encoding import check_names, check_type
from features.versions import CardFeature
from serving.parquet_pages import check_pages
from serving.refusals import RefusalError

PARQUET = "application/vnd.apache.parquet"
ARROW = "application/vnd.apache.arrow.stream"
FORMATS = (PARQUET, ARROW)
MOST_BATCHES = 10_000
UNREADABLE = (pa.ArrowException, OSError, ValueError, LookupError, MemoryError, struct.error)


def read_table(body: bytes, media_type: str, *, features: Sequence[CardFeature], max_rows: int) -> pa.Table:
    """Table of a Parquet or Arrow stream body, with the columns of `features`, validated in full.

    RefusalError 400 for what cannot be read, 413 for too many rows; FeatureError for unknown or missing columns.
    """
    reader = _parquet if media_type == PARQUET else _arrow_stream
    try:
        table = reader(body, features, max_rows)
        table.validate(full=True)
    except UNREADABLE:
        kind = "Parquet" if media_type == PARQUET else "an Arrow stream"
        raise RefusalError(400, f"the body cannot be read as {kind}; write it again with a current library") from None
    if not table.num_rows:
        raise RefusalError(400, "the body holds no row; give 1 row or more", field="rows")
    return table


def write_table(table: pa.Table, media_type: str) -> bytes:
    """Body of an answer, in the format of the question."""
    sink = pa.BufferOutputStream()
    if media_type == PARQUET:
        pq.write_table(table, sink)
    else:
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
    return sink.getvalue().to_pybytes()


def _parquet(body: bytes, features: Sequence[CardFeature], max_rows: int) -> pa.Table:
    texts = [feature.name for feature in features if feature.kind == "category"]
    _check_rows(check_pages(body, max_rows), max_rows)
    file = pq.ParquetFile(pa.BufferReader(body), read_dictionary=texts)
    _check_columns(file.schema_arrow, features)
    _check_rows(file.metadata.num_rows, max_rows)
    if not file.metadata.num_rows:
        return file.schema_arrow.empty_table()
    table = file.read(use_threads=False)
    _check_rows(table.num_rows, max_rows)
    return table


def _arrow_stream(body: bytes, features: Sequence[CardFeature], max_rows: int) -> pa.Table:
    _check_uncompressed(body)
    with pa.ipc.open_stream(pa.BufferReader(body)) as stream:
        _check_columns(stream.schema, features)
        batches, count = [], 0
        for batch in stream:
            count += batch.num_rows
            _check_rows(count, max_rows)
            if batch.num_rows:
                batches.append(batch)
        return pa.Table.from_batches(batches, stream.schema)


def _check_columns(schema: pa.Schema, features: Sequence[CardFeature]) -> None:
    """FeatureError for a column that is unknown, missing or of a type that its feature does not take.

    Looked at before anything is read: nested or repeated values take far more room than the body.
    """
    check_names(schema.names, [feature.name for feature in features])
    for feature in features:
        check_type(feature, schema.field(feature.name).type)


def _check_rows(count: int, max_rows: int) -> None:
    if count > max_rows:
        raise RefusalError(413, f"over {max_rows:,} rows; send fewer at a time", field="rows")


def _check_uncompressed(body: bytes) -> None:
    """RefusalError 415 for compressed buffers, which would be written out in memory before any size is known.

    413 for a stream in so many parts that following them costs more than their rows.
    """
    for number, message in enumerate(pa.ipc.MessageReader.open_stream(pa.BufferReader(body))):
        if number > MOST_BATCHES:
            raise RefusalError(413, f"over {MOST_BATCHES:,} batches; write larger ones", field="rows")
        if message.type != "schema" and _is_compressed(message.metadata.to_pybytes()):
            raise RefusalError(415, "the Arrow stream is compressed; write it without compression, or send Parquet")


def _is_compressed(metadata: bytes) -> bool:
    """Whether a message's flatbuffer declares compression (Arrow format, Message.fbs: RecordBatch, field 3)."""
    message = struct.unpack_from("<I", metadata, 0)[0]
    kind = _field(metadata, message, 1)
    header = _table(metadata, message, 2)
    is_dictionary = kind is not None and metadata[kind] == 2
    batch = _table(metadata, header, 1) if is_dictionary else header
    return _field(metadata, batch, 3) is not None


def _field(metadata: bytes, table: int, number: int) -> int | None:
    """Position of a flatbuffer table's field; None when it is absent."""
    vtable = table - struct.unpack_from("<i", metadata, table)[0]
    size = struct.unpack_from("<H", metadata, vtable)[0]
    slot = 4 + 2 * number
    offset = struct.unpack_from("<H", metadata, vtable + slot)[0] if slot < size else 0
    return table + offset if offset else None


def _table(metadata: bytes, table: int, number: int) -> int:
    position = _field(metadata, table, number)
    if position is None:
        raise ValueError("a message without its header")
    return position + int(struct.unpack_from("<I", metadata, position)[0])
