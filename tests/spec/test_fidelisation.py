"""Care inside and outside the team: who gave it, when the patient was present, what does not count."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.engine import connect, dataset_path
from features.errors import InputError, MissingError
from features.fidelisation import measure_fidelisation
from features.provenance import provenance_path
from features.team import TeamCount, regulated_codes
from tests.features.teams import ROSTER, draw, line, with_rules
from tests.features.world import Row

PLACES = ("in_team_cents", "outside_cents", "neutralised_cents")


def measured(data: Path, count: TeamCount) -> pd.DataFrame:
    return measure_fidelisation(connect("duckdb", threads=1), data, count)


def cents(data: Path, lines: Sequence[Row], perimeter: str = "MG", **drawn: object) -> tuple[int, int, int]:
    """Cents in the team, outside and neutralised of patient A."""
    rows = measured(data, draw(data, care_lines=lines, **drawn))  # type: ignore[arg-type]
    row = rows[(rows["perimeter"] == perimeter) & (rows["patient_id"] == "A")].iloc[0]
    return tuple(int(row[name]) for name in PLACES)  # type: ignore[return-value]


def test_a_performer_on_the_roster_on_the_day_is_the_team(tmp_path: Path):
    """D2 leaves T1 on 30 June: that day is in the team, the next is not. Nor is D3, of another team."""
    lines = [
        line(performer_id="D2", care_date=date(2023, 6, 30), base_cents=1),
        line(performer_id="D2", care_date=date(2023, 7, 1), base_cents=20),
        line(performer_id="D3", base_cents=300),
    ]
    assert cents(tmp_path, lines) == (1, 320, 0)


def test_an_establishment_on_the_roster_is_the_team(tmp_path: Path):
    """A salaried doctor has no number: the centre's, on the roster from 1 March, tells."""
    centre = {"performer_id": None, "establishment_id": "350000001"}
    lines = [
        line(**centre, base_cents=1),
        line(**centre, care_date=date(2023, 2, 28), base_cents=20),
        line(performer_id=None, base_cents=300),
    ]
    assert cents(tmp_path, lines) == (1, 320, 0)


def test_pathway_codes_of_the_team(tmp_path: Path):
    """Declared doctor (1), new one (2), replacement (7), secondary practice (11): the team; 3, 4 and none are not."""
    lines = [line(pathway_code=code, base_cents=1) for code in (1, 2, 7, 11)]
    lines += [line(pathway_code=code, base_cents=100) for code in (0, 3, 4, None)]
    assert cents(tmp_path, lines) == (4, 400, 0)


def test_neutralised_pathway_codes(tmp_path: Path):
    """Emergencies (5, 25) and care away from home (6) do not count outside the team; by the team, they are its own."""
    lines = [line(pathway_code=code, base_cents=1) for code in (5, 6, 25)]
    lines.append(line(pathway_code=5, performer_id="D1", base_cents=100))
    assert cents(tmp_path, lines) == (100, 0, 3)


def test_acts_of_a_regulated_visit_are_neutralised(tmp_path: Path):
    """The supplement CRN (1933) is out of scope; the consultation beside it is neutralised. Others are not."""
    crn = {"act_code": 1933, "perimeter": "autre", "quantity": 0, "base_cents": 4250}
    lines = [
        line(base_cents=1),
        line(**crn),
        line(performer_id="X2", base_cents=20),
        line(care_date=date(2023, 5, 3), base_cents=300),
        line(performer_id="D1", base_cents=4000),
        line(performer_id="D1", **crn),
    ]
    assert cents(tmp_path, lines) == (4000, 320, 1)


def test_regulated_acts_count_where_the_rules_say_so(tmp_path: Path):
    """With neutralise_regulated off, the consultation beside the supplement is outside."""
    lines = [line(base_cents=1), line(act_code=1933, perimeter="autre", quantity=0)]
    count = with_rules(draw(tmp_path, care_lines=lines), neutralise_regulated=False)
    rows = measured(tmp_path, count)
    assert rows.loc[rows["perimeter"] == "MG", list(PLACES)].iloc[0].tolist() == [0, 1, 0]


def test_the_list_of_regulated_acts():
    """Night and PDSA-regulated acts of the specification (and VRS, 1942); no flat payment."""
    listed = {*range(1226, 1229), *range(1933, 1939), 1941, 1942, *range(1990, 1998)}
    assert set(regulated_codes()) == listed


