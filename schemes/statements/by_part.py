"""What an amount is made of, part by part: the bricks of a practice, the molecules of a hospital."""

from __future__ import annotations

from decimal import Decimal

from schemes.amounts import Amount
from schemes.statements.chance import number_of
from schemes.statements.document import Cell, Column, Masked, Section, Table
from schemes.statements.given import Given, package_of
from schemes.statements.parts import BRICK, COUNT, small_parts
from schemes.statements.wording import capital


def by_part_section(amount: Amount, given: Given) -> Section | None:
    """The bricks of an IPSO amount or the molecules of a hospital, a row each; None for the other schemes."""
    package = package_of(amount.scheme)
    if package == "ipso":
        return _bricks(amount, given)
    return _molecules(amount, given) if package == "biosimilars" else None


def _bricks(amount: Amount, given: Given) -> Section | None:
    """Patients, price and euros of each brick; those of few patients without count or euros."""
    hidden = small_parts([amount], given)
    rows = []
    for component in amount.components:
        name = component.name.removeprefix(BRICK)
        if component.name == name or COUNT + name not in amount.figures:
            continue
        patients, price = number_of(amount, COUNT + name), number_of(amount, f"price_{name}")
        shown: tuple[Cell, Cell] = (patients, component.amount_cents)
        if component.name in hidden:
            shown = (Masked.SMALL, Masked.SMALL)
        rows.append((given.name_of(name), shown[0], price, shown[1]))
    if not rows:
        return None
    columns = (
        Column("brick", given.say("column_brick")),
        Column("patients", given.say("column_patients"), "count", is_people=True),
        Column("price", given.say("column_price"), "eur"),
        Column("amount", given.say("column_amount"), "eur_cents"),
    )
    table = Table("bricks", given.say("bricks_caption"), columns, tuple(rows), is_fine=True, overlaps=True)
    return Section(given.say("bricks_title"), tables=(table,))


def _molecules(amount: Amount, given: Given) -> Section | None:
    """Boxes, part of biosimilars, price and euros of each molecule; the amount is boxes × part × price."""
    names = ("boxes", "biosimilar_share", "amount_eur")
    rows = tuple(
        (
            capital(given.name_of(component.name)),
            *(_rounded(number_of(amount, f"{component.name}_{name}")) for name in names),
            component.amount_cents,
        )
        for component in amount.components
    )
    if not rows:
        return None
    columns = (
        Column("molecule", given.say("column_molecule")),
        Column("boxes", given.say("column_boxes"), "number"),
        Column("share", given.say("column_biosimilars"), "share"),
        Column("price", given.say("column_per_box"), "eur"),
        Column("amount", given.say("column_amount"), "eur_cents"),
    )
    table = Table("molecules", given.say("molecules_caption"), columns, rows)
    return Section(given.say("molecules_title"), (given.say("molecules_told"),), tables=(table,))


def _rounded(value: Decimal | None) -> Decimal | None:
    return None if value is None else round(value, 4)
