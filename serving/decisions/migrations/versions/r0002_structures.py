"""An index of the structures that decisions name, filled for those already recorded; no decision is touched."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa
from alembic import op

from serving.decisions.record import unpacked
from serving.decisions.structures import NAMELESS, structures_indexed

revision = "0002"
down_revision = "0001"

SQLITE = tuple(
    f"CREATE TRIGGER decision_structures_no_{verb} BEFORE {verb} ON decision_structures"
    " BEGIN SELECT RAISE(ABORT, 'decisions are append-only'); END"
    for verb in ("update", "delete")
)
POSTGRESQL = (
    "CREATE TRIGGER decision_structures_no_change BEFORE UPDATE OR DELETE ON decision_structures"
    " FOR EACH ROW EXECUTE FUNCTION decisions_refused()",
    "CREATE TRIGGER decision_structures_no_truncate BEFORE TRUNCATE ON decision_structures"
    " FOR EACH STATEMENT EXECUTE FUNCTION decisions_refused()",
)


def upgrade() -> None:
    """Make the table, its index and its triggers."""
    connection = op.get_bind()
    is_sqlite = connection.dialect.name == "sqlite"
    table = op.create_table(
        "decision_structures",
        sa.Column("structure_id", sa.Text(), primary_key=True),
        sa.Column("number", sa.Integer() if is_sqlite else sa.BigInteger(), primary_key=True, autoincrement=False),
    )
    op.create_index("decision_structures_of", "decision_structures", ["number"])
    for number, structures in _named(connection):
        connection.execute(sa.insert(table), [{"structure_id": one, "number": number} for one in sorted(structures)])
    for statement in SQLITE if is_sqlite else POSTGRESQL:
        op.execute(statement)


def _named(connection: sa.Connection) -> Iterable[tuple[int, frozenset[str]]]:
    """Number and structures of each decision that names some, one request in memory at a time."""
    decisions = sa.table("decisions", *map(sa.column, ("number", "route", "request_type", "request")))
    numbers = connection.scalars(sa.select(decisions.c.number).where(decisions.c.route.not_in(sorted(NAMELESS)))).all()
    for number in numbers:
        _, route, kind, request = connection.execute(sa.select(decisions).where(decisions.c.number == number)).one()
        if structures := structures_indexed(route, kind, unpacked(request)):
            yield number, structures
