"""A decision as it is kept: its fields, their canonical encoding, and the hashes that chain it to the one before.

content = SHA-256 of every field but the last five of the table, names and lengths included (bytes by their own SHA-256)
hash    = SHA-256 of the hash before, the number, the time and the content
"""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import msgspec
import pyarrow as pa

GENESIS = "0" * 64
CODEC, LEVEL = "zstd", 1
CHUNK_BYTES = 1 << 20
IN_RESULT, FROM_REQUEST = "in_result", "from_request"
Field = int | str | bytes | None


class UsedVersion(msgspec.Struct, frozen=True):
    """A frozen version that was asked for; `is_in_force`: by a day, not by its number."""

    model: str
    version: int
    hash: str
    is_in_force: bool


class UsedRules(msgspec.Struct, frozen=True):
    """A rule file that was read."""

    scheme: str
    file: str
    sha256: str


class Characteristics(msgspec.Struct, frozen=True):
    """What a version was given: rows, and SHA-256 of the encoded matrix (float64, row by row)."""

    model: str
    version: int
    rows: int
    sha256: str


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """An answer about to be recorded. The request and the result are compressed (zstd); lists are JSON text.

    `explanation`: where it is: in the result, or found again from the request by the stored versions.
    """

    id: str
    caller: str
    route: str
    query: str
    idempotency_key: str | None
    request_type: str
    request_hash: str
    request: bytes
    rows: int
    versions: str
    rules: str
    characteristics: str
    result_type: str
    result: bytes
    explanation: str
    status: int

    def content(self) -> bytes:
        """SHA-256 of the fields above."""
        return content_of(self)


class Decision(Draft, frozen=True, kw_only=True):
    """A decision in the ledger: numbered from 1 without a gap, dated, linked to the one before."""

    number: int
    recorded_at: str
    previous_hash: str
    hash: str

    def expected_hash(self, previous_hash: str) -> str:
        """The hash that these fields should have after `previous_hash`."""
        return link(previous_hash, self.number, recorded_at=self.recorded_at, content=content_of(self))


CONTENT = Draft.__struct_fields__
FIELDS = Decision.__struct_fields__


def content_of(draft: Draft) -> bytes:
    """SHA-256 of what a decision says, whatever its place in the ledger."""
    parts = [b"forfait decision 1\n"]
    for name, encoded in ENCODED_NAMES:
        parts += (encoded, _encoded(getattr(draft, name)))
    return hashlib.sha256(b"".join(parts)).digest()


def link(previous_hash: str, number: int, *, recorded_at: str, content: bytes) -> str:
    """Hash of a decision in its place."""
    parts = (b"forfait link 1\n", *(_encoded(value) for value in (previous_hash, number, recorded_at, content)))
    return hashlib.sha256(b"".join(parts)).hexdigest()


def _encoded(value: Field) -> bytes:
    """One reading only: kind, length, content; bytes by their SHA-256."""
    if isinstance(value, str):
        text = value.encode()
        return b"s" + len(text).to_bytes(8, "big") + text
    if isinstance(value, bytes):
        return b"b" + hashlib.sha256(value).digest()
    if value is None:
        return b"n"
    digits = b"%d" % value
    return b"i" + len(digits).to_bytes(8, "big") + digits


ENCODED_NAMES = [(name, _encoded(name)) for name in CONTENT]


def request_hash(route: str, query: str, *, kind: str, as_page: bool, body: bytes) -> str:
    """What makes two requests the same: route, query, media type, page or not, and body, to the byte."""
    parts = (b"forfait request 1\n", *(_encoded(value) for value in (route, query, kind, int(as_page), body)))
    return hashlib.sha256(b"".join(parts)).hexdigest()


def stamp(moment: datetime) -> str:
    """A moment in UTC to the microsecond, always of the same length."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def new_id(moment: datetime, random: Callable[[int], bytes] = os.urandom) -> str:
    """A UUID of version 7: milliseconds, then 74 random bits."""
    value = int(moment.timestamp() * 1000) << 80 | int.from_bytes(random(10), "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    return str(uuid.UUID(int=value & ~(0x3 << 62) | 0x2 << 62))


def packed(content: bytes) -> bytes:
    """Compressed content."""
    return bytes(pa.Codec(CODEC, compression_level=LEVEL).compress(content, asbytes=True))


def unpacked(content: bytes) -> bytes:
    """What was compressed. Errors: OSError where it is damaged."""
    with pa.CompressedInputStream(pa.BufferReader(content), CODEC) as stream:
        return bytes(stream.read())


def unpacked_chunks(content: bytes) -> Iterator[bytes]:
    """What was compressed, by parts of 1 MiB."""
    with pa.CompressedInputStream(pa.BufferReader(content), CODEC) as stream:
        while chunk := stream.read(CHUNK_BYTES):
            yield bytes(chunk)
