"""The months that care took until it was known, for the nation and each structure."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from features.development import measure_development
from features.engine import connect, dataset_path
from features.errors import MissingError
from features.provenance import provenance_path
from tests.features.teams import draw, line
from tests.features.world import put, read_year


def measured(data: Path, years: list[int]) -> pd.DataFrame:
    return measure_development(connect("duckdb", threads=1), data, years, roster=data / "roster.csv")


def triangle(rows: pd.DataFrame, scope: str, structure: str) -> dict[tuple[str, int], tuple[int, int]]:
    """Lines and cents by month of care and lag."""
    kept = rows[(rows["scope"] == scope) & (rows["structure_id"] == structure)]
    return {
        (f"{month:%Y-%m}", lag): (lines, cents)
        for month, lag, lines, cents in zip(
            kept["care_month"], kept["lag_months"], kept["lines"], kept["base_cents"], strict=True
        )
    }


def test_months_until_known(tmp_path: Path):
    """From 31 May to 1 June is one month, from 1 May to 31 May none, from December to February two."""
    lines = [
        line(care_date=date(2023, 5, 31), known_date=date(2023, 6, 1), base_cents=1),
        line(care_date=date(2023, 5, 1), known_date=date(2023, 6, 1), base_cents=20),
        line(care_date=date(2023, 5, 1), known_date=date(2023, 5, 31), base_cents=300),
        line(care_date=date(2023, 12, 31), known_date=date(2024, 2, 1), base_cents=4000),
    ]
    draw(tmp_path, care_lines=lines)
    expected = {("2023-05", 0): (1, 300), ("2023-05", 1): (2, 21), ("2023-12", 2): (1, 4000)}
    assert triangle(measured(tmp_path, [2023]), "MG", "*") == expected


def test_known_before_it_was_given(tmp_path: Path):
    """A line dated after its load (a series of acts) counts as known at once."""
    draw(tmp_path, care_lines=[line(care_date=date(2023, 6, 3), known_date=date(2023, 5, 1))])
    assert triangle(measured(tmp_path, [2023]), "TOTAL", "*") == {("2023-06", 0): (1, 2500)}


def test_scopes_and_structures(tmp_path: Path):
    """MG within MG_IDE within TOTAL; a structure has its patients while present; cash benefits are in none."""
    lines = [
        line(base_cents=1),
        line(base_cents=20, perimeter="ide", patient_id="B"),
        line(base_cents=300, perimeter="autre"),
        line(base_cents=4000, care_date=date(2023, 3, 31)),
        line(base_cents=50000, is_in_target=False),
    ]
    draw(tmp_path, care_lines=lines, patientele=[{"first_day": date(2023, 4, 1)}])
    rows = measured(tmp_path, [2023])
    totals = rows.groupby(["structure_id", "scope"])["base_cents"].sum()
    assert totals["*"].to_dict() == {"MG": 4001, "MG_IDE": 4021, "TOTAL": 4321}
    assert totals["T1"].to_dict() == {"MG": 1, "MG_IDE": 1, "TOTAL": 301}


def test_a_year_without_patientele_has_the_nation_only(tmp_path: Path):
    """2022 was read and not attributed: no structure in it, and its record says so."""
    draw(tmp_path, care_lines=[line()])
    read_year(tmp_path, 2022)
    put(tmp_path, "care_lines", 2022, [line(care_date=date(2022, 5, 2))])
    rows = measured(tmp_path, [2022, 2023])
    assert set(rows.loc[rows["care_month"].dt.year == 2022, "structure_id"]) == {"*"}
    assert set(rows.loc[rows["care_month"].dt.year == 2023, "structure_id"]) == {"*", "T1"}
    record = json.loads(provenance_path(dataset_path(tmp_path, "development", 2022)).read_text(encoding="utf-8"))
    assert record["parameters"] == {"structures": False}


def test_a_year_that_was_not_read(tmp_path: Path):
    """The error names the command."""
    with pytest.raises(MissingError, match="run forfait read --year 2023"):
        measure_development(connect("duckdb", threads=1), tmp_path, [2023])
