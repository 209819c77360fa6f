"""The roster's professions: general practitioners unless it says otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest

from features.errors import InputError
from features.roster import read_roster

HEADER = "structure_id,structure_name,professional_id,profession,from_date,to_date\n"


def test_profession_is_kept_and_empty_is_a_general_practitioner(tmp_path: Path):
    path = tmp_path / "roster.csv"
    path.write_text(HEADER + "T1,One,D1,mg,2020-01-01,\nT1,One,N1,ide,2020-01-01,\nT1,One,D2,,2020-01-01,\n")
    assert read_roster(path)["profession"].tolist() == ["mg", "ide", "mg"]


def test_a_roster_without_the_column_lists_general_practitioners(tmp_path: Path):
    path = tmp_path / "roster.csv"
    path.write_text("structure_id,structure_name,professional_id,from_date,to_date\nT1,One,D1,2020-01-01,\n")
    assert read_roster(path)["profession"].tolist() == ["mg"]


def test_an_unknown_profession_is_refused(tmp_path: Path):
    path = tmp_path / "roster.csv"
    path.write_text(HEADER + "T1,One,D1,mg,2020-01-01,\nT1,One,K1,kine,2020-01-01,\n")
    message = "roster.csv: row 3, column profession 'kine' is unknown; it should be one of mg, ide, other"
    with pytest.raises(InputError, match=message):
        read_roster(path)
