"""`forfait token` and `forfait accesses`, as a keeper of the service types them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from forfait.cli import main
from serving.access.accesses import Recorder
from serving.access.tables import engine_of
from serving.access.tokens import SECRET, tokens
from tests.serving.test_access_record import ROW

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Exit code, output and errors of a command, over a database of its own."""
    monkeypatch.setenv("FORFAIT_ACCESS_URL", f"sqlite:///{tmp_path / 'a' / 'access.sqlite'}")
    monkeypatch.setattr("forfait.console.out.width", 300)

    def found(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["forfait", *words])
        try:
            main()
            code = 0
        except SystemExit as exit_:
            code = int(exit_.code or 0)
        told = capsys.readouterr()
        return code, told.out, told.err

    return found


def test_a_token_from_its_making_to_its_end(run: Run, tmp_path: Path):
    """The secret alone on standard output, once; the list tells the rest."""
    words = (
        "--name",
        "payments",
        "--role",
        "payer",
        "--structures",
        "S2, S1",
        "--expires",
        "2099-12-31",
        "--by",
        "DSI",
    )
    code, secret, told = run("token", "create", *words)
    assert (code, SECRET.fullmatch(secret.strip()) is not None) == (0, True)
    assert "payer, 2 structures, until 2099-12-31" in " ".join(told.split())
    listed = run("token", "list")[1]
    assert all(word in listed for word in ("payments", "S1, S2", "by DSI", "2099-12-31", "active"))
    assert secret.strip()[17:] not in listed
    assert run("token", "revoke", "payments", "--by", "RSSI", "--why", "lost")[0] == 0
    assert "by RSSI: lost" in run("token", "list")[1]
    (kept,) = tokens(engine_of(f"sqlite:///{tmp_path / 'a' / 'access.sqlite'}"))
    assert (kept.revoked_by, kept.state(datetime.now(UTC).date())) == ("RSSI", "revoked")


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["token", "list"], 4, "no token was ever made there; run forfait token create"),
        (["token", "revoke", "x", "--by", "me", "--why", "so"], 4, "no token was ever made there"),
        (["accesses", "--from", "2020-01-01"], 4, "no token was ever made there"),
        (["token", "create", "--name", "x", "--role", "king"], 3, "--role is one of payer, auditor, modeller, admin"),
        (["token", "create", "--name", "Dr X", "--role", "payer"], 3, "--name takes 1 to 64"),
        (["token", "create", "--name", "x", "--role", "payer", "--structures", "S1,,S2"], 3, "--structures takes"),
        (["token", "create", "--name", "x", "--role", "payer", "--expires", "2020-01-01"], 3, "is past"),
        (
            ["token", "create", "--name", "x", "--role", "payer", "--access", "sqlite:////proc/x.db"],
            4,
            "cannot be opened",
        ),
        (["token", "list", "--access", "nonsense"], 5, "FORFAIT_ACCESS_URL cannot be used"),
    ],
)
def test_mistakes_are_told(run: Run, words: list[str], code: int, message: str):
    """By kind of error, with what to do."""
    found = run(*words)
    assert (found[0], message in " ".join(found[2].split())) == (code, True), found


def test_accesses_of_some_days(run: Run, tmp_path: Path):
    """One line each; --denied for refusals alone."""
    run("token", "create", "--name", "payments", "--role", "payer")
    recorder = Recorder(engine_of(f"sqlite:///{tmp_path / 'a' / 'access.sqlite'}"))
    recorder.add(ROW, is_urgent=False)
    recorder.add(msgspec.structs.replace(ROW, status=403, reason="wrong_role", route="/metrics"), is_urgent=False)
    recorder.close()
    both, one = (
        run("accesses", "--from", "2027-03-01", "--to", "2027-03-01", *more)[1] for more in ((), ("--denied",))
    )
    assert ("POST /predict" in both, "wrong_role" in both) == (True, True)
    assert ("POST /predict" in one, "wrong_role" in one) == (False, True)
    assert "POST /predict" not in run("accesses", "--from", "2027-03-02", "--to", "2027-03-03")[1]
    assert run("accesses", "--from", "2027-03-02", "--to", "2027-03-01")[0] == 3
