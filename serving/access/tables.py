"""The two tables of access, tokens and accesses, in SQL; made where they are missing, refused where they are others.

No Alembic here: two tables without history to carry, and a service that must start on an empty file. `access_schema`
holds the version of their form; a change of form is a step written then, and an older service refuses the newer form.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import (
    DDL,
    BigInteger,
    Column,
    Engine,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    event,
    insert,
    inspect,
    make_url,
    select,
    text,
)
from sqlalchemy.exc import SQLAlchemyError

from features.errors import RuleError

FORM = 1
CONNECT = {"sqlite": {"timeout": 5}, "postgresql": {"connect_timeout": 5}}
METADATA = MetaData()
MOMENT = String(27)  # 2026-11-23T12:35:00.123456Z: sorts as it reads, on any database
TOKENS = Table(
    "access_tokens",
    METADATA,
    Column("id", String(12), primary_key=True),
    Column("name", String(64), nullable=False, unique=True),
    Column("role", String(16), nullable=False),
    Column("structures", Text),
    Column("secret_sha256", String(64), nullable=False),
    Column("created_at", MOMENT, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("expires_on", String(10)),
    Column("revoked_at", MOMENT),
    Column("revoked_by", Text),
    Column("revoked_why", Text),
)
ACCESSES = Table(
    "accesses",
    METADATA,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("at", MOMENT, nullable=False, index=True),
    Column("request_id", String(36), nullable=False),
    Column("caller", String(128), nullable=False),
    Column("issuer", Text, nullable=False),
    Column("role", String(16), nullable=False),
    Column("method", String(8), nullable=False),
    Column("route", Text, nullable=False),
    Column("status", Integer, nullable=False),
    Column("reason", String(32), nullable=False),
    Column("count", Integer, nullable=False),
)
SCHEMA = Table("access_schema", METADATA, Column("form", Integer, primary_key=True))

ALONE = {"sqlite": "BEGIN IMMEDIATE", "postgresql": "SELECT pg_advisory_xact_lock(5108041518)"}
APPEND_ONLY = {
    "sqlite": [
        f"CREATE TRIGGER accesses_{verb} BEFORE {verb} ON accesses "
        "BEGIN SELECT RAISE(ABORT, 'accesses is append-only'); END"
        for verb in ("update", "delete")
    ],
    "postgresql": [
        "CREATE OR REPLACE FUNCTION accesses_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'accesses is append-only'; END $$",
        "CREATE TRIGGER accesses_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON accesses "
        "FOR EACH STATEMENT EXECUTE FUNCTION accesses_append_only()",
    ],
}
for _dialect, _statements in APPEND_ONLY.items():
    for _statement in _statements:
        event.listen(ACCESSES, "after_create", DDL(_statement).execute_if(dialect=_dialect))


def engine_of(url: str) -> Engine:
    """An engine for the tables; nothing is opened yet. Errors: RuleError for an address that is not one."""
    try:
        where = make_url(url)
        options = CONNECT[where.get_backend_name()]
        engine = create_engine(where, pool_pre_ping=True, connect_args=options, hide_parameters=True)
    except (SQLAlchemyError, ImportError, KeyError) as error:
        raise RuleError(
            f"FORFAIT_ACCESS_URL cannot be used ({type(error).__name__}); give sqlite:///path or postgresql+psycopg://…"
        ) from None
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _durable)
    return engine


def prepare(engine: Engine) -> None:
    """Make the tables where they are missing. Errors: RuleError where they have another form; SQLAlchemyError."""
    _make_file(engine)
    with engine.connect() as connection:
        form = connection.scalar(select(SCHEMA.c.form)) if inspect(connection).has_table(SCHEMA.name) else None
    if form is None:
        form = _made(engine)
    if form != FORM:
        raise RuleError(f"the tables of access have form {form}, this version knows {FORM}; use the version that wrote")


def _made(engine: Engine) -> int:
    """The form of the tables, made by one process at a time, all or none of them."""
    with engine.begin() as connection:
        connection.execute(text(ALONE[engine.dialect.name]))
        METADATA.create_all(connection)
        form = connection.scalar(select(SCHEMA.c.form))
        if form is None:
            connection.execute(insert(SCHEMA).values(form=FORM))
    return FORM if form is None else int(form)


def _make_file(engine: Engine) -> None:
    """The SQLite file, readable by its owner alone."""
    if engine.dialect.name == "sqlite" and engine.url.database not in (None, "", ":memory:"):
        path = Path(str(engine.url.database))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)


def _durable(connection: object, _: object) -> None:
    cursor = connection.cursor()  # type: ignore[attr-defined]
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()