def test_a_supplement_follows_its_visit(tmp_path: Path):
    """A supplement without a pathway code goes where its act goes: neutralised, outside, or with the team."""
    supplement = {"act_code": 1903, "quantity": 0, "pathway_code": 0, "base_cents": 5}
    lines = [
        line(pathway_code=5, base_cents=1),
        line(**supplement),
        line(pathway_code=1, performer_id="X2", base_cents=100),
        line(performer_id="X2", **supplement),
        line(pathway_code=3, performer_id="X3", base_cents=2000),
        line(performer_id="X3", **supplement),
    ]
    assert cents(tmp_path, lines) == (105, 2005, 6)


def test_nurses_count_in_the_wider_perimeter_only(tmp_path: Path):
    """MG holds general practice, MG_IDE nurses too; nothing else is in scope."""
    lines = [
        line(base_cents=1),
        line(act_code=3111, perimeter="ide", base_cents=20, quantity=3),
        line(act_code=3303, perimeter="autre", base_cents=300),
        line(is_in_target=False, base_cents=4000),
    ]
    rows = measured(tmp_path, draw(tmp_path, care_lines=lines)).set_index("perimeter")
    assert rows["outside_cents"].to_dict() == {"MG": 1, "MG_IDE": 21}
    assert rows["outside_acts"].to_dict() == {"MG": 1, "MG_IDE": 4}


def test_only_days_present_count(tmp_path: Path):
    """Present from 1 April to 30 June: care of those two days counts, of the days beside them does not."""
    present = [{"first_day": date(2023, 4, 1), "last_day": date(2023, 6, 30)}]
    days = (date(2023, 3, 31), date(2023, 4, 1), date(2023, 6, 30), date(2023, 7, 1))
    lines = [line(care_date=day, base_cents=10**place) for place, day in enumerate(days)]
    assert cents(tmp_path, lines, patientele=present) == (0, 110, 0)


def test_a_patient_who_leaves_and_comes_back(tmp_path: Path):
    """T1, then T2 in May, then T1: care in May counts for T2 alone, though T1 holds A from January to December."""
    moves = {"D1": (date(2023, 1, 1), date(2023, 4, 30)), "D3": (date(2023, 5, 1), date(2023, 5, 31))}
    contracts = [{"doctor_id": d, "start_date": a, "end_date": b} for d, (a, b) in moves.items()]
    contracts.append({"doctor_id": "D1", "start_date": date(2023, 6, 1)})
    present = [
        {"present_share": (365 - 31) / 365},
        {"structure_id": "T2", "first_day": date(2023, 5, 1), "last_day": date(2023, 5, 31)},
    ]
    lines = [line(base_cents=1), line(performer_id="D1", care_date=date(2023, 6, 1), base_cents=20)]
    rows = measured(tmp_path, draw(tmp_path, patientele=present, declarations=contracts, care_lines=lines))
    found = rows[rows["perimeter"] == "MG"].set_index("structure_id")[list(PLACES)]
    assert found.loc["T1"].tolist() == [20, 0, 0]
    assert found.loc["T2"].tolist() == [0, 1, 0]


def test_days_that_the_roster_no_longer_explains(tmp_path: Path):
    """Patientele says 300 days within the year; contracts and roster give 365: attribute again."""
    count = draw(tmp_path, patientele=[{"present_share": 300 / 365}], declarations=[{}])
    with pytest.raises(InputError, match=r"days present of 1 patients .* forfait attribute --year 2023"):
        measured(tmp_path, count)


def test_a_patient_without_care_has_zeros(tmp_path: Path):
    """Two rows, one per perimeter, all zeros."""
    rows = measured(tmp_path, draw(tmp_path))
    assert rows["perimeter"].tolist() == ["MG", "MG_IDE"]
    assert rows.drop(columns=["patient_id", "structure_id", "year", "perimeter"]).to_numpy().sum() == 0


def test_care_of_others_is_left_out(tmp_path: Path):
    """B is in no structure: no row."""
    rows = measured(tmp_path, draw(tmp_path, care_lines=[line(patient_id="B")]))
    assert set(rows["patient_id"]) == {"A"}


