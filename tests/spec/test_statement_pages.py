"""Leakage, cash flow, the views of a group, simulations: what each page tells, on figures checked by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pandas as pd
import pytest

from features.errors import InputError
from schemes.ledger import DECIDED, PAID, LedgerEntry
from schemes.statements import (
    Document,
    Estimate,
    Instalment,
    Scenario,
    cashflow_page,
    change_told,
    comparison_page,
    instalments_of,
    ipep_page,
    leakage_page,
    parameter_told,
)
from schemes.statements.cashflow import payment_name
from schemes.statements.document import Masked, Table, Value
from tests.schemes import pages_made as made

S = Masked.SMALL


def table(document: Document, name: str) -> Table:
    return next(one for one in document.tables if one.name == name)


def leaks() -> Document:
    return leakage_page(
        made.TEAM, made.given(), leakage=made.leakage(), fidelisation=made.fidelisation(), amount=made.peps_amount()
    )


def test_a_point_of_fidelisation_is_a_hundredth_of_the_base_forfait():
    """412 000 € of base: 4 120 € a point; 81.25 % observed leave 77 252.96 € on the table."""
    rate, outside, point, lost = (one.value.value for one in leaks().sections[0].key_figures)
    assert (outside, point) == (6_520_000, Decimal(412_000))
    assert rate == Decimal(28_252_000) / (28_252_000 + 6_520_000)
    assert lost == Decimal(412_000) * 100 * (1 - rate)


def test_without_an_amount_the_page_prices_nothing():
    page = leakage_page(made.TEAM, made.given(), leakage=made.leakage(), fidelisation=made.fidelisation())
    assert len(page.sections[0].key_figures) == 2


def test_a_small_specialty_is_hidden_with_the_next_smallest():
    """Six patients of psychiatry; the forty of paediatrics go with them."""
    assert table(leaks(), "leakage_specialty").rows == (
        ("Médecine générale", 900, 2100, 5_250_000),
        ("Médecine générale (spécialiste)", 300, 410, 1_025_000),
        ("2 lignes non montrées", S, S, S),
        ("Total", 1100, 2579, 6_520_000),
    )


def test_bars_show_no_masked_row():
    bars = next(one for one in leaks().figures if one.table == "leakage_specialty")
    assert [mark.label for mark in bars.series[0].marks] == ["Médecine générale", "Médecine générale (spécialiste)"]


def test_performers_are_ranks_and_the_rest_comes_last():
    labels = [row[0] for row in table(leaks(), "leakage_performer").rows]
    assert labels == ["Exécutant n° 1", "Exécutant n° 2", "Autres", "Total"]


def test_neutralised_acts_are_shown_apart():
    assert table(leaks(), "leakage_neutralised").rows[0] == ("Urgence", 300, 350, 900_000)


def test_a_dimension_of_small_rows_only_is_one_sentence():
    rows = made.leakage()
    rows.loc[rows["dimension"] == "distance", "patients"] = 4
    page = leakage_page(made.TEAM, made.given(), leakage=rows, fidelisation=made.fidelisation())
    section = next(one for one in page.sections if one.title == "Par distance")
    assert section.tables == ()
    assert section.paragraphs[0].startswith("Rien n'est montré ici : chaque ligne concerne moins de 11 personnes")


def test_under_a_start_up_schedule_the_observed_rate_costs_nothing():
    amount = made.peps_amount()
    figures = {**amount.figures, "tau_used": replace(amount.figures["tau_used"], value="0.9")}
    page = leakage_page(
        made.TEAM, made.given(), leakage=made.leakage(), fidelisation=made.fidelisation(),
        amount=replace(amount, figures=figures),
    )  # fmt: skip
    assert "barème de démarrage, 90,0\u00a0%" in page.sections[0].paragraphs[1]
    assert len(page.sections[0].key_figures) == 3


def test_rows_of_two_perimeters_are_refused():
    rows = pd.concat([made.leakage(), made.leakage().assign(perimeter="MG_IDE")])
    with pytest.raises(InputError, match="MG, MG_IDE"):
        leakage_page(made.TEAM, made.given(), leakage=rows, fidelisation=made.fidelisation())


def forecast(expected_cents: int) -> Document:
    return cashflow_page(
        made.TEAM, made.given(), instalments=made.instalments(), estimate=made.estimate(expected_cents)
    )


def test_the_settlement_is_the_amount_less_the_instalments():
    """348 000 € − 4 × 78 300 € = 34 800 €, between 22 800 and 46 800 €."""
    page = forecast(34_800_000)
    assert page.sections[0].key_figures[2].value == Value(3_480_000, "eur_cents")
    assert "+22\u202f800,00\u00a0€ et +46\u202f800,00\u00a0€" in page.sections[0].key_figures[2].note
    last = table(page, "instalments").rows[-1]
    assert last[1:4] == (date(2024, 9, 30), 3_480_000, 34_800_000)
    assert [row[3] for row in table(page, "instalments").rows] == [
        7_830_000, 15_660_000, 23_490_000, 31_320_000, 34_800_000,
    ]  # fmt: skip


def test_a_negative_settlement_is_announced():
    page = forecast(30_000_000)
    assert page.sections[0].is_alert
    assert "devrait retirer 13\u202f200,00\u00a0€ (au pire 25\u202f200,00\u00a0€)" in page.sections[0].paragraphs[0]


def test_a_settlement_that_may_be_negative_is_announced_too():
    """313 200 € paid, 320 000 € expected, 308 000 € at the low end."""
    page = forecast(32_000_000)
    assert page.sections[0].is_alert
    assert "pourrait retirer jusqu'à 5\u202f200,00\u00a0€" in page.sections[0].paragraphs[0]


def test_a_computed_amount_has_no_interval_and_nothing_left_once_decided():
    """348 000 € computed: 313 200 € of instalments and a settlement of 34 800 €, decided."""
    settled = Instalment("regularisation 2024-09-30", date(2024, 9, 30), 3_480_000)
    estimate = Estimate(34_800_000, 34_800_000, 34_800_000, date(2024, 9, 30))
    page = cashflow_page(made.TEAM, made.given(), instalments=(*made.instalments(), settled), estimate=estimate)
    left = page.sections[0].key_figures[2]
    assert (left.value.value, left.note) == (0, "montant définitif moins versements décidés")
    names = [row[0] for row in table(page, "instalments").rows]
    assert names[0] == "Acompte du 1er trimestre 2023"
    assert names[-1] == "Régularisation décidée le 30 septembre 2024"
    assert len(page.figures[0].series) == 1


def test_one_payment_alone_is_not_drawn():
    only = Instalment("regularisation 2024-09-30", date(2024, 9, 30), 311_415)
    estimate = Estimate(311_415, 311_415, 311_415, date(2024, 9, 30))
    assert cashflow_page(made.TEAM, made.given(), instalments=[only], estimate=estimate).figures == ()


def test_more_decided_than_computed_is_an_alert():
    estimate = Estimate(30_000_000, 30_000_000, 30_000_000, date(2024, 9, 30))
    page = cashflow_page(made.TEAM, made.given(), instalments=made.instalments(), estimate=estimate)
    assert page.sections[0].is_alert
    assert "dépassent le montant de l'année de 13\u202f200,00\u00a0€" in page.sections[0].paragraphs[0]


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("2024-M03", "Acompte mensuel, mars 2024"),
        ("2024-Q2", "Acompte du 2e trimestre 2024"),
        ("regularisation 2025-09-30", "Régularisation décidée le 30 septembre 2025"),
        ("autre", "Acompte autre"),
    ],
)
def test_payments_are_named_in_words(label: str, name: str):
    assert payment_name(label, made.given()) == name


def test_a_settlement_that_stays_positive_is_no_alert():
    assert not any(section.is_alert for section in forecast(34_800_000).sections)


def test_instalments_come_from_the_ledger():
    decided = LedgerEntry(
        kind=DECIDED, structure_id="T", scheme="peps", year=2023, label="2023-Q1", amount_cents=100,
        due_on=date(2023, 3, 31), recorded_on=date(2023, 1, 5), by="payer", number=1,
    )  # fmt: skip
    paid = LedgerEntry(
        kind=PAID, structure_id="T", scheme="peps", year=2023, label="2023-Q1", amount_cents=100,
        due_on=date(2023, 3, 31), recorded_on=date(2023, 3, 31), by="payer", number=2, settles=1,
    )  # fmt: skip
    (only,) = instalments_of([decided, paid])
    assert (only.amount_cents, only.due_on, only.is_paid) == (100, date(2023, 3, 31), True)


def group() -> Document:
    return ipep_page(made.ipep_amount(), made.given("ipep"), views=made.views(), postes={"generaliste": "médecins"})


def test_the_four_views_are_there():
    assert [section.title[0] for section in group().sections[1:]] == ["1", "2", "3", "4"]


def test_seven_patients_over_85_hide_another_band():
    rows = {row[0]: row[1] for row in table(group(), "patientele_age").rows}
    assert (rows["85 ans ou plus"], rows["0 à 5 ans"], rows["6 à 15 ans"]) == (S, S, 500)


def test_three_patients_of_a_poste_are_hidden():
    rows = {str(row[0]): row[1] for row in table(group(), "contacts").rows}
    assert (rows["Médecins"], rows["cure".capitalize()]) == (4300, S)


def test_past_and_expected_spending():
    assert table(group(), "spending").rows[1] == ("2023", Decimal("2450.0"), Decimal("2500.0"), Decimal("2470.0"))


def test_possible_gains_by_lever():
    rows = table(group(), "gains").rows
    assert rows[0] == ("Dépense observée plus basse", Value(Decimal("-0.01"), "share"), 15_300_000, 3_047_525)


def test_an_interval_that_holds_zero_is_told_so():
    told = group().sections[0].paragraphs
    assert "de +50\u00a0€ par patient" in told[1]
    assert told[2] == "Cet intervalle contient zéro : l'écart peut tenir au hasard seul."


def test_an_interval_above_zero_is_told_so():
    amount = made.ipep_amount()
    figures = {**amount.figures, "gain_ecart_low_eur": replace(amount.figures["gain_ecart_low_eur"], value="4.10")}
    page = ipep_page(replace(amount, figures=figures), made.given("ipep"), views=made.views())
    assert page.sections[0].paragraphs[2].startswith("Cet intervalle ne contient pas zéro")


def test_the_funnel_narrows_with_the_square_root_of_the_size():
    """At four times the size the limits are half as wide: 1.96 × 57.02 = 111.76 €, then 55.88 €."""
    rows = {row[0]: row[1:] for row in table(group(), "chance_limits").rows}
    assert rows[5000] == (Decimal("-111.76"), Decimal("111.76"))
    assert rows[20000] == (Decimal("-55.88"), Decimal("55.88"))


def test_simulations_beside_the_base():
    base = made.peps_amount()
    fewer = replace(base, components=base.components[:3])
    page = comparison_page(
        made.TEAM, made.given(), base=base, scenarios=[Scenario("Sans plafond", fewer), Scenario("DIAB", None)]
    )
    rows = table(page, "scenarios").rows
    assert rows[0][2:] == (34_800_000, 0, Decimal(0))
    assert rows[1][2:4] == (34_144_500, -655_500)
    assert rows[2][2:] == (None, None, None)
    assert rows[2][1] == "la structure ne serait pas payée"
    components = table(page, "components")
    assert components.rows[3][1:] == (1_365_580, None, None)
    assert components.rows[-1][1:] == (34_800_000, 34_144_500, None)


def test_a_refused_base_beside_a_scenario_that_is_paid():
    page = comparison_page(
        made.TEAM, made.given(), base=None, scenarios=[Scenario("Liste", made.peps_amount(), "+10 %")]
    )
    rows = table(page, "scenarios").rows
    assert rows[0][2:] == (None, None, None)
    assert rows[1][2:] == (34_800_000, None, None)


def test_changes_are_told_with_the_value_that_they_replace():
    given = made.given(cap_over_ffs="0.20")
    assert change_told("list", Decimal("0.1"), given)[1] == "+10,0\u00a0% de patients"
    assert change_told("patientele", "AGE", given) == ("Patientèle", "patientèle âgée")
    assert change_told("rules", date(2024, 7, 4), given)[1] == "règles en vigueur le 4 juillet 2024"
    assert parameter_told("cap_over_ffs", "0.10", given) == (
        "Plafond au-dessus des recettes à l'acte", "10,0\u00a0% au lieu de 20,0\u00a0%",
    )  # fmt: skip
    assert parameter_told("not_a_key", "3", given) == ("not_a_key", "3 au lieu de –")
