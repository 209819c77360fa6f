"""The page of a simulation, written: the base, each change alone, and all of them together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import partial
from pathlib import Path

from features.errors import InputError
from forfait.documents import write_document
from forfait.paying.pay import PAY, required_run
from forfait.paying.scenarios import Changes
from forfait.paying.statements import Kept, check_language, read_kept
from schemes.amounts import Payment
from schemes.rulebook import Rules
from schemes.simulate import changed
from schemes.statements import Given, Scenario, change_told, comparison_page, parameter_told, together_told

Told = Callable[[Given], tuple[str, str]]


def write_comparisons(
    data: Path,
    scheme: str,
    year: int,
    *,
    kind: str,
    changes: Changes,
    structure: str | None,
    language: str,
    folder: Path,
) -> list[Path]:
    """Files of the comparison page of a structure, or of all that take part.

    Errors: MissingError where nothing was paid; InputError for an unknown language, structure or change.
    """
    check_language(language)
    kept = read_kept(required_run(data / "payments", scheme, year, kind))
    chosen = [one for one in sorted(map(str, kept.listed.index)) if structure in (None, one)]
    if not chosen:
        raise InputError(f"structure {structure} is not in the payment; choose one of {', '.join(kept.listed.index)}")
    paid = [(told, _pay(kept, change)) for told, change in _scenarios(changes)]
    written: list[Path] = []
    for one in chosen:
        given = kept.given(one, language)
        base = next((amount for amount in kept.amounts if amount.structure_id == one), None)
        scenarios = [_scenario(one, told(given), payment) for told, payment in paid]
        page = comparison_page(one, given, base=base, scenarios=scenarios)
        written += write_document(page, folder, f"{one}-simulation-{language}")
    return written


def _pay(kept: Kept, changes: Changes) -> Payment:
    run = kept.run
    inputs, rules = changed(kept.inputs, kept.rules, changes.steps(seed=run.seed))
    assert not isinstance(rules, Rules)  # a mapping goes in, a mapping comes out
    return PAY[run.scheme](dict(inputs), run.year, rules, run.seed)


def _scenario(structure: str, told: tuple[str, str], payment: Payment) -> Scenario:
    name, detail = told
    return Scenario(name, next((one for one in payment.amounts if one.structure_id == structure), None), detail)


def _scenarios(changes: Changes) -> Iterator[tuple[Told, Changes]]:
    """Each change alone with its words, then all of them where there are several."""
    changes.steps(seed=0)
    alone = list(_alone(changes))
    yield from alone
    if len(alone) > 1:
        yield together_told, changes


def _alone(changes: Changes) -> Iterator[tuple[Told, Changes]]:
    names = {"rules_on": "rules", "patientele": "patientele", "list_growth": "list", "fidelisation": "fidelisation"}
    for name, kind in names.items():
        value = getattr(changes, name)
        if value is not None:
            exact = Decimal(str(value)) if isinstance(value, float) else value
            yield partial(change_told, kind, exact), Changes(**{name: value})
    for text in changes.parameters:
        key, _, value = text.partition("=")
        yield partial(parameter_told, key.strip(), value.strip()), Changes(parameters=(text,))
