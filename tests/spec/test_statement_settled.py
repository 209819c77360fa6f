"""The settlement of a year told in words, and the page of a structure that is not paid."""

from __future__ import annotations

import pandas as pd
import pytest

from features.errors import InputError
from schemes.statements import Document, reconciliation_page, refusal_page, refused_of
from schemes.statements.refusal import Refused
from tests.schemes import pages_made as made


def settled(language: str = "fr", **cents: int) -> Document:
    return reconciliation_page(
        made.TEAM, made.given(language=language), reconciliation=made.reconciliation(**cents)
    )  # fmt: skip


def test_the_balance_is_the_amount_due_less_what_was_decided():
    """348 000 € due, 313 200 € decided: 34 800 € to pay."""
    section = settled().sections[0]
    assert [one.value.value for one in section.key_figures] == [34_800_000, 31_320_000, 3_480_000]
    assert section.key_figures[1].note == "dont 156\u202f600,00\u00a0€ versés, 156\u202f600,00\u00a0€ à verser"
    assert section.paragraphs[1].startswith("La régularisation s'élève à 34\u202f800,00\u00a0€ en votre faveur")


def test_a_negative_balance_is_to_be_given_back():
    section = settled(late_claims=-6_000_000).sections[0]
    assert section.key_figures[2].value.value == 28_200_000 - 31_320_000
    assert "dépassent ce qui est dû de 31\u202f200,00\u00a0€" in section.paragraphs[1]


def test_a_balance_of_nothing_is_told_so():
    section = settled(late_claims=600_000 - 3_480_000).sections[0]
    assert section.key_figures[2].value.value == 0
    assert section.paragraphs[1].endswith("il n'y a rien à régulariser.")


def test_without_a_provisional_amount_the_page_says_so():
    told = settled(paid=0, decided_not_paid=0, withheld=0).sections[0].paragraphs
    assert told[2].startswith("Aucun montant provisoire n'avait été retenu")
    assert len(settled().sections[0].paragraphs) == 2


def test_reasons_lead_from_paid_to_due_to_the_cent():
    walk = settled().sections[1]
    rows = walk.tables[0].rows
    assert rows[0] == ("Versé à ce jour", 15_660_000, 15_660_000)
    assert rows[3] == ("Présence des patients dans l'année", -1_000_000, 33_800_000)
    assert rows[-1] == ("Montant dû pour l'année", 34_800_000, 34_800_000)
    assert sum(row[1] for row in rows[:-1]) == 34_800_000


def test_reasons_that_move_nothing_are_one_sentence():
    assert settled().sections[1].paragraphs == (
        "Sans effet cette année : situation des patients mise à jour ; participation, équipe et qualité ; "
        "changement de règles.",
    )


def test_the_walk_starts_from_what_was_paid_even_if_nothing_was():
    assert settled(paid=0).sections[1].tables[0].rows[0] == ("Versé à ce jour", 0, 0)


def test_each_reason_that_moves_the_amount_is_explained():
    told = settled().sections[2].paragraphs
    assert len(told) == 6
    assert told[3] == (
        "Patients partis de la liste : des patients de la liste de départ n'y étaient aucun jour payé de l'année."
    )


def test_the_settlement_in_english():
    assert settled("en").title == "Settlement 2023: from paid to due"
    assert "€34,800.00 in your favour" in settled("en").sections[0].paragraphs[1]


def test_a_structure_that_is_not_reconciled_is_an_error():
    with pytest.raises(InputError, match="reconcile the year again"):
        reconciliation_page("OTHER", made.given(), reconciliation=made.reconciliation())


def refusal(*gates: tuple[str, str], language: str = "fr") -> Document:
    return refusal_page(made.TEAM, made.given(language=language), refused=[Refused(*gate) for gate in gates])


@pytest.mark.parametrize(
    ("reason", "detail", "found", "wanted"),
    [
        ("too_few_patients", "234; at least 250 wanted", "234", "250 au moins"),
        ("too_few_patients", "fewer than 11; at least 250 wanted", "moins de 11", "250 au moins"),
        (
            "below_min_patients",
            "4100 patients on the list; the rules ask for 5000",
            "4\u202f100",
            "5\u202f000 au moins",
        ),
        ("legal_form", "SCM; one of SISA, CDS is wanted", "SCM", "l'une de : SISA, CDS"),
        ("no_roster", "no professional on a roster of the structure", "aucun professionnel recensé", None),
        ("some_new_gate", "words of the scheme", "words of the scheme", "–"),
    ],
)
def test_each_gate_says_what_was_found_and_what_is_wanted(reason: str, detail: str, found: str, wanted: str | None):
    (row,) = refusal((reason, detail)).sections[0].tables[0].rows
    assert row[0] == f"{reason} (peps)"
    assert row[1:] == (found, "une liste des professionnels" if wanted is None else wanted)


def test_a_refusal_is_no_amount_of_zero():
    page = refusal(("too_few_nurses", "0; at least 1 wanted"))
    assert page.subtitle.endswith("aucun montant")
    assert "Ce n'est pas un montant de zéro" in page.sections[0].paragraphs[0]
    assert page.sections[0].is_alert


def test_two_gates_are_two_rows():
    page = refusal(("too_few_nurses", "0; at least 1 wanted"), ("too_few_professionals", "4; at least 5 wanted"))
    assert [row[1] for row in page.sections[0].tables[0].rows] == ["0", "4"]
    assert "les conditions ci-dessous" in page.sections[0].paragraphs[0]


def test_gates_that_no_official_text_gives_are_listed():
    page = refusal(("too_few_nurses", "0; at least 1 wanted"), language="en")
    (row,) = next(one for one in page.tables if one.name == "assumed").rows
    assert row[0] == "Fewest nurses"


def test_gates_of_one_structure_by_reason():
    refused = pd.DataFrame(
        [("A", "too_few_patients", "x"), ("B", "no_roster", "y"), ("A", "legal_form", "z")],
        columns=["structure_id", "reason", "detail"],
    )
    assert refused_of(refused, "A") == (Refused("legal_form", "z"), Refused("too_few_patients", "x"))
    assert refused_of(refused, "C") == ()
