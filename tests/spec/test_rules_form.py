"""What a rule file may not say: each slip is refused with file and key."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.errors import RuleError
from schemes.rule_units import wanted
from schemes.rulebook import Rules, meanings, rules
from tests.schemes.rule_folder import KEYS, PRICES, RULES, write_scheme

RATE = '{value: "0.25", unit: "share", grade: "text", source: "decree, article 1"}'


def read(root: Path) -> Rules:
    return rules("toll", on=date(2022, 6, 1), root=root)


def refused(root: Path, before: str, after: str) -> str:
    """The message when the rule file says `after` in place of `before`."""
    assert RULES.count(before) == 1, before
    with pytest.raises(RuleError) as error:
        read(write_scheme(root, {"2022-01-01.yaml": RULES.replace(before, after)}))
    return str(error.value)


def test_values_are_read_exactly(tmp_path: Path):
    """Exact decimals, whole numbers, lists, days, yes or no; none where the rules say so."""
    found = read(write_scheme(tmp_path))
    assert found.decimal("rate") == Decimal("0.25")
    assert found.decimal_or_none("cap") is None
    assert found.whole("lanes") == 4
    assert found.listed("codes") == ("5", "6", "25")
    assert found.day("opened") == date(2020, 2, 29)
    assert found.flag("open") is True
    assert found.text("side") == "left"
    assert found.grid("prices") == (
        {"vehicle": "car", "amount_eur": "2.50"},
        {"vehicle": "lorry", "amount_eur": "7.00"},
    )
    assert list(found.not_text()) == ["cap", "lanes", "codes"]
    assert meanings("toll", root=tmp_path)["prices"] == "toll by vehicle"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda found: found.decimal("side"), "parameter side is 'left'; it should be a number"),
        (lambda found: found.whole("rate"), "parameter rate is 0.25; it should be a whole number"),
        (lambda found: found.flag("rate"), "parameter rate is '0.25'; it should be yes or no"),
        (lambda found: found.day("rate"), "parameter rate is '0.25'; it should be YYYY-MM-DD"),
        (lambda found: found.text("ratio"), "parameter ratio is missing; it has cap, codes, lanes"),
        (lambda found: found.grid("price"), "grid price is missing; it has prices"),
    ],
)
def test_a_value_is_read_as_what_it_is(tmp_path: Path, call, message: str):
    """The error names file and key."""
    with pytest.raises(RuleError, match=f"toll/2022-01-01.yaml: {message}"):
        call(read(write_scheme(tmp_path)))


@pytest.mark.parametrize(
    ("value", "kind"),
    [("0.25", "float"), ("1", "int"), ("yes", "bool"), ("2022-01-01", "date"), ("null", "NoneType"), ("[5]", "list")],
)
def test_unquoted_values_are_refused(tmp_path: Path, value: str, kind: str):
    """No float, whole number, day or yes of YAML's own making touches a rule."""
    message = refused(tmp_path, '"0.25"', value)
    assert message.startswith("toll/2022-01-01.yaml: parameters.rate.value is ")
    assert message.endswith(f"({kind}); write it as quoted text")


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (f"  rate: {RATE}\n", "", "parameters lacks rate"),
        ("  cap:", "  cup:", "parameters has the unknown key cup; it takes cap, codes"),
        ('unit: "share"', 'units: "share"', "parameters.rate has the unknown key units; it takes grade, source"),
        ('unit: "share", ', "", "parameters.rate lacks unit"),
        (RATE, '"0.25"', "parameters.rate should be keys and values"),
        ("published:", "publish:", "the file has the unknown key publish"),
        ('dates: "made up"\n', "", "the file lacks dates"),
        ("grids:\n", "gids:\n", "the file has the unknown key gids"),
        ('  prices: {file: "prices.csv", grade: "text", source: "decree, annex"}', "  {}", "grids lacks prices"),
        ("  open: {", "  rate: {", "the key rate stands twice"),
    ],
)
def test_unknown_missing_and_double_keys_are_refused(tmp_path: Path, before: str, after: str, message: str):
    """A misspelt key is not skipped, a missing one not guessed, a double one not overwritten."""
    found = refused(tmp_path, before, after)
    assert found.startswith("toll/2022-01-01.yaml: ")
    assert message in found


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ('unit: "share"', 'unit: "ratio"', "parameters.rate.unit is 'ratio'; it should be 'share'"),
        ('"0.25"', '"25 %"', "parameters.rate is '25 %'; it should be a number from 0 to 1"),
        ('"0.25"', '"1.25"', "parameters.rate is '1.25'; it should be a number from 0 to 1"),
        ('"0.25"', '"NaN"', "parameters.rate is 'NaN'; it should be a number from 0 to 1"),
        ('"0.25"', '"none"', "parameters.rate is 'none'; it should be a number from 0 to 1"),
        ('cap: {value: "none"', 'cap: {value: "1e3"', "parameters.cap is '1e3'; it should be a number or none"),
        ('"4"', '"4.5"', "parameters.lanes is '4.5'; it should be a whole number, 0 or more"),
        ('"5, 6, 25"', '"5,, 25"', "parameters.codes is '5,, 25'; it should be a list a, b, c without empty"),
        ('"5, 6, 25"', '"5, 5"', "parameters.codes is '5, 5'; it should be a list a, b, c without empty or repeated"),
        ('"2020-02-29"', '"2021-02-29"', "parameters.opened is '2021-02-29'; it should be a day, 2022-01-31 or none"),
        ('value: "yes"', 'value: "oui"', "parameters.open is 'oui'; it should be yes or no"),
        ('value: "left"', 'value: "middle"', "parameters.side is 'middle'; it should be one of left, right"),
        ('value: "left"', 'value: "none"', "parameters.side is 'none'; it should be one of left, right"),
    ],
)
def test_values_their_unit_makes_unreadable_are_refused(tmp_path: Path, before: str, after: str, message: str):
    """When read, not when a structure is paid."""
    assert f"toll/2022-01-01.yaml: {message}" in refused(tmp_path, before, after)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (
            '"text", source: "decree, article 1"',
            '"sure", source: "decree, article 1"',
            "parameters.rate.grade is 'sure'",
        ),
        ("decree, article 1", "degree, article 1", "parameters.rate.source names 'degree', which is not among sources"),
        ("decree, article 1", " ", "parameters.rate.source is empty; say where the value comes from, or why it is"),
        ("decree, annex", "annex", "grids.prices.source names 'annex', which is not among sources decree"),
        ("parameters:", '  law: {title: "Law"}\nparameters:', "sources.law is named by no key; remove it or name it"),
        ('title: "Decree of the bridge"', "title: 51", "sources.decree.title is 51 (int); write it as quoted text"),
        ('title: "Decree of the bridge"', 'name: "Decree"', "sources.decree has the unknown key name"),
    ],
)
def test_grades_and_sources(tmp_path: Path, before: str, after: str, message: str):
    """Every value says how well it is known and where it comes from; every source serves."""
    assert f"toll/2022-01-01.yaml: {message}" in refused(tmp_path, before, after)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("scheme: toll", "scheme: bridge", "scheme is 'bridge'; it should be 'toll'"),
        ("to: 2022-12-31", "to: 2021-12-31", "in_force.to 2021-12-31 is before in_force.from 2022-01-01"),
        ("from: 2022-01-01", "from: 2022-01-02", "its name does not agree with in_force.from 2022-01-02"),
        ("published: 2021-12-20", 'published: "2021-12-20"', "published is '2021-12-20'; it should be a day"),
        ("{from: 2022-01-01, to: 2022-12-31}", "2022", "in_force should be keys and values: from, to"),
        (", to: 2022-12-31", "", "in_force lacks to"),
        ("scheme: toll", "scheme: [toll", "not YAML as it should be"),
    ],
)
def test_period_and_name(tmp_path: Path, before: str, after: str, message: str):
    """A file is named by its first day, and by its publication where it amends."""
    assert f"toll/2022-01-01.yaml: {message}" in refused(tmp_path, before, after)


