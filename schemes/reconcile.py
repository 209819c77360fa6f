"""Due against paid: why a structure's final amount differs from its instalments, one reason after the other.

Each step replaces one part of what the provisional computation saw by what the final one sees, and pays again: the
difference is what that reason is worth. The steps stand in a fixed order, so that they add up to the cent; at each
of them a patient is in one team at a time (presence moves before the list does).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import pandas as pd

from features.errors import InputError
from features.tables import RECONCILIATION
from schemes.amounts import Payment
from schemes.ledger import DECIDED, PAID, LedgerEntry
from schemes.rulebook import Rules

KEY = ["structure_id", "patient_id"]
LIST = "patients"
PRESENCE = ("present_share", "first_day", "last_day")
CARE = ("in_team_cents", "outside_cents", "neutralised_cents")
CARE_FRAMES = ("fee_for_service", "zones", "boxes")
REFERENCE_FRAMES = ("reference",)
REASONS = (
    "paid", "decided_not_paid", "withheld", "presence", "patients_out", "patients_in", "late_claims",
    "model_change", "characteristics", "participation", "rule_change", "first_computation",
)  # fmt: skip
Inputs = dict[str, pd.DataFrame]
PayAgain = Callable[[Mapping[str, pd.DataFrame], Mapping[str, Rules]], Payment]


@dataclass(frozen=True)
class Seen:
    """What a computation saw: its inputs, its rules, and the hash of the model version behind its expectations."""

    inputs: Inputs
    rules: Mapping[str, Rules]
    version_hash: str = ""


def reconcile(
    scheme: str, year: int, *, before: Seen | None, after: Seen, pay: PayAgain, ledger: Iterable[LedgerEntry]
) -> pd.DataFrame:
    """Rows of RECONCILIATION: by structure, from what was paid to what is due, to the cent.

    `before` is what the provisional computation saw (None where there was none), `after` the final one.
    A structure paid, decided or due in either is in the frame. Errors: InputError where the walk does not arrive.
    """
    due = _totals(pay(after.inputs, after.rules))
    provisional = _totals(pay(before.inputs, before.rules)) if before else {}
    entries = [entry for entry in ledger if (entry.scheme, entry.year) == (scheme, year)]
    decided, paid = _sums(entries, DECIDED), _sums(entries, PAID)
    moves = list(_moves(before, after, pay=pay)) if before else [("first_computation", due)]
    rows = []
    for structure in sorted({*due, *provisional, *decided}):
        amounts = {
            "paid": paid.get(structure, 0),
            "decided_not_paid": decided.get(structure, 0) - paid.get(structure, 0),
            "withheld": provisional.get(structure, 0) - decided.get(structure, 0),
        }
        if not before:
            amounts["first_computation"] = due.get(structure, 0) - provisional.get(structure, 0)
        else:
            amounts |= _differences(structure, provisional, moves)
        rows += _rows(structure, scheme, year, amounts, due=due.get(structure, 0))
    return pd.DataFrame(rows, columns=RECONCILIATION.column_names)


def _moves(before: Seen, after: Seen, *, pay: PayAgain) -> Iterator[tuple[str, dict[str, int]]]:
    """Totals by structure after each step from `before` to `after`."""
    current, rules = dict(before.inputs), {**after.rules, **before.rules}
    for reason, step in _steps(changes_model=before.version_hash != after.version_hash):
        current = step(current, after.inputs)
        yield reason, _totals(pay(current, rules))
    yield "rule_change", _totals(pay(current, after.rules))


def _steps(*, changes_model: bool) -> list[tuple[str, Callable[[Inputs, Inputs], Inputs]]]:
    return [
        ("presence", lambda now, final: _columns(now, final, PRESENCE)),
        ("patients_out", _without_those_who_left),
        ("patients_in", _with_those_who_came),
        ("late_claims", lambda now, final: _frames(_columns(now, final, CARE), final, CARE_FRAMES)),
        ("model_change" if changes_model else "characteristics", _everything_about_patients),
        ("participation", lambda now, final: dict(final)),
    ]


def _without_those_who_left(now: Inputs, final: Inputs) -> Inputs:
    stay = final[LIST][KEY]
    return {**now, LIST: now[LIST].merge(stay, on=KEY, how="inner", validate="1:1")}


def _with_those_who_came(now: Inputs, final: Inputs) -> Inputs:
    known = now[LIST][KEY].assign(is_known=True)
    marked = final[LIST].merge(known, on=KEY, how="left", validate="1:1")
    came = marked[marked["is_known"].isna()].drop(columns="is_known")
    return {**now, LIST: pd.concat([now[LIST], came[list(now[LIST].columns)]], ignore_index=True)}


def _columns(now: Inputs, final: Inputs, names: Iterable[str]) -> Inputs:
    """The list of `now` with some columns as in `final`, for the patients that both hold."""
    taken = [name for name in names if name in now[LIST].columns]
    beside = final[LIST][[*KEY, *taken]].assign(is_final=True)
    merged = now[LIST].merge(beside, on=KEY, how="left", validate="1:1", suffixes=("", "_final"))
    is_both = merged["is_final"].notna()
    moved = {name: merged[name].where(~is_both, merged[f"{name}_final"]) for name in taken}
    same_types = merged.assign(**moved)[list(now[LIST].columns)].astype(now[LIST].dtypes[taken].to_dict())
    return {**now, LIST: same_types}


def _everything_about_patients(now: Inputs, final: Inputs) -> Inputs:
    return _frames({**now, LIST: final[LIST]}, final, REFERENCE_FRAMES)


def _frames(now: Inputs, final: Inputs, names: Iterable[str]) -> Inputs:
    return {**now, **{name: final[name] for name in names if name in final}}


def _differences(
    structure: str, provisional: Mapping[str, int], moves: list[tuple[str, dict[str, int]]]
) -> dict[str, int]:
    running, found = provisional.get(structure, 0), {}
    for reason, totals in moves:
        found[reason] = totals.get(structure, 0) - running
        running = totals.get(structure, 0)
    return found


def _rows(structure: str, scheme: str, year: int, amounts: Mapping[str, int], *, due: int) -> list[tuple[object, ...]]:
    running = 0
    rows: list[tuple[object, ...]] = []
    for order, (reason, cents) in enumerate(amounts.items(), start=1):
        running += cents
        rows.append((structure, scheme, year, order, reason, cents, running, None))
    if running != due:
        raise InputError(f"{structure}: the reasons add up to {running} cents, {due} are due; compute both runs again")
    return rows


def _totals(payment: Payment) -> dict[str, int]:
    return {amount.structure_id: amount.total_cents for amount in payment.amounts}


def _sums(entries: Iterable[LedgerEntry], kind: str) -> dict[str, int]:
    sums: dict[str, int] = {}
    for entry in entries:
        if entry.kind == kind:
            sums[entry.structure_id] = sums.get(entry.structure_id, 0) + entry.amount_cents
    return sums


def balances(reconciliation: pd.DataFrame) -> pd.DataFrame:
    """Due, decided and balance (due − decided) by structure, in cents: what a regularisation has to settle."""
    by_reason = reconciliation.pivot_table(index="structure_id", columns="reason", values="amount_cents", aggfunc="sum")
    due = reconciliation.groupby("structure_id")["running_cents"].last()
    decided = by_reason["paid"] + by_reason["decided_not_paid"]
    frame = pd.DataFrame({"due_cents": due, "paid_cents": by_reason["paid"], "decided_cents": decided})
    return frame.assign(balance_cents=frame["due_cents"] - frame["decided_cents"]).astype("int64").reset_index()
