"""Instalments decided, payments recorded, and the balance of a year: what the ledger is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path

import pandas as pd

from features.errors import InputError, RuleError
from features.payer_files import read_rows
from features.provenance import Provenance
from features.store import write_dataset
from features.tables import RECONCILIATION
from forfait.paying.pay import LEDGER, PAY, Done, last_run, line_in_force, note, one_structure, required_run
from schemes.amounts import Amount
from schemes.ledger import DECIDED, LedgerEntry, append, payment_of, read_ledger, unpaid
from schemes.peps.calendar import Instalment, instalments, regularisations
from schemes.reconcile import Seen, balances, reconcile
from schemes.runs import FINAL, PROVISIONAL, Run, load, rules_of

PAID_COLUMNS = ("structure_id", "scheme", "year", "label", "amount_cents", "paid_on")
REGULARISATION = "regularisation"


def record(payments: Path, done: Done, *, decided_on: date, by: str) -> list[LedgerEntry]:
    """The instalments decided by a payment (none by a final one), which now holds for its scheme, year and kind.

    Errors: RuleError where an instalment was decided before: the payment then does not hold.
    """
    provisional = done.run.kind == PROVISIONAL
    entries = decide_instalments(payments, done, decided_on=decided_on, by=by) if provisional else []
    note(payments, done.line)
    return entries


def decide_instalments(payments: Path, done: Done, *, decided_on: date, by: str) -> list[LedgerEntry]:
    """The instalments of a provisional payment, decided and recorded in the ledger.

    Errors: RuleError where one was decided before.
    """
    entries = [
        LedgerEntry(
            kind=DECIDED,
            structure_id=amount.structure_id,
            scheme=done.run.scheme,
            year=done.run.year,
            label=one.label,
            amount_cents=one.cents,
            due_on=one.due_on,
            recorded_on=decided_on,
            by=by,
            run=done.run.id,
        )
        for amount in sorted(done.payment.amounts, key=lambda one: one.structure_id)
        for one in _instalments(amount, done)
    ]
    return append(payments / LEDGER, entries)


def _instalments(amount: Amount, done: Done) -> tuple[Instalment, ...]:
    """Instalments of a structure over the part of the year in which it takes part.

    None where the year is retrospective or simulated (PEPS phases 1 and 2): fee-for-service is still paid then.
    """
    if "phase_3_days" in amount.figures and not int(amount.figures["phase_3_days"].value):
        return ()
    listed = done.inputs["participations"]
    own = listed[listed["structure_id"] == amount.structure_id]
    year, rules = done.run.year, done.rules[amount.scheme]
    first = max(own["from_date"].min().date(), date(year, 1, 1))
    last = min(own["to_date"].max().date(), date(year, 12, 31))
    return instalments(amount.total_cents, year=year, rules=rules, first_day=first, last_day=last)


def record_payments(payments: Path, path: Path, *, by: str, today: date = date.max) -> list[LedgerEntry]:
    """Payments made, from a CSV of the bank: structure_id, scheme, year, label, amount_cents, paid_on.

    Each must settle a decided entry, for its amount, by `today`: an entry dated too late would shut out those that
    follow. Errors: MissingError, InputError naming column and row; RuleError.
    """
    frame = read_rows(path, PAID_COLUMNS, holds="one payment")
    open_entries = {entry.subject: entry for entry in unpaid(read_ledger(payments / LEDGER))}
    made = [
        _payment(path, number, {str(name): str(text) for name, text in row.items()}, open_entries=open_entries, by=by)
        for number, row in enumerate(frame.to_dict("records"), start=2)
    ]
    for number, entry in enumerate(made, start=2):
        if entry.recorded_on > today:
            raise InputError(f"{path.name}: row {number}: paid_on {entry.recorded_on} is to come")
    return append(payments / LEDGER, sorted(made, key=lambda entry: entry.recorded_on))


def _payment(
    path: Path,
    number: int,
    row: Mapping[str, str],
    *,
    open_entries: dict[tuple[str, str, int, str], LedgerEntry],
    by: str,
) -> LedgerEntry:
    try:
        year, cents, day = int(row["year"]), int(row["amount_cents"]), date.fromisoformat(row["paid_on"])
    except ValueError as error:
        raise InputError(
            f"{path.name}: row {number}: year and amount_cents are whole, paid_on is YYYY-MM-DD"
        ) from error
    decision = open_entries.get((row["structure_id"], row["scheme"], year, row["label"]))
    if decision is None:
        raise RuleError(
            f"{path.name}: row {number}: {row['label']} of {row['structure_id']} is not decided, or already paid"
        )
    if decision.amount_cents != cents:
        raise RuleError(
            f"{path.name}: row {number}: {cents} cents paid where {decision.amount_cents} were decided; "
            "pay what was decided"
        )
    return payment_of(decision, paid_on=day, by=by)


def reconcile_year(
    data: Path, scheme: str, year: int, *, decided_on: date, by: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Reconciliation and balances of a scheme and year; the dataset is written, nothing is decided.

    Every structure that was paid, decided or is due; one alone where the final payment is of it alone.
    Errors: MissingError without a final payment.
    """
    payments = data / "payments"
    run, after = _seen(required_run(payments, scheme, year, FINAL))
    line, provisional = line_in_force(payments, scheme, year, FINAL), last_run(payments, scheme, year, PROVISIONAL)
    only = line.structure if line else None
    before = _only(_seen(provisional)[1], only) if provisional else None
    ledger = [entry for entry in read_ledger(payments / LEDGER) if only in (None, entry.structure_id)]
    frame = reconcile(
        scheme, year, before=before, after=after, ledger=ledger, pay=lambda i, r: PAY[scheme](i, year, r, run.seed)
    )
    provenance = Provenance(
        command=f"reconcile {scheme} --year {year}", parameters={"decided_on": decided_on, "by": by}
    )
    write_dataset(RECONCILIATION, data / "reconciliation" / scheme / str(year), frame, None, provenance=provenance)
    return frame, balances(frame)