@pytest.mark.parametrize("name", ["rules.yaml", "2022-01-01.amended.yaml", "2022-1-1.yaml"])
def test_names_of_another_form_are_refused(tmp_path: Path, name: str):
    """The message shows both forms."""
    with pytest.raises(
        RuleError, match=f"toll/{name}: name it by its first day, 2022-01-01.yaml or 2022-01-01.amended"
    ):
        read(write_scheme(tmp_path, {name: RULES}))


def test_files_that_nothing_reads_are_refused(tmp_path: Path):
    """A misspelt ending would otherwise leave a period out in silence."""
    write_scheme(tmp_path, {"2022-01-01.yaml": RULES, "2023-01-01.yml": RULES})
    with pytest.raises(RuleError, match=r"toll/2023-01-01.yml: no rule file reads it"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("prices", "message"),
    [
        ("vehicle,amount_eur\ncar,2.50\nlorry,\n", "row 3 should fill vehicle, amount_eur"),
        ("vehicle,amount_eur\ncar\n", "row 2 should fill vehicle, amount_eur"),
        ("vehicle,amount_eur\ncar,2.50,3\n", "row 2 should fill vehicle, amount_eur"),
        ("vehicle,price\ncar,2.50\n", "row 2 should fill vehicle, amount_eur"),
        ("vehicle,amount_eur\ncar,free\n", "row 2, amount_eur is 'free'; it should be a number"),
        ("vehicle,amount_eur\ncar,2.50\ncar,3.00\n", "row 3, vehicle 'car' stands twice"),
        ("vehicle,amount_eur\n", "no row; it should have vehicle, amount_eur"),
    ],
)
def test_grids_have_no_hole(tmp_path: Path, prices: str, message: str):
    """File, row and what would be right."""
    with pytest.raises(RuleError, match=f"toll/prices.csv: {message}"):
        read(write_scheme(tmp_path, prices=prices))


