"""The index of structures beside the ledger: written with each decision, made for old ones, on both engines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from serving.access.callers import Caller
from serving.clock import now
from serving.decisions.appending import Waiting, append
from serving.decisions.chain import verify
from serving.decisions.database import Database
from serving.decisions.ledger import ledger_at
from serving.decisions.record import Draft, content_of
from serving.decisions.routes import may_read
from serving.decisions.search import Wanted, search
from serving.decisions.structures import structures_indexed
from serving.decisions.tables import STRUCTURES
from tests.serving.decisions_made import ENGINES, Ticking, draft, emptied

JSON = "application/json"
# Decision number → structures of its participations; 3 is a /predict, which names none.
NAMED = {1: ("A",), 2: ("A", "B"), 3: (), 4: ("B",)}
READERS = (("A",), ("B",), ("A", "B"), ("C",), ())


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest) -> str:
    """A PostgreSQL database, asked for by the tests that need one."""
    return str(request.getfixturevalue("postgres").create("structures_index"))


@pytest.fixture(params=ENGINES)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "sqlite":
        one = Database(f"sqlite:///{tmp_path / 'ledger.db'}")
    else:
        one = emptied(request.getfixturevalue("server"))
    yield one
    one.close()


def drafts() -> list[Draft]:
    """Four drafts that name the structures of NAMED."""
    found = []
    for number, names in NAMED.items():
        body = msgspec.json.encode({"inputs": {"participations": [{"structure_id": name} for name in names]}})
        one = draft(number, body=body if names else None)
        found.append(msgspec.structs.replace(one, route="/peps/forfait") if names else one)
    return found


def recorded(database: Database, *, is_indexed: bool = True) -> None:
    """The drafts in the ledger, with their structures or, as before the index, without."""
    batch = [
        Waiting(one, content_of(one), frozenset(NAMED[number]) if is_indexed else frozenset())
        for number, one in enumerate(drafts(), start=1)
    ]
    with database.writing() as connection:
        append(connection, batch, Ticking())


def indexed(database: Database) -> set[tuple[int, str]]:
    """The rows of the index."""
    with database.reading() as connection:
        rows = connection.execute(select(STRUCTURES.c.number, STRUCTURES.c.structure_id))
        return {(number, name) for number, name in rows}


def test_each_decision_is_indexed_with_it(database: Database):
    """Number and structure, in the same commit; the chain verifies as without."""
    recorded(database)
    assert indexed(database) == {(1, "A"), (2, "A"), (2, "B"), (4, "B")}
    assert verify(database).number == 4


def test_the_index_refuses_to_be_changed(database: Database):
    """As the decisions."""
    recorded(database)
    for statement in ("DELETE FROM decision_structures", "UPDATE decision_structures SET structure_id = 'C'"):
        with pytest.raises(DBAPIError, match="append-only"), database.writing() as connection:
            connection.execute(text(statement))


def test_the_search_and_the_right_to_read_agree(database: Database):
    """For every reader, what the search finds is what `may_read` lets it read."""
    recorded(database)
    ledger = ledger_at(database.url, now, most_waiting=1, most_bytes=1, timeout_seconds=1)
    for structures in READERS:
        reader = Caller("r", "auditor", frozenset(structures))
        found = {line.number for line in search(ledger, Wanted(), reader).lines}
        ids = {line.number: line.id for line in search(ledger, Wanted(), Caller("x", "auditor", None)).lines}
        assert found == {number for number, name in ids.items() if may_read(reader, ledger.find(name))}
        assert found == {number for number, names in NAMED.items() if names and set(names) <= set(structures)}
    ledger.close()


def test_a_ledger_from_before_the_index_is_given_one(database: Database):
    """Revision 0001 becomes 0002: old decisions are read and indexed, and the chain is as it was."""
    recorded(database, is_indexed=False)
    with database.engine.begin() as connection:
        connection.execute(text("DROP TABLE decision_structures"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    later = Database(database.url)
    assert later.upgrade() == "0002"
    assert indexed(later) == {(1, "A"), (2, "A"), (2, "B"), (4, "B")}
    assert verify(later).number == 4
    later.close()


def test_what_names_no_structure_is_not_read():
    """A row of /predict is not looked into, nor a table; a frame that is none is passed over."""
    body = b'{"inputs":{"a":[{"structure_id":"S"},{"structure_id":3},{}],"b":7}}'
    assert structures_indexed("/peps/forfait", JSON, body) == {"S"}
    assert structures_indexed("/predict", JSON, b"not read") == frozenset()
    assert structures_indexed("/peps/forfait", "application/vnd.apache.parquet", b"not read") == frozenset()
