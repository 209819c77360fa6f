"""Payments on the terminal: one table of amounts, one of components, what is refused and who is left out."""

from __future__ import annotations

from decimal import Decimal

import pandas as pd
from rich.table import Table

from forfait.console import frame_table
from forfait.paying.eds_show import answers_told, figures_table
from forfait.paying.pay import Done
from schemes.amounts import Amount, amounts_frame
from schemes.labels import label
from schemes.statements.given import package_of

FEW_STRUCTURES, ACROSS = 8, 4
LANGUAGE = "en"
NOBODY = "*"


def payment_tables(done: Done) -> list[Table | str]:
    """Tables of a payment: components by structure, then refusals, exclusions and warnings where there are some.

    A line of text says how many answers of patients counted, where a file of them was given.
    """
    title = f"{done.run.scheme} {done.run.year}, {done.run.kind}"
    paid = done.payment.amounts
    due = f"{title}: {done.payment.total_cents / 100:,.2f} EUR"
    parts = _components(paid, is_down=len(paid) <= FEW_STRUCTURES or done.run.scheme == "eds")
    places = [f" ({place} of {len(parts)})" if len(parts) > 1 else "" for place in range(1, len(parts) + 1)]
    tables: list[Table | str] = [frame_table(part, due + place) for part, place in zip(parts, places, strict=True)]
    if done.run.scheme == "eds" and paid:
        tables.append(figures_table(paid, f"{title}: what stands behind each result, EUR"))
    excluded = done.payment.excluded
    if done.line.structure is not None:  # those of no structure are then all the others'
        excluded = excluded[excluded["structure_id"] != NOBODY]
    told = {
        "not paid": done.payment.refused,
        "patients left out": excluded,
        "warnings": pd.DataFrame(
            [(one.structure_id, words(one.scheme, text)) for one in paid for text in one.warnings],
            columns=["structure_id", "warning"],
        ),
    }
    for what, frame in told.items():
        if len(frame):
            tables.append(frame_table(_in_words(frame, done.run.scheme), f"{title}: {what}"))
    answers = answers_told(done.inputs.get("answers"))
    return [*tables, answers] if answers else tables


def _components(paid: tuple[Amount, ...], *, is_down: bool) -> list[pd.DataFrame]:
    """Euros of each component that moves something, a structure a row; is_down: components down, a few across."""
    if not paid:
        return [pd.DataFrame(columns=["structure_id", "total"])]
    frame = amounts_frame(paid)
    moving = frame[frame.groupby("component")["amount_cents"].transform(lambda cents: cents.ne(0).any())]
    moving = moving.assign(component=[words(s, c) for s, c in zip(moving["scheme"], moving["component"], strict=True)])
    wide = moving.pivot_table(
        index="structure_id", columns="component", values="amount_cents", aggfunc="sum", sort=False
    ).fillna(0)
    wide["total"] = pd.Series({one.structure_id: one.total_cents for one in paid}, dtype="int64")
    wide = wide.fillna(0).astype("int64")
    if not is_down:
        return [money(wide.reset_index(), [str(name) for name in wide.columns])]
    blocks = [wide.iloc[first : first + ACROSS].T.rename_axis("component") for first in range(0, len(wide), ACROSS)]
    return [money(block.reset_index(), [str(name) for name in block.columns]) for block in blocks]


def words(scheme: str, name: str) -> str:
    """English label of a component, reason or warning ("missing_hba1c", "close: 5,200"); itself where it has none."""
    code, colon, detail = name.partition(":")
    try:
        return label(package_of(scheme), code, LANGUAGE) + colon + detail
    except KeyError:
        return name


def _in_words(frame: pd.DataFrame, scheme: str) -> pd.DataFrame:
    return frame.assign(
        **{name: [words(scheme, str(text)) for text in frame[name]] for name in ("reason",) if name in frame.columns}
    )


def money(frame: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """The frame with some columns of cents written as euros, to the cent."""
    return frame.assign(
        **{
            name: ["" if pd.isna(cents) else f"{Decimal(int(cents)) / 100:,.2f}" for cents in frame[name]]
            for name in names
        }
    )


def cents_columns(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with its columns of cents written as euros, to the cent."""
    names = [str(name) for name in frame.columns if str(name).endswith("_cents")]
    return money(frame, names).rename(columns={name: name.removesuffix("_cents") + " EUR" for name in names})


def reasons_table(reconciliation: pd.DataFrame, title: str) -> Table:
    """From paid to due: a row per structure, a column per reason that moves something, the due at the end."""
    wide = reconciliation.pivot_table(index="structure_id", columns="reason", values="amount_cents", sort=False)
    moving = wide.fillna(0).astype("int64").loc[:, lambda frame: frame.ne(0).any()]
    shown = moving.assign(due=wide.fillna(0).sum(axis=1).astype("int64")).reset_index()
    return frame_table(money(shown, [str(name) for name in shown.columns[1:]]), title)


def simulation_table(frame: pd.DataFrame, title: str) -> Table:
    """Base, simulated, difference; the statuses only where one is not "paid"."""
    statuses = ["base_status", "simulated_status"]
    others = [name for name in frame.columns if name not in (*statuses, "order")]
    kept = others if (frame[statuses] == "paid").all(axis=None) else [*others, *statuses]
    return frame_table(cents_columns(frame[kept]), title)
