"""What if the terms were others: a parameter, another day's rules, another patientele or perimeter."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from features.errors import InputError, RuleError
from schemes.rule_units import wanted
from schemes.rulebook import NONE, RULES, Rules, rules
from schemes.simulate.change import STRUCTURE, Change, Inputs, RuleBook, concerned, of_inputs, of_rules

PATIENTELES = ("DIAB", "AGE", "TOT")
FORMER = "fee_for_service"
SIMULATED = "assumed"


def with_parameter(found: Rules, key: str, value: str) -> Rules:
    """The rules with another value of a parameter, graded assumed; their hash is no longer that of a file.

    Errors: RuleError for a key that they do not have, or a value that does not fit its unit ("none" always fits).
    """
    before = found.text(key)
    held = found.parameters[key]
    if value != NONE and (want := wanted(held.unit, value)):
        raise RuleError(f"{found.file}: parameter {key} is {value!r} in a simulation; it should be {want}")
    told = replace(held, value=value, grade=SIMULATED, source=f"simulation; {before} in {found.file}")
    digest = hashlib.sha256(f"{found.sha256} {key}={value}".encode()).hexdigest()
    return replace(found, sha256=digest, parameters=found.parameters | {key: told})


def parameter(key: str, value: str, *, scheme: str | None = None) -> Change:
    """A parameter takes another value, in the rules of `scheme`, or in all rules that have it.

    Errors: RuleError where no rules have it, or as `with_parameter`.
    """

    def transform(book: RuleBook) -> RuleBook:
        having = [one for one in _each(book) if (scheme is None or one.scheme == scheme) and key in one.parameters]
        if not having:
            raise RuleError(f"no rules of {scheme or 'this payment'} have the parameter {key}")
        return _mapped(book, lambda one: with_parameter(one, key, value) if one in having else one)

    return of_rules(f"{key} = {value}", transform)


def rules_on(
    day: date, *, known_on: date | None = None, schemes: Iterable[str] | None = None, root: Path = RULES
) -> Change:
    """The rules of another day, of all schemes of the payment or of those named; nothing else moves.

    Errors: RuleError where a scheme has no rules on that day.
    """
    named = None if schemes is None else set(schemes)

    def other(one: Rules) -> Rules:
        is_concerned = named is None or one.scheme in named
        return rules(one.scheme, on=day, known_on=known_on, root=root) if is_concerned else one

    return of_rules(f"rules of {day}", lambda book: _mapped(book, other))


def patientele(code: str, *, structures: Iterable[str] | None = None) -> Change:
    """The structures are on another patientele (DIAB, AGE or TOT) of the same list.

    What fee_for_service says of them is emptied: former revenue, acts and shadow prices were counted on the other
    patientele, and a cap on them would compare two lists.
    Errors: InputError for an unknown patientele or structure, inputs without patienteles.
    """
    if code not in PATIENTELES:
        raise InputError(f"patientele {code!r} is unknown; choose one of {', '.join(PATIENTELES)}")

    def transform(inputs: Inputs) -> Inputs:
        given = inputs.get("participations")
        if given is None or "patientele" not in given.columns or given["patientele"].isna().all():
            raise InputError("participations has no patientele; this scheme pays everyone on the list")
        moved = concerned(given, structures) & (given["patientele"].notna() & (given["patientele"] != code)).to_numpy()
        made = {**inputs, "participations": given.assign(patientele=given["patientele"].mask(moved, code))}
        if FORMER in inputs:
            made[FORMER] = _emptied(inputs, set(given.loc[moved, STRUCTURE]))
        return made

    return of_inputs(f"patientele {code}", transform)


def other_perimeter(name: str, frames: Inputs) -> Change:
    """The structures of `frames` are paid on another perimeter (MG, MG_IDE): these frames take the place of theirs.

    A perimeter changes expected spending, care counted and reference: they cannot be told from the other's, so the
    caller gathers them (participations included) for that perimeter. Frames that are not given stay.
    Errors: InputError for a frame that the payment does not have.
    """

    def transform(inputs: Inputs) -> Inputs:
        if unknown := sorted(set(frames) - set(inputs)):
            raise InputError(f"frame {', '.join(unknown)} is not among the inputs ({', '.join(sorted(inputs))})")
        return {**inputs, **frames}

    return of_inputs(f"perimeter {name}", transform)


def _emptied(inputs: Inputs, structures: set[str]) -> pd.DataFrame:
    frame = inputs[FORMER]
    gone = frame[STRUCTURE].isin(structures)
    columns = [column for column in frame.columns if column != STRUCTURE]
    return frame.assign(**{column: frame[column].astype("float64").mask(gone, np.nan) for column in columns})


def _each(book: RuleBook) -> list[Rules]:
    return [book] if isinstance(book, Rules) else list(book.values())


def _mapped(book: RuleBook, transform: Callable[[Rules], Rules]) -> RuleBook:
    if isinstance(book, Rules):
        return transform(book)
    return {name: transform(one) for name, one in book.items()}
