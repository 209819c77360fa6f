"""Where in-scope care outside the team goes: each dimension adds up to what fidelisation counts outside."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from features.engine import connect
from features.fidelisation import measure_fidelisation
from features.leakage import DIMENSIONS, NEUTRALISED_REASON, TOP_PERFORMERS, measure_leakage
from tests.features.teams import draw, line
from tests.features.world import Row


def cells(data: Path, dimension: str, perimeter: str = "MG", **drawn: Sequence[Row]) -> dict[str, tuple[int, ...]]:
    """Patients, acts and cents by value of a dimension."""
    rows = measure_leakage(connect("duckdb", threads=1), data, draw(data, **drawn))
    kept = rows[(rows["dimension"] == dimension) & (rows["perimeter"] == perimeter)]
    values = kept[["patients", "acts", "base_cents"]].itertuples(index=False, name=None)
    return dict(zip(kept["value"], values, strict=True))


def test_specialty(tmp_path: Path):
    """Code of the performer's specialty; patients are counted once in a cell. Care of the team is no leakage."""
    both = [{}, {"patient_id": "B"}]
    lines = [
        line(base_cents=1),
        line(base_cents=20),
        line(patient_id="B", base_cents=300),
        line(performer_specialty=22, base_cents=4000, quantity=2),
        line(performer_specialty=None, base_cents=50000),
        line(performer_id="D1", base_cents=600000),
    ]
    found = cells(tmp_path, "specialty", patientele=both, care_lines=lines)
    assert found == {"1": (2, 3, 321), "22": (1, 2, 4000), "unknown": (1, 1, 50000)}


def test_performers_are_ranks_not_numbers(tmp_path: Path):
    """The first rank is the performer with the most cents; equal cents go by number; no number is unknown."""
    lines = [
        line(performer_id="X3", base_cents=100),
        line(performer_id="X2", base_cents=100),
        line(performer_id="X1", base_cents=150),
        line(performer_id="X3", base_cents=100),
        line(performer_id=None, base_cents=7),
    ]
    found = cells(tmp_path, "performer", care_lines=lines)
    assert found == {"01": (1, 2, 200), "02": (1, 1, 150), "03": (1, 1, 100), "unknown": (1, 1, 7)}


def test_performers_beyond_the_top_are_together(tmp_path: Path):
    """22 performers outside: 20 ranks, and the two that cost least in "other"."""
    lines = [line(performer_id=f"X{place:02d}", base_cents=100 + place) for place in range(TOP_PERFORMERS + 2)]
    found = cells(tmp_path, "performer", care_lines=lines)
    assert len(found) == TOP_PERFORMERS + 1
    assert (found["01"], found["20"], found["other"]) == ((1, 1, 121), (1, 1, 102), (1, 2, 100 + 101))


def test_month_and_weekday(tmp_path: Path):
    """1 January 2023 is a Sunday (7), 2 October a Monday (1)."""
    lines = [line(care_date=date(2023, 1, 1), base_cents=1), line(care_date=date(2023, 10, 2), base_cents=20)]
    assert cells(tmp_path, "month", care_lines=lines) == {"01": (1, 1, 1), "10": (1, 1, 20)}
    assert cells(tmp_path, "weekday", care_lines=lines) == {"7": (1, 1, 1), "1": (1, 1, 20)}


def test_pathway_and_neutralised(tmp_path: Path):
    """Pathway describes what counts outside; what is neutralised stands apart, by reason."""
    lines = [
        line(pathway_code=3, base_cents=1),
        line(pathway_code=None, base_cents=20),
        line(pathway_code=5, base_cents=300),
        line(pathway_code=6, base_cents=4000),
        line(performer_id="X2", base_cents=50000),
        line(performer_id="X2", act_code=1933, perimeter="autre", quantity=0),
    ]
    assert cells(tmp_path, "pathway", care_lines=lines) == {"3": (1, 1, 1), "unknown": (1, 1, 20)}
    neutralised = {"5": (1, 1, 300), "6": (1, 1, 4000), "regulated": (1, 1, 50000)}
    assert cells(tmp_path, NEUTRALISED_REASON, care_lines=lines) == neutralised


