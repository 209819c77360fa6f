"""For whom an indicator is counted: structures, territories, the nation; and its card."""

from __future__ import annotations

import importlib.util
import shutil
from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.engine import connect, dataset_path
from features.errors import InputError, MissingError
from features.indicators import CATALOGUE, by_name, indicators_markdown, measure_indicators
from features.indicators.card import DIRECTIONS, UNITS
from features.indicators.page import CODE_LISTS
from features.reference_data import FOLDER, sources
from tests.features.quality import YEAR, counts, draw, measured, packs, stay
from tests.features.world import put

ENTITIES = ["nation", "structure", "territory"]


def people(**changes: dict[str, object]) -> list[dict[str, object]]:
    return [{"patient_id": patient, **changes.get(patient, {})} for patient in "ABCDE"]


def test_a_structure_answers_for_its_patients_at_the_end(tmp_path: Path):
    """A stays; B left in November; C died on the list; D came in August (153 days); E came on 2 July (183 days)."""
    lists = [
        {},
        {"patient_id": "B", "last_day": date(2023, 11, 30)},
        {"patient_id": "C", "last_day": date(2023, 3, 1)},
        {"patient_id": "D", "first_day": date(2023, 8, 1)},
        {"patient_id": "E", "first_day": date(2023, 7, 2)},
    ]
    draw(
        tmp_path,
        beneficiaries=people(C={"death_date": date(2023, 3, 1)}),
        patientele=lists,
        stays=[stay(patient, date(2023, 2, 1), main_diagnoses=["I500"]) for patient in "ACDE"],
        declarations=[{"patient_id": patient} for patient in "ADE"],
    )
    rows = measured(tmp_path)
    assert counts(rows, "hpe", "structure") == {"T1": (3, 3)}
    assert counts(rows, "medecin_traitant", "structure") == {"T1": (2, 2)}
    assert counts(rows, "hpe") == {"*": (4, 5)}


def test_half_of_the_days_lived(tmp_path: Path):
    """A newborn of October on the list since November, and someone present 181 of 365 days."""
    lists = [{"first_day": date(2023, 11, 1)}, {"patient_id": "B", "first_day": date(2023, 7, 4)}]
    born = [{"birth_date": date(2023, 10, 1)}, {"patient_id": "B"}]
    draw(tmp_path, beneficiaries=born, patientele=lists, declarations=[{}, {"patient_id": "B"}])
    assert counts(measured(tmp_path), "medecin_traitant", "structure") == {"T1": (0, 0)}
    put(tmp_path, "patientele", YEAR, [{"patient_id": "B", "first_day": date(2023, 7, 3)}])
    assert counts(measured(tmp_path), "medecin_traitant", "structure") == {"T1": (0, 0)}
    put(tmp_path, "patientele", YEAR, [{"patient_id": "B", "first_day": date(2023, 7, 2)}])
    assert counts(measured(tmp_path), "medecin_traitant", "structure") == {"T1": (1, 1)}


def test_a_structure_without_patients_has_empty_values(tmp_path: Path):
    """T2 lost its only patient: 0 over 0, value empty."""
    draw(tmp_path, patientele=[{"structure_id": "T2", "last_day": date(2023, 2, 1)}], declarations=[{}])
    rows = measured(tmp_path)
    assert counts(rows, "medecin_traitant", "structure") == {"T2": (0, 0)}
    assert rows.loc[rows["entity"] == "structure", "value_share"].isna().all()


def test_territories_by_commune_of_residence(tmp_path: Path):
    """Two communes of one territory, one of another; an unlisted one goes to its department, nobody's to '?'."""
    homes = people(
        B={"commune": "35001"}, C={"commune": "56001", "department": "56"}, D={"commune": "2A004", "department": "2A"},
        E={"commune": None, "department": None},
    )  # fmt: skip
    draw(tmp_path, beneficiaries=homes, declarations=[{"patient_id": patient} for patient in "ACE"])
    territories = pd.DataFrame({"commune": ["35238", "35001", "56001"], "territory_id": ["V1", "V1", "V2"]})
    found = counts(measured(tmp_path, territories=territories), "medecin_traitant", "territory")
    assert found == {"V1": (1, 2), "V2": (1, 1), "DEP2A": (0, 1), "?": (1, 1)}
    assert counts(measured(tmp_path), "medecin_traitant", "territory") == {
        "DEP35": (1, 2), "DEP56": (1, 1), "DEP2A": (0, 1), "?": (1, 1),
    }  # fmt: skip


def test_territories_add_up_to_the_nation(tmp_path: Path):
    """Everybody lives in one territory."""
    homes = people(B={"commune": "35001", "department": "35"}, C={"department": "56"}, D={"department": None})
    draw(tmp_path, beneficiaries=homes, stays=[stay("B", date(2023, 2, 1), main_diagnoses=["I500"])])
    rows = measured(tmp_path)
    sums = rows[rows["entity"] == "territory"].groupby("indicator")[["numerator", "denominator"]].sum()
    whole = rows[rows["entity"] == "nation"].set_index("indicator")[["numerator", "denominator"]]
    pd.testing.assert_frame_equal(sums, whole.sort_index(), check_dtype=False)


