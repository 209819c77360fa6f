"""The ledger: decisions and payments, each once, in a chain that shows any alteration."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from features.errors import RuleError
from schemes.ledger import DECIDED, LedgerEntry, append, ledger_frame, payment_of, read_ledger, unpaid


def decision(label: str = "2024-Q1", cents: int = 1000, *, on: date = date(2023, 12, 31)) -> LedgerEntry:
    return LedgerEntry(
        kind=DECIDED, structure_id="STR001", scheme="peps", year=2024, label=label, amount_cents=cents,
        due_on=date(2024, 1, 31), recorded_on=on, by="Cnam", run="ab12",
    )  # fmt: skip


def test_decided_then_paid(tmp_path: Path):
    """Two instalments decided, one paid: the other is still to pay."""
    ledger = tmp_path / "ledger.jsonl"
    first, _ = append(ledger, [decision("2024-Q1"), decision("2024-Q2")])
    append(ledger, [payment_of(first, paid_on=date(2024, 1, 31), by="bank")])
    entries = read_ledger(ledger)
    assert [(e.number, e.kind, e.label, e.settles) for e in entries] == [
        (1, "decided", "2024-Q1", 0),
        (2, "decided", "2024-Q2", 0),
        (3, "paid", "2024-Q1", 1),
    ]
    assert [entry.label for entry in unpaid(entries)] == ["2024-Q2"]
    assert ledger_frame(entries)["amount_cents"].tolist() == [1000, 1000, 1000]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"label": "2024-Q1"}, "was decided in entry 1"),
        ({"label": "2024-Q3", "recorded_on": date(2023, 1, 1)}, "before its last entry"),
        ({"label": "2024-Q9", "kind": "paid", "settles": 9}, "decides nothing of the kind"),
        ({"label": "2024-Q1", "kind": "paid", "settles": 1, "amount_cents": 999}, "999 cents paid, 1000 decided"),
        ({"label": "2024-Q1", "kind": "cancelled"}, "kind 'cancelled' is unknown"),
    ],
)
def test_what_the_ledger_refuses(tmp_path: Path, change: dict[str, object], message: str):
    """Nothing is decided twice, paid undecided or for another amount; time runs forwards. Nothing is written then."""
    import msgspec

    ledger = tmp_path / "ledger.jsonl"
    append(ledger, [decision()])
    before = ledger.read_bytes()
    with pytest.raises(RuleError, match=message):
        append(ledger, [msgspec.structs.replace(decision(), **change)])
    assert ledger.read_bytes() == before


def test_days_go_forwards_within_an_account(tmp_path: Path):
    """Another scheme or structure may be recorded on an earlier day: a bank statement comes when it comes."""
    import msgspec

    ledger = tmp_path / "ledger.jsonl"
    append(ledger, [decision(on=date(2024, 6, 1))])
    append(ledger, [msgspec.structs.replace(decision(on=date(2024, 1, 1)), scheme="ipso")])
    assert [entry.recorded_on for entry in read_ledger(ledger)] == [date(2024, 6, 1), date(2024, 1, 1)]


def test_paid_twice_is_refused(tmp_path: Path):
    """An entry is settled once."""
    ledger = tmp_path / "ledger.jsonl"
    (first,) = append(ledger, [decision()])
    payment = payment_of(first, paid_on=date(2024, 2, 1), by="bank")
    append(ledger, [payment])
    with pytest.raises(RuleError, match="already paid"):
        append(ledger, [payment])


@pytest.mark.parametrize("line", [0, 1])
def test_an_altered_line_is_found(tmp_path: Path, line: int):
    """A cent changed anywhere but in the last line breaks the chain; a lost line too."""
    ledger = tmp_path / "ledger.jsonl"
    append(ledger, [decision("2024-Q1"), decision("2024-Q2"), decision("2024-Q3")])
    lines = ledger.read_bytes().splitlines(keepends=True)
    altered = [*lines]
    altered[line] = altered[line].replace(b":1000,", b":1001,")
    for content in (altered, lines[:line] + lines[line + 1 :]):
        ledger.write_bytes(b"".join(content))
        with pytest.raises(RuleError, match="altered"):
            read_ledger(ledger)
