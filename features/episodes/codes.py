"""Code lists of the episodes, and whether a code or one of a list of codes begins with one of them."""

from __future__ import annotations

import re
from collections.abc import Iterable

import ibis

from features.errors import InputError
from features.reference_data import reference

LISTS = "episode_codes"


def codes_of(cell: str) -> tuple[str, ...]:
    """Prefixes of a cell: codes separated by spaces, `@name` standing for a list of episode_codes.csv.

    Errors: InputError for a list that does not exist.
    """
    found: list[str] = []
    for word in cell.split():
        found += _listed(word[1:]) if word.startswith("@") else [word]
    return tuple(dict.fromkeys(found))


def _listed(name: str) -> list[str]:
    rows = reference(LISTS)
    codes = rows.loc[rows["list"] == name, "prefix"].tolist()
    if not codes:
        raise InputError(f"{LISTS}.csv: there is no list {name!r}; add its codes or correct the name")
    return codes


def starts(code: ibis.StringValue, prefixes: Iterable[str]) -> ibis.BooleanValue:
    """Whether a code begins with one of the prefixes; false for a null or without prefixes."""
    wanted = "|".join(re.escape(prefix) for prefix in prefixes)
    return code.re_search(f"^(?:{wanted})").fill_null(False) if wanted else ibis.literal(False)


def any_starts(codes: ibis.ArrayValue, prefixes: Iterable[str]) -> ibis.BooleanValue:
    """Whether one of a list of codes begins with one of the prefixes; false for a null or without prefixes."""
    wanted = tuple(prefixes)
    if not wanted:
        return ibis.literal(False)
    return (codes.filter(lambda code: starts(code, wanted)).length() > 0).fill_null(False)
