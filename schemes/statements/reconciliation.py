"""The reconciliation page: from what was paid to what is due, the reason of each difference, the balance in words."""

from __future__ import annotations

import pandas as pd

from features.errors import InputError
from schemes.statements.document import Document, KeyFigure, Section, Value
from schemes.statements.given import Given
from schemes.statements.parts import walk_section
from schemes.statements.walk import Naming, Step
from schemes.statements.wording import written

PAID, NOT_PAID, WITHHELD = "paid", "decided_not_paid", "withheld"
START = (PAID, NOT_PAID)


def reconciliation_page(structure_id: str, given: Given, *, reconciliation: pd.DataFrame) -> Document:
    """The reconciliation of a structure, from RECONCILIATION rows: balance, reasons one after the other.

    due = paid + decided and not yet paid + what each reason adds; balance to settle = due − decided.
    Rule: spec, problems met by users, 6. Errors: InputError where there is no row of the structure, or where its
    reasons do not add up.
    """
    rows = reconciliation[reconciliation["structure_id"] == structure_id].sort_values("order")
    cents = {str(reason): int(amount) for reason, amount in zip(rows["reason"], rows["amount_cents"], strict=True)}
    if not cents or sum(cents.values()) != int(rows["running_cents"].iloc[-1]):
        raise InputError(f"reconciliation: {structure_id} has no rows that add up; reconcile the year again")
    sections = (_balance(cents, given), _walk(cents, given), _reasons(cents, given))
    return Document(
        title=given.say("reconciliation_title", year=str(given.run.year)),
        subtitle=given.subtitle(structure_id),
        language=given.language,
        sections=tuple(section for section in sections if section is not None),
        notes=given.notes(),
        is_one_page=True,
    )


def _balance(cents: dict[str, int], given: Given) -> Section:
    """Due, decided and balance, as figures and as one sentence."""
    due, decided = sum(cents.values()), sum(cents.get(reason, 0) for reason in START)
    balance = due - decided
    key = "to_pay" if balance > 0 else "to_recover" if balance < 0 else "even"
    words = {
        name: written(amount, "eur_cents", given.language)
        for name, amount in (
            ("due", due),
            ("paid", cents.get(PAID, 0)),
            ("waiting", cents.get(NOT_PAID, 0)),
            ("balance", abs(balance)),
        )
    }
    figures = (
        KeyFigure(given.say("reconciliation_due"), Value(due, "eur_cents"), given.say(f"kind_{given.run.kind}")),
        KeyFigure(
            given.say("reconciliation_decided"), Value(decided, "eur_cents"), given.say("reconciliation_paid", **words)
        ),
        KeyFigure(
            given.say("reconciliation_balance"), Value(balance, "eur_cents"), given.say(f"reconciliation_{key}_note")
        ),
    )
    told = [given.say("reconciliation_told", **words), given.say(f"reconciliation_{key}", **words)]
    if not any(cents.get(reason) for reason in (*START, WITHHELD)):
        told.append(given.say("reconciliation_no_provisional"))
    return Section(given.say("reconciliation_balance"), tuple(told), figures)


def _walk(cents: dict[str, int], given: Given) -> Section:
    steps, running = [], 0
    for reason, amount in cents.items():
        running += amount
        steps.append(Step(given.say(f"reason_{reason}"), amount, running))
    naming = Naming(
        "reconciliation", given.say("reconciliation_caption"), given.say("reconciliation_due"), keeps_first=True
    )
    return walk_section(given.say("reconciliation_walk"), steps, naming, given)


def _reasons(cents: dict[str, int], given: Given) -> Section | None:
    """A sentence for each reason that moves the amount."""
    told = tuple(
        given.say("reason_line", reason=given.say(f"reason_{reason}"), words=given.say(f"why_{reason}"))
        for reason, amount in cents.items()
        if amount and reason != PAID
    )
    return Section(given.say("reconciliation_reasons"), told) if told else None
