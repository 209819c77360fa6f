"""What a kept payment would have been: with another list, another fidelisation, other rules, another patientele."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path

import pandas as pd

from features.errors import InputError
from forfait.paying.pay import FAMILIES, PAY, required_run
from schemes.amounts import Payment
from schemes.rulebook import Rules
from schemes.runs import FINAL, Inputs, load, rules_of
from schemes.simulate import Change, fidelisation_set, list_grows, parameter, patientele, rules_on, simulate, totals


@dataclass(frozen=True)
class Changes:
    """What a simulation changes; None and () leave things as they are."""

    list_growth: float | None = None
    fidelisation: float | None = None
    patientele: str | None = None
    rules_on: date | None = None
    parameters: tuple[str, ...] = ()

    @property
    def told(self) -> str:
        """The changes in words."""
        told = {
            "list": None if self.list_growth is None else f"{self.list_growth:+.0%}",
            "fidelisation": self.fidelisation,
            "patientele": self.patientele,
            "rules of": self.rules_on,
            "parameters": " ".join(self.parameters) or None,
        }
        return ", ".join(f"{name} {value}" for name, value in told.items() if value is not None)

    def steps(self, *, seed: int) -> list[Change]:
        """The changes, in the order in which they apply. Errors: InputError where there is none."""
        found = [
            None if self.rules_on is None else rules_on(self.rules_on),
            *(_parameter(text) for text in self.parameters),
            None if self.patientele is None else patientele(self.patientele),
            None if self.list_growth is None else list_grows(str(self.list_growth), seed=seed),
            None if self.fidelisation is None else fidelisation_set(str(self.fidelisation)),
        ]
        steps = [step for step in found if step is not None]
        if not steps:
            options = "--list-growth, --fidelisation, --patientele, --rules-on or --parameter"
            raise InputError(f"nothing to simulate; give {options}")
        return steps


def _parameter(text: str) -> Change:
    key, sign, value = text.partition("=")
    if not sign:
        raise InputError(f"--parameter {text!r}: write key=value, as in cap_over_ffs=0.10")
    return parameter(key.strip(), value.strip())


def simulate_year(
    data: Path, scheme: str, year: int, *, kind: str, changes: Changes, structure: str | None
) -> pd.DataFrame:
    """Base, simulated and difference by structure; by component for one structure.

    Errors: MissingError where nothing was paid; InputError for changes or a structure that cannot be.
    """
    run, inputs = load(required_run(data / "payments", scheme, year, kind))
    known = sorted(set(inputs["participations"]["structure_id"]))
    if structure is not None and structure not in known:
        raise InputError(f"structure {structure} is not in the payment; choose one of {', '.join(known)}")
    pay = partial(_pay, scheme=scheme, seed=run.seed)
    found = simulate(pay, inputs, rules_of(run), changes.steps(seed=run.seed), year=year)
    if structure is None:
        return totals(found)
    return found[found["structure_id"] == structure].reset_index(drop=True)


def _pay(inputs: Inputs, *, year: int, rules: Mapping[str, Rules], scheme: str, seed: int) -> Payment:
    return PAY[scheme](inputs, year, rules, seed)


def impact_of(payments: Path, scheme: str, year: int, *, before: Rules, after: Rules) -> pd.DataFrame:
    """What the structures of a scheme would be paid for a year under each of two sets of its rules.

    `scheme` is that of the rules (peps2 is paid with peps). Errors: MissingError where nothing was paid;
    InputError where no structure of the payment is in the scheme.
    """
    paid_as = next((family for family, members in FAMILIES.items() if scheme in members), scheme)
    run, inputs = load(required_run(payments, paid_as, year, FINAL))
    book = rules_of(run)
    if scheme not in book:
        raise InputError(f"no structure of {paid_as} {year} is under the rules of {scheme}")
    other = Change(after.file, lambda frames, _: (frames, {**book, scheme: after}))
    pay = partial(_pay, scheme=paid_as, seed=run.seed)
    return totals(simulate(pay, inputs, {**book, scheme: before}, [other], year=year))