def test_overlapping_rows_of_a_roster_count_once(tmp_path: Path):
    """D1 twice on T1's roster, over the same days: one line stays one line."""
    count = draw(tmp_path, care_lines=[line(performer_id="D1")], roster=ROSTER + "T1,One,D1,2022-01-01,2023-12-31\n")
    assert measured(tmp_path, count)["in_team_cents"].tolist() == [2500, 2500]


def test_a_professional_of_two_teams_is_of_both(tmp_path: Path):
    """D3 joins T1 while in T2: for the patients of each, D3 is the team."""
    both = [{}, {"patient_id": "B", "structure_id": "T2"}]
    lines = [line(performer_id="D3"), line(patient_id="B", performer_id="D3")]
    count = draw(tmp_path, patientele=both, care_lines=lines, roster=ROSTER + "T1,One,D3,2021-01-01,\n")
    assert measured(tmp_path, count)["in_team_cents"].tolist() == [2500] * 4


def test_a_structure_without_roster(tmp_path: Path):
    """T9 has a patient and no row on the roster: an error that names it."""
    with pytest.raises(InputError, match=r"T9 is not in roster\.csv"):
        measured(tmp_path, draw(tmp_path, patientele=[{"structure_id": "T9"}]))


def test_what_was_known_before_a_day(tmp_path: Path):
    """Loaded on 1 June: known before 2 June, not before 1 June. The record of the dataset says the day."""
    count = draw(tmp_path, care_lines=[line(known_date=date(2023, 6, 1))])
    assert measured(tmp_path, replace(count, known_before=date(2023, 6, 2)))["outside_cents"].sum() == 2 * 2500
    assert measured(tmp_path, replace(count, known_before=date(2023, 6, 1)))["outside_cents"].sum() == 0
    record = json.loads(provenance_path(dataset_path(tmp_path, "fidelisation", 2023)).read_text(encoding="utf-8"))
    assert record["parameters"]["known_before"] == "2023-06-01"
    assert record["parameters"]["neutralised_pathways"] == [5, 6, 25]


def test_a_year_that_was_not_attributed(tmp_path: Path):
    """The error names the command."""
    count = draw(tmp_path)
    dataset_path(tmp_path, "patientele", 2023).unlink()
    with pytest.raises(MissingError, match="run forfait attribute --year 2023"):
        measured(tmp_path, count)


LINE = st.fixed_dictionaries(
    {
        "care_date": st.dates(date(2023, 1, 1), date(2023, 12, 31)),
        "performer_id": st.sampled_from(["D1", "D2", "D3", "X1", None]),
        "establishment_id": st.sampled_from(["350000001", "350000002", None]),
        "pathway_code": st.sampled_from([0, 1, 3, 5, 6, 25, None]),
        "perimeter": st.sampled_from(["mg", "ide", "autre"]),
        "act_code": st.sampled_from([1110, 1933, None]),
        "quantity": st.integers(0, 3),
        "base_cents": st.integers(0, 10_000),
    }
)
NARROW = {"MG": ["mg"], "MG_IDE": ["mg", "ide"]}


@settings(max_examples=15, deadline=None)
@given(lines=st.lists(LINE, max_size=12), rotation=st.integers(0, 11))
def test_nothing_is_lost_and_order_does_not_matter(lines: list[Row], rotation: int):
    """The three places add up to the in-scope care of the days present; the order of the lines changes nothing."""
    present = [{"first_day": date(2023, 2, 1), "last_day": date(2023, 10, 31)}]
    found = []
    for drawn in (lines, lines[rotation:] + lines[:rotation]):
        with TemporaryDirectory() as folder:
            found.append(measured(Path(folder), draw(Path(folder), patientele=present, care_lines=drawn)))
    pd.testing.assert_frame_equal(*found)
    there = [row for row in lines if date(2023, 2, 1) <= row["care_date"] <= date(2023, 10, 31)]  # type: ignore[operator]
    for perimeter, narrow in NARROW.items():
        rows = found[0][found[0]["perimeter"] == perimeter]
        scope = [row for row in there if row["perimeter"] in narrow]
        acts = [name.replace("cents", "acts") for name in PLACES]
        assert rows[list(PLACES)].to_numpy().sum() == sum(int(str(row["base_cents"])) for row in scope)
        assert rows[acts].to_numpy().sum() == sum(int(str(row["quantity"])) for row in scope)
