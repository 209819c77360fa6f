"""What if: pay again with other inputs or rules, and compare to the cent.

A `Change` is a pure transformation of a payment's inputs and rules; `simulate` pays with and without a list of them,
`sweep` pays along a grid of values. Nothing here knows a scheme: `pay` is whatever pays.
"""

from __future__ import annotations

from schemes.simulate.care import fidelisation_moves, fidelisation_set
from schemes.simulate.change import Change, Inputs, RuleBook, changed
from schemes.simulate.compare import simulate, sweep, totals
from schemes.simulate.lists import list_grows
from schemes.simulate.terms import other_perimeter, parameter, patientele, rules_on, with_parameter

__all__ = [
    "Change",
    "Inputs",
    "RuleBook",
    "changed",
    "fidelisation_moves",
    "fidelisation_set",
    "list_grows",
    "other_perimeter",
    "parameter",
    "patientele",
    "rules_on",
    "simulate",
    "sweep",
    "totals",
    "with_parameter",
]
