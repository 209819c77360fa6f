"""A payment with and without changes, component by component; and a payment along a grid of values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Protocol

import pandas as pd

from schemes.amounts import Payment
from schemes.simulate.change import Change, Inputs, RuleBook, changed

PAID, ABSENT, NOT_PAID = "paid", "absent", "not_paid"
STATUS = ["base_status", "simulated_status"]
CENTS = ["base_cents", "simulated_cents", "difference_cents"]
COLUMNS = ["structure_id", "order", "component", *CENTS, *STATUS]
SWEPT = ["value", "structure_id", "amount_cents", "difference_cents", "status"]


class Pay(Protocol):
    """What pays: `schemes.<scheme>.pay`, or anything of its shape."""

    def __call__(self, inputs: Inputs, *, year: int, rules: RuleBook) -> Payment:
        """The payment of a year."""


def simulate(pay: Pay, inputs: Inputs, rules: RuleBook, changes: Iterable[Change], *, year: int) -> pd.DataFrame:
    """Base, simulated and difference, in cents, of each component of each structure; columns add up to the amounts.

    The changes apply together, in their order. Components stand in the order of the base, then those that only the
    simulation has; one that a side does not have is 0 there. A structure that a side does not pay has 0 on it, and
    its status says why: the reasons of its refusal, or "absent"; "paid" otherwise. Where neither side pays it, its
    one row is the component "not_paid".
    """
    base = pay(inputs, year=year, rules=rules)
    other_inputs, other_rules = changed(inputs, rules, changes)
    return compared(base, pay(other_inputs, year=year, rules=other_rules))


def compared(base: Payment, simulated: Payment) -> pd.DataFrame:
    """Two payments side by side; see `simulate`."""
    before, after = _components(base), _components(simulated)
    was, becomes = _status(base), _status(simulated)
    rows = []
    for structure in sorted({*was, *becomes}):
        one, two = before.get(structure, {}), after.get(structure, {})
        told = (was.get(structure, ABSENT), becomes.get(structure, ABSENT))
        for order, name in enumerate(dict.fromkeys([*one, *two]) or [NOT_PAID], start=1):
            cents = (one.get(name, 0), two.get(name, 0))
            rows.append((structure, order, name, *cents, cents[1] - cents[0], *told))
    return pd.DataFrame(rows, columns=COLUMNS)


def totals(simulation: pd.DataFrame) -> pd.DataFrame:
    """One row per structure of a simulation: base, simulated and difference in cents, and both statuses."""
    return simulation.groupby(["structure_id", *STATUS], sort=True, as_index=False)[CENTS].sum()


def sweep(
    pay: Pay,
    inputs: Inputs,
    rules: RuleBook,
    change: Callable[[Decimal], Change],
    *,
    values: Sequence[Decimal | float | str],
    year: int,
) -> pd.DataFrame:
    """The amount of each structure at each value: value, structure_id, amount_cents, difference_cents, status.

    `change` makes a change of a value: `fidelisation_set`, or `lambda v: parameter("cap_over_ffs", str(v))`. A
    structure that is not paid at a value has an empty amount there, and its status says why; the difference is empty
    unless the base pays it too.
    """
    base = {amount.structure_id: amount.total_cents for amount in pay(inputs, year=year, rules=rules).amounts}
    rows: list[tuple[object, ...]] = []
    for value in values:
        exact = Decimal(str(value))
        other_inputs, other_rules = changed(inputs, rules, [change(exact)])
        payment = pay(other_inputs, year=year, rules=other_rules)
        found = {amount.structure_id: amount.total_cents for amount in payment.amounts}
        for structure, status in sorted(_status(payment).items()):
            cents = found.get(structure)
            gap = cents - base[structure] if cents is not None and structure in base else None
            rows.append((float(exact), structure, cents, gap, status))
    frame = pd.DataFrame(rows, columns=SWEPT)
    return frame.astype({"amount_cents": "Int64", "difference_cents": "Int64"})


def _components(payment: Payment) -> dict[str, dict[str, int]]:
    """Cents by structure and component; components of one name are added."""
    found: dict[str, dict[str, int]] = {}
    for amount in payment.amounts:
        by_name = found.setdefault(amount.structure_id, {})
        for component in amount.components:
            by_name[component.name] = by_name.get(component.name, 0) + component.amount_cents
    return found


def _status(payment: Payment) -> dict[str, str]:
    """ "paid", or the reasons of a refusal, by structure."""
    refused: dict[str, list[str]] = {}
    for structure, reason in zip(payment.refused["structure_id"], payment.refused["reason"], strict=True):
        refused.setdefault(str(structure), []).append(str(reason))
    told = {structure: " ".join(sorted(reasons)) for structure, reasons in refused.items()}
    return told | {amount.structure_id: PAID for amount in payment.amounts}
