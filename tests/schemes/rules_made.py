"""Rules made for a test: those of a scheme, with values of parameters replaced."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from schemes.rulebook import Rules, periods, rules


def made_rules(scheme: str, on: date | None = None, **overrides: str) -> Rules:
    """Rules of a scheme on a day (None: its latest period) with the values of some parameters replaced.

    Errors: KeyError for a parameter that the scheme does not have; a slip would otherwise replace nothing.
    """
    found = periods(scheme)[-1] if on is None else rules(scheme, on=on)
    made = {key: replace(found.parameters[key], value=value) for key, value in overrides.items()}
    return replace(found, parameters=found.parameters | made)
