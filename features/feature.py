"""What a feature is: name, labels in two languages, unit, source, rule, bounds; and the decorator that makes one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import ibis

KINDS = ("number", "flag", "category")
FEATURE_SETS = ("payment", "forecast")
FAMILIES: dict[str, tuple[str, str]] = {
    "age_sex": ("Âge et sexe", "Age and sex"),
    "ald": ("Affections de longue durée", "Long-term illnesses (ALD)"),
    "comorbidity": ("Comorbidités", "Comorbidities"),
    "precarity": ("Précarité", "Precarity"),
    "territory": ("Territoire", "Territory"),
    "past_use": ("Recours passé", "Past use"),
}


@dataclass(frozen=True)
class Feature:
    """One characteristic of a patient, known on the index date.

    `source` names the datasets it is read from, `rule` says in one sentence what is counted, `monotone` is the
    direction that a model must respect (-1, 0, +1), `low` and `high` bound the values that a service accepts,
    `categories` lists the values of a "category" and is empty otherwise.
    """

    name: str
    label_fr: str
    label_en: str
    unit: str
    source: str
    rule: str
    family: str
    kind: str = "flag"
    monotone: int = 0
    low: float = 0.0
    high: float = 1.0
    categories: tuple[str, ...] = ()
    nullable: bool = False
    feature_set: str = "payment"


@dataclass(frozen=True)
class Computed:
    """A feature and the function (source, index date) -> Ibis column that computes it."""

    feature: Feature
    compute: Callable[[ibis.Table, date], ibis.Value]


def feature(**declared: object) -> Callable[[Callable[[ibis.Table, date], ibis.Value]], Computed]:
    """Decorator that makes a `Computed` of a function; its name is the column, its docstring the rule.

    `declared` holds the other fields of `Feature`. On `beneficiaries` the function returns a column, on any
    other source an aggregate over the rows of one patient.
    """

    def computed(function: Callable[[ibis.Table, date], ibis.Value]) -> Computed:
        rule = " ".join((function.__doc__ or "").split())
        fields = {"name": function.__name__, "rule": rule, **declared}
        return Computed(Feature(**fields), function)  # type: ignore[arg-type]

    return computed
