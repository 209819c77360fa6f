"""A payment made of parts: each takes a share of an amount, with a sign and its own instalment dates.

Sequence + interessement, capitation + quality: `combine` adds the parts up to the cent, `instalments` dates them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import pandas as pd

from features.errors import InputError, MissingError, RuleError
from schemes.amounts import Amount, Component, Figure
from schemes.money import allot, round_cents

__all__ = ["INSTALMENTS", "PAID", "RECOVERED", "Part", "combine", "instalments"]

SCHEME = "combined"
PAID, RECOVERED = 1, -1
INSTALMENTS = ["structure_id", "year", "part", "due_date", "amount_cents"]


@dataclass(frozen=True)
class Part:
    """A part of a combined payment: sign × share of the amount named `base`, in equal instalments on `timing`.

    sign: PAID (+1), or RECOVERED (−1) for a sum taken back. share: 0 to 1.
    """

    name: str
    base: str
    timing: tuple[date, ...]
    sign: int = PAID
    share: Decimal = Decimal(1)

    def __post_init__(self) -> None:
        """Errors: RuleError for another sign, a share outside 0..1, dates that are absent, repeated or out of order."""
        if self.sign not in (PAID, RECOVERED):
            raise RuleError(f"part {self.name}: sign is {self.sign}; it should be +1 (paid) or -1 (recovered)")
        if not 0 <= self.share <= 1:
            raise RuleError(f"part {self.name}: share is {self.share}; it should be from 0 to 1")
        if not self.timing or list(self.timing) != sorted(set(self.timing)):
            raise RuleError(f"part {self.name}: give its instalment dates, each once, in order")

    def cents(self, amount: Amount) -> int:
        """sign × share × amount, in cents, rounded once."""
        return self.sign * round_cents(self.share * amount.total_cents / 100)


def combine(parts: Iterable[Part], amounts: Mapping[str, Amount]) -> Amount:
    """The combined amount of one structure and year: a component per part, in order, that add up to it.

    component = sign × share × total of the part's base, rounded once per part. Figures: base (cents), share and dates
    of each part. Warnings are those of the bases. The total may be negative: a sum to recover.
    Errors: MissingError for a base that is absent; RuleError for no part, a base or a part's name used twice, an
    amount that no part takes; InputError for amounts of several structures or years.
    """
    chosen = tuple(parts)
    _check(chosen, amounts)
    components: list[Component] = []
    running = 0
    for part in chosen:
        cents = part.cents(amounts[part.base])
        running += cents
        components.append(Component(part.name, cents, running, _keys(amounts[part.base])))
    first = amounts[chosen[0].base]
    return Amount(
        structure_id=first.structure_id,
        scheme=SCHEME,
        year=first.year,
        components=tuple(components),
        figures={name: figure for part in chosen for name, figure in _figures(part, amounts[part.base]).items()},
        warnings=tuple(dict.fromkeys(text for part in chosen for text in amounts[part.base].warnings)),
    )


def instalments(parts: Iterable[Part], amounts: Mapping[str, Amount]) -> pd.DataFrame:
    """The instalments of a combined amount by date and part, in cents; those of a part add up to its component.

    Equal instalments; the cents that do not divide go to the first dates. Errors: as `combine`.
    """
    chosen = tuple(parts)
    combined = combine(chosen, amounts)
    rows = [
        (combined.structure_id, combined.year, part.name, day, cents)
        for part in chosen
        for day, cents in zip(part.timing, allot(part.cents(amounts[part.base]), [1.0] * len(part.timing)), strict=True)
    ]
    frame = pd.DataFrame(rows, columns=INSTALMENTS)
    return frame.sort_values(["due_date", "part"], kind="stable", ignore_index=True)


def _check(parts: tuple[Part, ...], amounts: Mapping[str, Amount]) -> None:
    if not parts:
        raise RuleError("a combined payment has no part; give at least one")
    for what, names in (("part", [part.name for part in parts]), ("base", [part.base for part in parts])):
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise RuleError(f"{what} {', '.join(twice)} is used twice; an amount is paid by one part only")
    there = ", ".join(sorted(amounts)) or "none"
    if absent := sorted({part.base for part in parts} - set(amounts)):
        raise MissingError(f"amount {', '.join(absent)} is not among those computed ({there}); compute it first")
    if left := sorted(set(amounts) - {part.base for part in parts}):
        raise RuleError(f"amount {', '.join(left)} is taken by no part; add a part, or leave the amount out")
    if len({(amount.structure_id, amount.year) for amount in amounts.values()}) > 1:
        raise InputError(f"the amounts {there} are of several structures or years; combine those of one")


def _keys(amount: Amount) -> tuple[str, ...]:
    return tuple(dict.fromkeys(key for component in amount.components for key in component.rule_keys))


def _figures(part: Part, amount: Amount) -> dict[str, Figure]:
    return {
        f"{part.name}_base": Figure(str(amount.total_cents), "cents"),
        f"{part.name}_share": Figure(str(part.share), "share"),
        f"{part.name}_dates": Figure(", ".join(map(str, part.timing)), "dates"),
    }
