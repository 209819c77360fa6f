"""Payments on the terminal: one table of amounts, one of components, what is refused and who is left out."""

from __future__ import annotations

from decimal import Decimal

import pandas as pd
from rich.table import Table

from forfait.console import frame_table
from forfait.paying.pay import Done
from schemes.amounts import amounts_frame

MOST_WITH_COMPONENTS = 12


def payment_tables(done: Done) -> list[Table]:
    """Tables of a payment: components by structure, then refusals, exclusions and warnings where there are some."""
    title = f"{done.run.scheme} {done.run.year}, {done.run.kind}"
    frame = amounts_frame(done.payment.amounts)
    wide = frame.pivot_table(
        index="structure_id", columns="component", values="amount_cents", aggfunc="sum", sort=False
    ).fillna(0)
    total = pd.Series({amount.structure_id: amount.total_cents for amount in done.payment.amounts}, dtype="int64")
    shown = wide.assign(total=total).astype("int64").add_suffix("_cents").reset_index()
    tables = [frame_table(cents_columns(shown), f"{title}: {done.payment.total_cents / 100:,.2f} EUR")]
    if len(done.payment.refused):
        tables.append(frame_table(done.payment.refused, f"{title}: not paid"))
    if len(done.payment.excluded):
        tables.append(frame_table(done.payment.excluded, f"{title}: patients left out"))
    warnings = [(amount.structure_id, text) for amount in done.payment.amounts for text in amount.warnings]
    if warnings:
        tables.append(frame_table(pd.DataFrame(warnings, columns=["structure_id", "warning"]), f"{title}: warnings"))
    return tables


def cents_columns(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with its columns of cents written as euros, to the cent."""
    money = [str(name) for name in frame.columns if str(name).endswith("_cents")]
    written = {name: frame[name].map(lambda cents: f"{Decimal(int(cents)) / 100:,.2f}") for name in money}
    return frame.assign(**written).rename(columns={name: name.removesuffix("_cents") + " EUR" for name in money})
