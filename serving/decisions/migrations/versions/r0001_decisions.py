"""The table of decisions, and the triggers that keep it append-only and without a gap."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

SQLITE = (
    "CREATE TRIGGER decisions_no_update BEFORE UPDATE ON decisions"
    " BEGIN SELECT RAISE(ABORT, 'decisions are append-only'); END",
    "CREATE TRIGGER decisions_no_delete BEFORE DELETE ON decisions"
    " BEGIN SELECT RAISE(ABORT, 'decisions are append-only'); END",
    "CREATE TRIGGER decisions_in_order BEFORE INSERT ON decisions"
    " WHEN NEW.number IS NOT (SELECT coalesce(max(number), 0) + 1 FROM decisions)"
    " OR EXISTS (SELECT 1 FROM decisions WHERE id = NEW.id)"
    " OR EXISTS (SELECT 1 FROM decisions WHERE caller = NEW.caller AND idempotency_key = NEW.idempotency_key)"
    " BEGIN SELECT RAISE(ABORT, 'decisions are numbered without a gap'); END",
)
POSTGRESQL = (
    "CREATE FUNCTION decisions_refused() RETURNS trigger LANGUAGE plpgsql AS"
    " $$ BEGIN RAISE EXCEPTION 'decisions are append-only'; END $$",
    "CREATE FUNCTION decisions_ordered() RETURNS trigger LANGUAGE plpgsql AS"
    " $$ BEGIN IF NEW.number <> (SELECT coalesce(max(number), 0) + 1 FROM decisions) THEN"
    " RAISE EXCEPTION 'decisions are numbered without a gap'; END IF; RETURN NEW; END $$",
    "CREATE TRIGGER decisions_no_change BEFORE UPDATE OR DELETE ON decisions"
    " FOR EACH ROW EXECUTE FUNCTION decisions_refused()",
    "CREATE TRIGGER decisions_no_truncate BEFORE TRUNCATE ON decisions"
    " FOR EACH STATEMENT EXECUTE FUNCTION decisions_refused()",
    "CREATE TRIGGER decisions_in_order BEFORE INSERT ON decisions FOR EACH ROW EXECUTE FUNCTION decisions_ordered()",
)


def upgrade() -> None:
    """Make the table and its triggers."""
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    text, number = sa.Text(), sa.Integer() if is_sqlite else sa.BigInteger()
    op.create_table(
        "decisions",
        sa.Column("number", number, primary_key=True, autoincrement=False),
        sa.Column("id", sa.String(36), nullable=False, unique=True),
        sa.Column("recorded_at", sa.String(27), nullable=False, index=True),
        *(sa.Column(name, text, nullable=False) for name in ("caller", "route", "query")),
        sa.Column("idempotency_key", text),
        sa.Column("request_type", text, nullable=False),
        sa.Column("request_hash", sa.String(64), nullable=False),
        sa.Column("request", sa.LargeBinary(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        *(sa.Column(name, text, nullable=False) for name in ("versions", "rules", "characteristics", "result_type")),
        sa.Column("result", sa.LargeBinary(), nullable=False),
        sa.Column("explanation", text, nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("previous_hash", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )
    op.create_index("decisions_once", "decisions", ["caller", "idempotency_key"], unique=True)
    for statement in SQLITE if is_sqlite else POSTGRESQL:
        op.execute(statement)
