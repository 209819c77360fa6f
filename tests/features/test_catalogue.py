"""The catalogue: complete, in two languages, free of care use, and in step with the code lists and the page."""

from __future__ import annotations

import re

import pytest

from features.catalogue import FAMILIES, FEATURE_SETS, FORECAST_FEATURES, KINDS, PAYMENT_FEATURES, Feature
from features.catalogue_page import catalogue_markdown
from features.codes import all_rules, drug_lists, listed, prefixes
from features.evidence import BITS_PER_WORD, bits, words
from features.flags import clauses_of

NAMES = [feature.name for feature in FORECAST_FEATURES]
CARE_USE_SOURCES = {"care_lines", "procedures", "patientele", "declarations", "spending"}
CARE_USE_WORDS = re.compile(
    r"(?:^|_)(?:past|acts|visits?|stays?|nights?|cost|eur|spent|doctor|structure|ghm|drugs)(?:_|$)"
)


def test_names_are_unique_columns():
    assert len(set(NAMES)) == len(NAMES)
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", name) for name in NAMES)


@pytest.mark.parametrize("known", FORECAST_FEATURES, ids=NAMES)
def test_a_feature_says_what_it_is(known: Feature):
    """Two labels, unit, source, rule; family, kind, set and direction of the catalogue; bounds in order."""
    assert all((known.label_fr, known.label_en, known.unit, known.source, known.rule))
    assert known.family in FAMILIES
    assert known.kind in KINDS
    assert known.feature_set in FEATURE_SETS
    assert known.monotone in (-1, 0, 1)
    assert known.low < known.high
    assert bool(known.categories) == (known.kind == "category")


def test_labels_are_unique():
    """A patient's explanation must not show two lines that read alike."""
    for labels in ([f.label_fr for f in FORECAST_FEATURES], [f.label_en for f in FORECAST_FEATURES]):
        assert len(set(labels)) == len(labels)


def test_no_payment_feature_is_a_use_of_care():
    """No payment feature reads care lines, acts, doctors or structures, nor is named after a use of care."""
    for known in PAYMENT_FEATURES:
        assert not CARE_USE_SOURCES & set(known.source.split(", ")), known.name
        assert not CARE_USE_WORDS.search(known.name), known.name
        assert known.feature_set == "payment"
        assert known.family != "past_use"


def test_forecast_features_add_past_use_alone():
    added = FORECAST_FEATURES[len(PAYMENT_FEATURES) :]
    assert FORECAST_FEATURES[: len(PAYMENT_FEATURES)] == PAYMENT_FEATURES
    assert {(known.family, known.feature_set) for known in added} == {("past_use", "forecast")}


def test_every_flag_of_the_cartographie_is_kept_or_named_as_left_out():
    """The 56 flags of the reference table: 55 have rules, maternity is left out by name."""
    kept = {row["snds_variable"] for row in listed("carto_groups") if row["level"] == "top"}
    known = {row["variable"] for row in listed("carto_tops") if row["level"] == "top"}
    assert known - kept == {"TOP_MATERNI_IND"}
    assert kept <= known
    assert "TOP_MATERNI_IND" in catalogue_markdown()


def test_routes_follow_the_windows_of_the_reference_table():
    """Main diagnoses: years of carto_routes.csv as printed in carto_tops.csv (n..n-4 is four years back)."""
    windows = {row["variable"]: row["mco_dp_dr_years"] for row in listed("carto_tops")}
    names = {row["name"]: row["snds_variable"] for row in listed("carto_groups") if row["level"] == "top"}
    for row in listed("carto_routes"):
        if row["route"] == "main":
            window = windows[names[row["name"]]]
            years = "n" if row["years_back"] == "0" else f"n..n-{row['years_back']}"
            assert years in re.findall(r"n\.\.n-\d|^n$", window), row["name"]


def test_every_flag_has_a_rule_and_every_rule_a_flag():
    flags = {f.name for f in PAYMENT_FEATURES if f.kind == "flag" and f.family in ("ald", "comorbidity")}
    assert set(clauses_of()) == {name for name in flags if not name.startswith("carto_group_")}


def test_names_in_the_code_lists_exist():
    tops = {row["name"] for row in listed("carto_groups") if row["level"] == "top"}
    hidden_by = {other for row in listed("carto_groups") for other in row["hidden_by"].split()}
    assert hidden_by <= tops
    assert {row["name"] for row in listed("carto_routes")} == tops
    assert all(taken for taken, _ in drug_lists().values())
    codes = {code for rule in all_rules() if rule.route in ("main", "associated") for code in rule.codes}
    assert all(re.fullmatch(r"[A-Z]\d{2}[0-9]{0,2}", code) for code in codes)


def test_ranges_of_codes():
    """`I21-I24` is four codes; other cells are themselves."""
    assert prefixes("I200 I21-I24") == ("I200", "I21", "I22", "I23", "I24")


def test_bits_fit_their_words():
    assert max(bits().values()) < len(words()) * BITS_PER_WORD
    assert BITS_PER_WORD < 63


def test_page_names_every_feature():
    """The generated page (docs/reference/features.md, held in step by the test of the docs) leaves no feature out."""
    page = catalogue_markdown()
    assert all(f"`{name}`" in page for name in NAMES)
    tables = [line for line in page.splitlines() if line.startswith("|")]
    assert all(line.endswith("|") for line in tables)