def decide_balance(
    data: Path, scheme: str, year: int, *, balance: pd.DataFrame, decided_on: date, by: str
) -> list[LedgerEntry]:
    """The balances of a year, decided and recorded: positive to pay, negative to recover, nothing where 0."""
    payments = data / "payments"
    final, provisional = required_run(payments, scheme, year, FINAL), last_run(payments, scheme, year, PROVISIONAL)
    settled = (_settlement_days(provisional) if provisional else {}) | _settlement_days(final)
    entries = [
        LedgerEntry(
            kind=DECIDED,
            structure_id=structure,
            scheme=scheme,
            year=year,
            label=f"{REGULARISATION} {decided_on}",
            amount_cents=cents,
            due_on=max(settled.get(structure, decided_on), decided_on),
            recorded_on=decided_on,
            by=by,
            run=final.name,
        )
        for structure, cents in zip(balance["structure_id"], balance["balance_cents"].tolist(), strict=True)
        if cents
    ]
    return append(payments / LEDGER, entries)


def _settlement_days(folder: Path) -> dict[str, date]:
    """Day on which the year of each structure of a run is settled, under the rules of its scheme."""
    run, inputs = load(folder)
    book, listed = rules_of(run), inputs["participations"].drop_duplicates("structure_id")
    return {
        str(structure): regularisations(run.year, rules=book[own])[0].due_on
        for structure, own in zip(listed["structure_id"], listed["scheme"], strict=True)
    }


def _seen(folder: Path) -> tuple[Run, Seen]:
    run, inputs = load(folder)
    return run, Seen(inputs, rules_of(run), run.version_hash)


def _only(seen: Seen, structure: str | None) -> Seen:
    return seen if structure is None else replace(seen, inputs=one_structure(seen.inputs, structure))
