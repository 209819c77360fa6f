"""Persons (IR_BEN_R): several pseudonyms, twins, missing dates, residence (pitfalls 12 to 15 and 28)."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pandas as pd
import pytest

from tests.snds.raw import NEVER, Rows
from tests.snds.stages import rows_of, start


def people(folder: Path, rows: Rows, **others: Rows) -> tuple[pd.DataFrame, dict[str, int]]:
    _, persons = start(folder, {"IR_BEN_R": rows} | others)
    return persons.beneficiaries.execute().set_index("patient_id").sort_index(), rows_of(persons.report)


def test_pseudonyms_of_a_person_are_pooled_and_the_latest_claim_decides(tmp_path: Path) -> None:
    """Pitfall 12: after a move and a change of insured person, one person, the later residence."""
    before = {"BEN_RES_COM": "101", "MAX_TRT_DTD": dt.date(2022, 5, 1), "BEN_DCD_DTE": dt.date(2024, 2, 1)}
    after = {"BEN_NIR_PSA": "P2", "BEN_RES_COM": "102", "MAX_TRT_DTD": dt.date(2024, 5, 1)}
    table, hits = people(tmp_path, [before, after])
    person = table.loc["ID1"]
    assert (person.commune, person.pseudonym_count, bool(person.is_ambiguous_twin)) == ("75102", 2, False)
    assert str(person.death_date)[:10] == "2024-02-01"
    assert hits == {"rows_in": 2, "several_pseudonyms": 1, "kept": 1}


def test_missing_dates_are_empty(tmp_path: Path) -> None:
    """Pitfall 15: 1600-01-01 and 0001-01-01 are missing dates; a death date of 1600 is a living person."""
    rows = [
        {},
        {"BEN_NIR_PSA": "P2", "BEN_IDT_ANO": "ID2", "BEN_NAI_ANN": "1600", "BEN_DCD_DTE": dt.date(1, 1, 1)},
    ]
    table, hits = people(tmp_path, rows)
    assert table.death_date.isna().all()
    assert str(table.birth_date["ID1"])[:10] == "1950-06-01"
    assert pd.isna(table.birth_date["ID2"])
    assert hits["sentinel_date"] == 1


def test_same_sex_twins_share_a_pseudonym_and_link_no_stay(tmp_path: Path) -> None:
    """Pitfall 13: the PMSI holds no rank, so P1 leads to nobody in particular; P2 still leads to ID2."""
    rows = [
        {"BEN_RNG_GEM": 1},
        {"BEN_RNG_GEM": 2, "BEN_IDT_ANO": "ID2"},
        {"BEN_NIR_PSA": "P2", "BEN_IDT_ANO": "ID2"},
        {"BEN_NIR_PSA": "P3", "BEN_IDT_ANO": "ID3"},
    ]
    _, persons = start(tmp_path, {"IR_BEN_R": rows})
    table = persons.beneficiaries.execute().set_index("patient_id")
    assert table.is_ambiguous_twin.to_dict() == {"ID1": True, "ID2": True, "ID3": False}
    links = persons.pmsi.execute().set_index("NIR_ANO_17").linked_id.to_dict()
    assert links == {"P1": "ambiguous", "P2": "ID2", "P3": "ID3"}
    assert rows_of(persons.report)["ambiguous_twin"] == 2


def test_one_person_under_two_ranks_is_no_twin(tmp_path: Path) -> None:
    table, hits = people(tmp_path, [{"BEN_RNG_GEM": 1}, {"BEN_RNG_GEM": 2}])
    assert (len(table), bool(table.is_ambiguous_twin["ID1"])) == (1, False)
    assert hits == {"rows_in": 2, "several_pseudonyms": 1, "kept": 1}


def test_fictitious_persons_are_dropped(tmp_path: Path) -> None:
    """Pitfall 14."""
    _, hits = people(tmp_path, [{}, {"BEN_NIR_PSA": "P2", "BEN_IDT_ANO": "ID2", "BEN_CDI_NIR": "09"}])
    assert hits == {"rows_in": 2, "fictitious_identifier": 1, "kept": 1}


@pytest.mark.parametrize(
    ("department", "rank", "expected", "quintile"),
    [
        ("075", "056", ("75", "75056"), 2),
        ("02A", "004", ("2A", "2A004"), None),
        ("971", "105", ("971", "97105"), None),
        ("000", "000", (None, None), None),
        (None, None, (None, None), None),
    ],
)
def test_residence_is_an_insee_code(
    tmp_path: Path, department: str | None, rank: str | None, expected: tuple[str | None, ...], quintile: int | None
) -> None:
    """Pitfall 28: three characters and three; overseas differs; no deprivation index there."""
    place = {"BEN_RES_DPT": department, "BEN_RES_COM": rank, "BEN_DCD_DTE": NEVER}
    table, _ = people(tmp_path, [place], DEFA_UU2015=[{}])
    person = table.loc["ID1"]
    found = tuple(None if pd.isna(value) else value for value in (person.department, person.commune))
    assert found == expected
    assert (None if pd.isna(person.fdep_quintile) else person.fdep_quintile) == quintile


def test_without_the_deprivation_index_the_quintile_is_empty(tmp_path: Path) -> None:
    table, _ = people(tmp_path, [{}])
    assert table.fdep_quintile.isna().all()
