"""A change: a name, and what it makes of a payment's inputs and rules."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from features.errors import InputError
from schemes.rulebook import Rules

Inputs = Mapping[str, pd.DataFrame]
RuleBook = Rules | Mapping[str, Rules]

STRUCTURE = "structure_id"


@dataclass(frozen=True)
class Change:
    """A pure transformation of inputs and rules; neither is modified in place."""

    name: str
    apply: Callable[[Inputs, RuleBook], tuple[Inputs, RuleBook]]


def changed(inputs: Inputs, rules: RuleBook, changes: Iterable[Change]) -> tuple[Inputs, RuleBook]:
    """Inputs and rules after the changes, one after the other."""
    for change in changes:
        inputs, rules = change.apply(inputs, rules)
    return inputs, rules


def of_inputs(name: str, transform: Callable[[Inputs], Inputs]) -> Change:
    """A change of the inputs alone."""
    return Change(name, lambda inputs, rules: (transform(inputs), rules))


def of_rules(name: str, transform: Callable[[RuleBook], RuleBook]) -> Change:
    """A change of the rules alone."""
    return Change(name, lambda inputs, rules: (inputs, transform(rules)))


def concerned(frame: pd.DataFrame, structures: Iterable[str] | None) -> npt.NDArray[np.bool_]:
    """Rows of the structures named; all rows where None. Errors: InputError for a structure without any row."""
    if structures is None:
        return np.ones(len(frame), dtype=bool)
    named = set(structures)
    if absent := sorted(named - set(frame[STRUCTURE])):
        raise InputError(f"structure {', '.join(absent)} has no row in the inputs; nothing to change")
    return frame[STRUCTURE].isin(named).to_numpy()
