"""Files that the payer gives: who takes part in what, the territories, the declared bricks, read strictly."""

from __future__ import annotations

from pathlib import Path

import ibis
import pandas as pd
import pytest

from features.declared_bricks import read_declared_bricks
from features.errors import InputError, MissingError
from features.participations import read_participations
from features.roster import OPEN_END
from features.territories import read_territories, with_territory

HEADER = "structure_id,structure_name,scheme,patientele,perimeter,from_date,to_date,phase_from,quality_share,carte,"
HEADER += "experience_points,opened_on,legal_form\n"
TEAM = "STR001,One,peps,TOT,MG,2021-01-01,,,0.8,,,,CDS\n"
GROUP = "GRP001,Two,ipep,,,2022-01-01,2024-12-31,2022-04-01,,yes,12,,\n"
HOSPITAL = "750000019,Three,biosimilars,,,2018-10-01,2022-12-31,,,,,,\n"


def file(folder: Path, text: str, name: str = "participations.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_row_is_typed_and_completed(tmp_path: Path):
    """Open end, phase 1 from the first day, unknown quality is not 0, text that is not given is None."""
    rows = read_participations(file(tmp_path, HEADER + TEAM + GROUP + HOSPITAL)).set_index("scheme")
    team, group = rows.loc["peps"], rows.loc["ipep"]
    assert (team["patientele"], team["perimeter"], team["to_date"]) == ("TOT", "MG", OPEN_END)
    assert team["phase_from"] == team["from_date"] == pd.Timestamp("2021-01-01")
    assert (team["quality_share"], team["carte"], team["legal_form"]) == (0.8, None, "CDS")
    assert group[["patientele", "perimeter", "legal_form"]].tolist() == [None, None, None]
    assert (group["carte"], group["experience_points"]) == ("yes", 12.0)
    assert group["phase_from"] == pd.Timestamp("2022-04-01")
    assert rows[["quality_share", "experience_points", "opened_on"]].isna().sum().tolist() == [2, 2, 3]


def test_a_hospital_goes_by_the_first_eight_characters_of_its_finess(tmp_path: Path):
    """Claims know the prescribing establishment by eight characters; nine are cut, seven refused."""
    assert read_participations(file(tmp_path, HEADER + HOSPITAL)).structure_id.tolist() == ["75000001"]
    with pytest.raises(InputError, match="row 2, column structure_id '750000' is not a FINESS of 8 or 9"):
        read_participations(file(tmp_path, HEADER + HOSPITAL.replace("750000019", "750000")))


def test_columns_that_nobody_needs_may_be_absent(tmp_path: Path):
    """An IPSO practice alone: five columns are enough; `;` and a byte order mark are read alike."""
    text = "\ufeffstructure_id;structure_name;scheme;from_date;to_date\nIPS001;Four;ipso;2020-06-16;\n"
    row = read_participations(file(tmp_path, text)).iloc[0]
    assert (row["scheme"], row["patientele"], row["phase_from"]) == ("ipso", None, pd.Timestamp("2020-06-16"))


EDS_HEADER = "structure_id,structure_name,scheme,from_date,to_date,phase,programmes\n"
SURGERY = '350000011,Five,eds,2022-01-01,,two_sided,"ptg, pth"\n'
EARLIER = "350000011,Five,eds,2019-09-01,2021-12-31,,\n"


def test_an_establishment_of_eds_chooses_phase_and_programmes(tmp_path: Path):
    """By eight characters; programmes in one order whichever way they are written; None where nothing is chosen."""
    rows = read_participations(file(tmp_path, EDS_HEADER + SURGERY + EARLIER))
    assert rows["structure_id"].tolist() == ["35000001", "35000001"], "one after the other, the same establishment"
    assert rows[["phase", "programmes"]].to_numpy().tolist() == [["two_sided", "ptg, pth"], [None, None]]
    assert rows.loc[1, "programmes"] is None
    other = read_participations(file(tmp_path, EDS_HEADER + SURGERY.replace("ptg, pth", "pth,ptg,pth")))
    assert other["programmes"].tolist() == ["ptg, pth"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            SURGERY.replace("pth", "pht"),
            "column programmes 'ptg, pht' should be a list of bariatrique, colectomie, ptg, pth",
        ),
        (SURGERY.replace("ptg, pth", "pth,,ptg"), "row 2, column programmes 'pth,,ptg' should be a list of"),
        (SURGERY.replace('"', ""), "row 2 has 8 cells for 7 columns; put quotes around a cell that holds ','"),
        (SURGERY.replace("eds", "ipso"), "row 2, column phase is for eds alone; leave it empty"),
        (SURGERY.replace("350000011", "35"), "row 2, column structure_id '35' is not a FINESS of 8 or 9"),
        (SURGERY + SURGERY, "row 3, column structure_id '35000001' is in the same scheme twice"),
    ],
)
def test_bad_rows_of_eds_are_named(tmp_path: Path, text: str, says: str):
    """File, row and column; a list whose quotes were forgotten does not lose its end."""
    with pytest.raises(InputError, match=r"^participations\.csv: ") as refused:
        read_participations(file(tmp_path, EDS_HEADER + text))
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (TEAM.replace("peps", "pips"), "row 2, column scheme 'pips' is unknown; it should be one of peps, peps2"),
        (TEAM.replace("TOT", "ALL"), "row 2, column patientele 'ALL' is unknown"),
        (TEAM.replace("TOT", ""), "row 2, column patientele is empty; a PEPS team needs DIAB, AGE, TOT"),
        (TEAM.replace(",MG,", ",,"), "row 2, column perimeter is empty"),
        (TEAM.replace("2021-01-01", "2021-1-1x"), "row 2, column from_date '2021-1-1x' is not a date YYYY-MM-DD"),
        (TEAM.replace("2021-01-01,", "2021-01-01,2020-12-31"), "row 2, column to_date is before from_date"),
        (TEAM.replace("0.8", "1.2"), "row 2, column quality_share '1.2' is not from 0 to 1"),
        (TEAM.replace("0.8", "good"), "row 2, column quality_share 'good' is not from 0 to 1"),
        (GROUP.replace(",12,", ",21,"), "row 2, column experience_points '21' is not from 0 to 20"),
        (GROUP.replace("yes", "oui"), "row 2, column carte 'oui' is unknown; it should be one of yes, no"),
        (TEAM.replace(",CDS", "2022-05-01,CDS"), "row 2, column opened_on is after from_date"),
        (TEAM + TEAM.replace("2021", "2023"), "row 3, column structure_id 'STR001' is in the same scheme twice"),
        (TEAM.replace("STR001", ""), "row 2, column structure_id is empty"),
    ],
)
def test_bad_rows_are_named(tmp_path: Path, text: str, says: str):
    """File, row (1 is the header) and column."""
    with pytest.raises(InputError, match=r"^participations\.csv: ") as refused:
        read_participations(file(tmp_path, HEADER + text))
    assert says in str(refused.value)


