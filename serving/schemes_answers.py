"""What a request to pay is answered: amounts with components, figures and labels, and what they rest on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import msgspec
import pandas as pd

from schemes.amounts import Amount, Component, Payment
from schemes.ipep import Target
from schemes.ipep.gains import SPENDING
from schemes.labels import labels
from serving.schemes_reading import Asked
from serving.schemes_rules import Assumed, Book, RuleUsed, assumed, rules_used
from serving.schemes_scoring import ModelUsed

CURRENCY = "EUR"


class PaidComponent(msgspec.Struct, frozen=True):
    """What a step adds or takes away, the amount after it, the parameters it used."""

    component: str
    label_fr: str
    amount_cents: int
    running_cents: int
    rule_keys: tuple[str, ...]


class ShownFigure(msgspec.Struct, frozen=True):
    """A figure behind an amount: exact text, null where it has no value."""

    value: str | None
    unit: str
    label_fr: str


class Warned(msgspec.Struct, frozen=True):
    """What the reader of an amount should know."""

    warning: str
    label_fr: str


class PaidStructure(msgspec.Struct, frozen=True):
    """The amount of a structure; the cents of the components add up to the total."""

    structure_id: str
    scheme: str
    total_cents: int
    currency: str
    components: list[PaidComponent]
    figures: dict[str, ShownFigure]
    warnings: list[Warned]


class TargetOfGroup(msgspec.Struct, frozen=True):
    """What a group would be expected to spend, by year lived, and how far chance alone carries it."""

    structure_id: str
    figures: dict[str, ShownFigure]


class PatientForfait(msgspec.Struct, frozen=True):
    """The part of the structure's amount that is allotted to a patient; patients add up to the amount."""

    structure_id: str
    patient_id: str
    present_share: float
    expected_eur: float | None
    amount_cents: int


class RefusedStructure(msgspec.Struct, frozen=True):
    """A structure that is not paid, and a reason: one row per reason."""

    structure_id: str
    reason: str
    label_fr: str
    detail: str


class ExcludedPatients(msgspec.Struct, frozen=True):
    """Patients of a structure who are not paid for, counted by reason."""

    structure_id: str
    reason: str
    label_fr: str
    patients: int


class Rests(msgspec.Struct, frozen=True, kw_only=True):
    """What every answer says: scheme, year, who is left out, rules, values that are not official, model."""

    scheme: str
    year: int
    on: date
    known_on: date | None
    refused: list[RefusedStructure]
    excluded: list[ExcludedPatients]
    rules: list[RuleUsed]
    assumed: list[Assumed]
    model: ModelUsed | msgspec.UnsetType = msgspec.UNSET


class Paid(Rests, frozen=True, kw_only=True):
    """Amounts by structure; forfaits by patient where they were asked for; seed and draws where chance was drawn."""

    amounts: list[PaidStructure]
    forfaits: list[PatientForfait] | msgspec.UnsetType = msgspec.UNSET
    seed: int | msgspec.UnsetType = msgspec.UNSET
    draws: int | msgspec.UnsetType = msgspec.UNSET


class Targets(Rests, frozen=True, kw_only=True):
    """Targets by group, with the seed and the draws of their interval."""

    targets: list[TargetOfGroup]
    seed: int
    draws: int


def paid(payment: Payment, package: str, *, asked: Asked, book: Book, model: ModelUsed | None) -> Paid:
    """The answer for a payment."""
    keys = [key for amount in payment.amounts for step in amount.components for key in step.rule_keys]
    drawn = {name: getattr(asked, name) for name in ("seed", "draws") if hasattr(asked, "draws")}
    return Paid(
        **_rests(package, payment.refused, payment.excluded, asked=asked, model=model),
        rules=rules_used(book),
        assumed=assumed(book, keys),
        amounts=[_structure(package, amount) for amount in payment.amounts],
        forfaits=_forfaits(payment.forfaits) if getattr(asked, "with_patients", False) else msgspec.UNSET,
        **drawn,
    )


def targets(found: Target, package: str, *, asked: Asked, book: Book, model: ModelUsed | None) -> Targets:
    """The answer for targets."""
    return Targets(
        **_rests(package, found.refused, found.excluded, asked=asked, model=model),
        rules=rules_used(book),
        assumed=assumed(book, SPENDING),
        targets=[
            TargetOfGroup(str(name), _figures(package, rows[["figure", "value", "unit"]].to_numpy().tolist()))
            for name, rows in found.figures.groupby("structure_id", sort=True)
        ],
        seed=asked.seed,
        draws=getattr(asked, "draws"),  # noqa: B009
    )


def label_fr(package: str, name: str) -> str:
    """French label of a component, figure or reason."""
    return labels(package)[name]["fr"]


def paid_component(package: str, step: Component) -> PaidComponent:
    """A component with its French label."""
    return PaidComponent(step.name, label_fr(package, step.name), step.amount_cents, step.running_cents, step.rule_keys)


def _rests(
    package: str, refused: pd.DataFrame, excluded: pd.DataFrame, *, asked: Asked, model: ModelUsed | None
) -> dict[str, Any]:
    refusals = refused[["structure_id", "reason", "detail"]].to_numpy().tolist()
    counts = excluded[["structure_id", "reason", "patients"]].to_numpy().tolist()
    return {
        "scheme": package,
        "year": asked.year,
        "on": asked.day,
        "known_on": asked.known_on,
        "refused": [RefusedStructure(str(who), why, label_fr(package, why), what) for who, why, what in refusals],
        "excluded": [ExcludedPatients(str(who), why, label_fr(package, why), int(n)) for who, why, n in counts],
        "model": msgspec.UNSET if model is None else model,
    }


def _structure(package: str, amount: Amount) -> PaidStructure:
    steps = [paid_component(package, step) for step in amount.components]
    figures = [(name, figure.value, figure.unit) for name, figure in amount.figures.items()]
    return PaidStructure(
        structure_id=amount.structure_id,
        scheme=amount.scheme,
        total_cents=amount.total_cents,
        currency=CURRENCY,
        components=steps,
        figures=_figures(package, figures),
        warnings=[Warned(name, label_fr(package, name)) for name in amount.warnings],
    )


def _figures(package: str, figures: Sequence[Sequence[str]]) -> dict[str, ShownFigure]:
    return {name: ShownFigure(value or None, unit, label_fr(package, name)) for name, value, unit in figures}


def _forfaits(forfaits: pd.DataFrame) -> list[PatientForfait]:
    columns = [forfaits[name].tolist() for name in PatientForfait.__struct_fields__]
    return [
        PatientForfait(str(who), str(patient), float(share), None if pd.isna(eur) else float(eur), int(cents))
        for who, patient, share, eur, cents in zip(*columns, strict=True)
    ]
