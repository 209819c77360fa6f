"""A walk from a base to an amount: its table, and the waterfall of the same steps."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from schemes.statements.document import Column, Figure, Mark, Series, Table
from schemes.statements.wording import euros, listed, say


class Step(NamedTuple):
    """What a step adds or takes away, and the amount after it, in cents."""

    label: str
    amount_cents: int
    running_cents: int


class Naming(NamedTuple):
    """Name of the table and figure, their caption, and the words for the total.

    `keeps_first` shows the first step even where it is 0: it is where the walk starts.
    """

    name: str
    caption: str
    total: str
    keeps_first: bool = False


def walk_table(steps: Sequence[Step], naming: Naming, language: str) -> Table:
    """One row a step, and the total, to the cent."""
    columns = (
        Column("step", say("column_step", language)),
        Column("amount", say("column_adds", language), "eur_cents", is_signed=True),
        Column("running", say("column_running", language), "eur_cents"),
    )
    total = steps[-1].running_cents if steps else 0
    rows = (*((step.label, step.amount_cents, step.running_cents) for step in steps), (naming.total, total, total))
    return Table(naming.name, naming.caption, columns, rows, has_total=True)


def waterfall(steps: Sequence[Step], naming: Naming, language: str) -> Figure:
    """From the first step to the total; its words say the same as its bars."""
    total = steps[-1].running_cents if steps else 0
    marks = [Mark(step.label, step.running_cents, is_whole=place == 0) for place, step in enumerate(steps)]
    told = [f"{step.label} {_euros(step.amount_cents, language, signed=place > 0)}" for place, step in enumerate(steps)]
    return Figure(
        name=f"{naming.name}_waterfall",
        kind="waterfall",
        caption=say("waterfall_caption", language),
        alt=say("waterfall_alt", language, steps=listed(told, language), total=_euros(total, language)),
        table=naming.name,
        is_beside=True,
        series=(Series(naming.name, (*marks, Mark(naming.total, total, is_whole=True))),),
    )


def _euros(cents: int, language: str, *, signed: bool = False) -> str:
    return euros(Decimal(cents) / 100, language, signed=signed)