def test_wrong_territories_are_refused(tmp_path: Path):
    """A column, a cell or a commune twice: the message names it."""
    draw(tmp_path)
    with pytest.raises(InputError, match="column territory_id is missing"):
        measured(tmp_path, territories=pd.DataFrame({"commune": ["35238"]}))
    with pytest.raises(InputError, match="row 2, column territory_id is empty"):
        measured(tmp_path, territories=pd.DataFrame({"commune": ["35238", "35001"], "territory_id": ["V1", None]}))
    with pytest.raises(InputError, match="commune 35238 is in two territories"):
        measured(tmp_path, territories=pd.DataFrame({"commune": ["35238", "35238"], "territory_id": ["V1", "V2"]}))


def test_a_year_not_attributed_or_not_read(tmp_path: Path):
    """The error names the command."""
    with pytest.raises(MissingError, match="run forfait read --year 2023"):
        measure_indicators(connect(threads=1), tmp_path, YEAR)
    draw(tmp_path)
    dataset_path(tmp_path, "patientele", YEAR).unlink()
    with pytest.raises(MissingError, match="run forfait attribute --year 2023"):
        measure_indicators(connect(threads=1), tmp_path, YEAR)


def test_every_card_is_whole():
    """No empty field, a known direction and unit; names are unique."""
    assert len(by_name()) == len(CATALOGUE)
    for known in CATALOGUE:
        card = known.card
        assert card.direction in DIRECTIONS
        assert card.unit in UNITS
        assert all(vars(card).values()), card.name


def test_the_page_shows_every_card_and_code():
    """Each label, source and limit, and each row of the code lists, whose origin is stated."""
    page = indicators_markdown()
    assert all(text in page for known in CATALOGUE for text in vars(known.card).values())
    for name in CODE_LISTS:
        assert (FOLDER / f"{name}.csv").exists()
        assert f"{name}.csv" in sources()
        assert f"### {name}.csv" in page


def everything(data: Path) -> None:
    put(data, "procedures", 2022, [])
    put(data, "care_lines", 2022, [{"patient_id": "B", "act_code": 9311, "care_date": date(2022, 3, 1)}])
    draw(
        data,
        beneficiaries=people(
            A={"birth_date": date(1940, 1, 1)}, B={"sex": 2, "department": None, "commune": None},
            C={"birth_date": None}, D={"death_date": date(2023, 6, 1)},
        ),
        declarations=[{}, {"patient_id": "B"}],
        ald_periods=[{"patient_id": "B"}],
        stays=[
            stay("A", date(2023, 2, 1), main_diagnoses=["I500"]),
            stay("A", date(2023, 2, 20)),
            stay("D", date(2023, 2, 20), ghm=None, exit_mode=None),
        ],
        dispensings=[*packs("A", "A10BA02", 1, 2, 3), *packs("A", "J07BB02", 10), *packs("B", "J07BB02", 10)],
        procedures=[{"patient_id": "B", "care_date": date(2023, 5, 1)}],
        analyses=[{"care_date": date(2023, month, 5)} for month in (3, 9)],
        patientele=[{}, {"patient_id": "B"}, {"patient_id": "D", "structure_id": "T2", "last_day": date(2023, 6, 1)}],
    )  # fmt: skip


def test_every_indicator_has_a_row_for_every_entity(tmp_path: Path):
    """All nine indicators, two structures, two territories, the nation."""
    everything(tmp_path)
    rows = measured(tmp_path)
    assert len(rows) == len(CATALOGUE) * 5
    assert sorted(rows["entity"].unique()) == ENTITIES
    assert (rows["numerator"] <= rows["denominator"]).all()


def test_the_order_of_rows_changes_nothing(tmp_path: Path):
    """The same datasets with their rows the other way round give the same file, to the byte."""
    for folder in ("one", "other"):
        everything(tmp_path / folder)
    for path in (tmp_path / "other").rglob("*.parquet"):
        rows = pq.read_table(path, partitioning=None)
        pq.write_table(rows.take(pa.array(range(rows.num_rows)[::-1], pa.int64())), path)
    written = []
    for folder in ("one", "other"):
        measured(tmp_path / folder)
        written.append(dataset_path(tmp_path / folder, "indicators", YEAR).read_bytes())
    assert written[0] == written[1]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs Java, absent here")
@pytest.mark.skipif(importlib.util.find_spec("pyspark") is None, reason="pyspark is not installed")
@pytest.mark.filterwarnings("default")
def test_duckdb_and_spark_agree(tmp_path: Path):
    """The same rows, types included."""
    frames = []
    territories = pd.DataFrame({"commune": ["35238"], "territory_id": ["V1"]})
    for engine in ("duckdb", "spark"):
        everything(tmp_path / engine)
        frames.append(measured(tmp_path / engine, engine, territories=territories))
    pd.testing.assert_frame_equal(*frames)
