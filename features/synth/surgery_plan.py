"""What an operation is, and what it plans: stays, rehabilitation, home hospitalisation, held as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import TypeVar

import numpy as np

from features.synth.model import Array

DAS = 12
NO_ORIGIN = -1
ORIGINS = ("5", "7", "1", "U")
UNITS = ("53", "02A", "07A")
ABROAD = "99109"


@dataclass(frozen=True)
class Operations:
    """Operations decided in a year: person, row of the state, programme, first day of the window, day of the act.

    entry, exit: days of the index stay; place: establishment of the sector; reason: planted exclusion (0 none);
    act: row of the acts; risk: see surgery_risk; stoma: it leaves one.
    """

    person: Array
    row: Array
    programme: Array
    start: Array
    day: Array
    entry: Array
    exit: Array
    level: Array
    is_private: Array
    place: Array
    reason: Array
    act: Array
    risk: Array
    stoma: Array

    @property
    def size(self) -> int:
        """Number of operations."""
        return int(self.person.size)


@dataclass(frozen=True)
class Planned:
    """Acute stays of surgery: person, row of synth_stays, days, and what the PMSI shows of them (-1: as usual).

    cents are those of the day: base of a public stay or GHS of a private one; fee_cents: fees of a private
    readmission; operation: 1 for an index stay; acts come with activity, delay and number; das: n × DAS codes.
    """

    person: Array
    kind: Array
    first: Array
    last: Array
    is_private: Array
    place: Array
    level: Array
    cents: Array
    fee_cents: Array
    sessions: Array
    is_index: Array
    dp: Array
    dr: Array
    act: Array
    second_act: Array
    times: Array
    delay: Array
    entry: Array
    origin: Array
    unit: Array
    is_abroad: Array
    implant_cents: Array
    to_ssr: Array
    das: Array

    @property
    def size(self) -> int:
        """Number of stays."""
        return int(self.person.size)


@dataclass(frozen=True)
class PlannedLong:
    """Rehabilitation (is_home 0) or home hospitalisation (1) after an operation."""

    person: Array
    programme: Array
    is_home: Array
    first: Array
    last: Array
    cents: Array
    dp: Array


Record = TypeVar("Record", Operations, Planned, PlannedLong)
Timed = TypeVar("Timed", Planned, PlannedLong)


def taken(record: Record, places: Array) -> Record:
    """The rows of a record at some places."""
    return type(record)(**{field.name: getattr(record, field.name)[places] for field in fields(record)})


def joined(records: Sequence[Record]) -> Record:
    """All rows of records of one kind."""
    names = [field.name for field in fields(records[0])]
    return type(records[0])(**{name: np.concatenate([getattr(one, name) for one in records]) for name in names})


def planned(person: Array, kind: Array, *, first: Array, last: Array, **columns: Array | int) -> Planned:
    """Stays of given columns; the others take what an ordinary scheduled stay from home has."""
    usual: dict[str, Array | int] = {
        "place": 0, "level": 0, "cents": 0, "fee_cents": 0, "sessions": 0, "is_index": 0, "dp": -1, "dr": -1,
        "act": -1, "second_act": -1, "times": 1, "delay": 0, "entry": 0, "origin": NO_ORIGIN, "unit": -1,
        "is_abroad": 0, "implant_cents": 0, "to_ssr": 0, "is_private": 0,
    }  # fmt: skip
    das = columns.pop("das", np.full((person.size, DAS), -1))
    given = {"person": person, "kind": kind, "first": first, "last": last, **usual, **columns}
    made = {name: np.broadcast_to(np.asarray(value), person.size).astype(np.int64) for name, value in given.items()}
    return Planned(**made, das=np.asarray(das))


def das_of(columns: Sequence[tuple[Array, int]], size: int) -> Array:
    """Associated diagnoses, n × DAS: each column is where a code stands, and the place of the code."""
    table = np.full((size, DAS), -1)
    for place, (mask, code) in enumerate(columns):
        table[:, place] = np.where(mask, code, -1)
    return table


def split(record: Timed, *, end: int, death: Array) -> tuple[Timed, Timed]:
    """Stays that are over before a day, ended by death where it comes first, and those that are not.

    What would begin after the death of the person is lost.
    """
    last = np.minimum(record.last, np.maximum(death[record.person], record.first))
    is_now = last < end
    kept = np.flatnonzero(is_now & (record.first <= death[record.person]))
    return replace(taken(record, kept), last=last[kept]), taken(record, np.flatnonzero(~is_now))


def no_stays() -> Planned:
    """No stay."""
    nobody = np.empty(0, dtype=np.int64)
    return planned(nobody, nobody, first=nobody, last=nobody)


def no_long_stays() -> PlannedLong:
    """No longer stay."""
    nobody = np.empty(0, dtype=np.int64)
    return PlannedLong(nobody, nobody, nobody, nobody, nobody, nobody, nobody)