def test_a_grid_that_is_missing(tmp_path: Path):
    """The rule file that names it is named."""
    assert "grids.prices.file price.csv is missing" in refused(tmp_path, "prices.csv", "price.csv")


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("unit: share", "unit: sahre", "parameters.rate has the unknown unit 'sahre'"),
        ("amount_eur: EUR", "amount_eur: francs", "grids.prices has the unknown unit 'francs'"),
        ("unit: patients", "unit: 4", "parameters.lanes.unit is 4 (int); write it as quoted text"),
        (", meaning: lanes", "", "parameters.lanes lacks meaning"),
    ],
)
def test_keys_have_units_and_meanings(tmp_path: Path, before: str, after: str, message: str):
    """`keys.yaml` is checked as rule files are."""
    with pytest.raises(RuleError) as error:
        read(write_scheme(tmp_path, keys=KEYS.replace(before, after, 1)))
    assert str(error.value).startswith(f"toll/keys.yaml: {message}")


def test_a_key_younger_than_the_file(tmp_path: Path):
    """A file that has paid is not edited when a key is added: the key says what its absence means, as assumed."""
    keys = KEYS.replace("grids:", '  fee: {unit: EUR, meaning: fixed part, when_absent: "0"}\ngrids:')
    fee = read(write_scheme(tmp_path, keys=keys)).parameters["fee"]
    assert (fee.value, fee.unit, fee.grade) == ("0", "EUR", "assumed")


def test_the_hash_covers_file_and_grids(tmp_path: Path):
    """A changed price changes the hash as a changed parameter does; keys.yaml does not."""
    one = read(write_scheme(tmp_path / "a")).sha256
    price = read(write_scheme(tmp_path / "b", prices=PRICES.replace("2.50", "2.60"))).sha256
    rate = read(write_scheme(tmp_path / "c", {"2022-01-01.yaml": RULES.replace('"0.25"', '"0.26"')})).sha256
    meaning = read(write_scheme(tmp_path / "d", keys=KEYS.replace("lanes}", "open lanes}"))).sha256
    assert len({one, price, rate}) == 3
    assert meaning == one


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6))
def test_every_plain_decimal_is_a_number(number: Decimal):
    """Written without an exponent, any finite decimal is read as EUR; as a share when it is 0 to 1."""
    assert wanted("EUR", f"{number:f}") == ""
    assert (wanted("share", f"{number:f}") == "") == (0 <= number <= 1)


@given(st.dates())
def test_every_day_is_a_day(day: date):
    """In the one form of the files."""
    assert wanted("day", day.isoformat()) == ""
    assert wanted("day", day.strftime("%d/%m/%Y")) == "a day, 2022-01-31"