def test_distance(tmp_path: Path):
    """Numbers begin with the department: 35 is A's; B lives in Corsica (2A, number 20), C overseas (974, 97)."""
    people = [
        {},
        {"patient_id": "B", "department": "2A"},
        {"patient_id": "C", "department": "974"},
        {"patient_id": "E", "department": None},
    ]
    lines = [
        line(performer_id="35100001", base_cents=1),
        line(performer_id=None, establishment_id="350000009", base_cents=20),
        line(performer_id="22100001", base_cents=300),
        line(performer_id=None, base_cents=4000),
        line(patient_id="B", performer_id="20100001", base_cents=50000),
        line(patient_id="C", performer_id="97100001", base_cents=600000),
        line(patient_id="E", performer_id="35100001", base_cents=7000000),
    ]
    present = [{"patient_id": person} for person in "ABCE"]
    found = cells(tmp_path, "distance", beneficiaries=people, patientele=present, care_lines=lines)
    assert {value: cell[2] for value, cell in found.items()} == {
        "same_department": 650021, "other_department": 300, "unknown": 7004000,
    }  # fmt: skip


def test_structures_and_perimeters_stand_apart(tmp_path: Path):
    """A nurse of T2's patient leaks in MG_IDE only, and only for T2."""
    present = [{}, {"patient_id": "B", "structure_id": "T2"}]
    lines = [line(patient_id="B", perimeter="ide", act_code=3111)]
    rows = measure_leakage(connect("duckdb", threads=1), tmp_path, draw(tmp_path, patientele=present, care_lines=lines))
    assert set(rows["structure_id"]) == {"T2"}
    assert set(rows["perimeter"]) == {"MG_IDE"}
    assert rows["dimension"].tolist() == sorted(DIMENSIONS)


def test_no_leakage_is_an_empty_table(tmp_path: Path):
    """All care by the team: no row, and the columns are there."""
    rows = measure_leakage(connect("duckdb", threads=1), tmp_path, draw(tmp_path, care_lines=[line(performer_id="D1")]))
    assert rows.empty
    assert "dimension" in rows.columns


LINE = st.fixed_dictionaries(
    {
        "patient_id": st.sampled_from(["A", "B", "C"]),
        "care_date": st.dates(date(2023, 1, 1), date(2023, 12, 31)),
        "performer_id": st.sampled_from(["D1", "D3", "35100001", "20100002", None]),
        "performer_specialty": st.sampled_from([1, 22, None]),
        "pathway_code": st.sampled_from([0, 1, 3, 5, 6, None]),
        "perimeter": st.sampled_from(["mg", "ide", "autre"]),
        "act_code": st.sampled_from([1110, 1933]),
        "quantity": st.integers(0, 3),
        "base_cents": st.integers(0, 10_000),
    }
)


@settings(max_examples=15, deadline=None)
@given(lines=st.lists(LINE, max_size=12), rotation=st.integers(0, 11))
def test_every_dimension_adds_up(lines: list[Row], rotation: int):
    """Cents and acts of each dimension are those outside, of neutralised those neutralised; any order of lines."""
    present = [{}, {"patient_id": "B", "structure_id": "T2"}]
    found = []
    for drawn in (lines, lines[rotation:] + lines[:rotation]):
        with TemporaryDirectory() as folder:
            con, count = connect("duckdb", threads=1), draw(Path(folder), patientele=present, care_lines=drawn)
            found.append(measure_leakage(con, Path(folder), count))
            counted = measure_fidelisation(con, Path(folder), count)
    pd.testing.assert_frame_equal(*found)
    for dimension in (*DIMENSIONS, NEUTRALISED_REASON):
        rows = found[0][found[0]["dimension"] == dimension]
        place = "neutralised" if dimension == NEUTRALISED_REASON else "outside"
        assert rows["patients"].ge(1).all()
        for (structure, perimeter), expected in counted.groupby(["structure_id", "perimeter"]):
            cell = rows[(rows["structure_id"] == structure) & (rows["perimeter"] == perimeter)]
            assert cell["base_cents"].sum() == expected[f"{place}_cents"].sum()
            assert cell["acts"].sum() == expected[f"{place}_acts"].sum()
