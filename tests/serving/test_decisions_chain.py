"""The chain of decisions: append-only, without a gap, and any alteration found; on SQLite and on PostgreSQL."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, text
from sqlalchemy.exc import DBAPIError
from typer.testing import CliRunner

from benchmarks.postgres import Cluster
from forfait.cli import app
from serving.decisions.appending import Placed
from serving.decisions.chain import Anchor, BrokenChainError, anchor_of, checked, newest, verify
from serving.decisions.database import Database
from serving.decisions.errors import LedgerError
from serving.decisions.ledger import found
from serving.decisions.record import FIELDS, GENESIS, Decision, content_of, link, new_id, packed, unpacked
from serving.decisions.tables import DECISIONS
from tests.serving.decisions_made import BEGUN, ENGINES, draft, emptied, unguarded, written

HOLES = {"the first": 1, "one in the middle": 3}


@pytest.fixture(params=ENGINES)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty ledger."""
    if request.param == "sqlite":
        one = Database(f"sqlite:///{tmp_path / 'ledger.db'}")
    else:
        one = emptied(request.getfixturevalue("postgres").url)
    yield one
    one.close()


def five(database: Database) -> list[Placed]:
    return written(database, [draft(number) for number in range(1, 6)])


def altered(database: Database, statement: str, **values: object) -> None:
    with database.writing() as connection:
        unguarded(connection)
        connection.execute(text(statement), values)


def first_bad(database: Database, *anchors: Anchor) -> int:
    with pytest.raises(BrokenChainError) as broken:
        verify(database, anchors)
    return broken.value.number


def test_decisions_are_numbered_and_linked(database: Database):
    """From 1, without a gap, each with the hash of the one before; the same fields give the same hash."""
    assert newest(database) == verify(database) == Anchor(0, GENESIS)
    placed = five(database)
    decisions = [found(database, one.id) for one in placed]
    assert [one.number for one in decisions] == [1, 2, 3, 4, 5]
    assert [one.recorded_at for one in decisions[:2]] == ["2026-03-01T08:00:01.000000Z", "2026-03-01T08:00:02.000000Z"]
    previous = GENESIS
    for one in decisions:
        assert one.previous_hash == previous
        assert one.hash == link(previous, one.number, recorded_at=one.recorded_at, content=content_of(one))
        previous = one.hash
    assert newest(database) == verify(database) == Anchor(5, previous)
    assert unpacked(decisions[2].result) == b'{"expected_eur":[3]}'


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE decisions SET caller = 'x' WHERE number = 3",
        "DELETE FROM decisions WHERE number = 5",
        "DELETE FROM decisions",
    ],
)
def test_the_database_refuses_to_rewrite(database: Database, statement: str):
    """Triggers, not good manners."""
    five(database)
    with pytest.raises(DBAPIError, match="append-only"), database.writing() as connection:
        connection.execute(text(statement))
    assert verify(database).number == 5


def test_postgresql_refuses_to_truncate(database: Database):
    """TRUNCATE passes row triggers by."""
    five(database)
    if not database.is_sqlite:
        with pytest.raises(DBAPIError, match="append-only"), database.writing() as connection:
            connection.execute(text("TRUNCATE decisions"))
    assert verify(database).number == 5


@pytest.mark.parametrize("number", [0, 3, 7])
def test_the_database_refuses_a_gap(database: Database, number: int):
    """After 5 comes 6; nothing replaces 3, not by INSERT OR REPLACE either."""
    placed = five(database)
    row = msgspec.structs.asdict(found(database, placed[2].id)) | {"number": number, "id": "another"}
    with pytest.raises(DBAPIError, match="without a gap"), database.writing() as connection:
        statement = insert(DECISIONS).prefix_with("OR REPLACE", dialect="sqlite")
        connection.execute(statement, [row])
    assert verify(database).number == 5


@pytest.mark.parametrize("number", HOLES.values(), ids=HOLES.keys())
def test_a_hole_is_found(database: Database, number: int):
    """A decision taken out is told by its number."""
    five(database)
    altered(database, "DELETE FROM decisions WHERE number = :n", n=number)
    assert first_bad(database) == number


