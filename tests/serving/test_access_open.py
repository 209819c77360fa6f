"""FORFAIT_ACCESS=open: a laptop's demo, for this machine alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from pydantic import ValidationError

from features.errors import InputError
from forfait.cli_serve import check_host
from serving.access.door import is_here, is_loopback
from serving.app import build_app
from serving.settings import ServiceSettings
from tests.serving.client import Client

HERE, AWAY = ("127.0.0.1", 50000), ("192.0.2.7", 50000)


def scope(client: object = HERE, server: object = ("127.0.0.1", 3000), **headers: str) -> dict[str, object]:
    named = {"host": "127.0.0.1:3000"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return {"client": client, "server": server, "headers": [(k.encode(), v.encode()) for k, v in named.items()]}


@pytest.mark.parametrize(
    ("given", "is_let_in"),
    [
        (scope(), True),
        (scope(("::1", 1), ("::1", 3000), host="[::1]:3000"), True),
        (scope(host="localhost:3000"), True),
        (scope(host="LOCALHOST"), True),
        (scope(AWAY), False),
        (scope(server=("10.0.0.4", 3000)), False),
        (scope(None), False),
        (scope(server=None), False),
        (scope(server=("service.sock", None)), False),
        (scope(host="rebound.example"), False),
        (scope(host="127.0.0.1.rebound.example"), False),
        (scope(host=""), False),
        (scope(x_forwarded_for="127.0.0.1"), False),
        (scope(forwarded="for=192.0.2.7"), False),
        (scope(x_real_ip="127.0.0.1"), False),
    ],
)
def test_only_a_connection_from_here_to_here_under_a_name_of_here(given: dict[str, object], is_let_in: bool):
    """Not through a proxy, not over the network, not for a web page whose name was pointed at this machine."""
    assert is_here(given) is is_let_in


@pytest.fixture(scope="module")
def portal() -> Iterator[BlockingPortal]:
    with start_blocking_portal() as found:
        yield found


def test_open_lets_this_machine_do_everything_and_records_nothing(versions: Path, portal: BlockingPortal):
    """And another name is turned away, but for health."""
    client = Client(build_app(ServiceSettings(versions=versions, access="open")), portal)
    assert [client.get(path).status_code for path in ("/models", "/metrics", "/docs")] == [200, 200, 200]
    assert client.app.state.door.recorder is None
    away = {"host": "forfait.example"}
    assert [client.get(path, headers=away).status_code for path in ("/models", "/healthz")] == [403, 200]


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.8.9.1"])
def test_forfait_serve_opens_here(host: str):
    """FORFAIT_ACCESS is open in these tests."""
    check_host(host)
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "forfait.example", ""])
def test_forfait_serve_does_not_open_elsewhere(host: str, monkeypatch: pytest.MonkeyPatch):
    """With tokens it may listen anywhere."""
    with pytest.raises(InputError, match="FORFAIT_ACCESS=open serves this machine alone"):
        check_host(host)
    monkeypatch.setenv("FORFAIT_ACCESS", "closed")
    check_host(host)


def test_closed_is_the_default(monkeypatch: pytest.MonkeyPatch):
    """And nothing but open and closed is taken."""
    monkeypatch.delenv("FORFAIT_ACCESS")
    assert ServiceSettings().access == "closed"
    with pytest.raises(ValidationError):
        ServiceSettings(access="Open")  # type: ignore[arg-type]


def test_the_address_of_the_tokens_is_not_shown():
    """It may hold a password."""
    assert "secret" not in repr(ServiceSettings(access_url="postgresql+psycopg://u:secret@db/forfait"))