def test_a_structure_may_come_back_or_be_in_two_schemes(tmp_path: Path):
    """Periods that follow each other, and two schemes over the same days, are allowed."""
    first = TEAM.replace("2021-01-01,", "2021-01-01,2022-12-31")
    rows = read_participations(
        file(tmp_path, HEADER + first + TEAM.replace("2021", "2023") + TEAM.replace("peps", "ipso"))
    )
    assert rows["scheme"].tolist() == ["peps", "peps", "ipso"]


def test_no_file_or_column_says_what_it_lists(tmp_path: Path):
    with pytest.raises(MissingError, match="structure_id, structure_name, scheme, from_date, to_date, one structure"):
        read_participations(tmp_path / "participations.csv")
    with pytest.raises(InputError, match=r"column scheme is missing; the file has structure_id"):
        read_participations(file(tmp_path, HEADER.replace("scheme,", "") + "A,One,TOT,MG,2021-01-01,,,,,,,\n"))


def test_a_commune_that_the_list_lacks_counts_in_its_department(tmp_path: Path):
    """Listed, unlisted, and unknown residence."""
    listed = read_territories(file(tmp_path, "commune,territory_id\n35238,TVS01\n2A004,TVS02\n", "territories.csv"))
    people = ibis.memtable(
        pd.DataFrame(
            {
                "patient_id": ["A", "B", "C", "D"],
                "commune": ["35238", "35001", "2A004", None],
                "department": ["35", "35", "2A", None],
            }
        )
    )
    found = with_territory(people, listed).to_pandas().sort_values("patient_id")
    assert found["territory_id"].fillna("").tolist() == ["TVS01", "DEP35", "TVS02", ""]
    assert list(found.columns) == ["patient_id", "commune", "department", "territory_id"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("35238,TVS01\n35238,TVS02\n", "row 3, column commune '35238' stands in a row above"),
        ("3523,TVS01\n", "row 2, column commune '3523' is not an INSEE code of 5 characters"),
        ("35238,\n", "row 2, column territory_id is empty"),
        ("35238,DEP35\n", "row 2, column territory_id 'DEP35' begins with DEP"),
    ],
)
def test_bad_territories_are_named(tmp_path: Path, text: str, says: str):
    with pytest.raises(InputError, match=r"^territories\.csv: ") as refused:
        read_territories(file(tmp_path, "commune,territory_id\n" + text, "territories.csv"))
    assert says in str(refused.value)


BRICKS = "structure_id,patient_id,brick,from_date,to_date\n"


def test_declared_bricks(tmp_path: Path):
    rows = read_declared_bricks(file(tmp_path, BRICKS + "IPS001,SECRET,ald,2022-01-01,\n", "declared_bricks.csv"))
    assert rows.loc[0, ["brick", "to_date"]].tolist() == ["ald", OPEN_END]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("IPS001,SECRET,bad,2022-01-01,\n", "row 2, column brick 'bad' is unknown; it should be one of nourrisson"),
        ("IPS001,SECRET,ald,2022-01-01,2021-01-01\n", "row 2, column to_date is before from_date"),
        ("IPS001,SECRET,ald,2022-01-01,\n" * 2, "row 3, column brick repeats a row above"),
    ],
)
def test_bad_declared_bricks_are_named_without_the_patient(tmp_path: Path, text: str, says: str):
    with pytest.raises(InputError) as refused:
        read_declared_bricks(file(tmp_path, BRICKS + text, "declared_bricks.csv"))
    assert says in str(refused.value)
    assert "SECRET" not in str(refused.value)