def test_a_hole_closed_by_renumbering_is_found(database: Database):
    """Numbers moved up do not mend the chain."""
    five(database)
    altered(database, "DELETE FROM decisions WHERE number = 3")
    altered_again(database, "UPDATE decisions SET number = 3 WHERE number = 4")
    altered_again(database, "UPDATE decisions SET number = 4 WHERE number = 5")
    assert first_bad(database) == 3


def altered_again(database: Database, statement: str) -> None:
    with database.writing() as connection:
        connection.execute(text(statement))


def test_two_decisions_that_changed_places_are_found(database: Database):
    """Each whole, in the wrong order."""
    five(database)
    altered(database, "UPDATE decisions SET number = 9 WHERE number = 2")
    altered_again(database, "UPDATE decisions SET number = 2 WHERE number = 3")
    altered_again(database, "UPDATE decisions SET number = 3 WHERE number = 9")
    assert first_bad(database) == 2


def test_only_an_anchor_tells_of_a_lost_end(database: Database):
    """A shorter chain is a whole chain; the number and the hash kept elsewhere say that it was longer."""
    five(database)
    anchor = newest(database)
    altered(database, "DELETE FROM decisions WHERE number = 5")
    assert verify(database).number == 4
    assert first_bad(database, anchor) == 5


def test_a_chain_written_anew_is_found_by_its_anchor(database: Database):
    """Who rewrites every hash makes a whole chain, but not that of the anchor."""
    written(database, [draft(1)])
    anchor = newest(database)
    altered(database, "DELETE FROM decisions")
    written(database, [draft(2)])
    assert verify(database).number == 1
    assert first_bad(database, anchor) == 1
    assert first_bad(database, Anchor(0, "1" * 64)) == 0


def test_an_anchor_is_read_as_it_is_printed():
    """NUMBER:HASH."""
    anchor = Anchor(12, "ab" * 32)
    assert anchor_of(f" {anchor}\n") == anchor


VALUES = {
    "number": st.integers(0, 2**62),
    "rows": st.integers(0, 2**31 - 1),
    "status": st.integers(0, 999),
    "request": st.binary(max_size=40),
    "result": st.binary(max_size=40),
    "idempotency_key": st.none() | st.text(max_size=20),
}


def chain(count: int) -> list[Decision]:
    decisions, previous = [], GENESIS
    for number in range(1, count + 1):
        one = draft(number, key=f"key {number}")
        at = f"2026-03-01T08:00:{number:02}.000000Z"
        digest = link(previous, number, recorded_at=at, content=content_of(one))
        own = msgspec.structs.asdict(one)
        decisions.append(Decision(**own, number=number, recorded_at=at, previous_hash=previous, hash=digest))
        previous = digest
    return decisions


CHAIN = chain(6)


@settings(max_examples=400, deadline=None)
@given(place=st.integers(0, 5), name=st.sampled_from(FIELDS), where=st.integers(0, 10**6), flip=st.integers(1, 255))
def test_any_byte_altered_is_found(place: int, name: str, where: int, flip: int):
    """One byte of one field of one decision; the first decision that shows it is that one, or the one after a hash."""
    one = CHAIN[place]
    changed = flipped(getattr(one, name), where, flip)
    forged = [*CHAIN[:place], msgspec.structs.replace(one, **{name: changed}), *CHAIN[place + 1 :]]
    with pytest.raises(BrokenChainError) as broken:
        checked(iter(forged), {})
    assert broken.value.number == place + 1


def flipped(value: int | str | bytes | None, where: int, flip: int) -> object:
    if value is None:
        return "x"
    if isinstance(value, int):
        return value ^ (flip << where % 8)
    content = bytearray(value if isinstance(value, bytes) else value.encode())
    if not content:
        return "x"
    if isinstance(value, bytes):
        content[where % len(content)] ^= flip
        return bytes(content)
    content[where % len(content)] ^= flip % 127 or 1
    text_of = bytes(content).decode("latin-1")
    return text_of if text_of != value else text_of + "x"


@settings(max_examples=200, deadline=None)
@given(place=st.integers(0, 5), name=st.sampled_from(FIELDS), data=st.data())
def test_any_other_value_is_found(place: int, name: str, data: st.DataObject):
    """Another value of the same field, empty and absent ones included."""
    one = CHAIN[place]
    value = data.draw(VALUES.get(name, st.text(max_size=70)))
    if value == getattr(one, name):
        return
    forged = [*CHAIN[:place], msgspec.structs.replace(one, **{name: value}), *CHAIN[place + 1 :]]
    with pytest.raises(BrokenChainError):
        checked(iter(forged), {})


