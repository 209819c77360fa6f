"""Which pages a structure has: statement or refusal, settlement; and a settlement of another payment is an error."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import msgspec
import pandas as pd
import pytest

from features.errors import InputError
from forfait.paying.statements import Kept, Told, _is_known, pages_of
from schemes.ledger import DECIDED, LedgerEntry
from schemes.statements import Document
from tests.schemes import pages_made as made

REFUSED = "750099999"


def kept(kind: str = "final") -> Kept:
    given = made.given()
    participations = pd.DataFrame(
        {"structure_id": [made.TEAM, REFUSED], "structure_name": ["A", "B"], "scheme": "peps", "perimeter": "MG"}
    )
    refused = pd.DataFrame(
        [(REFUSED, "too_few_gps", "1; at least 3 wanted")], columns=["structure_id", "reason", "detail"]
    )
    run = msgspec.structs.replace(given.run, kind=kind)
    amount = replace(made.peps_amount(), warnings=())
    return Kept(run, {"participations": participations}, dict(given.rules), (amount,), made.forfaits(), refused)


def told(**changes: object) -> Told:
    values = {"kept": kept(), "language": "fr", "entries": [], "care": {}, "views": None} | changes
    return Told(**values)  # type: ignore[arg-type]


def pages(structure: str, **changes: object) -> dict[str, Document]:
    return dict(pages_of(structure, told(**changes)))


def test_a_structure_that_is_paid_has_its_statement():
    assert list(pages(made.TEAM)) == ["statement"]


def test_a_refused_structure_has_a_page_that_says_why():
    page = pages(REFUSED)["statement"]
    assert page.title == "PEPS 2023 : pourquoi aucun montant n'est versé"
    assert page.tables[0].rows == (("Trop peu de médecins généralistes", "1", "3 au moins"),)


def test_a_reconciled_structure_has_its_settlement():
    found = pages(made.TEAM, reconciliation=made.reconciliation())
    assert list(found) == ["statement", "reconciliation"]
    assert found["reconciliation"].sections[0].key_figures[0].value.value == kept().amounts[0].total_cents


def test_a_refused_structure_that_was_paid_instalments_has_its_settlement():
    """15 660 000 paid and as much decided, nothing due: all of it is to be given back."""
    rows = made.reconciliation(
        withheld=0, presence=0, patients_out=0, patients_in=0, late_claims=0, participation=-31_320_000
    )
    balance = pages(REFUSED, reconciliation=rows.assign(structure_id=REFUSED))["reconciliation"].sections[0]
    assert balance.key_figures[2].value.value == -31_320_000


def test_a_settlement_of_another_payment_is_an_error():
    with pytest.raises(InputError, match="run forfait reconcile peps --year 2023 again"):
        pages(made.TEAM, reconciliation=made.reconciliation(late_claims=0))


def test_a_provisional_page_does_not_know_the_settlement():
    entry = LedgerEntry(
        kind=DECIDED, structure_id="T", scheme="peps", year=2023, label="regularisation 2024-09-30", amount_cents=100,
        due_on=date(2024, 9, 30), recorded_on=date(2024, 9, 30), by="payer", number=1,
    )  # fmt: skip
    assert _is_known(entry, "final")
    assert not _is_known(entry, "provisional")
