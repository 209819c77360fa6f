"""Tokens: shown once, kept as a hash, bounded in time, revoked without a restart."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from anyio.from_thread import start_blocking_portal
from sqlalchemy import delete, text, update
from sqlalchemy.exc import DatabaseError

from features.errors import InputError, MissingError, RuleError
from serving.access.callers import DeniedError
from serving.access.tables import ACCESSES, SCHEMA, engine_of, prepare
from serving.access.tokens import TokenBook, Wanted, create, parts_of, revoke, tokens
from tests.serving.access_made import closed

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
PAYER = Wanted(name="payments", role="payer", structures=("S2", "S1", "S2"), expires_on=date(2027, 12, 31))


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'new' / 'access.sqlite'}"


def book_at(url: str, at: datetime) -> TokenBook:
    """The tokens as a service reads them on a day."""
    found = TokenBook(engine_of(url), lambda: at, 1e-9)
    found.refresh()
    return found


def test_the_secret_is_256_bits_and_only_its_hash_is_kept(url: str, tmp_path: Path):
    """What is on disk does not let anyone in, and is its owner's alone."""
    secret = create(engine_of(url), PAYER, by="DSI", at=NOW)
    again = create(engine_of(url), Wanted(name="other", role="payer"), by="DSI", at=NOW)
    found = parts_of(secret)
    assert found is not None
    assert (len(bytes.fromhex(found[1])), secret != again) == (32, True)
    file = tmp_path / "new" / "access.sqlite"
    assert found[1].encode() not in b"".join(path.read_bytes() for path in file.parent.iterdir())
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_token_names_its_caller(url: str):
    """Name, role and structures; None is every structure."""
    secret = create(engine_of(url), PAYER, by="DSI", at=NOW)
    caller = book_at(url, NOW).caller(*parts_of(secret))  # type: ignore[misc]
    assert (caller.name, caller.role, caller.structures) == ("payments", "payer", frozenset({"S1", "S2"}))
    assert caller.issuer == "forfait"
    everywhere = create(engine_of(url), Wanted(name="all", role="payer"), by="DSI", at=NOW)
    assert book_at(url, NOW).caller(*parts_of(everywhere)).structures is None  # type: ignore[misc]


@pytest.mark.parametrize(
    ("at", "is_in"),
    [(datetime(2027, 12, 31, 23, 59, 59, tzinfo=UTC), True), (datetime(2028, 1, 1, tzinfo=UTC), False)],
)
def test_the_last_day_counts_to_its_end(url: str, at: datetime, is_in: bool):
    """In UTC."""
    parts = parts_of(create(engine_of(url), PAYER, by="DSI", at=NOW))
    assert parts is not None
    if is_in:
        assert book_at(url, at).caller(*parts).name == "payments"
    else:
        with pytest.raises(DeniedError) as denied:
            book_at(url, at).caller(*parts)
        assert (denied.value.reason, denied.value.status) == ("expired_token", 401)


def test_a_name_is_used_once(url: str):
    """Even after it was revoked: an access of years ago has one bearer."""
    create(engine_of(url), PAYER, by="DSI", at=NOW)
    revoke(engine_of(url), "payments", by="DSI", why="lost", at=NOW)
    with pytest.raises(RuleError, match="a token was already named payments"):
        create(engine_of(url), PAYER, by="DSI", at=NOW)


def test_a_revocation_says_who_why_and_when_once(url: str):
    """And cannot be written over."""
    create(engine_of(url), PAYER, by="DSI", at=NOW)
    done = revoke(engine_of(url), "payments", by="RSSI", why="laptop lost", at=NOW)
    told = (done.revoked_by, done.revoked_why, done.revoked_at, done.state(NOW.date()))
    assert told == ("RSSI", "laptop lost", "2027-03-01T12:00:00.000000Z", "revoked")
    with pytest.raises(RuleError, match="was revoked on 2027-03-01"):
        revoke(engine_of(url), "payments", by="me", why="again", at=NOW + timedelta(days=1))
    assert tokens(engine_of(url)) == [done]
    with pytest.raises(MissingError):
        revoke(engine_of(url), "nobody", by="me", why="so", at=NOW)
    with pytest.raises(InputError):
        revoke(engine_of(url), "payments", by=" ", why="so", at=NOW)


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted(name="2850578006048", role="payer"),
        Wanted(name="two words", role="payer"),
        Wanted(name="a\nb", role="payer"),
        Wanted(name="a", role="king"),
        Wanted(name="a", role="open"),
        Wanted(name="a", role="payer", structures=()),
        Wanted(name="a", role="payer", structures=("S1", " ")),
        Wanted(name="a", role="payer", expires_on=date(2027, 2, 28)),
    ],
)
def test_what_cannot_be_is_refused(url: str, wanted: Wanted):
    """A name fit for logs, a role of the table, structures that are named, a day to come."""
    with pytest.raises(InputError):
        create(engine_of(url), wanted, by="DSI", at=NOW)


