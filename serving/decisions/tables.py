"""The table of decisions and the index of their structures, as they are read and written; the migrations make them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, MetaData, String, Table, Text

from serving.decisions.record import FIELDS, Decision

METADATA = MetaData()
DECISIONS = Table(
    "decisions",
    METADATA,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("id", String(36), nullable=False, unique=True),
    Column("recorded_at", String(27), nullable=False, index=True),
    Column("caller", Text, nullable=False),
    Column("route", Text, nullable=False),
    Column("query", Text, nullable=False),
    Column("idempotency_key", Text),
    Column("request_type", Text, nullable=False),
    Column("request_hash", String(64), nullable=False),
    Column("request", LargeBinary, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("versions", Text, nullable=False),
    Column("rules", Text, nullable=False),
    Column("characteristics", Text, nullable=False),
    Column("result_type", Text, nullable=False),
    Column("result", LargeBinary, nullable=False),
    Column("explanation", Text, nullable=False),
    Column("status", Integer, nullable=False),
    Column("previous_hash", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
)
STRUCTURES = Table(
    "decision_structures",
    METADATA,
    Column("structure_id", Text, primary_key=True),
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
)
COLUMNS = [DECISIONS.c[name] for name in FIELDS]


def decision_of(row: object) -> Decision:
    """The decision of a row of COLUMNS."""
    values = dict(zip(FIELDS, row, strict=True))  # type: ignore[call-overload]
    return Decision(**values)
