"""The rules that a payment is asked under, with a note of what was read of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from typing import TypeVar

import msgspec

from features.errors import RuleError
from schemes.rule_lock import check_paid
from schemes.rulebook import Grid, Parameter, Rules, periods, rules
from serving.refusals import RefusalError

Book = Mapping[str, Rules]
Value = TypeVar("Value")


class RuleUsed(msgspec.Struct, frozen=True):
    """A rule file that the payment was computed under: its hash, its publication and its period."""

    scheme: str
    file: str
    sha256: str
    published: date
    first_day: date
    last_day: date | None


class Assumed(msgspec.Struct, frozen=True):
    """A value that was used and is not read in the official text: its grade and where it comes from.

    A grid has the name of its file as value.
    """

    scheme: str
    key: str
    value: str
    unit: str
    grade: str
    source: str


class Noted(dict[str, Value]):
    """Values by key that remember which keys were read: what a payment used is known, not guessed."""

    def __init__(self, values: Mapping[str, Value]) -> None:
        """The same values, none read yet."""
        super().__init__(values)
        self.read: set[str] = set()

    def __getitem__(self, key: str) -> Value:
        """The value, noted as read."""
        self.read.add(key)
        return super().__getitem__(key)


def book_of(schemes: Iterable[str], *, on: date, known_on: date | None) -> Book:
    """The rules of each scheme in force on a day, as published by another; what is read of them is noted.

    Errors: RefusalError 404 where none is in force, 503 where the files on disk are not as they should be.
    """
    return {scheme: noted(_in_force(scheme, on, known_on)) for scheme in sorted(schemes)}


def rules_used(book: Book) -> list[RuleUsed]:
    """The files of a book."""
    return [RuleUsed(r.scheme, r.file, r.sha256, r.published, r.first_day, r.last_day) for r in book.values()]


def assumed(book: Book, rule_keys: Iterable[str] = ()) -> list[Assumed]:
    """Every value that was read, or that a component names, whose grade is not `text`; by scheme and key."""
    named, found = set(rule_keys), list[Assumed]()
    for scheme, used in book.items():
        parameters: Mapping[str, Parameter] = _read_of(used.parameters, named)
        grids: Mapping[str, Grid] = _read_of(used.grids, named)
        found += [Assumed(scheme, key, p.value, p.unit, p.grade, p.source) for key, p in parameters.items()]
        found += [Assumed(scheme, key, grid.file, "table", grid.grade, grid.source) for key, grid in grids.items()]
    return [one for one in found if one.grade != "text"]


def _in_force(scheme: str, on: date, known_on: date | None) -> Rules:
    try:
        periods(scheme, known_on=known_on)
    except RuleError as error:
        raise RefusalError(503, str(error)) from error
    try:
        found = rules(scheme, on=on, known_on=known_on)
    except RuleError as error:
        raise RefusalError(404, str(error), field="on") from error
    try:
        check_paid(found)
    except RuleError as error:
        raise RefusalError(503, str(error)) from error
    return found


def noted(used: Rules) -> Rules:
    """The rules, which remember what is read of them."""
    return replace(used, parameters=Noted(used.parameters), grids=Noted(used.grids))


def _read_of(values: Mapping[str, Value], named: set[str]) -> dict[str, Value]:
    read = values.read if isinstance(values, Noted) else set()
    return {key: value for key, value in sorted(values.items()) if key in read or key in named}
