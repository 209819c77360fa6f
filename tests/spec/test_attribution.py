"""Who belongs to which structure: one rule a test, on contracts and a roster drawn by hand (year 2023, 365 days)."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from features.attribution import attribute
from features.engine import connect
from features.errors import InputError, MissingError
from features.roster import read_roster
from tests.features.world import Row, read_year

HEADER = "structure_id,structure_name,professional_id,from_date,to_date\n"
ONE_TEAM = HEADER + "T1,Team one,D1,2020-01-01,\nT1,Team one,D2,2020-01-01,\n"


def attributed(tmp_path: Path, roster: str = ONE_TEAM, **rows: list[Row]) -> tuple[pd.DataFrame, pd.DataFrame]:
    (tmp_path / "roster.csv").write_text(roster, encoding="utf-8")
    read_year(tmp_path, 2023, **rows)
    return attribute(connect("duckdb", threads=1), tmp_path, tmp_path / "roster.csv", 2023)


def days(patientele: pd.DataFrame) -> dict[tuple[str, str], int]:
    rows = patientele.to_dict("records")
    return {(row["patient_id"], row["structure_id"]): round(row["present_share"] * 365) for row in rows}


def control(report: pd.DataFrame, structure: str, name: str) -> tuple[int, str | None]:
    row = report[(report["structure_id"] == structure) & (report["control"] == name)].iloc[0]
    return int(row["patients"]), None if pd.isna(row["detail"]) else str(row["detail"])


@pytest.mark.parametrize(
    ("birth", "ald", "expected"),
    [
        (date(1970, 6, 1), 16, {"is_age": True, "is_diab": False}),
        (date(1970, 6, 1), 13, {"is_age": False, "is_diab": False}),
        (date(1958, 6, 1), None, {"is_age": False, "is_diab": False}),
        (date(1957, 6, 1), None, {"is_age": True, "is_diab": False}),
        (date(1992, 6, 1), 8, {"is_age": False, "is_diab": True}),
    ],
    ids=["52 in ALD 16", "52 in ALD 13", "64", "65", "30 in ALD 8"],
)
def test_patienteles_of_peps(tmp_path: Path, birth: date, ald: int | None, expected: dict[str, bool]):
    """Specs §9.8: 52 with ALD 16 is AGE, with ALD 13 is not; 64 is not; ALD 8 at 30 is DIAB; all are TOT."""
    periods = [{"ald_number": ald}] if ald else []
    patientele, _ = attributed(tmp_path, beneficiaries=[{"birth_date": birth}], declarations=[{}], ald_periods=periods)
    assert patientele[["is_age", "is_diab", "is_tot"]].to_dict("records") == [{**expected, "is_tot": True}]


def test_ame_without_a_contract_is_attached_by_majority_of_acts_to_tot_alone(tmp_path: Path):
    """Specs §9.8: AME without a doctor: TOT yes, DIAB and AGE no. Two acts of three at T1: T1's; one of two: no."""
    rights = [
        {"patient_id": who, "right": "ame", "start_date": date(2023, 2, 1), "end_date": date(2023, 2, 1)}
        for who in "AB"
    ]
    acts = [("A", "D1"), ("A", "D2"), ("A", "X"), ("B", "D1"), ("B", "X")]
    patientele, report = attributed(
        tmp_path,
        beneficiaries=[{"patient_id": who, "birth_date": date(1940, 1, 1)} for who in "AB"],
        ald_periods=[{"patient_id": who} for who in "AB"],
        coverages=rights,
        care_lines=[{"patient_id": who, "performer_id": doctor, "care_date": date(2023, 3, 1)} for who, doctor in acts],
    )
    assert days(patientele) == {("A", "T1"): 365}
    assert patientele[["is_diab", "is_age", "is_tot", "reason"]].to_numpy().tolist() == [
        [False, False, True, "ame_majority"]
    ]
    assert control(report, "T1", "ame_majority")[0] == 1


