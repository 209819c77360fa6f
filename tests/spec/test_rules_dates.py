"""Which rules answer: the period in force on a day, as published by another day."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from features.errors import RuleError
from schemes.rulebook import every_file, periods, rules, schemes
from tests.schemes.rule_folder import period, write_scheme

ORIGINAL = period("2021-01-01", "2024-07-03", "2020-12-31", rate="0.10")
SHORTENED = period("2021-01-01", "2022-11-26", "2022-11-26", rate="0.10")
NEXT = period("2022-11-27", "2024-07-03", "2022-11-26", rate="0.20")
AMENDED = {
    "2021-01-01.yaml": ORIGINAL,
    "2021-01-01.amended-2022-11-26.yaml": SHORTENED,
    "2022-11-27.yaml": NEXT,
}


def rate(root: Path, on: date, known_on: date | None = None) -> Decimal:
    return rules("toll", on=on, known_on=known_on, root=root).decimal("rate")


def test_first_and_last_day_are_in_force(tmp_path: Path):
    """A period holds both its ends, and nothing before or after."""
    root = write_scheme(tmp_path, AMENDED)
    assert rate(root, date(2021, 1, 1)) == Decimal("0.10")
    assert rate(root, date(2022, 11, 26)) == Decimal("0.10")
    assert rate(root, date(2022, 11, 27)) == Decimal("0.20")
    assert rate(root, date(2024, 7, 3)) == Decimal("0.20")


@pytest.mark.parametrize("on", [date(2020, 12, 31), date(2024, 7, 4)])
def test_no_rule_in_force_is_an_error_never_the_nearest(tmp_path: Path, on: date):
    """The message gives the day and the periods there are."""
    root = write_scheme(tmp_path, AMENDED)
    with pytest.raises(RuleError, match=f"toll: no rule in force on {on}; there are 2021-01-01 to 2022-11-26; 2022-11"):
        rate(root, on)


def test_what_was_not_published_is_not_known(tmp_path: Path):
    """Before the amendment appears the original answers to its own end; from that day on the amended periods do."""
    root = write_scheme(tmp_path, AMENDED)
    assert rate(root, date(2023, 6, 1), known_on=date(2022, 11, 25)) == Decimal("0.10")
    assert rate(root, date(2023, 6, 1), known_on=date(2022, 11, 26)) == Decimal("0.20")


def test_nothing_published_yet(tmp_path: Path):
    """The message names the day of knowledge."""
    root = write_scheme(tmp_path, AMENDED)
    with pytest.raises(RuleError, match="published by 2020-12-30; there are none"):
        rate(root, date(2021, 6, 1), known_on=date(2020, 12, 30))


def test_latest_amendment_answers(tmp_path: Path):
    """Of several files of a first day, the last published by the day of knowledge."""
    files = {
        "2022-01-01.yaml": period("2022-01-01", "null", "2021-12-20", rate="0.10"),
        "2022-01-01.amended-2022-03-01.yaml": period("2022-01-01", "null", "2022-03-01", rate="0.20"),
        "2022-01-01.amended-2023-05-01.yaml": period("2022-01-01", "null", "2023-05-01", rate="0.30"),
    }
    root, on = write_scheme(tmp_path, files), date(2022, 6, 1)
    known = [date(2022, 2, 28), date(2022, 3, 1), date(2023, 4, 30), date(2023, 5, 1), None]
    assert [str(rate(root, on, day)) for day in known] == ["0.10", "0.20", "0.20", "0.30", "0.30"]


def test_open_period_has_no_end(tmp_path: Path):
    """`to: null` is in force until further notice."""
    root = write_scheme(tmp_path, {"2022-01-01.yaml": period("2022-01-01", "null", "2021-12-20")})
    assert rules("toll", on=date(2099, 1, 1), root=root).last_day is None


def test_periods_and_files(tmp_path: Path):
    """`periods` gives what is known, oldest first; `every_file` also what was replaced."""
    root = write_scheme(tmp_path, AMENDED)
    assert [one.file for one in periods("toll", root=root)] == [
        "toll/2021-01-01.amended-2022-11-26.yaml",
        "toll/2022-11-27.yaml",
    ]
    assert [one.file for one in periods("toll", known_on=date(2021, 1, 1), root=root)] == ["toll/2021-01-01.yaml"]
    assert len(every_file("toll", root=root)) == 3


def test_unknown_scheme(tmp_path: Path):
    """The message lists the schemes there are."""
    root = write_scheme(tmp_path)
    assert schemes(root) == ["toll"]
    with pytest.raises(RuleError, match="scheme 'tool' has no rules; choose one of toll"):
        rules("tool", on=date(2022, 1, 1), root=root)


def test_overlap_is_refused(tmp_path: Path):
    """Both files are named, with the days on which they meet."""
    files = {
        "2022-01-01.yaml": period("2022-01-01", "2022-12-31", "2021-12-20"),
        "2022-12-31.yaml": period("2022-12-31", "null", "2022-12-01"),
    }
    with pytest.raises(RuleError, match=r"2022-01-01.yaml is in force to 2022-12-31 and toll/2022-12-31.yaml from"):
        periods("toll", root=write_scheme(tmp_path, files))


def test_overlap_of_an_earlier_state_of_knowledge_is_refused(tmp_path: Path):
    """Today's periods may be apart while those known on some past day were not: that past could not be replayed."""
    files = {
        "2022-01-01.yaml": period("2022-01-01", "null", "2021-12-20"),
        "2023-01-01.yaml": period("2023-01-01", "null", "2022-10-01"),
        "2022-01-01.amended-2022-11-01.yaml": period("2022-01-01", "2022-12-31", "2022-11-01"),
    }
    with pytest.raises(RuleError, match=r"in force to further notice and toll/2023-01-01.yaml"):
        periods("toll", root=write_scheme(tmp_path, files))


def test_two_files_of_one_day_and_publication_are_refused(tmp_path: Path):
    """Nothing would say which of them answers."""
    files = {
        "2022-01-01.yaml": period("2022-01-01", "null", "2022-03-01", rate="0.10"),
        "2022-01-01.amended-2022-03-01.yaml": period("2022-01-01", "null", "2022-03-01", rate="0.20"),
    }
    with pytest.raises(RuleError, match="have the same first day and publication; amend later"):
        periods("toll", root=write_scheme(tmp_path, files))


@pytest.mark.parametrize("original", [None, "2022-05-01"])
def test_an_amendment_of_nothing_is_refused(tmp_path: Path, original: str | None):
    """It amends a file of the same first day, published before it."""
    files = {"2022-01-01.amended-2022-03-01.yaml": period("2022-01-01", "null", "2022-03-01")}
    if original:
        files["2022-01-01.yaml"] = period("2022-01-01", "null", original)
    with pytest.raises(RuleError, match=r"amended-2022-03-01.yaml amends nothing published before"):
        periods("toll", root=write_scheme(tmp_path, files))