@settings(max_examples=200, deadline=None)
@given(order=st.permutations(range(6)), kept=st.sets(st.integers(0, 5)))
def test_any_other_order_or_hole_is_found(order: list[int], kept: set[int]):
    """Only the whole chain, or its beginning, is a chain."""
    places = [place for place in order if place in kept]
    decisions = iter([CHAIN[place] for place in places])
    if places == list(range(len(places))):
        assert checked(decisions, {}).number == len(places)
    else:
        with pytest.raises(BrokenChainError):
            checked(decisions, {})


def test_fields_cannot_lend_each_other_bytes():
    """Lengths are part of what is hashed."""
    one = CHAIN[0]
    moved = msgspec.structs.replace(one, caller=one.caller + "/", route=one.route[1:])
    assert content_of(moved) != content_of(one)


@pytest.mark.parametrize("name", FIELDS)
def test_a_byte_altered_in_the_database_is_found(database: Database, name: str):
    """Each column, through SQL, with the triggers gone."""
    placed = five(database)
    before = getattr(found(database, placed[2].id), name)
    after = flipped(before, 0, 1) if name != "number" else 77
    altered(database, f"UPDATE decisions SET {name} = :v WHERE number = 3", v=after)
    assert first_bad(database) == 3


def test_a_column_of_another_type_is_found(tmp_path: Path):
    """SQLite keeps any type in any column, and text that is not text."""
    for value in (b"caisse-75", b"\xff\xfe", 75):
        database = Database(f"sqlite:///{tmp_path / f'{value!r}.db'}")
        five(database)
        database.close()
        with sqlite3.connect(tmp_path / f"{value!r}.db") as raw:
            raw.execute("DROP TRIGGER decisions_no_update")
            raw.execute("UPDATE decisions SET caller = ? WHERE number = 4", (value,))
            if value == b"\xff\xfe":
                raw.execute("UPDATE decisions SET caller = CAST(caller AS TEXT) WHERE number = 4")
        raw.close()
        # Columns of text turn numbers into text; the hash is of another text then.
        assert first_bad(database) <= 4
        database.close()


def test_a_key_decides_once(database: Database):
    """In one commit and in a later one; another caller may use the same key."""
    first = written(database, [draft(1, key="a"), draft(2, key="a"), draft(3, key="a", caller="caisse-13"), draft(4)])
    assert [one.is_new for one in first] == [True, False, True, True]
    assert first[1].id == first[0].id
    (later,) = written(database, [draft(5, key="a")])
    assert later == Placed(first[0].id, is_new=False)
    assert verify(database).number == 3


def test_several_writers_make_one_chain(database: Database):
    """Each with connections of its own, as processes have."""
    address = database.url
    failed: list[Exception] = []

    def write(writer: int) -> None:
        own = Database(address)
        try:
            for turn in range(10):
                written(own, [draft(1000 * writer + turn * 3 + n, key=f"{turn}") for n in range(3)])
        except Exception as error:
            failed.append(error)
        finally:
            own.close()

    database.opened()
    threads = [Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert verify(database).number == 10


def test_a_ledger_moved_away_takes_no_decision(tmp_path: Path):
    """What would be written into a file that nobody finds again is refused; put back, it goes on."""
    file = tmp_path / "ledger.db"
    database = Database(f"sqlite:///{file}")
    five(database)
    moved = file.rename(tmp_path / "moved.db")
    with pytest.raises(LedgerError, match="was moved while the service ran"):
        written(database, [draft(6)])
    moved.rename(file)
    written(database, [draft(6)])
    assert verify(database).number == 6
    database.close()


def test_the_service_needs_no_more_than_to_read_and_insert(postgres: Cluster):
    """A role that owns nothing writes decisions, and can neither change them nor take the triggers away."""
    keeper = emptied(postgres.url)
    with keeper.engine.begin() as connection:
        for statement in (
            "DROP ROLE IF EXISTS service",
            "CREATE ROLE service LOGIN",
            "GRANT USAGE ON SCHEMA public TO service",
            "GRANT SELECT, INSERT ON decisions TO service",
            "GRANT SELECT ON alembic_version TO service",
        ):
            connection.execute(text(statement))
    service = Database(keeper.url.set(username="service"))
    five(service)
    assert verify(service).number == 5
    for statement in ("UPDATE decisions SET rows = 2", "ALTER TABLE decisions DISABLE TRIGGER ALL"):
        with pytest.raises(DBAPIError), service.writing() as connection:
            connection.execute(text(statement))
    service.close()
    with keeper.engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
        connection.execute(text("DROP ROLE service"))
    keeper.close()


def test_ids_are_of_version_7_and_grow_with_time():
    """Sorted by time, to the millisecond."""
    one, later = new_id(BEGUN, lambda count: b"\xff" * count), draft(1).id
    assert one == "019ca869-5000-7fff-bfff-ffffffffffff"
    assert one < later and len({draft(1).id for _ in range(50)}) == 50


@pytest.mark.parametrize("content", [b"", b"x", b"\x00\xff" * 100_000])
def test_what_is_packed_is_unpacked(content: bytes):
    """To the byte."""
    assert unpacked(packed(content)) == content


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("mysql://x/y", "neither SQLite nor PostgreSQL"),
        ("nonsense", "not a database URL"),
        ("sqlite://", "in memory is lost"),
    ],
)
def test_addresses_that_cannot_hold_a_ledger(url: str, message: str):
    """Refused before anything is answered."""
    with pytest.raises(LedgerError, match=message):
        Database(url).opened()


