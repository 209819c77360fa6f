"""Where the patients of a structure, and everyone, meet care."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest

from features.contacts import measure_contacts
from features.engine import connect
from features.errors import MissingError
from tests.features.teams import draw, line
from tests.features.world import Row

COLUMNS = ["patients", "contacts", "base_cents", "reimbursed_cents"]


def contacts(data: Path, structure: str, lines: Sequence[Row], **drawn: Sequence[Row]) -> dict[str, list[int]]:
    """Patients, contacts, base and reimbursed cents by poste."""
    count = draw(data, care_lines=lines, **drawn)
    rows = measure_contacts(connect("duckdb", threads=1), data, 2023, roster=count.roster)
    kept = rows[rows["structure_id"] == structure].set_index("poste")
    return {str(poste): list(kept.loc[poste, COLUMNS]) for poste in kept.index}


def test_a_contact_is_a_day_with_a_performer(tmp_path: Path):
    """Two acts and a supplement of one visit are one contact; another day, or performer, is another."""
    lines = [
        line(base_cents=1, reimbursed_cents=1),
        line(base_cents=20, reimbursed_cents=10),
        line(base_cents=300, reimbursed_cents=100, quantity=0),
        line(base_cents=4000, reimbursed_cents=1000, performer_id="X2"),
        line(base_cents=50000, reimbursed_cents=10000, care_date=date(2023, 5, 3)),
        line(base_cents=7, reimbursed_cents=3, poste="pharmacie", perimeter="autre", quantity=6),
    ]
    found = contacts(tmp_path, "T1", lines)
    assert found == {"generaliste": [1, 3, 54321, 11111], "pharmacie": [1, 1, 7, 3]}


def test_cents_without_an_act_are_no_contact(tmp_path: Path):
    """A supplement alone: its cents count, nobody was met."""
    assert contacts(tmp_path, "T1", [line(quantity=0)]) == {"generaliste": [0, 0, 2500, 1750]}


def test_a_stay_is_met_at_its_establishment(tmp_path: Path):
    """Hospital lines have no performer: two establishments on one day are two contacts."""
    stay = {"poste": "hopital_mco", "act_code": None, "performer_id": None, "perimeter": "autre", "source": "PMSI"}
    lines = [line(**stay, establishment_id="350000002"), line(**stay, establishment_id="350000003")]
    assert contacts(tmp_path, "T1", lines)["hopital_mco"][:2] == [1, 2]


def test_everyone_and_those_present(tmp_path: Path):
    """A counts for T1 from April; B is in no structure; the nation has all three lines, not the cash benefit."""
    lines = [
        line(care_date=date(2023, 3, 31)),
        line(care_date=date(2023, 4, 1)),
        line(patient_id="B"),
        line(is_in_target=False, poste="prestations_especes"),
    ]
    present = [{"first_day": date(2023, 4, 1)}]
    assert contacts(tmp_path, "T1", lines, patientele=present) == {"generaliste": [1, 1, 2500, 1750]}
    assert contacts(tmp_path, "*", lines, patientele=present) == {"generaliste": [2, 3, 7500, 5250]}


def test_a_year_that_was_not_read(tmp_path: Path):
    """The error names the command."""
    with pytest.raises(MissingError, match="run forfait read --year 2023"):
        measure_contacts(connect("duckdb", threads=1), tmp_path, 2023)
