"""What a user meets at the terminal: help, refusals without a stack trace, exit codes by kind of error."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from forfait.cli import main


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["read", "--snds", "nowhere", "--year", "2024"], 3, "IR_BEN_R is missing"),
        (["synth", "--years", "2024..2022"], 3, "give the first and last year, as in 2022..2024"),
        (["features", "--year", "2024"], 4, "run forfait read --year 2023"),
        (["spending", "--year", "2024"], 4, "run forfait read --year 2024"),
        (["features", "--year", "2024", "--engine", "abacus"], 3, "choose one of duckdb, spark"),
        (["in-force", "peps_mg", "--on", "2024-03-01"], 5, "no version of peps_mg was in force on 2024-03-01"),
        (["predict", "peps_mg", "--year", "2024", "--version", "7"], 4, "run forfait train peps_mg"),
        (
            ["predict", "peps_mg", "--year", "2024", "--version", "1", "--on", "2024-03-01"],
            3,
            "--version and --on both choose a version; give one of them",
        ),
        (
            [
                "promote",
                "peps_mg",
                "--version",
                "1",
                "--from",
                "2024-01-01",
                "--by",
                "me",
                "--why",
                "so",
                "--decided-on",
                "2999-01-01",
            ],
            3,
            "--decided-on 2999-01-01 is to come",
        ),
        (["train", "no_such_model", "--year", "2024"], 3, "no_such_model"),
        (["in-force", "peps_mg", "--on", "yesterday"], 2, "yesterday"),
        (["attribute", "--roster", "none.csv", "--year", "2024"], 4, "run forfait read --year 2024"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else None,
)
def test_mistakes_are_told_without_a_stack_trace(
    words: list[str],
    code: int,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    """3 input, 4 missing step, 5 rule or register, 2 usage; the message says what to do."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["forfait", *words])
    with pytest.raises(SystemExit) as exit_:
        main()
    told = " ".join(capsys.readouterr().err.split())
    assert (exit_.value.code, "Traceback" in told) == (code, False), told
    assert message in told