def test_ame_with_an_open_contract_follows_the_contract(tmp_path: Path):
    """AME patients who declared a doctor elsewhere are not attached by their acts."""
    patientele, _ = attributed(
        tmp_path,
        declarations=[{"doctor_id": "X"}],
        coverages=[{"right": "ame", "start_date": date(2023, 2, 1)}],
        care_lines=[{"care_date": date(2023, 3, 1)}],
    )
    assert patientele.empty


def test_latest_contract_governs_and_an_older_open_one_resumes(tmp_path: Path):
    """D1 since 2015 stays open; X from 1 April to 30 June governs those 91 days; then D1 again: 274 days."""
    patientele, _ = attributed(
        tmp_path,
        declarations=[
            {"doctor_id": "D1"},
            {"doctor_id": "X", "start_date": date(2023, 4, 1), "end_date": date(2023, 6, 30)},
        ],
    )
    assert days(patientele) == {("A", "T1"): 365 - 91}
    row = patientele.iloc[0]
    assert (row["first_day"].date(), row["last_day"].date()) == (date(2023, 1, 1), date(2023, 12, 31))


def test_changing_doctor_within_the_team_is_no_absence(tmp_path: Path):
    """D1 until 30 June, D2 from 1 July: present all year."""
    patientele, _ = attributed(
        tmp_path,
        declarations=[
            {"doctor_id": "D1", "end_date": date(2023, 6, 30)},
            {"doctor_id": "D2", "start_date": date(2023, 7, 1)},
        ],
    )
    assert days(patientele) == {("A", "T1"): 365}
    assert list(patientele["reason"]) == ["declared"]


def test_entry_death_and_birth_bound_the_presence(tmp_path: Path):
    """Entered 1 December: 31 days. Died 10 January, day included: 10. Born in June (dated the 1st): 214."""
    patientele, _ = attributed(
        tmp_path,
        beneficiaries=[
            {"patient_id": "A"},
            {"patient_id": "B", "death_date": date(2023, 1, 10)},
            {"patient_id": "C", "birth_date": date(2023, 6, 1)},
        ],
        declarations=[
            {"patient_id": "A", "start_date": date(2023, 12, 1)},
            {"patient_id": "B"},
            {"patient_id": "C", "start_date": date(2023, 5, 1)},
        ],
    )
    assert days(patientele) == {("A", "T1"): 31, ("B", "T1"): 10, ("C", "T1"): 214}


LEAVES = HEADER + "T1,Team one,D1,2020-01-01,2023-03-31\nT1,Team one,D2,2020-01-01,\n"


@pytest.mark.parametrize(
    ("declared_on", "present", "reason"),
    [
        (date(2023, 6, 29), 365, "re-declared within 90 days"),
        (date(2023, 6, 30), 90 + 185, "declared"),
        (None, 90, "declared"),
    ],
    ids=["90 days after", "91 days after", "never"],
)
def test_doctor_who_leaves(tmp_path: Path, declared_on: date | None, present: int, reason: str):
    """D1 leaves on 31 March (day 90): the patient leaves too, unless D2 of the team is declared within 90 days."""
    again = [{"doctor_id": "D2", "start_date": declared_on}] if declared_on else []
    patientele, report = attributed(tmp_path, roster=LEAVES, declarations=[{"doctor_id": "D1"}, *again])
    assert days(patientele) == {("A", "T1"): present}
    assert list(patientele["reason"]) == [reason]
    assert control(report, "T1", "declared_again")[0] == int(reason != "declared")


def test_doctor_on_two_rosters_counts_for_the_first_by_date(tmp_path: Path):
    """D1 is in T2 since 2019 and in T1 since 2020: the patient is T2's, and both reports say so."""
    roster = HEADER + "T1,One,D1,2020-01-01,\nT2,Two,D1,2019-01-01,\n"
    patientele, report = attributed(tmp_path, roster=roster, declarations=[{}])
    assert days(patientele) == {("A", "T2"): 365}
    assert control(report, "T1", "professional_in_two_structures") == (
        1, "patients go to the first by roster date: D1 (also T2)",
    )  # fmt: skip


