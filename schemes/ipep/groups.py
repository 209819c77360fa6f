"""Which groups take part in a year, and in which phase of their trajectory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation

import pandas as pd

from features.errors import InputError
from schemes.ipep.inputs import Inputs, frame
from schemes.rulebook import Rules

SCHEME = "ipep"
COLUMNS = ("structure_id", "scheme", "from_date", "to_date", "phase_from", "carte", "experience_points")
NOT_STARTED, OVER = 0, 4


@dataclass(frozen=True)
class Group:
    """A group that takes part on 31 December: first day of phase 1, à la carte indicators, points of experience.

    experience_points: None where patient experience was not measured.
    """

    structure_id: str
    phase_from: date
    has_carte: bool
    experience_points: Decimal | None


def taking_part(inputs: Inputs, *, year: int, rules: Rules) -> dict[str, Group]:
    """Groups whose participation in IPEP is open on 31 December of `year`, by structure.

    Errors: InputError for a participation without its first day, that ends before it starts, two at once for a
    structure, points of experience outside the rules' bounds, a `carte` that is neither yes nor no.
    """
    rows = frame(inputs, "participations", COLUMNS)
    last_day, found = date(year, 12, 31), {}
    for number, row in enumerate(rows.to_dict("records"), start=1):
        if row["scheme"] != SCHEME:
            continue
        first, last = _day(row["from_date"], "from_date", number), _day(row["to_date"], "to_date", number)
        if first is None:
            raise InputError(f"participations: row {number} has no from_date; give the first day of participation")
        if last is not None and last < first:
            raise InputError(f"participations: row {number} has a to_date before its from_date; swap or correct them")
        if first > last_day or (last is not None and last < last_day):
            continue
        name = str(row["structure_id"])
        if name in found:
            raise InputError(f"participations: row {number} is a second IPEP participation of {name} on {last_day}")
        found[name] = Group(
            name,
            _day(row["phase_from"], "phase_from", number) or first,
            _yes(row["carte"], number),
            _experience(row["experience_points"], number, rules.decimal("experience_points_max")),
        )
    return found


def phase_of(phase_from: date, *, year: int, rules: Rules) -> int:
    """Phase in force on 31 December of `year`: 1, 2 or 3; 0 before the first, 4 after the last.

    The population is that of 31 December, so the phase is too: a phase of 12 months holds one 31 December, and the
    start-up credits, not renewable, are paid once. Rule: IPEP specifications, trajectory (12, 24 and 24 months).
    """
    last_day = date(year, 12, 31)
    months = (last_day.year - phase_from.year) * 12 + last_day.month - phase_from.month
    if phase_from > last_day:
        return NOT_STARTED
    end = 0
    for phase in (1, 2, 3):
        end += rules.whole(f"phase_{phase}_months")
        if months < end:
            return phase
    return OVER


def _missing(value: object) -> bool:
    return value is None or value == "" or bool(pd.isna(value))  # type: ignore[call-overload]


def _day(value: object, column: str, number: int) -> date | None:
    if _missing(value):
        return None
    if isinstance(value, date):
        return value if type(value) is date else value.date()  # type: ignore[attr-defined]
    try:
        return date.fromisoformat(str(value))
    except ValueError as error:
        raise InputError(f"participations: row {number}, {column} should be a day, YYYY-MM-DD") from error


def _yes(value: object, number: int) -> bool:
    if _missing(value):
        return False
    known: Mapping[str, bool] = {"yes": True, "no": False, "True": True, "False": False}
    if str(value) not in known:
        raise InputError(f"participations: row {number}, carte is {value!r}; it should be yes, no or empty")
    return known[str(value)]


def _experience(value: object, number: int, highest: Decimal) -> Decimal | None:
    if _missing(value):
        return None
    try:
        points = Decimal(str(value))
    except InvalidOperation as error:
        raise InputError(f"participations: row {number}, experience_points should be a number") from error
    if not 0 <= points <= highest:
        raise InputError(f"participations: row {number}, experience_points is {points}; it should be 0 to {highest}")
    return points
