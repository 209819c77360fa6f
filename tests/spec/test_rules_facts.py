"""The facts of the published rules, as the files of the repository state them."""

from __future__ import annotations

import itertools
from datetime import date, timedelta
from decimal import Decimal

import pytest

from schemes.rulebook import Rules, every_file, meanings, periods, rules, schemes

FAMILY = ("peps", "peps2", "primordial", "capitation")
FILES = [file for scheme in schemes() for file in every_file(scheme)]
ids = [file.file for file in FILES]


def test_schemes_of_the_book():
    """PEPS and its three heirs, IPEP, IPSO, biosimilars twice, the forfait of the médecin traitant, EDS."""
    others = {"ipep", "ipso", "biosimilars", "biosimilars_caqes", "forfait_medecin_traitant", "eds"}
    assert set(schemes()) == {*FAMILY, *others}


@pytest.mark.parametrize("file", FILES, ids=ids)
def test_every_value_says_where_it_comes_from(file: Rules):
    """Graded, and sourced in words; `text` only where the source has an address or is an arrêté."""
    for entry in (*file.parameters.values(), *file.grids.values()):
        assert entry.source.strip()
        if entry.grade == "text":
            assert file.sources[entry.source.split(",")[0]]["title"].startswith("Arrêté")
    assert file.dates.strip()


@pytest.mark.parametrize("scheme", schemes())
def test_every_key_has_a_meaning(scheme: str):
    """What `forfait rules` shows beside each value."""
    found = meanings(scheme)
    for file in every_file(scheme):
        assert set(file.parameters) | set(file.grids) == set(found)


@pytest.mark.parametrize("scheme", schemes())
def test_periods_follow_each_other_without_a_hole(scheme: str):
    """As known today, and as known on any day on which something was published."""
    for published in sorted({file.published for file in every_file(scheme)}):
        known = periods(scheme, known_on=published)
        for before, after in itertools.pairwise(known):
            assert before.last_day == after.first_day - timedelta(days=1)


def test_family_shares_its_keys():
    """PEPS, PEPS-2, PRIMORDIAL and the capitation are computed by the same functions."""
    assert len({tuple(sorted(meanings(scheme))) for scheme in FAMILY}) == 1


def test_peps_cap_appears_on_27_november_2022():
    """No cap on 26 November 2022, day of the JO; 20 % over former fee-for-service on the day after."""
    assert rules("peps", on=date(2022, 11, 26)).decimal_or_none("cap_over_ffs") is None
    assert rules("peps", on=date(2022, 11, 27)).decimal_or_none("cap_over_ffs") == Decimal("0.20")


def test_peps_cap_was_not_known_before_it_was_published():
    """What was computed on 25 November 2022 for 2023 had no cap; from the 26th on it has."""
    on = date(2023, 1, 1)
    before = rules("peps", on=on, known_on=date(2022, 11, 25))
    assert (before.file, before.decimal_or_none("cap_over_ffs")) == ("peps/2021-01-01.yaml", None)
    assert rules("peps", on=on, known_on=date(2022, 11, 26)).decimal("cap_over_ffs") == Decimal("0.20")


@pytest.mark.parametrize(
    ("scheme", "on", "gates"),
    [
        ("peps", date(2021, 1, 1), (5, 3, 1, 250)),
        ("peps", date(2024, 1, 1), (5, 3, 1, 250)),
        ("peps2", date(2024, 7, 4), (5, 3, 1, 250)),
        ("primordial", date(2024, 1, 1), (5, 3, 1, 250)),
        ("capitation", date(2026, 1, 1), (4, 3, 1, 250)),
    ],
)
def test_gates_of_a_team(scheme: str, on: date, gates: tuple[int, ...]):
    """Professionals, general practitioners, nurses, patients."""
    found = rules(scheme, on=on)
    assert tuple(found.whole(f"min_{what}") for what in ("professionals", "gps", "nurses", "patients")) == gates


def test_patienteles():
    """DIAB: ALD 8. AGE: 65, or 50 with ALD 15, 16 or 25 (list assumed). TOT: AME too."""
    found = rules("peps", on=date(2024, 1, 1))
    assert found.listed("patientele_diab_ald") == ("8",)
    assert (found.whole("patientele_age_min"), found.whole("patientele_age_min_with_ald")) == (65, 50)
    assert found.listed("patientele_age_ald") == ("15", "16", "25")
    assert found.parameters["patientele_age_ald"].grade == "assumed"
    assert found.flag("patientele_tot_includes_ame")