def test_a_change_is_seen_without_a_restart(versions: Path, tmp_path: Path):
    """A token made while the service runs is let in, one revoked is not, within FORFAIT_ACCESS_SECONDS."""
    with start_blocking_portal() as portal:
        service = closed(tmp_path, versions, portal)
        assert service.call("GET", "/models").status_code == 401
        token = service.token("late", "auditor")
        assert service.call("GET", "/models", token).status_code == 200
        service.revoke("late")
        assert service.call("GET", "/models", token).status_code == 401


def test_the_list_is_kept_for_its_seconds_and_no_longer(url: str, monkeypatch: pytest.MonkeyPatch):
    """Read at most once in that time; old, it judges nobody."""
    seconds = [100.0]
    monkeypatch.setattr("serving.access.tokens.time.monotonic", lambda: seconds[0])
    parts = parts_of(create(engine_of(url), PAYER, by="DSI", at=NOW))
    book = TokenBook(engine_of(url), lambda: NOW, 2.0)
    book.refresh()
    revoke(engine_of(url), "payments", by="DSI", why="lost", at=NOW)
    seconds[0] = 101.9
    book.refresh()
    assert (book.is_fresh, book.caller(*parts).name) == (True, "payments")  # type: ignore[misc]
    seconds[0] = 102.0
    assert not book.is_fresh
    book.refresh()
    with pytest.raises(DeniedError, match="revoked_token"):
        book.caller(*parts)  # type: ignore[misc]


def test_tokens_that_cannot_be_read_let_nobody_in(versions: Path, tmp_path: Path):
    """503, also for a token that was good a moment ago; and again 200 once the table can be read."""
    with start_blocking_portal() as portal:
        service = closed(tmp_path, versions, portal)
        token = service.token("reader", "auditor")
        assert service.call("GET", "/models", token).status_code == 200
        with sqlite3.connect(tmp_path / "access.sqlite") as raw:
            raw.execute("ALTER TABLE access_tokens RENAME TO gone")
        closed_now = service.call("GET", "/models", token)
        assert (closed_now.status_code, closed_now.headers["retry-after"]) == (503, "1")
        assert service.call("GET", "/healthz").status_code == 200
        with sqlite3.connect(tmp_path / "access.sqlite") as raw:
            raw.execute("ALTER TABLE gone RENAME TO access_tokens")
        assert service.call("GET", "/models", token).status_code == 200


def test_several_processes_may_make_the_tables(url: str):
    """At once, as workers do when they start."""
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(prepare, [engine_of(url) for _ in range(8)])) == [None] * 8
    assert tokens(engine_of(url)) == []


def test_tables_of_another_form_are_refused(url: str):
    """A newer service wrote them."""
    engine = engine_of(url)
    prepare(engine)
    with engine.begin() as connection:
        connection.execute(update(SCHEMA).values(form=2))
    with pytest.raises(RuleError, match="have form 2"):
        prepare(engine)


def test_accesses_only_grow(url: str):
    """The database itself refuses to change or remove a row."""
    engine = engine_of(url)
    prepare(engine)
    row = dict.fromkeys(("request_id", "caller", "issuer", "role", "method", "route", "reason"), "x")
    with engine.begin() as connection:
        connection.execute(ACCESSES.insert().values(at="2027-01-01T00:00:00.000000Z", status=401, count=1, **row))
    for change in (update(ACCESSES).values(status=200), delete(ACCESSES), text("DELETE FROM accesses")):
        with pytest.raises(DatabaseError, match="append-only"), engine.begin() as connection:
            connection.execute(change)


@pytest.mark.parametrize("given", ["", "nonsense", "oracle://x", "postgresql+nodriver://x/y"])
def test_an_address_that_is_none_is_refused_without_repeating_it(given: str):
    """It may hold a password."""
    with pytest.raises(RuleError, match="FORFAIT_ACCESS_URL cannot be used") as refused:
        engine_of(given)
    assert not given or given not in str(refused.value)
