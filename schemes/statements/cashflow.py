"""The cash-flow forecast: instalments by date, the settlement to expect with its interval, and an early warning."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import accumulate

from schemes.ledger import DECIDED, PAID, LedgerEntry
from schemes.runs import PROVISIONAL
from schemes.statements.document import Column, Document, Figure, KeyFigure, Mark, Section, Series, Table, Value
from schemes.statements.given import Given
from schemes.statements.wording import day, written

QUARTER, MONTH = re.compile(r"(\d{4})-Q([1-4])"), re.compile(r"(\d{4})-M(\d{2})")
SETTLEMENT = re.compile(r"regularisation (\d{4}-\d{2}-\d{2})")


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

    @property
    def is_computed(self) -> bool:
        """Whether the amount is that of a payment, without interval."""
        return self.low_cents == self.high_cents


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
    """An alert where the settlement is negative, is expected to be, or may be."""
    expected, low = estimate.expected_cents - paid_cents, estimate.low_cents - paid_cents
    if low >= 0:
        return ()
    key = "cashflow_negative" if expected < 0 else "cashflow_may_be_negative"
    told = given.say(
        "cashflow_overpaid" if estimate.is_computed else key,
        expected=written(abs(expected), "eur_cents", given.language),
        low=written(-low, "eur_cents", given.language),
        day=day(estimate.settled_on, given.language),
    )
    return (Section(given.say("cashflow_alert"), (told,), is_alert=True),)


def _expected(paid_cents: int, estimate: Estimate, given: Given) -> Section:
    year = given.say("amount_paid" if estimate.is_computed else "cashflow_year")
    note = given.say(f"kind_{given.run.kind}" if estimate.is_computed else "cashflow_year_note")
    figures = (
        KeyFigure(year, Value(estimate.expected_cents, "eur_cents"), note),
        KeyFigure(
            given.say("cashflow_instalments"), Value(paid_cents, "eur_cents"), given.say("cashflow_instalments_note")
        ),
        KeyFigure(
            given.say("cashflow_settlement"),
            Value(estimate.expected_cents - paid_cents, "eur_cents"),
            _between(paid_cents, estimate, given),
        ),
    )
    return Section(given.say("cashflow_expected"), (given.say("cashflow_told"),), figures)


def _between(paid_cents: int, estimate: Estimate, given: Given) -> str:
    """The interval of the settlement; what it rests on, where the amount is computed."""
    if estimate.is_computed:
        return given.say("settlement_provisional" if given.run.kind == PROVISIONAL else "settlement_final")
    low, high = (
        written(cents - paid_cents, "eur_cents", given.language, signed=True)
        for cents in (estimate.low_cents, estimate.high_cents)
    )
    return given.say("between", low=low, high=high, level=written(estimate.level, "share", given.language))


def _calendar(ordered: Sequence[Instalment], estimate: Estimate, given: Given) -> Section:
    rows, running = [], 0
    for one in ordered:
        running += one.amount_cents
        state = given.say("state_paid" if one.is_paid else "state_due")
        rows.append((payment_name(one.label, given), one.due_on, one.amount_cents, running, state))
    if not _is_settled(ordered, estimate):
        settlement, state = estimate.expected_cents - running, given.say("state_expected")
        rows.append((given.say("settlement"), estimate.settled_on, settlement, estimate.expected_cents, state))
    columns = (
        Column("what", given.say("column_instalment")),
        Column("due_on", given.say("column_due_on"), "date"),
        Column("amount", given.say("column_amount"), "eur_cents"),
        Column("running", given.say("column_cumulated"), "eur_cents"),
        Column("state", given.say("column_state")),
    )
    table = Table("instalments", given.say("cashflow_caption"), columns, tuple(rows))
    curve = (_curve(ordered, estimate, given),) if len(rows) > 1 else ()
    return Section(given.say("cashflow_calendar"), tables=(table,), figures=curve)


def payment_name(label: str, given: Given) -> str:
    """Words of a payment of the ledger: instalment of a quarter or month, settlement decided on a day."""
    if found := QUARTER.fullmatch(label):
        return given.say(f"instalment_Q{found[2]}", year=found[1])
    if found := MONTH.fullmatch(label):
        month = given.say("months").split(",")[int(found[2]) - 1]
        return given.say("instalment_month", month=month, year=found[1])
    if found := SETTLEMENT.fullmatch(label):
        return given.say("settlement_decided", day=day(date.fromisoformat(found[1]), given.language))
    return given.say("instalment", label=label)


def _is_settled(ordered: Sequence[Instalment], estimate: Estimate) -> bool:
    """Whether nothing is left to expect: the amount is computed and wholly decided."""
    return estimate.is_computed and sum(one.amount_cents for one in ordered) == estimate.expected_cents


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
        caption=given.say("cashflow_figure_computed" if estimate.is_computed else "cashflow_figure"),
        alt=_alt(ordered, estimate, given),
        table="instalments",
        is_from_zero=True,
        series=(
            *([Series(given.say("series_instalments"), marks)] if marks else []),
            *(
                []
                if _is_settled(ordered, estimate)
                else [Series(given.say("series_expected"), (*marks[-1:], expected))]
            ),
        ),
    )


def _alt(ordered: Sequence[Instalment], estimate: Estimate, given: Given) -> str:
    values = {
        name: written(cents, "eur_cents", given.language)
        for name, cents in (
            ("paid", sum(one.amount_cents for one in ordered)),
            ("expected", estimate.expected_cents),
            ("low", estimate.low_cents),
            ("high", estimate.high_cents),
        )
    }
    key = "cashflow_alt_computed" if estimate.is_computed else "cashflow_alt"
    return given.say(key, count=str(len(ordered)), day=day(estimate.settled_on, given.language), **values)
