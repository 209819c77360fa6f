"""What tells an event, a screening or past surgery of an episode: the rows of episode_outcomes.csv, any of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import pandas as pd

from features.episodes.codes import codes_of
from features.errors import InputError
from features.reference_data import reference

FILE = "episode_outcomes"
PLACES = ("index", "after", "return", "before", "tests", "known")
SYSTEMS = {
    "index": ("dp", "das", "any", "act"),
    "after": ("dp", "das", "any", "act", "ghm", "component"),
    "return": ("dp", "das", "any", "act", "ghm", "component"),
    "before": ("dp", "das", "any", "act", "ghm"),
    "tests": ("nabm",),
}
SINCE = ("entry", "intervention", "exit")
Codes = tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True)
class Sign:
    """A row of the file: what it tells (`outcome`), programmes (none: all), where it is looked for, the codes.

    place: `index` the index stay; `after` stays begun after entry; `return` those begun after the exit, a transfer left
    out; `before` stays ended in the look-back; `tests` analyses from the first day of the window to the day before
    entry; `known` a characteristic at admission. `codes`: any of these; `and_codes`: and any of those, where given.
    last_day and since: at most so many days after entry, intervention or exit; None is the end of the window.
    """

    outcome: str
    programmes: tuple[str, ...]
    place: str
    codes: Codes
    and_codes: Codes
    last_day: int | None
    since: str
    known: str = ""


def outcome_rules(frame: pd.DataFrame | None = None) -> tuple[Sign, ...]:
    """Rows of episode_outcomes.csv, or of a frame with its columns, all text.

    Errors: InputError naming the row for an unknown place, system of codes, or way of counting days.
    """
    return _stored() if frame is None else _read(frame)


@cache
def _stored() -> tuple[Sign, ...]:
    return _read(reference(FILE))


def _read(frame: pd.DataFrame) -> tuple[Sign, ...]:
    records = ({str(name): str(cell) for name, cell in row.items()} for row in frame.to_dict("records"))
    return tuple(_sign(row, place) for place, row in enumerate(records, 2))


def _sign(row: Mapping[str, str], line: int) -> Sign:
    where, place, days = f"{FILE}.csv, row {line}", row["place"], row["last_day"]
    if place not in PLACES:
        raise InputError(f"{where}: place is {place!r}; it should be one of {', '.join(PLACES)}")
    if bool(days) != bool(row["since"]) or (days and (not days.isdecimal() or row["since"] not in SINCE)):
        raise InputError(f"{where}: last_day is a whole number with since one of {', '.join(SINCE)}, or both are empty")
    is_known = place == "known"
    codes = () if is_known else _codes(row["code_pattern"], place, where)
    if not (row["code_pattern"] if is_known else codes):
        raise InputError(f"{where}: code_pattern is empty; name the codes that tell {row['outcome']}")
    return Sign(
        row["outcome"], tuple(row["programme"].split()), place, codes, _codes(row["and_pattern"], place, where),
        int(days) if days else None, row["since"], row["code_pattern"] if is_known else "",
    )  # fmt: skip


def _codes(cell: str, place: str, where: str) -> Codes:
    """Codes by system of a cell: `dp:@list act:NEKA`."""
    found: dict[str, tuple[str, ...]] = {}
    for word in cell.split():
        system, _, pattern = word.partition(":")
        if system not in SYSTEMS.get(place, ()) or not pattern:
            raise InputError(f"{where}: code {word!r} is not one of {place} ({', '.join(SYSTEMS.get(place, ()))})")
        found[system] = (*found.get(system, ()), *codes_of(pattern))
    return tuple(found.items())
