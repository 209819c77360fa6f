"""ALD periods, médecin traitant contracts and dated C2S (pitfalls 23 to 25 and 27)."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pandas as pd

from features.snds.rights import read_ald, read_c2s, read_declarations
from tests.snds.raw import NEVER, Rows
from tests.snds.stages import rows_of, start


def ald(folder: Path, rows: Rows) -> tuple[pd.DataFrame, dict[str, int]]:
    sources, persons = start(folder, {"IR_IMB_R": rows})
    periods, report = read_ald(sources, persons.pseudonyms)
    return periods.execute().sort_values("ald_number", ignore_index=True), rows_of(report)


def test_only_long_term_illnesses_are_read(tmp_path: Path) -> None:
    """Pitfall 23: 41, 43 and 45 are ALD; work accidents (11, 12) and invalidity (13) are not."""
    kinds = (41, 43, 45, 11, 12, 13)
    table, hits = ald(tmp_path, [{"IMB_ETM_NAT": kind, "MED_MTF_COD": f"E1{kind % 10}"} for kind in kinds])
    assert hits == {"rows_in": 6, "not_an_ald": 3, "kept": 3}
    assert table.ald_number.tolist() == [8, 8, 8]


def test_number_zero_is_derived_from_the_reason(tmp_path: Path) -> None:
    """Pitfall 23: E11 is diabetes (8), I50.0 severe heart failure (5); no reason is number 99; unlisted is 31."""
    rows = [
        {"IMB_ALD_NUM": 0, "MED_MTF_COD": "E119"},
        {"IMB_ALD_NUM": 0, "MED_MTF_COD": "I50.0"},
        {"IMB_ALD_NUM": 0, "MED_MTF_COD": None},
        {"IMB_ALD_NUM": 0, "MED_MTF_COD": "E119", "IMB_ETM_NAT": 43},
        {"IMB_ALD_NUM": 0, "MED_MTF_COD": "E119", "IMB_ETM_NAT": 45},
    ]
    table, hits = ald(tmp_path, rows)
    assert table.ald_number.tolist() == [5, 8, 31, 32, 99]
    assert table.icd10.tolist()[:2] == ["I500", "E119"]
    assert (hits["ald_number_from_icd10"], hits["ald_unallocated"]) == (2, 1)


def test_end_of_1600_is_open(tmp_path: Path) -> None:
    table, hits = ald(tmp_path, [{"IMB_ALD_DTF": NEVER}])
    assert pd.isna(table.end_date[0])
    assert hits["sentinel_end_date"] == 1


def test_a_period_is_known_when_its_row_was_inserted(tmp_path: Path) -> None:
    """INS_DTE; the start of the period where it is missing."""
    table, _ = ald(tmp_path, [{}, {"IMB_ALD_NUM": 9, "INS_DTE": None}])
    assert [str(day)[:10] for day in table.known_date] == ["2020-02-01", "2020-01-01"]


def test_rows_of_one_period_are_one(tmp_path: Path) -> None:
    """The latest end stands; an open period is the latest."""
    later = {"IMB_ALD_DTF": dt.date(2034, 12, 31)}
    table, hits = ald(tmp_path, [{}, later, {"IMB_ALD_NUM": 9}, {"IMB_ALD_NUM": 9, "IMB_ALD_DTF": NEVER}])
    assert hits == {"rows_in": 4, "duplicate_period": 2, "kept": 2, "sentinel_end_date": 1}
    assert str(table.end_date[0])[:10] == "2034-12-31"
    assert pd.isna(table.end_date[1])


def test_periods_of_nobody_are_dropped(tmp_path: Path) -> None:
    _, hits = ald(tmp_path, [{"BEN_NIR_PSA": "P9"}])
    assert hits == {"rows_in": 1, "unknown_person": 1}


def test_contracts_that_end_before_they_start_are_dropped(tmp_path: Path) -> None:
    """Pitfall 27; an end of 1600 is an open contract; two pseudonyms give one contract once."""
    rows = [
        {"MTT_FIN_DTE": dt.date(2019, 12, 31)},
        {},
        {"BEN_NIR_PSA": "P2"},
        {"BEN_NIR_PSA": "P9"},
    ]
    persons = [{}, {"BEN_NIR_PSA": "P2"}]
    sources, known = start(tmp_path, {"IR_MTT_R": rows, "IR_BEN_R": persons})
    contracts, report = read_declarations(sources, known.pseudonyms)
    table = contracts.execute()
    assert (len(table), table.doctor_id[0], pd.isna(table.end_date[0])) == (1, "D1", True)
    assert rows_of(report) == {
        "rows_in": 4, "unknown_person": 1, "empty_contract": 1, "duplicate_contract": 1, "kept": 1,
        "sentinel_end_date": 2,
    }  # fmt: skip


def test_dated_c2s_contracts(tmp_path: Path) -> None:
    """Pitfall 25: contract 89; G or empty free, P with contribution, S unknown; known on its first day [A]."""
    rows = [
        {},
        {"REF_C2S_COD": "P", "MLL_CTA_DSF": NEVER},
        {"REF_C2S_COD": "S"},
        {"REF_C2S_COD": None, "MLL_CTA_DSD": dt.date(2023, 1, 1)},
        {"BEN_CTA_TYP": 2},
    ]
    sources, persons = start(tmp_path, {"IR_ORC_R": rows})
    contracts, report = read_c2s(sources, persons.pseudonyms)
    assert contracts is not None
    table = contracts.execute().sort_values("right", ignore_index=True)
    assert table.right.tolist() == ["c2s_free", "c2s_free", "c2s_participative", "c2s_unknown"]
    assert pd.isna(table.end_date[2])
    assert rows_of(report) == {"rows_in": 5, "not_c2s": 1, "kept": 4}


def test_without_dated_contracts_c2s_is_read_on_claims_alone(tmp_path: Path) -> None:
    sources, persons = start(tmp_path, {})
    assert read_c2s(sources, persons.pseudonyms) == (None, [])
    assert ("IR_ORC_R", "", "C2S is read on claims alone") in sources.absent


def test_number_15_of_before_2004_is_not_dementia(tmp_path: Path) -> None:
    """Pitfall 24: leprosy (A30) had number 15 before 2004; the reason decides, else 99. Number 15 since is dementia."""
    old = {"IMB_ALD_NUM": 15, "IMB_ALD_DTD": dt.date(1998, 1, 1)}
    since = {"IMB_ALD_NUM": 15, "IMB_ALD_DTD": dt.date(2010, 1, 1), "MED_MTF_COD": "F00"}
    table, hits = ald(tmp_path, [old | {"MED_MTF_COD": "A309"}, old | {"MED_MTF_COD": "E119"}, since])
    assert 15 in table.ald_number.tolist()
    assert table.ald_number[table.icd10 == "E119"].tolist() == [8]
    assert (table.ald_number == 15).sum() == 1
    assert hits["ald_number_reused"] == 2
