"""Médecin traitant, polypharmacy, prevention and follow-up of diabetics, on lines drawn by hand."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from features.indicators.catalogue import by_name
from tests.features.quality import counts, draw, left_out, measured, nation, packs
from tests.features.world import put

OLD = date(1950, 6, 1)
TEN = [f"C0{number}AA01" for number in range(10)]


def test_a_declaration_open_on_31_december(tmp_path: Path):
    """A: open; B: ended on 30 December; C: begins in January; D: ends on 31 December; E: 15; F: died."""
    people = [{"patient_id": patient} for patient in "ABCD"]
    people += [
        {"patient_id": "E", "birth_date": date(2008, 1, 1)},
        {"patient_id": "F", "death_date": date(2023, 12, 31)},
    ]
    declared = [
        {},
        {"patient_id": "B", "end_date": date(2023, 12, 30)},
        {"patient_id": "C", "start_date": date(2024, 1, 1)},
        {"patient_id": "D", "end_date": date(2023, 12, 31)},
        {"patient_id": "E"},
        {"patient_id": "F"},
    ]
    assert nation(tmp_path, "medecin_traitant", beneficiaries=people, declarations=declared) == (2, 4)


def test_two_open_declarations_are_one_patient(tmp_path: Path):
    """A person counts once."""
    declared = [{}, {"doctor_id": "D2"}]
    assert nation(tmp_path, "medecin_traitant", declarations=declared) == (1, 1)


def test_continuous_polypharmacy(tmp_path: Path):
    """A: ten drugs on three dates; B: nine of them; C: ten, one on two dates only; D: 64 years old."""
    people = [{"patient_id": patient, "birth_date": OLD} for patient in "ABC"]
    people += [{"patient_id": "D", "birth_date": date(1959, 1, 1)}]
    drugs = [row for atc in TEN for patient in "AD" for row in packs(patient, atc, 1, 2, 3)]
    drugs += [row for atc in TEN[:9] for patient in "BC" for row in packs(patient, atc, 1, 2, 3)]
    drugs += packs("C", TEN[9], 1, 2)
    draw(tmp_path, beneficiaries=people, dispensings=drugs)
    rows = measured(tmp_path)
    assert counts(rows, "polymedication_continue") == {"*": (1, 3)}
    assert counts(rows, "polymedication_continue_5") == {"*": (3, 3)}


def test_large_packs_need_two_dates(tmp_path: Path):
    """Nine drugs monthly; the tenth twice, once in a large pack: it counts. Twice on one day is one date."""
    people = [{"patient_id": patient, "birth_date": OLD} for patient in "AB"]
    drugs = [row for atc in TEN[:9] for patient in "AB" for row in packs(patient, atc, 1, 2, 3)]
    drugs += packs("A", TEN[9], 1) + packs("A", TEN[9], 4, is_large_pack=True)
    drugs += packs("B", TEN[9], 1, 1, 4)
    assert nation(tmp_path, "polymedication_continue", beneficiaries=people, dispensings=drugs) == (1, 2)


def test_packs_without_a_full_class_are_no_drug(tmp_path: Path):
    """A null ATC class, or a class above the substance, says nothing of the drug."""
    drugs = [row for atc in TEN[:9] for row in packs("A", atc, 1, 2, 3)]
    drugs += packs("A", None, 1, 2, 3) + packs("A", "C09A", 1, 2, 3)  # type: ignore[arg-type]
    assert nation(tmp_path, "polymedication_continue", beneficiaries=[{"birth_date": OLD}], dispensings=drugs) == (0, 1)


def test_influenza_vaccination(tmp_path: Path):
    """A: 65, vaccine in October; B: 65, in January; C: 40 in ALD, by the pharmacist; D: 40 without ALD; E: 65, none."""
    people = [{"patient_id": patient, "birth_date": date(1958, 12, 1)} for patient in "ABE"]
    people += [{"patient_id": patient, "birth_date": date(1983, 1, 1)} for patient in "CD"]
    drugs = packs("A", "J07BB02", 10, 11) + packs("B", "J07BB02", 1) + packs("D", "J07BB02", 10)
    draw(
        tmp_path,
        beneficiaries=people,
        ald_periods=[{"patient_id": "C"}, {"patient_id": "D", "end_date": date(2023, 6, 1)}],
        dispensings=drugs,
        care_lines=[{"patient_id": "C", "act_code": 3360, "care_date": date(2023, 12, 31)}],
    )
    assert counts(measured(tmp_path), "vaccination_grippe") == {"*": (2, 4)}


def test_breast_cancer_screening_over_two_years(tmp_path: Path):
    """A: 2022; B: bilateral in 2023; C: another act; D: a man; E: 75. Of 2021 nothing counts."""
    people = [{"patient_id": patient, "sex": 2} for patient in "ABC"]
    people += [{"patient_id": "D"}, {"patient_id": "E", "sex": 2, "birth_date": date(1948, 12, 1)}]
    put(tmp_path, "care_lines", 2022, [])
    put(tmp_path, "procedures", 2022, [{"care_date": date(2022, 1, 1)}])
    acts = [
        {"patient_id": "B", "ccam": "QEQK001", "care_date": date(2023, 5, 1)},
        {"patient_id": "C", "ccam": "DEQP003", "care_date": date(2023, 5, 1)},
        {"patient_id": "D", "care_date": date(2023, 5, 1)},
        {"patient_id": "E", "care_date": date(2023, 5, 1)},
    ]
    assert nation(tmp_path, "depistage_sein", beneficiaries=people, procedures=acts) == (2, 3)


def test_colorectal_cancer_screening_over_two_years(tmp_path: Path):
    """A: a test in 2022; B: none; C: 49."""
    people = [{}, {"patient_id": "B"}, {"patient_id": "C", "birth_date": date(1974, 1, 1)}]
    put(tmp_path, "procedures", 2022, [])
    put(tmp_path, "care_lines", 2022, [{"act_code": 9311, "care_date": date(2022, 3, 1)}])
    assert nation(tmp_path, "depistage_colorectal", beneficiaries=people) == (1, 2)


def test_hba1c_twice_a_year(tmp_path: Path):
    """A: two days; B: two tests of one day; C: diabetic by two packs only; D: tests without a drug; E: other tests."""
    drugs = [row for patient in "ABE" for row in packs(patient, "A10BA02", 1, 4, 7)] + packs("C", "A10BA02", 1, 4)
    tests = [
        *({"patient_id": "A", "care_date": date(2023, month, 5)} for month in (3, 9)),
        *({"patient_id": "B", "care_date": date(2023, 3, 5)} for _ in range(2)),
        *({"patient_id": "C", "care_date": date(2023, month, 5)} for month in (3, 9)),
        *({"patient_id": "D", "care_date": date(2023, month, 5)} for month in (3, 9)),
        *({"patient_id": "E", "care_date": date(2023, month, 5), "nabm": "0592"} for month in (3, 9)),
    ]
    people = [{"patient_id": patient} for patient in "ABCDE"]
    assert nation(tmp_path, "hba1c", beneficiaries=people, dispensings=drugs, analyses=tests) == (1, 3)


def test_what_the_claims_do_not_hold_is_left_out(tmp_path: Path):
    """No row, and the reason: a year not read, a table not read, a code found on nobody. Never 0."""
    draw(tmp_path, beneficiaries=[{"birth_date": OLD}], dispensings=packs("A", "A10BA02", 1, 2, 3))
    (tmp_path / "analyses" / "2023.parquet").unlink()
    measured_names = set(measured(tmp_path)["indicator"])
    assert left_out(tmp_path) == {
        "depistage_sein": "procedures of 2022 was not read",
        "depistage_colorectal": "care_lines of 2022 was not read",
        "hba1c": "analyses of 2023 was not read",
        "vaccination_grippe": "its codes are found on nobody concerned in the nation",
    }
    assert measured_names == set(by_name()) - set(left_out(tmp_path))


def test_tests_found_on_nobody_are_left_out(tmp_path: Path):
    """ER_BIO_F was read but holds no HbA1c: no 0 %; with no diabetic at all, the value is empty."""
    draw(tmp_path, dispensings=packs("A", "A10BA02", 1, 2, 3))
    assert "hba1c" not in set(measured(tmp_path)["indicator"])
    draw(tmp_path)
    assert counts(measured(tmp_path), "hba1c") == {"*": (0, 0)}


def test_unknown_births_and_sexes_concern_no_rule_of_age(tmp_path: Path):
    """Someone without a birth date is in no denominator of age."""
    draw(tmp_path, beneficiaries=[{"birth_date": None, "sex": None}], declarations=[{}])
    rows = measured(tmp_path)
    assert rows["denominator"].eq(0).all()
    assert rows["value_share"].isna().all()
