"""An amount with its components: each step moves a running amount, and the cents of the steps add up to it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

import pandas as pd

from features.tables import AMOUNTS, TARGETS
from schemes.money import MICRO, round_cents


@dataclass(frozen=True)
class Component:
    """What one step adds or takes away, the running amount after it, and the parameters it used."""

    name: str
    amount_cents: int
    running_cents: int
    rule_keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class Figure:
    """A figure behind an amount that is not money to pay: value as exact text ("" where it has none) and unit."""

    value: str
    unit: str


def figure(value: Decimal | float | int | None, unit: str, step: Decimal = MICRO) -> Figure:
    """A figure as exact text, rounded to `step`; empty where there is none; a whole number stays one."""
    if value is None:
        return Figure("", unit)
    if isinstance(value, int):
        return Figure(str(value), unit)
    exact = value if isinstance(value, Decimal) else Decimal(repr(float(value)))
    rounded = exact.quantize(step)
    return Figure(str(rounded if rounded else rounded.copy_abs()), unit)


@dataclass(frozen=True)
class Amount:
    """What a scheme pays a structure for a year: components that add up, and the figures behind them."""

    structure_id: str
    scheme: str
    year: int
    components: tuple[Component, ...]
    figures: dict[str, Figure]
    warnings: tuple[str, ...] = ()

    @property
    def total_cents(self) -> int:
        """The amount, in cents; 0 without components."""
        return self.components[-1].running_cents if self.components else 0


@dataclass
class Walk:
    """Steps of a running amount. Each running amount is rounded once; a component is the difference of two."""

    components: list[Component] = field(default_factory=list)

    def to(self, name: str, running_eur: Decimal, *rule_keys: str) -> Decimal:
        """The running euros, unrounded, after recording the step that leads to them."""
        running = round_cents(running_eur)
        before = self.components[-1].running_cents if self.components else 0
        self.components.append(Component(name, running - before, running, rule_keys))
        return running_eur


@dataclass(frozen=True)
class Payment:
    """What a scheme pays for a year: amounts by structure, cents by patient, and who is not paid, and why.

    forfaits: the columns of FORFAITS. refused: structure_id, reason, detail; one row per reason.
    excluded: structure_id, reason, patients; counted exclusions of patients.
    """

    amounts: tuple[Amount, ...]
    forfaits: pd.DataFrame
    refused: pd.DataFrame
    excluded: pd.DataFrame

    @property
    def total_cents(self) -> int:
        """All structures together."""
        return sum(amount.total_cents for amount in self.amounts)


def amounts_frame(amounts: Iterable[Amount]) -> pd.DataFrame:
    """The components of amounts as rows of AMOUNTS, by structure and order."""
    rows = [
        (a.structure_id, a.scheme, a.year, order, c.name, c.amount_cents, c.running_cents, " ".join(c.rule_keys))
        for a in sorted(amounts, key=lambda amount: amount.structure_id)
        for order, c in enumerate(a.components, start=1)
    ]
    return pd.DataFrame(rows, columns=AMOUNTS.column_names)


def figures_frame(amounts: Iterable[Amount]) -> pd.DataFrame:
    """The figures behind amounts as rows of TARGETS, by structure, in the order in which they were given."""
    rows = [
        (a.structure_id, a.scheme, a.year, name, figure.value, figure.unit)
        for a in sorted(amounts, key=lambda amount: amount.structure_id)
        for name, figure in a.figures.items()
    ]
    return pd.DataFrame(rows, columns=TARGETS.column_names)
