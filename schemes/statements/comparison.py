"""One page that compares simulations: the base and the scenarios, amount by amount and component by component."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from schemes.amounts import Amount
from schemes.statements.document import Column, Document, Figure, Mark, Section, Series, Table
from schemes.statements.given import Given, assumed_section, meaning, parameter_value
from schemes.statements.parts import gathered, small_parts
from schemes.statements.wording import ABSENT, listed, texts, written


@dataclass(frozen=True)
class Scenario:
    """A simulated amount, with a name and a sentence that say what was changed; None where it is not paid."""

    name: str
    amount: Amount | None
    detail: str = ""


def comparison_page(structure_id: str, given: Given, *, base: Amount | None, scenarios: Sequence[Scenario]) -> Document:
    """The base and each scenario: amount, difference with the base, and what each component becomes.

    A scenario under which the structure would be refused has no amount, which is not 0; nor has a base that is
    refused.
    """
    shown = [Scenario(given.say("scenario_base"), base, given.say("scenario_base_told")), *scenarios]
    amounts = [one.amount for one in shown if one.amount]
    keys = [key for amount in amounts for component in amount.components for key in component.rule_keys]
    sections = (
        Section(
            given.say("comparison_amounts"),
            (given.say("comparison_told"),),
            tables=(_amounts(shown, base, given),),
            figures=(_bars(shown, given),),
        ),
        Section(given.say("comparison_components"), tables=(_components(shown, given),)),
        assumed_section(given, keys),
    )
    return Document(
        title=given.say("comparison_title", year=str(given.run.year)),
        subtitle=given.subtitle(structure_id, state=given.say("kind_simulation")),
        language=given.language,
        sections=tuple(section for section in sections if section is not None),
        notes=(given.say("note_simulated"), *given.notes()),
        is_one_page=True,
    )


def change_told(kind: str, value: str | Decimal | date, given: Given) -> tuple[str, str]:
    """Name of a change and what it is: kind list or fidelisation (share), patientele (name), rules (day)."""
    if isinstance(value, str):
        words = given.say(f"word_{value}") if f"word_{value}" in texts() else value
    else:
        words = written(value, "date" if isinstance(value, date) else "share", given.language, signed=kind == "list")
    return given.say(f"change_{kind}"), given.say(f"change_{kind}_told", value=words)


def parameter_told(key: str, value: str, given: Given) -> tuple[str, str]:
    """Name of a parameter, and its new value with the one that it replaces."""
    held = given.own_rules.parameters.get(key)
    old, new = (
        written(parameter_value(one, held.unit, given.language), "mixed", given.language) if held else one
        for one in (held.value if held else "", value)
    )
    return meaning(given, key), given.say("change_parameter_told", value=new, held=old or ABSENT)


def together_told(given: Given) -> tuple[str, str]:
    """Name of all changes at once, and what it is."""
    return given.say("change_together"), given.say("change_together_told")


def _amounts(shown: Sequence[Scenario], base: Amount | None, given: Given) -> Table:
    rows, start = [], base.total_cents if base else None
    for one in shown:
        total = one.amount.total_cents if one.amount else None
        gap = None if total is None or start is None else total - start
        ratio = Decimal(gap) / start if gap is not None and start else None
        refused = [] if one.amount else [given.say("scenario_refused")]
        detail = listed(filter(None, (one.detail, *refused)), given.language)
        rows.append((one.name, detail, total, gap, ratio))
    columns = (
        Column("scenario", given.say("column_scenario")),
        Column("detail", given.say("column_changed")),
        Column("amount", given.say("column_amount"), "eur_cents"),
        Column("difference", given.say("column_difference"), "eur_cents", is_signed=True),
        Column("ratio", given.say("column_difference_share"), "share", is_signed=True),
    )
    return Table("scenarios", given.say("comparison_caption"), columns, tuple(rows))


def _bars(shown: Sequence[Scenario], given: Given) -> Figure:
    marks = tuple(Mark(one.name, one.amount.total_cents) for one in shown if one.amount)
    told = (f"{mark.label} {written(int(mark.value), 'eur_cents', given.language)}" for mark in marks)
    return Figure(
        name="scenarios_bars",
        kind="bars",
        caption=given.say("comparison_figure"),
        alt=given.say("bars_alt", bars=listed(told, given.language)),
        table="scenarios",
        series=(Series(given.say("column_amount"), marks),),
    )


def _components(shown: Sequence[Scenario], given: Given) -> Table:
    """Components that move an amount, in the order in which they first appear; a scenario without one has no cell."""
    amounts = [one.amount for one in shown]
    hidden = small_parts([amount for amount in amounts if amount], given)
    cents = [
        {step.label: step.amount_cents for step in gathered(amount, given, hidden)} if amount else {}
        for amount in amounts
    ]
    names = dict.fromkeys(name for column in cents for name, amount in column.items() if amount)
    rows = [(name, *(column.get(name) for column in cents)) for name in names]
    rows.append((given.say("total"), *(amount.total_cents if amount else None for amount in amounts)))
    columns = (
        Column("component", given.say("column_step")),
        *(Column(f"scenario_{place}", one.name, "eur_cents", is_signed=True) for place, one in enumerate(shown)),
    )
    return Table("components", given.say("comparison_components_caption"), columns, tuple(rows), has_total=True)
