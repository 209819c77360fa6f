"""The statement of a structure: amount, steps, fee-for-service, assumed values, and nobody who can be recognised."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import msgspec
import pytest

from features.errors import InputError
from schemes.amounts import Amount, Component, Figure, amounts_frame, figures_frame
from schemes.labels import labels
from schemes.statements import Document, amounts_from, statement
from schemes.statements.document import Figure as Drawing
from schemes.statements.document import Masked, Section, Table, Value
from schemes.statements.statement import SHOWN
from tests.schemes import pages_made as made


def table(document: Document, name: str) -> Table:
    return next(one for one in document.tables if one.name == name)


def peps(**rules: str) -> Document:
    return statement(made.peps_amount(), made.given(**rules), forfaits=made.forfaits())


def test_the_steps_are_shown_in_euros_and_end_on_the_amount():
    rows = table(peps(), "components").rows
    assert rows[:2] == (("Forfait de base", 41_200_000, 41_200_000), ("Fidélisation", -7_725_000, 33_475_000))
    assert rows[5] == ("Plafond face aux recettes à l'acte", -1_310_080, 34_800_000)
    assert rows[-1] == ("Total", 34_800_000, 34_800_000)
    assert sum(row[1] for row in rows[:-1]) == 34_800_000


def test_steps_without_effect_are_one_sentence_and_are_not_drawn():
    """Activity, floor and phase move nothing; five steps and modules do."""
    walk = next(section for section in peps().sections if section.title == "De la base au montant")
    assert walk.paragraphs == ("Sans effet cette année : activity (peps) ; floor (peps) ; phase (peps).",)
    assert len(walk.tables[0].rows) == len(walk.figures[0].series[0].marks) == 7


def test_a_walk_that_never_moves_shows_every_step():
    amount = Amount("H", "peps", 2023, (Component("base", 0, 0), Component("local", 0, 0)), {})
    walk = statement(amount, made.given()).sections[1]
    assert walk.paragraphs == ()
    assert [row[0] for row in walk.tables[0].rows] == ["Forfait de base", "Coefficient local", "Total"]


def test_the_waterfall_draws_the_steps_of_the_table():
    (drawing,) = peps().figures
    assert drawing.table == "components"
    assert [mark.value for mark in drawing.series[0].marks][:3] == [41_200_000, 33_475_000, 34_144_500]
    assert "Fidélisation −77\u202f250,00\u00a0€" in drawing.alt


def test_the_mean_per_patient_is_the_amount_over_the_patients():
    values = [one.value for one in peps().sections[0].key_figures]
    assert values[1] == Value(3823, "count")
    assert values[2] == Value(Decimal(34_800_000) / 3823, "eur_cents")


def test_fee_for_service_by_both_definitions():
    """290 000 € scaled to the list, 301 234.56 € of acts priced; the cap rests on the first."""
    first, second = table(peps(), "compared").rows
    assert first[0].endswith("(base du plafond)")
    assert first[1:] == (Decimal(290_000), Decimal(348_000), Decimal(58_000), Decimal("1.2"))
    assert second[1:4] == (Decimal("301234.56"), Decimal("361481.472"), Decimal("46765.44"))


def test_without_former_revenue_the_comparison_is_absent_not_zero():
    amount = made.peps_amount()
    figures = {**amount.figures, "ffs_reference_eur": Figure("", "EUR")}
    first = table(statement(replace(amount, figures=figures), made.given()), "compared").rows[0]
    assert first[1] is None
    assert first[3:] == (None, None)
    assert str(first[0]).endswith(" : non connue")


def test_a_figure_without_value_is_not_listed():
    """acts_ratio, tau_schedule and mean_forfait_reference_eur have none."""
    listed = [str(row[0]) for row in table(peps(), "figures").rows]
    assert "tau_used (peps)" in listed
    assert {"acts_ratio (peps)", "tau_schedule (peps)", "mean_forfait_reference_eur (peps)"} & set(listed) == set()


def test_values_used_that_are_not_official_are_listed_with_their_source():
    rows = {str(row[0]): row[1:] for row in table(peps(), "assumed").rows}
    value, grade, source = rows["Plafond au-dessus des recettes à l'acte"]
    assert (value, grade) == (Value(Decimal("0.20"), "share"), "rapportée")
    assert source.startswith("Le Quotidien du médecin, 30 novembre 2022")
    assert rows["Coefficient local, au plus"][0] == Value(Decimal("1.10"), "number")


def test_a_value_that_no_step_used_is_not_listed():
    assert not any("Acomptes" in str(row[0]) for row in table(peps(), "assumed").rows)


def test_rules_all_official_have_no_list():
    given = made.given()
    rules = given.own_rules
    official = {name: replace(one, grade="text") for name, one in rules.parameters.items()}
    page = statement(made.peps_amount(), replace(given, rules={"peps": replace(rules, parameters=official)}))
    assert "assumed" not in [one.name for one in page.tables]


def test_the_page_says_how_to_compute_it_again():
    notes = " ".join(peps().notes)
    run = made.given().run
    assert run.id in notes
    assert "modèle peps_mg, version 3 (empreinte 0123456789ab)" in notes
    assert "peps/2022-11-27.yaml, en vigueur depuis le 27 novembre 2022, publiées le 26 novembre 2022" in notes
    assert "données connues au 1er septembre 2024" in notes


def warned(*names: str) -> tuple[str, ...]:
    amount = replace(made.peps_amount(), warnings=names)
    return statement(amount, made.given(min_patients="1250")).sections[0].paragraphs[1:]


def test_warnings_are_sentences():
    assert warned("capped") == ("À noter : le montant est plafonné sur vos anciennes recettes à l'acte.",)
    (told,) = warned("near_min_patients")
    assert "proche du minimum de 1\u202f250 patients" in told


def test_a_warning_without_a_sentence_is_told_by_its_label():
    assert warned("some_new_warning") == ("À noter : some_new_warning (peps).",)


def test_in_phase_2_the_page_says_that_acts_are_still_paid():
    amount = made.peps_amount()
    figures = {**amount.figures, "phase": Figure("2", "phase"), "payable_eur": Figure("348000", "EUR")}
    told = statement(replace(amount, figures=figures, warnings=()), made.given()).sections[0].paragraphs[1]
    assert "vos actes restent payés à l'acte (310\u202f000,00\u00a0€)" in told
    assert "le forfait aurait été de 348\u202f000,00\u00a0€" in told


def test_a_provisional_amount_is_not_told_as_received():
    given = made.given()
    given = replace(given, run=msgspec.structs.replace(given.run, kind="provisional"))
    assert statement(made.peps_amount(), given).sections[0].paragraphs[0].startswith("Le montant provisoire")


def test_a_list_under_eleven_people_is_not_counted_aloud():
    page = statement(made.peps_amount(), made.given(), forfaits=made.forfaits(10))
    figures = page.sections[0].key_figures
    assert [one.value.value for one in figures] == [34_800_000, Masked.SMALL]
    assert any("moins de 11 personnes" in note for note in page.notes)


def test_a_scheme_without_patients_counts_none():
    """A hospital is paid for boxes: there is no list, which is not a list of nobody."""
    page = statement(made.peps_amount(), made.given(), forfaits=made.forfaits(0))
    assert len(page.sections[0].key_figures) == 1


def brick_amount(**patients: int) -> Amount:
    components, running = [], 0
    for name, count in patients.items():
        running += 1000 * count
        components.append(Component(f"brick_{name}", 1000 * count, running))
    figures = {f"patients_{name}": Figure(str(count), "patients") for name, count in patients.items()}
    return Amount("P1", "ipso", 2023, tuple(components), figures)


def test_a_brick_of_few_patients_is_gathered_with_another():
    """Its euros over its published price would be its patients."""
    page = statement(brick_amount(enfant=40, handicap=3, ald=90), made.given("ipso"))
    rows = table(page, "components").rows
    assert [(row[1], row[2]) for row in rows] == [(43_000, 43_000), (90_000, 133_000), (133_000, 133_000)]
    bricks = {str(row[0]): row[1:] for row in table(page, "bricks").rows}
    assert bricks["handicap (ipso)"] == bricks["enfant (ipso)"] == (Masked.SMALL, None, Masked.SMALL)
    assert bricks["ald (ipso)"] == (Decimal(90), None, 90_000)
    assert any("moins de 11 personnes" in note for note in page.notes)


def test_a_hospital_reads_its_boxes_by_molecule():
    """62 boxes, 27 of them biosimilars, at 31.30 €."""
    figures = {
        "adalimumab_boxes": Figure("62", "boxes"),
        "adalimumab_biosimilar_share": Figure("0.435484", "share"),
        "adalimumab_amount_eur": Figure("31.3", "EUR per box"),
    }
    amount = Amount("H", "biosimilars", 2023, (Component("adalimumab", 84_510, 84_510, ("gaps",)),), figures)
    page = statement(amount, made.given("biosimilars"))
    (row,) = table(page, "molecules").rows
    assert row[1:] == (Decimal("62.0000"), Decimal("0.4355"), Decimal("31.3000"), 84_510)


def test_bricks_of_enough_patients_stand_alone():
    page = statement(brick_amount(enfant=40, ald=90), made.given("ipso"))
    assert len(table(page, "components").rows) == 3


def test_ipep_tells_what_chance_would_pay():
    page = statement(made.ipep_amount(), made.given("ipep"))
    assert page.sections[1].title == "La part du hasard dans ce montant"
    told = page.sections[1].paragraphs[0]
    assert "recevrait 71\u202f250\u00a0€ de gains en moyenne" in told
    assert "davantage 24 fois sur 100" in told


def test_english_on_request():
    page = statement(made.peps_amount(), made.given(language="en"), forfaits=made.forfaits())
    assert page.title == "PEPS 2023: the amount of the year"
    assert "€348,000.00" in page.sections[0].paragraphs[0]
    assert table(page, "components").rows[0][0] == "Base forfait"


def test_a_statement_is_the_same_from_what_a_run_keeps():
    amount = replace(made.peps_amount(), warnings=())
    kept = amounts_from(amounts_frame([amount]), figures_frame([amount]))
    assert kept == (amount,)


def test_components_that_do_not_add_up_are_refused():
    frame = amounts_frame([made.peps_amount()])
    frame.loc[3, "running_cents"] += 1
    with pytest.raises(InputError, match="order 4"):
        amounts_from(frame)


def test_every_figure_chosen_for_a_page_has_its_label():
    for scheme, names in SHOWN.items():
        known = labels(scheme)
        assert [name for name in names if name not in known] == []


def test_a_figure_needs_words_and_its_table():
    drawing = Drawing("d", "bars", "Caption", "Words", table="nowhere", series=())
    with pytest.raises(ValueError, match="nowhere"):
        Document("t", "s", "fr", (Section("x", figures=(drawing,)),))
    with pytest.raises(ValueError, match="alt"):
        Drawing("d", "bars", "Caption", " ", table="t", series=())