def test_peps2_runs_from_july_2024_to_july_2026():
    """For the acts of general practitioners; the last year of PEPS under way is paid whole (assumed)."""
    assert rules("peps", on=date(2024, 7, 3)).last_day == date(2024, 12, 31)
    found = rules("peps2", on=date(2024, 7, 4))
    assert (found.first_day, found.last_day) == (date(2024, 7, 4), date(2026, 7, 3))
    assert found.text("perimeter_default") == "MG"


def test_primordial_schedule_of_fidelisation():
    """100 % from 1 January 2023, 80 % on 31 December 2025; mean forfait of 96 euros."""
    found = rules("primordial", on=date(2024, 1, 1))
    assert (found.day("tau_schedule_from"), found.day("tau_schedule_to")) == (date(2023, 1, 1), date(2025, 12, 31))
    assert (found.decimal("tau_schedule_start"), found.decimal("tau_schedule_end")) == (Decimal(1), Decimal("0.80"))
    assert found.decimal("mean_forfait_reference_eur") == 96
    assert found.parameters["tau_schedule_end"].grade == "text"


def test_primordial_amendment_of_january_2025():
    """Monthly payment and a presumed bonus of 5 % in the first two years: read in the text of 22 January 2025."""
    found, before = rules("primordial", on=date(2025, 2, 1)), rules("primordial", on=date(2024, 1, 1))
    for key, value in {
        "instalments_per_year": "12",
        "quality_bonus_max": "0.05",
        "presumed_quality_share": "1",
        "presumed_quality_months": "24",
    }.items():
        assert (found.text(key), found.parameters[key].grade) == (value, "text")
        assert (before.text(key), before.parameters[key].grade) == (value, "assumed")


def test_capitation_of_2026():
    """90 euros per patient, 920 patients per general practitioner, no cap, no end."""
    found = rules("capitation", on=date(2026, 1, 1))
    assert (found.decimal("fixed_forfait_eur"), found.whole("target_patients_per_gp")) == (90, 920)
    assert found.decimal_or_none("cap_over_ffs") is None
    assert found.last_day is None
    assert rules("peps", on=date(2024, 1, 1)).decimal_or_none("fixed_forfait_eur") is None


@pytest.mark.parametrize("on", [date(2020, 1, 1), date(2022, 7, 28), date(2023, 1, 1), date(2025, 12, 31)])
def test_ipep_gains(on: date):
    """A third of the level, two thirds of the evolution, half of it shared, each floored at 0; 5,000 patients."""
    found = rules("ipep", on=on)
    keys = ("weight_ecart_numerator", "weight_evolution_numerator", "weight_denominator")
    assert [found.whole(key) for key in keys] == [1, 2, 3]
    assert (found.decimal("sharing_share"), found.decimal("component_floor_eur")) == (Decimal("0.50"), 0)
    assert found.whole("min_patients") == 5000
    assert [found.whole(f"phase_{phase}_months") for phase in (1, 2, 3)] == [12, 24, 24]


def test_ipep_constants_are_read_in_the_text_of_2022():
    """Before it, the same constants are an assumption."""
    grades = [rules("ipep", on=day).parameters["sharing_share"].grade for day in (date(2022, 7, 27), date(2022, 7, 28))]
    assert grades == ["assumed", "text"]


def test_ipep_score():
    """8th decile as target, 3rd as intermediate objective, 20 points of experience at most."""
    found = rules("ipep", on=date(2024, 1, 1))
    keys = ("quality_target_decile", "quality_intermediate_decile", "experience_points_max")
    assert [found.whole(key) for key in keys] == [8, 3, 20]
    assert {found.parameters[key].grade for key in keys} == {"text"}
    assert set(found.listed("decreasing_indicators")) <= set(found.listed("socle_indicators"))


@pytest.mark.parametrize(
    ("on", "phase"),
    [
        (date(2020, 6, 16), "mean"),
        (date(2021, 12, 31), "mean"),
        (date(2022, 1, 1), "blend"),
        (date(2022, 12, 31), "blend"),
        (date(2023, 1, 1), "category"),
        (date(2025, 6, 15), "category"),
    ],
)
def test_ipso_phases(on: date, phase: str):
    """Mean forfait in 2020-2021, blend in 2022, forfait by category from 2023."""
    assert rules("ipso", on=on).text("phase") == phase