def test_contracts_open_with_two_structures_are_reported(tmp_path: Path):
    """D1 of T1 since 2015 and D9 of T2 from July are both open: the latest begun governs; one conflict."""
    roster = HEADER + "T1,One,D1,2020-01-01,\nT2,Two,D9,2020-01-01,\n"
    declarations = [{"doctor_id": "D1"}, {"doctor_id": "D9", "start_date": date(2023, 7, 1)}]
    patientele, report = attributed(tmp_path, roster=roster, declarations=declarations)
    assert days(patientele) == {("A", "T1"): 181, ("A", "T2"): 184}
    assert control(report, "*", "two_structures_by_contract")[0] == 1


def test_stale_contracts_sizes_and_unknown_persons_are_reported(tmp_path: Path):
    """D2 performs nothing in the year: her patient's contract is stale. Two patients are below 250. Z is unknown."""
    _, report = attributed(
        tmp_path,
        beneficiaries=[{"patient_id": "A"}, {"patient_id": "B"}],
        declarations=[{"patient_id": "A"}, {"patient_id": "B", "doctor_id": "D2"}, {"patient_id": "Z"}],
        care_lines=[{"care_date": date(2023, 5, 5), "performer_id": "D1"}],
    )
    assert control(report, "T1", "stale_contract") == (1, "no care line in the year for: D2")
    assert control(report, "T1", "patientele_tot") == (2, "below the minimum of 250 patients")
    assert control(report, "*", "unknown_person")[0] == 1


@pytest.mark.parametrize(
    ("patients", "detail"),
    [
        (249, "below the minimum of 250 patients"),
        (250, "below 110 % of the minimum of 250 patients"),
        (274, "below 110 % of the minimum of 250 patients"),
        (275, None),
    ],
)
def test_size_gate_of_peps(tmp_path: Path, patients: int, detail: str | None):
    """Below 250 patients the gate is shut; below 110 % of it the report warns."""
    who = [{"patient_id": f"P{number:03d}"} for number in range(patients)]
    _, report = attributed(tmp_path, beneficiaries=who, declarations=who)
    assert control(report, "T1", "patientele_tot") == (patients, detail)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("structure_id,professional_id\nT1,D1\n", "column structure_name, from_date, to_date is missing"),
        (HEADER + "T1,One,D1,2020-01-01,\nT1,One,,2020-01-01,\n", "row 3, column professional_id is empty"),
        (HEADER + "T1,One,D1,01/02/2020,\n", "row 2, column from_date '01/02/2020' is not a date YYYY-MM-DD"),
        (HEADER + "T1,One,D1,2020-01-01,2019-12-31\n", "row 2, column to_date is before from_date"),
        (
            HEADER + "T1,One,D1,2020-01-01,\nT1,One,D1,2020-01-01,\n",
            "row 3, column professional_id repeats a row above",
        ),
    ],
)
def test_bad_roster_rows_are_named(tmp_path: Path, text: str, message: str):
    """A bad row is refused with file, row (1 is the header) and column."""
    path = tmp_path / "roster.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"roster\.csv: ") as refused:
        read_roster(path)
    assert message in str(refused.value)


def test_roster_with_semicolons_and_byte_order_mark(tmp_path: Path):
    """What a French spreadsheet saves is read alike."""
    path = tmp_path / "roster.csv"
    path.write_text("\ufeff" + ONE_TEAM.replace(",", ";"), encoding="utf-8")
    assert list(read_roster(path)["professional_id"]) == ["D1", "D2"]


def test_missing_roster(tmp_path: Path):
    """No roster: the message says what it lists."""
    with pytest.raises(MissingError, match="structure_id, structure_name, professional_id, from_date, to_date"):
        read_roster(tmp_path / "roster.csv")


def test_a_doctor_not_yet_on_the_roster_fills_no_gap(tmp_path: Path):
    """D2 declared on 1 May joins T1 on 1 December: the patient is away from April to November (90 + 31 days)."""
    roster = HEADER + "T1,Team one,D1,2020-01-01,2023-03-31\nT1,Team one,D2,2023-12-01,\n"
    again = {"doctor_id": "D2", "start_date": date(2023, 5, 1)}
    patientele, _ = attributed(tmp_path, roster=roster, declarations=[{"doctor_id": "D1"}, again])
    assert days(patientele) == {("A", "T1"): 90 + 31}
