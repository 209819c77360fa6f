"""The pages of an establishment under EDS: amounts add up, small numbers stay hidden, every word is there."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import cache

import pandas as pd
import pytest

from features.errors import InputError
from schemes import eds
from schemes.amounts import Amount, Component, Figure
from schemes.runs import Run
from schemes.statements import (
    Document,
    EdsViews,
    Explained,
    Given,
    Watched,
    benchmark_page,
    eds_sections,
    episode_page,
    quality_page,
    statement,
    watch_page,
)
from schemes.statements.document import LANGUAGES, Masked, Table, Value, parted
from schemes.statements.eds_watch import list_document
from schemes.statements.given import parameter_value
from tests.schemes import eds_made as made
from tests.schemes.eds_nation import PRIVATE, PUBLIC, YEAR, nation
from tests.schemes.rules_made import made_rules

S = Masked.SMALL
ON = date(YEAR, 4, 20)


@cache
def inputs() -> dict[str, pd.DataFrame]:
    return nation(made_rules("eds"))


def given(language: str = "fr") -> Given:
    run = Run(scheme="eds", year=YEAR, kind="final", known_on=date(YEAR + 1, 10, 1), rules=(), inputs={})
    return Given(run, {"eds": made_rules("eds")}, "CHU des Tilleuls", language)


@cache
def paid() -> dict[str, Amount]:
    return {one.structure_id: one for one in eds.pay(inputs(), year=YEAR, rules=made_rules("eds")).amounts}


@cache
def views() -> EdsViews:
    rules = made_rules("eds")
    ratios = eds.ratios(inputs(), rules)
    return EdsViews(
        episodes=eds.reconciled(inputs(), year=YEAR, rules=rules),
        prices=eds.prices(inputs(), year=YEAR, rules=rules),
        excluded=pd.DataFrame(
            [(PUBLIC, "window_open", 40), (PUBLIC, "no_prediction", 3)],
            columns=["structure_id", "reason", "patients"],
        ),
        ratios=ratios,
        places=eds.places(inputs(), rules),
        quality=eds.measured(inputs(), rules),
        curves={name: eds.funnel(inputs(), name, rules)[1] for name in set(ratios["indicator"])},
        components=eds.by_component(inputs(), year=YEAR, rules=rules),
        periods=eds.by_period(inputs(), year=YEAR, rules=rules),
    )


def page(structure: str = PUBLIC, language: str = "fr") -> Document:
    amount, told = paid()[structure], given(language)
    return statement(amount, told, more=eds_sections(amount, told, views()))


def quality(structure: str = PUBLIC, language: str = "fr") -> Document:
    found = quality_page(paid()[structure], given(language), views())
    assert found is not None
    return found


def benchmark(structure: str = PUBLIC, language: str = "fr") -> Document:
    found = benchmark_page(paid()[structure], given(language), views())
    assert found is not None
    return found


@cache
def watched(structure: str = PUBLIC) -> Watched:
    rules = made_rules("eds")
    rows = eds.watch_list(inputs(), on=ON, rules=rules)
    foreseen = eds.forecast(inputs(), year=YEAR, on=ON, rules=rules).amounts
    amount = next((one for one in foreseen if one.structure_id == structure), None)
    return Watched(ON, rows[rows["establishment_id"] == structure], amount)


def table(document: Document, name: str) -> Table:
    return next(one for one in document.tables if one.name == name)


def words(document: Document) -> str:
    """Every word and figure of a page."""
    cells = [cell for one in document.tables for row in one.rows for cell in row]
    parts = [str(parted(cell, "text")[0]) for cell in cells]
    sections = [text for one in document.sections for text in (one.title, *one.paragraphs)]
    figures = [text for one in document.figures for text in (one.caption, one.alt)]
    return " ".join([document.title, document.subtitle, *sections, *figures, *parts, *document.notes])


def test_programmes_add_up_to_the_steps_of_the_amount():
    """The total of the table is the price, and price less spending counted is what quality starts from."""
    total = table(page(), "strata").rows[-1]
    steps = {one.name: one for one in paid()[PUBLIC].components}
    assert total[2] == steps["price"].amount_cents
    assert total[5] == steps["cap"].running_cents
    rows = table(page(), "strata").rows[:-1]
    assert [sum(row[place] for row in rows) for place in (1, 2, 3, 4, 5)] == list(total[1:])  # type: ignore[misc]
    assert table(page(), "components").rows[-1][2] == paid()[PUBLIC].total_cents


def test_a_small_programme_is_hidden_with_the_next_smallest():
    """Four colectomies of 109 patients: the knees go with them, and nothing of either is shown, prices aside."""
    shown = {str(row[0]).partition(",")[0]: row for row in table(page(PRIVATE), "strata").rows}
    assert shown["Colectomie pour cancer"][1:] == (S,) * 5
    assert shown["Prothèse totale de genou"][1:] == (S,) * 5
    assert shown["Prothèse totale de hanche"][1] == 60
    prices = {str(row[0]).partition(",")[0]: row for row in table(page(PRIVATE), "prices").rows}
    assert (prices["Colectomie pour cancer"][2], prices["Colectomie pour cancer"][5]) == (S, S)
    assert prices["Prothèse totale de hanche"][2] is not S


def test_the_benchmark_leaves_out_what_the_statement_hides():
    """Hips alone: with the total of the statement, a mean over knees would tell the colectomies."""
    found = benchmark(PRIVATE)
    assert found.sections[0].key_figures[0].value == Value(60, "count")
    assert "colectomie" in found.sections[0].paragraphs[1].lower()
    assert [one.name for one in found.tables] == ["benchmark_components", "benchmark_periods"]


def test_the_benchmark_adds_up_in_cents():
    """Parts add up to the total, by component as by period, and the difference is own less nation."""
    found = benchmark()
    totals = set()
    for one in found.tables[:2]:
        *rows, total = one.rows
        assert [sum(row[place] for row in rows) for place in (1, 2, 3)] == list(total[1:])  # type: ignore[misc]
        assert all(row[1] - row[2] == row[3] for row in one.rows)  # type: ignore[operator]
        totals.add(total[1:])
    assert len(totals) == 1


def test_the_benchmark_is_the_mean_of_the_establishment():
    """Its own mean: spending over episodes."""
    own = views().episodes[views().episodes["establishment_id"] == PUBLIC]
    mean = Decimal(int(own["observed_cents"].sum())) / len(own) / 100
    assert benchmark().sections[0].key_figures[1].value.value == round(mean, 2)


def test_patients_left_out_are_counted_by_reason():
    rows = table(page(), "left_out").rows
    assert rows == (("Fenêtre de l'épisode non terminée", 40), ("Sans dépense attendue", S))


def test_the_phase_says_its_limits():
    told = page().sections[0].paragraphs[1]
    assert told.startswith("Phase : Rétrospectif, gains et pertes, année de participation n° 5.")


@pytest.mark.parametrize(
    ("cents", "begins"), [(-5_000, "Vous devez 50,00"), (5_000, "Vous recevez 50,00"), (0, "Au titre du dispositif")]
)
def test_an_amount_is_received_owed_or_nothing(cents: int, begins: str):
    amount = paid()[PUBLIC]
    changed = replace(amount, components=(replace(amount.components[0], amount_cents=cents, running_cents=cents),))
    assert statement(changed, given()).sections[0].paragraphs[0].startswith(begins)


def test_warnings_speak_of_episodes():
    """A partial year of biosimilars speaks of boxes, that of EDS of episodes."""
    amount = replace(paid()[PUBLIC], warnings=("partial_year", "quality_unknown"))
    told = " ".join(statement(amount, given()).sections[0].paragraphs)
    assert "seuls les épisodes de ces jours comptent" in told
    assert "elle ne modifie pas le résultat" in told


def test_low_volume_tells_the_losses_that_are_not_counted():
    """A total that is a gain has lost nothing: the sentence says how many euros of which programmes."""
    amount = paid()[PUBLIC]
    relieved = Component("low_volume", 10_154_62, amount.total_cents)
    changed = replace(amount, components=(*amount.components[:-1], relieved), warnings=("low_volume",))
    told = " ".join(statement(changed, given()).sections[0].paragraphs)
    assert "leurs pertes, 10\u202f154,62\u00a0€, ne sont pas retenues" in told


@pytest.mark.parametrize(
    ("value", "french", "english"),
    [
        ("0.001, 0.975", "0,001 ; 0,975", "0.001; 0.975"),
        ("65, 75, 85", "65, 75, 85", "65, 75, 85"),
        ("1, 2.50", "1 ; 2,50", "1; 2.50"),
    ],
)
def test_numbers_of_a_list_are_written_as_the_language_does(value: str, french: str, english: str):
    assert parameter_value(value, "list of probabilities", "fr").value == french
    assert parameter_value(value, "list of probabilities", "en").value == english


def test_chance_alone_of_episodes_that_all_gain_the_same():
    """Two episodes of 500 € gained each: nothing varies, so chance alone gives nothing, never as much."""
    (amount,) = eds.pay(made.eds_inputs([9_500.0, 9_500.0]), year=2024, rules=made.eds_rules()).amounts
    figures = {name: figure.value for name, figure in amount.figures.items() if name.startswith("no_effect")}
    assert figures == {
        "no_effect_mean_eur": "0.00", "no_effect_low_eur": "0.00", "no_effect_high_eur": "0.00",
        "no_effect_share": "0.000000",
    }  # fmt: skip


def test_chance_alone_of_a_loss_is_as_much_loss():
    """1,000 € gained and 2,000 € lost: drawn twice, −4,000, −1,000 or 2,000; around 0, −3,000, 0 or 3,000.

    A loss of 1,000 or more comes with the first: a quarter of the draws.
    """
    (amount,) = eds.pay(made.eds_inputs([9_000.0, 12_000.0]), year=2024, rules=made.eds_rules()).amounts
    assert float(amount.figures["no_effect_share"].value) == pytest.approx(0.25, abs=0.05)


def test_without_draws_there_is_no_section_of_chance():
    amount = paid()[PUBLIC]
    silent = replace(amount, figures=amount.figures | {"raw_low_eur": Figure("", "EUR")})
    titles = [one.title for one in eds_sections(silent, given(), views())]
    assert titles[0] == "Le résultat par programme"


def test_a_funnel_marks_the_establishment():
    """28.6 rehospitalisations expected: its point stands at observed over expected, the others around it."""
    own = views().ratios
    assert own is not None
    row = own[(own["establishment_id"] == PUBLIC) & (own["indicator"] == "rehospitalisation")].iloc[0]
    figure = next(one for one in quality().figures if one.name == "funnel_rehospitalisation")
    two, three, others, mine = figure.series
    assert [(mark.at, mark.value) for mark in mine.marks] == [(row["expected"], row["ratio"])]
    assert len(others.marks) == 9 - int((own["observed"] < 11)[own["indicator"] == "rehospitalisation"].sum())
    inside = [(a.low >= b.low, a.high <= b.high) for a, b in zip(two.marks, three.marks, strict=True)]  # type: ignore[operator]
    assert set(inside) == {(True, True)}


def test_a_funnel_of_few_events_has_no_point():
    """Infections here are few: their count, what was expected and the point are hidden; the verdict is told."""
    rows = {row[0]: row for row in table(quality(), "ratios").rows}
    shown = rows["Infection du site opératoire"]
    assert shown[1:7] == (357, S, S, S, S, S)
    assert shown[7] == "Dans les limites"


def test_a_funnel_without_a_point_is_not_drawn():
    """Nobody has eleven infections: no picture, and a sentence that says so."""
    ratios = views().ratios
    assert ratios is not None
    few = replace(
        views(), ratios=ratios.assign(observed=ratios["observed"].where(ratios["indicator"] != "infection", 2.0))
    )
    found = quality_page(paid()[PUBLIC], given(), few)
    assert found is not None
    assert "funnel_infection" not in [one.name for one in found.figures]
    assert found.sections[1].paragraphs[1].endswith("11 événements : Infection du site opératoire.")


def test_the_point_of_an_establishment_with_few_events_is_not_drawn():
    """Others have their points, it has none, and the caption says why."""
    ratios = views().ratios
    assert ratios is not None
    own = (ratios["establishment_id"] == PUBLIC) & (ratios["indicator"] == "rehospitalisation")
    few = replace(views(), ratios=ratios.assign(observed=ratios["observed"].where(~own, 3.0)))
    found = quality_page(paid()[PUBLIC], given(), few)
    assert found is not None
    figure = next(one for one in found.figures if one.name == "funnel_rehospitalisation")
    assert len(figure.series[2].marks) > 0 and not figure.series[3].marks
    assert "moins de 11" in figure.caption


def test_a_share_is_hidden_where_the_others_are_few():
    """9 of 12 in time: three were not, and nine were."""
    rows = {row[0]: row[1:] for row in table(quality(), "shares").rows}
    assert rows["Chimiothérapie dans le délai"] == (12, Value(S))
    assert rows["Dépistage de l'anémie"][0] == 357


def test_the_score_moves_gains_and_losses():
    """Gains × (1 − 0.10 × (1 − Q)), losses × (1 − 0.10 × Q)."""
    score, gain, loss = (one.value.value for one in quality().sections[0].key_figures)
    assert gain == Decimal("0.10") * (score - 1)  # type: ignore[operator]
    assert loss == Decimal("-0.10") * score  # type: ignore[operator]


def test_without_quality_there_is_no_page():
    assert quality_page(paid()[PUBLIC], given(), replace(views(), places=None)) is None
    assert benchmark_page(paid()[PUBLIC], given(), replace(views(), components=None)) is None


def test_an_episode_is_explained_to_the_cent():
    """Components add up to the forfait, families to the expected spending; rounding is told."""
    row = views().episodes.iloc[0]
    base = float(row["expected_eur"]) - 300.0
    rows = pd.DataFrame(
        [("base_eur", "Base", "base", base), ("age", "Âge", "age_sex", 250.004), ("male", "Homme", "age_sex", 49.996)],
        columns=["feature", "label_fr", "family", "contribution_eur"],
    )
    explained = Explained(rows, {"age_sex": "âge et sexe"}, {"age": "Âge à l'entrée"})
    found = episode_page(str(row["episode_id"]), given(), views(), explained)
    assert table(found, "episode_forfait").rows[-1][1] == int(row["forfait_cents"])
    families = table(found, "episode_families").rows
    assert families[1] == ("Âge et sexe", Decimal("300.00"))
    assert families[-1][1] == sum(line[1] for line in families[:-1])  # type: ignore[misc]
    assert [line[0] for line in table(found, "episode_features").rows] == ["Âge à l'entrée", "Homme"]


def test_every_component_of_the_price_is_a_step_of_the_episode():
    """A part not paid of avoidable complications stands where the price has it, before the discount."""
    episodes = views().episodes.copy()
    place = list(episodes.columns).index("discount_cents")
    episodes.insert(place, "avoidable_cents", -100_00)
    episodes["forfait_cents"] -= 100_00
    row = episodes.iloc[0]
    found = episode_page(str(row["episode_id"]), given(), replace(views(), episodes=episodes))
    *steps, total = table(found, "episode_forfait").rows
    assert steps[-3][:2] == ("Complications évitables non payées", -100_00)
    assert sum(step[1] for step in steps) == total[1] == int(row["forfait_cents"])  # type: ignore[misc]


def test_the_factors_of_a_price_have_the_decimals_of_a_check():
    """Six decimals, so that reference × index × normalisation × trend is the forfait again."""
    row = views().episodes.iloc[0]
    found = table(episode_page(str(row["episode_id"]), given(), views()), "episode_price")
    index = next(value for name, value in found.rows if name == "Indice de risque")
    assert index == Value(f"{row['risk_index']:.6f}".replace(".", ","))


def test_an_episode_that_is_not_reconciled_is_an_error_without_its_name():
    with pytest.raises(InputError, match="this episode is not among those reconciled") as error:
        episode_page("pth:secret", given(), views())
    assert "secret" not in str(error.value)


def test_the_watch_page_counts_and_names_nobody():
    """Flags of few episodes are hidden; the list has one row each, the page no patient and no episode."""
    found = watch_page(PUBLIC, given(), watched())
    rows = watched().rows
    counts = table(found, "flags").rows
    assert counts[-1][1:] == (
        len(rows), *(int(rows[name].sum()) for name in ("target_cents", "spent_cents", "expected_cents")),
    )  # fmt: skip
    assert all(row[1] is S or int(str(row[1])) >= 11 for row in counts)
    assert not [name for name in (*rows["patient_id"], *rows["episode_id"]) if name in words(found)]
    listed = list_document(PUBLIC, given(), watched()).tables[0]
    assert [row[0] for row in listed.rows] == rows["episode_id"].tolist()


def test_the_forecast_is_that_of_the_reconciliation():
    found = watch_page(PUBLIC, given(), watched())
    amount = watched().forecast
    assert amount is not None
    assert table(found, "forecast").rows[-1][2] == amount.total_cents


def test_a_day_without_open_episodes():
    empty = Watched(ON, watched().rows.iloc[:0], None)
    told = [text for one in watch_page(PUBLIC, given(), empty).sections for text in one.paragraphs]
    assert told[0] == "Aucun épisode n'est en cours ce jour-là."
    few = Watched(ON, watched().rows.iloc[:4], None)
    assert watch_page(PUBLIC, given(), few).sections[0].paragraphs == (
        "Moins de 11 épisodes : aucun chiffre n'est montré.",
    )
    assert "4" not in [str(row[1]) for row in table(watch_page(PUBLIC, given(), few), "open_strata").rows]


def test_pages_in_both_languages_show_no_code():
    """No name of a column, programme or flag where a word should stand."""
    codes = {"exit_date", "pth", "ptg", "two_sided", "window_open", "over_target", "on_track", "days_0_30", "ssr_use"}
    row = views().episodes.iloc[0]
    for language in LANGUAGES:
        told = given(language)
        pages = [
            page(language=language), quality(language=language), benchmark(language=language),
            watch_page(PUBLIC, told, watched()),
        ]  # fmt: skip
        spoken = " ".join(words(one) for one in pages)
        assert not codes & set(spoken.replace(",", " ").split())
        assert str(row["episode_id"]) in episode_page(str(row["episode_id"]), told, views()).title