def test_postgresql_is_upgraded_by_its_keeper(postgres: Cluster):
    """The service does not make tables on a server; `forfait ledger upgrade` does, twice without harm."""
    url = postgres.create("keeper_upgrades")
    with pytest.raises(LedgerError, match="run forfait ledger upgrade"):
        Database(url).opened()
    for _ in range(2):
        assert "revision 0002" in told("upgrade", "--url", url)
    assert told("verify", "--url", url).startswith("0 decisions")


def test_a_ledger_of_a_later_release_is_left_alone(database: Database):
    """An older service neither writes into it nor takes it back."""
    five(database)
    with database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    later = Database(database.url)
    for use in (later.opened, later.upgrade):
        with pytest.raises(LedgerError, match="of a later release"):
            use()
    later.close()


def told(*words: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, ["ledger", *words], env={"COLUMNS": "300"})
    if code:
        assert getattr(done.exception, "exit_code", None) == code, done.output
        return str(done.exception)
    assert done.exit_code == 0, done.output + repr(done.exception)
    return done.output


def test_the_command_verifies_anchors_and_shows(database: Database):
    """verify, anchor, show; exit code 5 and the number once a decision was altered."""
    placed = five(database)
    url = database.url.render_as_string(hide_password=False)
    anchor = told("anchor", "--url", url).strip()
    assert anchor == str(newest(database))
    assert told("verify", "--url", url, "--anchor", anchor) == (
        f"5 decisions, none altered or missing; the newest is {anchor}\n"
    )
    shown = msgspec.json.decode(told("show", placed[1].id, "--url", url))
    assert (shown["number"], shown["request"], shown["result"]) == (2, {"rows": [2]}, {"expected_eur": [2]})
    altered(database, "UPDATE decisions SET rows = 2 WHERE number = 4")
    assert told("verify", "--url", url, code=5).startswith("decision 4: was altered")
    assert "no such decision" in told("show", "x", "--url", url, code=4)


def test_the_command_says_what_it_takes(tmp_path: Path):
    """Mistakes are told; reading makes no empty ledger."""
    url = f"sqlite:///{tmp_path / 'none.db'}"
    assert "none.db is missing" in told("verify", "--url", url, code=4)
    assert not (tmp_path / "none.db").exists()
    assert "say forfait ledger" in told("drop", "--url", f"sqlite:///{made(tmp_path)}", code=3)
    assert "--anchor goes with" in told("anchor", "--anchor", "1:a", code=3)
    assert "NUMBER:HASH" in told("verify", "--anchor", "1:a", "--url", f"sqlite:///{made(tmp_path)}", code=3)
    nobody = "postgresql+psycopg://keeper@127.0.0.1:1/none"
    assert told("verify", "--url", nobody, code=7) == "the ledger cannot be reached: OperationalError"


def made(folder: Path) -> Path:
    database = Database(f"sqlite:///{folder / 'made.db'}")
    database.opened()
    database.close()
    return folder / "made.db"
