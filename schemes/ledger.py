"""The ledger of payments: what was decided and what has left the account, one line each, never rewritten.

`ledger.jsonl` holds one entry a line; each carries the hash of the line before, so that an alteration shows.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path

import msgspec
import pandas as pd

from features.errors import RuleError

GENESIS = "0" * 64
DECIDED, PAID = "decided", "paid"
FILE = "ledger.jsonl"


class LedgerEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An amount decided for a structure, or the payment of one.

    `label` names the instalment (2024-Q1, regularisation); `run` is the computation that decided it; `settles` is
    the number of the decided entry that a payment settles (0 on a decision).
    """

    kind: str
    structure_id: str
    scheme: str
    year: int
    label: str
    amount_cents: int
    due_on: date
    recorded_on: date
    by: str
    run: str = ""
    settles: int = 0
    number: int = 0
    previous: str = GENESIS

    @property
    def account(self) -> tuple[str, str, int]:
        """Whose entry it is: structure, scheme and year. Days only go forwards within an account."""
        return self.structure_id, self.scheme, self.year

    @property
    def subject(self) -> tuple[str, str, int, str]:
        """What is decided or paid: structure, scheme, year and label."""
        return self.structure_id, self.scheme, self.year, self.label


def read_ledger(path: Path) -> list[LedgerEntry]:
    """Entries, oldest first; none where there is no file. Errors: RuleError where the chain of hashes is broken."""
    if not path.exists():
        return []
    entries, previous = [], GENESIS
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        try:
            entry = msgspec.json.decode(line, type=LedgerEntry)
        except msgspec.DecodeError as error:
            raise RuleError(f"{path.name}, line {number}: {error}; restore it from its backup") from error
        if entry.previous != previous or entry.number != number:
            raise RuleError(f"{path.name}, line {number}: the ledger was altered; restore it from its backup")
        entries.append(entry)
        previous = hashlib.sha256(line).hexdigest()
    return entries


def append(path: Path, entries: Sequence[LedgerEntry]) -> list[LedgerEntry]:
    """The entries as recorded, numbered and linked; all of them or none, one writer at a time.

    Errors: RuleError for an instalment decided twice, a payment of nothing decided, of another amount, or twice,
    and for an entry recorded before the last one of its structure, scheme and year.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        known = read_ledger(path)
        _check(known, entries)
        lines = _last_line(path.read_bytes())
        linked: list[LedgerEntry] = []
        encoded: list[bytes] = []
        for number, entry in enumerate(entries, start=len(known) + 1):
            previous = hashlib.sha256(lines).hexdigest() if lines else GENESIS
            linked.append(msgspec.structs.replace(entry, number=number, previous=previous))
            lines = msgspec.json.encode(linked[-1], order="deterministic")
            encoded.append(lines + b"\n")
        file.write(b"".join(encoded))
        file.flush()
        os.fsync(file.fileno())
    return linked


def _last_line(content: bytes) -> bytes:
    lines = content.splitlines()
    return lines[-1] if lines else b""


def _check(known: Sequence[LedgerEntry], entries: Sequence[LedgerEntry]) -> None:
    decided = {entry.number: entry for entry in known if entry.kind == DECIDED}
    subjects = {entry.subject: entry.number for entry in decided.values()}
    settled = {entry.settles for entry in known if entry.kind == PAID}
    latest = {entry.account: entry.recorded_on for entry in known}
    for entry in entries:
        name = f"{entry.scheme} {entry.year} {entry.label} of {entry.structure_id}"
        last = latest.get(entry.account)
        if last is not None and entry.recorded_on < last:
            raise RuleError(f"{name}: recorded on {entry.recorded_on}, before its last entry ({last}); use a later day")
        if entry.kind == DECIDED:
            if entry.subject in subjects:
                raise RuleError(f"{name} was decided in entry {subjects[entry.subject]}; a decision is never rewritten")
            subjects[entry.subject] = 0
            continue
        _check_payment(name, entry, decided.get(entry.settles), is_settled=entry.settles in settled)
        settled.add(entry.settles)


def _check_payment(name: str, entry: LedgerEntry, decision: LedgerEntry | None, *, is_settled: bool) -> None:
    if entry.kind != PAID:
        raise RuleError(f"{name}: kind {entry.kind!r} is unknown; an entry is {DECIDED} or {PAID}")
    if decision is None or decision.subject != entry.subject:
        raise RuleError(f"{name}: entry {entry.settles} decides nothing of the kind; decide it before paying it")
    if is_settled:
        raise RuleError(f"{name}: entry {entry.settles} is already paid")
    if decision.amount_cents != entry.amount_cents:
        raise RuleError(
            f"{name}: {entry.amount_cents} cents paid, {decision.amount_cents} decided in entry {entry.settles}; "
            "pay what was decided"
        )


def payment_of(decision: LedgerEntry, *, paid_on: date, by: str) -> LedgerEntry:
    """The payment of a decided entry, to append."""
    return msgspec.structs.replace(
        decision, kind=PAID, recorded_on=paid_on, by=by, settles=decision.number, number=0, previous=GENESIS
    )


def unpaid(entries: Iterable[LedgerEntry]) -> list[LedgerEntry]:
    """Decided entries that nothing has paid yet, oldest first."""
    listed = list(entries)
    settled = {entry.settles for entry in listed if entry.kind == PAID}
    return [entry for entry in listed if entry.kind == DECIDED and entry.number not in settled]


def of_structure(entries: Iterable[LedgerEntry], structure_id: str, *, scheme: str, year: int) -> list[LedgerEntry]:
    """Entries of one structure, scheme and year, oldest first."""
    return [e for e in entries if (e.structure_id, e.scheme, e.year) == (structure_id, scheme, year)]


def ledger_frame(entries: Iterable[LedgerEntry]) -> pd.DataFrame:
    """The ledger as a frame, one entry a row, oldest first."""
    rows = [msgspec.structs.asdict(entry) for entry in entries]
    return pd.DataFrame(rows, columns=list(LedgerEntry.__struct_fields__))
