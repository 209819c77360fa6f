"""The cash-flow forecast: instalments by date, the settlement to expect with its interval, and an early warning."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import accumulate

from schemes.ledger import DECIDED, PAID, LedgerEntry
from schemes.statements.document import Column, Document, Figure, KeyFigure, Mark, Section, Series, Table, Value
from schemes.statements.given import Given
from schemes.statements.wording import day, written


@dataclass(frozen=True)
class Estimate:
    """The amount of the year expected at the settlement, the ends of its interval, and the day of the settlement.

    `level` is the part of cases in which the amount falls between `low_cents` and `high_cents`.
    """

    expected_cents: int
    low_cents: int
    high_cents: int
    settled_on: date
    level: Decimal = Decimal("0.90")


@dataclass(frozen=True)
class Instalment:
    """An instalment: its name, the day it is due, its cents, and whether it was paid."""

    label: str
    due_on: date
    amount_cents: int
    is_paid: bool = False


def instalments_of(entries: Iterable[LedgerEntry]) -> tuple[Instalment, ...]:
    """The instalments decided in a ledger (entries of one structure, scheme and year), by due day."""
    listed = list(entries)
    settled = {entry.settles for entry in listed if entry.kind == PAID}
    decided = [entry for entry in listed if entry.kind == DECIDED]
    made = [Instalment(e.label, e.due_on, e.amount_cents, e.number in settled) for e in decided]
    return tuple(sorted(made, key=lambda one: (one.due_on, one.label)))


def cashflow_page(
    structure_id: str, given: Given, *, instalments: Sequence[Instalment], estimate: Estimate
) -> Document:
    """The forecast of a structure: instalments, then what the settlement is expected to add or take back.

    expected settlement = amount expected for the year − instalments, with the interval of the estimate.
    Rule: spec, problems met by users, 6 and 11.
    """
    ordered = sorted(instalments, key=lambda one: (one.due_on, one.label))
    paid = sum(one.amount_cents for one in ordered)
    sections = (
        *_warning(paid, estimate, given),
        _expected(paid, estimate, given),
        _calendar(ordered, estimate, given),
    )
    return Document(
        title=given.say("cashflow_title", year=str(given.run.year)),
        subtitle=given.subtitle(structure_id),
        language=given.language,
        sections=sections,
        notes=given.notes(),
        is_one_page=True,
    )


def _warning(paid_cents: int, estimate: Estimate, given: Given) -> tuple[Section, ...]:
    """An alert where the settlement is expected negative, or may be."""
    expected, low = estimate.expected_cents - paid_cents, estimate.low_cents - paid_cents
    if low >= 0:
        return ()
    key = "cashflow_negative" if expected < 0 else "cashflow_may_be_negative"
    told = given.say(
        key,
        expected=written(abs(expected), "eur_cents", given.language),
        low=written(-low, "eur_cents", given.language),
        day=day(estimate.settled_on, given.language),
    )
    return (Section(given.say("cashflow_alert"), (told,), is_alert=True),)


def _expected(paid_cents: int, estimate: Estimate, given: Given) -> Section:
    low, expected, high = (
        cents - paid_cents for cents in (estimate.low_cents, estimate.expected_cents, estimate.high_cents)
    )
    between = given.say(
        "between",
        low=written(low, "eur_cents", given.language, signed=True),
        high=written(high, "eur_cents", given.language, signed=True),
        level=written(estimate.level, "share", given.language),
    )
    figures = (
        KeyFigure(
            given.say("cashflow_year"), Value(estimate.expected_cents, "eur_cents"), given.say("cashflow_year_note")
        ),
        KeyFigure(
            given.say("cashflow_instalments"), Value(paid_cents, "eur_cents"), given.say("cashflow_instalments_note")
        ),
        KeyFigure(given.say("cashflow_settlement"), Value(expected, "eur_cents"), between),
    )
    return Section(given.say("cashflow_expected"), (given.say("cashflow_told"),), figures)


def _calendar(ordered: Sequence[Instalment], estimate: Estimate, given: Given) -> Section:
    rows, running = [], 0
    for one in ordered:
        running += one.amount_cents
        state = given.say("state_paid" if one.is_paid else "state_due")
        rows.append((given.say("instalment", label=one.label), one.due_on, one.amount_cents, running, state))
    settlement, state = estimate.expected_cents - running, given.say("state_expected")
    rows.append((given.say("settlement"), estimate.settled_on, settlement, estimate.expected_cents, state))
    columns = (
        Column("what", given.say("column_instalment")),
        Column("due_on", given.say("column_due_on"), "date"),
        Column("amount", given.say("column_amount"), "eur_cents", is_signed=True),
        Column("running", given.say("column_cumulated"), "eur_cents"),
        Column("state", given.say("column_state")),
    )
    table = Table("instalments", given.say("cashflow_caption"), columns, tuple(rows))
    return Section(given.say("cashflow_calendar"), tables=(table,), figures=(_curve(ordered, estimate, given),))


def _curve(ordered: Sequence[Instalment], estimate: Estimate, given: Given) -> Figure:
    """Instalments cumulated, then the settlement with its interval."""
    sums = accumulate(one.amount_cents for one in ordered)
    marks = tuple(Mark(one.label, cents, at=one.due_on) for one, cents in zip(ordered, sums, strict=True))
    expected = Mark(
        given.say("settlement"),
        estimate.expected_cents,
        at=estimate.settled_on,
        low=estimate.low_cents,
        high=estimate.high_cents,
    )
    return Figure(
        name="cumulated",
        kind="line",
        caption=given.say("cashflow_figure"),
        alt=_told(ordered, estimate, given),
        table="instalments",
        series=(
            *([Series(given.say("series_instalments"), marks)] if marks else []),
            Series(given.say("series_expected"), (*marks[-1:], expected)),
        ),
    )


def _told(ordered: Sequence[Instalment], estimate: Estimate, given: Given) -> str:
    return given.say(
        "cashflow_alt",
        count=str(len(ordered)),
        paid=written(sum(one.amount_cents for one in ordered), "eur_cents", given.language),
        expected=written(estimate.expected_cents, "eur_cents", given.language),
        low=written(estimate.low_cents, "eur_cents", given.language),
        high=written(estimate.high_cents, "eur_cents", given.language),
        day=day(estimate.settled_on, given.language),
    )