def test_ipso_mean_is_the_budget_by_month():
    """16.5 M€ over five years for 28,000 patients, to the cent: derived, not published."""
    found = rules("ipso", on=date(2020, 6, 16))
    assert found.decimal("mean_month_eur") == round(Decimal(16_500_000) / 28_000 / 5 / 12, 2)
    assert found.parameters["mean_month_eur"].grade == "derived"


def amounts(scheme: str, on: date) -> dict[str, Decimal]:
    return {row["molecule"]: Decimal(row["amount_eur"]) for row in rules(scheme, on=on).grid("gaps")}


def test_biosimilars_national_amounts_of_2019():
    """R at 20 % of the gap: 30.00, 1.15 and 31.30 euros, read in the arrêté."""
    want = {"etanercept": Decimal("30.00"), "glargine": Decimal("1.15"), "adalimumab": Decimal("31.30")}
    assert amounts("biosimilars_caqes", date(2019, 6, 1)) == want
    assert rules("biosimilars_caqes", on=date(2019, 6, 1)).decimal("share") == Decimal("0.20")
    assert rules("biosimilars_caqes", on=date(2019, 6, 1)).grids["gaps"].grade == "text"
    assert rules("biosimilars_caqes", on=date(2024, 1, 1)).grids["gaps"].grade == "assumed"


def test_biosimilars_of_article_51_are_at_thirty_percent():
    """One and a half times the national amounts of 2019; adalimumab from February 2019."""
    national = amounts("biosimilars_caqes", date(2019, 6, 1))
    assert amounts("biosimilars", date(2019, 2, 1)) == {name: value * 3 / 2 for name, value in national.items()}
    assert set(amounts("biosimilars", date(2019, 1, 31))) == {"etanercept", "glargine"}
    assert rules("biosimilars", on=date(2019, 2, 1)).decimal("share") == Decimal("0.30")


def test_biosimilars_of_article_51_before_and_in_2022():
    """Reported amounts."""
    before = {"etanercept": Decimal("23.23"), "glargine": Decimal("1.72"), "adalimumab": Decimal("49.38")}
    then = {"etanercept": Decimal("21.68"), "glargine": Decimal("0.34"), "adalimumab": Decimal("26.65")}
    assert amounts("biosimilars", date(2021, 12, 31)) == before
    assert amounts("biosimilars", date(2022, 1, 1)) == then


def forfait(on: date, age: int, ald: str) -> str:
    """Amount of the one cell that holds an age and an ALD."""
    cells = rules("forfait_medecin_traitant", on=on).grid("cells")
    held = [row for row in cells if int(row["age_from"]) <= age <= int(row["age_to"]) and row["ald"] == ald]
    assert len(held) == 1, (age, ald)
    return held[0]["amount_eur"]


@pytest.mark.parametrize(
    ("ages", "ald", "amounts_eur"),
    [
        ((0, 6), "no", ("6", "6", "15")),
        ((7, 74), "no", ("5", "5", "5")),
        ((75, 79), "no", ("5", "5", "15")),
        ((80, 110), "no", ("42", "46", "55")),
        ((0, 79), "yes", ("42", "46", "55")),
        ((80, 110), "yes", ("70", "70", "100")),
    ],
)
def test_forfait_medecin_traitant(ages: tuple[int, int], ald: str, amounts_eur: tuple[str, ...]):
    """FPMT of 2018 and of 2024, FMT of 2026, each age in one cell."""
    for age in range(ages[0], ages[1] + 1):
        assert tuple(forfait(date(year, 1, 1), age, ald) for year in (2018, 2024, 2026)) == amounts_eur


def test_supplements_of_the_forfait_medecin_traitant():
    """2026: 10 euros with C2S, 5 per prevention indicator, 5 in all when not seen for two years; 2024: none."""
    keys = ("c2s_supplement_eur", "prevention_eur_per_indicator", "not_seen_eur", "not_seen_years")
    found = {day.year: rules("forfait_medecin_traitant", on=day) for day in (date(2024, 1, 1), date(2026, 1, 1))}
    assert [found[2026].whole(key) for key in keys] == [10, 5, 5, 2]
    assert [found[2024].decimal_or_none(key) for key in keys] == [None] * 4
    assert found[2024].decimal("c2s_uplift_from_share") == Decimal("0.07")
