"""One rule of a payment feature a test, on the index date 1 January 2024 (year n is 2023)."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd

from tests.features.world import Row, feature_rows, put, read_year


def built(tmp_path: Path, **rows: list[Row]) -> pd.DataFrame:
    """Feature rows of every patient named in `rows`."""
    patients = sorted({str(row.get("patient_id", "A")) for given in rows.values() for row in given})
    read_year(tmp_path, 2023, **{"beneficiaries": [{"patient_id": who} for who in patients], **rows})
    return feature_rows(tmp_path)


def stay(who: str, main: str, *associated: str, end: date = date(2023, 5, 2), **other: object) -> Row:
    row = {"patient_id": who, "stay_id": f"{who}-{end}-{main}", "end_date": end}
    return {**row, "main_diagnoses": main.split(), "associated_diagnoses": list(associated), **other}


def drug(who: str, atc: str, *days: date, large: bool = False) -> list[Row]:
    return [{"patient_id": who, "atc": atc, "care_date": day, "is_large_pack": large} for day in days]


JANUARY, MARCH, MAY = date(2023, 1, 9), date(2023, 3, 9), date(2023, 5, 9)


def test_age_sex_and_territory(tmp_path: Path):
    """Completed years on 1 January (births dated on the 1st of the month); at most 110; null where unknown."""
    people = [
        {"patient_id": "A", "birth_date": date(1960, 1, 1), "sex": 2, "fdep_quintile": 5},
        {"patient_id": "B", "birth_date": date(1960, 2, 1), "sex": 1, "fdep_quintile": None},
        {"patient_id": "C", "birth_date": date(1900, 2, 1), "sex": None},
        {"patient_id": "D", "birth_date": None},
    ]
    rows = built(tmp_path, beneficiaries=people)
    assert rows["age"].tolist()[:3] == [64, 63, 110]
    assert pd.isna(rows.loc["D", "age"])
    assert rows["is_woman"].tolist()[:2] == [1, 0]
    assert pd.isna(rows.loc["C", "is_woman"])
    assert rows["fdep_quintile"].tolist() == ["5", "missing", "3", "3"]


def test_ald_in_force_on_the_index_date(tmp_path: Path):
    """A: 8 open, 30 to 1 January: both. B: closed on 31 December: none. C: 8 for two reasons: one. D: 99: counted."""
    rows = built(
        tmp_path,
        ald_periods=[
            {"patient_id": "A"},
            {"patient_id": "A", "ald_number": 30, "icd10": "C61", "end_date": date(2024, 1, 1)},
            {"patient_id": "B", "end_date": date(2023, 12, 31)},
            {"patient_id": "C"},
            {"patient_id": "C", "icd10": "E10"},
            {"patient_id": "D", "ald_number": 99, "icd10": None},
        ],
    )
    assert rows["ald_count"].tolist() == [2, 0, 1, 1]
    assert rows["ald_08"].tolist() == [1, 0, 1, 0]
    assert rows["ald_30"].tolist() == [1, 0, 0, 0]


def test_rights_within_the_twelve_months_before(tmp_path: Path):
    """C2S ended on 1 January 2023 (365 days before) counts, ended the day before does not; open ones count."""
    rights = [
        {"patient_id": "A", "start_date": date(2021, 1, 1), "end_date": date(2023, 1, 1)},
        {"patient_id": "B", "start_date": date(2021, 1, 1), "end_date": date(2022, 12, 31)},
        {"patient_id": "C", "start_date": date(2021, 1, 1), "right": "c2s_participative"},
        {"patient_id": "D", "start_date": date(2023, 7, 1), "end_date": date(2023, 7, 1), "right": "ame"},
        {"patient_id": "E", "start_date": date(2023, 7, 1), "right": "minimum_income"},
        {"patient_id": "F", "start_date": date(2023, 7, 1), "right": "c2s_unknown"},
    ]
    rows = built(tmp_path, coverages=rights)
    columns = ["c2s_free", "c2s_participative", "ame", "minimum_income", "c2s_unknown"]
    assert rows[columns].to_numpy().tolist() == [
        [1, 0, 0, 0, 0], [0, 0, 0, 0, 0], [0, 1, 0, 0, 0], [0, 0, 1, 0, 0], [0, 0, 0, 1, 0], [0, 0, 0, 0, 1],
    ]  # fmt: skip


def test_rights_seen_in_the_claims_of_the_year_before_are_kept(tmp_path: Path):
    """A right shown by a claim of 2023 lies in the reading of 2023, even once 2024 has been read."""
    built(tmp_path, coverages=[{"start_date": date(2023, 7, 1), "end_date": date(2023, 7, 1)}])
    put(tmp_path, "coverages", 2024, [])
    assert feature_rows(tmp_path).loc["A", "c2s_free"] == 1


def test_drugs_count_from_three_dates_or_two_with_a_large_pack(tmp_path: Path):
    """Antihypertensives: A three dates; B two; C two, a pack large; D three packs on two dates; E one large."""
    atc = "C09AA05"
    rows = built(
        tmp_path,
        dispensings=[
            *drug("A", atc, JANUARY, MARCH, MAY),
            *drug("B", atc, JANUARY, MARCH),
            *drug("C", atc, JANUARY), *drug("C", atc, MARCH, large=True),
            *drug("D", atc, JANUARY, JANUARY, MARCH),
            *drug("E", atc, JANUARY, large=True),
        ],
    )  # fmt: skip
    assert rows["carto_fantihta_med"].tolist() == [1, 0, 1, 0, 0]


def test_drug_windows(tmp_path: Path):
    """Antidiabetics of n-1 mean diabetes, antihypertensives of n-1 nothing; dates of two years do not add up."""
    last_year = [date(2022, month, 4) for month in (2, 5, 8)]
    rows_2022 = [
        *drug("A", "A10BA02", *last_year),
        *drug("B", "C09AA05", *last_year),
        *drug("C", "A10BA02", *last_year[:2]),
    ]
    put(tmp_path, "dispensings", 2022, rows_2022)
    put(tmp_path, "care_lines", 2022, [])
    rows = built(tmp_path, beneficiaries=[{"patient_id": who} for who in "ABC"], dispensings=drug("C", "A10BA02", MAY))
    assert rows["carto_fdiabet_ind"].tolist() == [1, 0, 0]
    assert rows["carto_fantihta_med"].tolist() == [0, 0, 0]


def test_treatment_is_shown_only_without_the_disease(tmp_path: Path):
    """Statins: A alone; B with a stay for stroke sequelae; C with diabetes known by its drugs."""
    statins = [row for who in "ABC" for row in drug(who, "C10AA05", JANUARY, MARCH, MAY)]
    rows = built(
        tmp_path,
        stays=[stay("B", "I693")],
        dispensings=[*statins, *drug("C", "A10AB01", JANUARY, MARCH, MAY)],
    )
    assert rows["carto_fhypoli_med"].tolist() == [1, 0, 0]
    assert rows["carto_group_02"].tolist() == [1, 0, 0]
    assert rows["carto_count"].tolist() == [0, 1, 1]


def test_acute_form_hides_the_chronic_one(tmp_path: Path):
    """A: acute infarction in n. B: the same in n-2, now chronic. C: angina as an associated diagnosis of n: chronic."""
    put(tmp_path, "stays", 2021, [stay("B", "I210", end=date(2021, 5, 2))])
    rows = built(
        tmp_path,
        beneficiaries=[{"patient_id": who} for who in "ABC"],
        stays=[stay("A", "I210"), stay("C", "Z000", "I200")],
    )
    assert rows["carto_cvidm_aig"].tolist() == [1, 0, 0]
    assert rows["carto_cvcoron_chr"].tolist() == [0, 1, 1]
    assert rows["carto_group_01"].tolist() == [1, 1, 1]


def test_heart_failure_by_complication_needs_heart_failure_in_the_same_stay(tmp_path: Path):
    """Pulmonary oedema (J81) is acute heart failure with I50 in the same stay; not without, nor in another stay."""
    rows = built(
        tmp_path,
        stays=[
            stay("A", "J81", "I509"),
            stay("B", "J81"),
            stay("C", "J81"), stay("C", "Z000", "I509", end=date(2023, 6, 2)),
        ],
    )  # fmt: skip
    assert rows["carto_cvic_aig"].tolist() == [1, 0, 0]
    assert rows["carto_cvic_chr"].tolist() == [0, 0, 1]


def test_cancer_active_or_under_surveillance(tmp_path: Path):
    """A: breast, ALD begun in n-1: active. B: in n-2: surveillance. C: a man: other cancer. D: a control stay."""
    breast = {"ald_number": 30, "icd10": "C500"}
    rows = built(
        tmp_path,
        beneficiaries=[{"patient_id": who, "sex": 1 if who == "C" else 2} for who in "ABCD"],
        ald_periods=[
            {**breast, "patient_id": "A", "start_date": date(2022, 1, 1)},
            {**breast, "patient_id": "B", "start_date": date(2021, 12, 31)},
            {**breast, "patient_id": "C", "start_date": date(2022, 1, 1)},
        ],
        stays=[stay("D", "C500 Z080")],
    )
    assert rows["carto_canseif_act"].tolist() == [1, 0, 0, 0]
    assert rows["carto_canseif_sur"].tolist() == [0, 1, 0, 1]
    assert rows["carto_canautr_act"].tolist() == [0, 0, 1, 0]


def test_psychosis_of_years_ago_needs_its_treatment(tmp_path: Path):
    """A stay for schizophrenia in n-3 counts with three neuroleptic dates in n (A), not without (B)."""
    past = date(2020, 5, 2)
    put(tmp_path, "stays", 2020, [stay("A", "F200", end=past), stay("B", "F200", end=past)])
    people = [{"patient_id": who} for who in "AB"]
    rows = built(tmp_path, beneficiaries=people, dispensings=drug("A", "N05AX08", JANUARY, MARCH, MAY))
    assert rows["carto_psychos_ind"].tolist() == [1, 0]
    assert rows["carto_pneurol_med"].tolist() == [0, 0]


def test_chronic_dialysis(tmp_path: Path):
    """45 sessions of haemodialysis in the year count; 44 do not, nor 45 over two years; one peritoneal does."""
    sessions = {"ghm": "28Z04Z", "nights": None}
    put(tmp_path, "stays", 2022, [stay("D", "N185", end=date(2022, 10, 1), sessions=44, **sessions)])
    rows = built(
        tmp_path,
        beneficiaries=[{"patient_id": who} for who in "ABCD"],
        stays=[
            stay("A", "N185", sessions=20, **sessions),
            stay("A", "N185", sessions=25, end=date(2023, 6, 2), **sessions),
            stay("B", "N185", sessions=44, **sessions),
            stay("C", "N185", sessions=1, ghm="28Z02Z"),
            stay("D", "N185", sessions=1, **sessions),
        ],
    )
    assert rows["carto_rdialyse_ind"].tolist() == [1, 0, 1, 0]


def test_other_ald_is_an_ald_that_no_other_flag_explains(tmp_path: Path):
    """ALD 8 is diabetes; ALD 26 (scoliosis, M41) is linked to no other flag."""
    scoliosis = {"patient_id": "B", "ald_number": 26, "icd10": "M411"}
    rows = built(tmp_path, ald_periods=[{"patient_id": "A"}, scoliosis])
    assert rows["carto_aldautr_ind"].tolist() == [0, 1]
    assert rows["carto_fdiabet_ind"].tolist() == [1, 0]


def test_stays_of_an_ambiguous_twin_are_nobodys(tmp_path: Path):
    """A stay that is not linked raises no flag and no count."""
    rows = built(tmp_path, stays=[stay("A", "I210", is_linked=False)])
    assert rows.loc["A", ["carto_cvidm_aig", "charlson_mi", "past_stays_count"]].tolist() == [0, 0, 0]


def test_past_use_of_the_year_before(tmp_path: Path):
    """Forecast features: spending by poste, general-practice acts (supplements are no acts), stays, nights, drugs."""
    lines = [
        {"care_date": JANUARY},
        {"care_date": JANUARY, "act_code": 1125, "quantity": 1, "base_cents": 1000},
        {"care_date": MARCH, "poste": "pharmacie", "perimeter": "autre", "act_code": 3303, "base_cents": 1234},
        {"care_date": MARCH, "is_in_target": False, "base_cents": 99_00},
    ]
    rows = built(
        tmp_path,
        care_lines=lines,
        stays=[stay("A", "I210"), stay("A", "Z511", ghm="28Z07Z", sessions=1, nights=None)],
        dispensings=[*drug("A", "C10AA05", JANUARY, MARCH), *drug("A", "A10BA02", MAY)],
    )
    past = {name: value for name, value in rows.loc["A"].items() if str(name).startswith("past_") and value}
    assert past == {
        "past_generaliste_eur": 35.0, "past_pharmacie_eur": 12.34, "past_gp_acts": 1, "past_stays_count": 1,
        "past_nights": 3, "past_drugs_count": 2,
    }  # fmt: skip


def test_declared_doctor_on_the_index_date(tmp_path: Path):
    """Open on 1 January: yes; ended on 31 December, or begun on the 2nd: no."""
    rows = built(
        tmp_path,
        declarations=[
            {"patient_id": "A"},
            {"patient_id": "B", "end_date": date(2023, 12, 31)},
            {"patient_id": "C", "start_date": date(2024, 1, 2)},
        ],
    )
    assert rows["has_declared_doctor"].tolist() == [True, False, False]
