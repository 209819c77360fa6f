"""What changed between two days, and how the book is shown."""

from __future__ import annotations

import io
from datetime import date
from pathlib import Path

import pytest
from rich.console import Console
from rich.table import Table

from features.errors import RuleError
from forfait.rules_view import diff_table, grid_table, rules_table, sources_table
from schemes.rule_diff import Change, diff
from schemes.rulebook import meanings, rules
from tests.schemes.rule_folder import period, write_scheme

BEFORE, AFTER = date(2022, 1, 1), date(2022, 11, 27)


def shown(table: Table) -> str:
    screen = io.StringIO()
    Console(width=250, file=screen, color_system=None).print(table)
    return screen.getvalue()


def test_peps_in_2022_changed_by_its_cap_only():
    """`forfait rules diff peps 2022-01-01 2022-11-27`."""
    (change,) = diff("peps", BEFORE, AFTER)
    assert (change.key, change.before, change.after, change.unit, change.grade) == (
        "cap_over_ffs", "none", "0.20", "share", "reported",
    )  # fmt: skip
    assert change.source.startswith("quotidien_2022, plafond de 20 %")


def test_nothing_changed_for_those_who_did_not_know():
    """With the knowledge of 25 November 2022 the same file answers on both days."""
    assert diff("peps", BEFORE, AFTER, known_on=date(2022, 11, 25)) == []


def test_cells_of_grids_are_compared_by_row():
    """Adalimumab came in February 2019; amounts of others did not move."""
    (change,) = diff("biosimilars", date(2019, 1, 1), date(2019, 2, 1))
    assert (change.key, change.before, change.after) == ("gaps adalimumab amount_eur", "absent", "46.95")
    assert change.unit == "EUR per box"


def test_changes_and_rows_that_went(tmp_path: Path):
    """Before and after, in the order of the file after; a row that went reads absent after."""
    later = period("2023-01-01", "null", "2022-12-01", rate="0.30").replace("prices.csv", "prices-2023.csv")
    root = write_scheme(tmp_path, {"2022-01-01.yaml": period("2022-01-01", "2022-12-31", "2021-12-20")})
    (root / "toll" / "2023-01-01.yaml").write_text(later, encoding="utf-8")
    (root / "toll" / "prices-2023.csv").write_text("vehicle,amount_eur\nbus,9\ncar,2.60\n", encoding="utf-8")
    assert diff("toll", date(2022, 6, 1), date(2023, 6, 1), root=root) == [
        Change("rate", "0.25", "0.30", "share", "text", "decree, article 1"),
        Change("prices bus amount_eur", "absent", "9", "EUR", "text", "decree, annex"),
        Change("prices car amount_eur", "2.50", "2.60", "EUR", "text", "decree, annex"),
        Change("prices lorry amount_eur", "7.00", "absent", "EUR", "text", "decree, annex"),
    ]


def test_a_day_without_rules():
    """The error of `rules`."""
    with pytest.raises(RuleError, match="peps: no rule in force on 2019-01-01"):
        diff("peps", date(2019, 1, 1), AFTER)


def test_rules_table_says_value_unit_grade_source_meaning():
    """With file, period, publication and hash above, and how the dates are known below."""
    found = rules("peps", on=AFTER)
    text = shown(rules_table(found, meanings("peps")))
    heading = f"peps/2022-11-27.yaml · in force 2022-11-27 to 2024-12-31 · published 2022-11-26 · {found.sha256[:12]}"
    assert heading in text
    assert "JO of 26 November 2022" in text
    assert "how far the payable may exceed the former fee-for-service" in text
    assert all(key in text for key in found.parameters)


def test_assumed_only():
    """`--assumed` keeps what is assumed, and only that."""
    found = rules("peps", on=AFTER)
    table = rules_table(found, meanings("peps"), assumed_only=True)
    assumed = [key for key, one in found.parameters.items() if one.grade == "assumed"]
    assert [cell.split("\n")[0] for cell in table.columns[0].cells] == assumed
    assert set(table.columns[3].cells) == {"[bold red]assumed[/]"}


def test_grids_and_sources_are_shown():
    """A grid by its file and number of rows, then row by row; sources with title and address."""
    found = rules("biosimilars", on=date(2022, 6, 1))
    assert [*rules_table(found, meanings("biosimilars")).columns[2].cells][-1] == "3 rows"
    assert list(grid_table(found, "gaps").columns[1].cells) == ["21.68", "0.34", "26.65"]
    assert "https://www.apmnews.com/freestory/10/380912" in shown(sources_table(found))


def test_diff_table():
    """Both files in the title; a line when nothing differs."""
    before, after = rules("peps", on=BEFORE), rules("peps", on=AFTER)
    text = shown(diff_table(before, after, diff("peps", BEFORE, AFTER)))
    assert "peps/2021-01-01.amended-2022-11-26.yaml → peps/2022-11-27.yaml" in text
    assert "cap_over_ffs" in text
    assert "no value differs" in shown(diff_table(before, before, []))
