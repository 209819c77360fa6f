"""Acts of biology of a claim line (ER_BIO_F): they follow their line, as CCAM acts do (pitfalls 8 and 9)."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from features.snds.biology import read_analyses
from features.snds.lines import claim_lines, classified_lines
from tests.snds.raw import Rows
from tests.snds.stages import rows_of, start

BACK = {"PRS_ACT_QTE": -1, "BSE_REM_BSE": -26.5, "BSE_REM_MNT": -18.55}


def read(folder: Path, tables: dict[str, Rows]) -> tuple[list[tuple[object, ...]], dict[str, int]]:
    sources, persons = start(folder, tables)
    rows, report = read_analyses(
        sources, classified_lines(sources, claim_lines(sources), pseudonyms=persons.pseudonyms)
    )
    assert rows is not None
    found = rows.execute().astype(str)
    return sorted(found[["care_date", "known_date", "nabm"]].itertuples(index=False, name=None)), rows_of(report)


def test_acts_follow_their_line(tmp_path: Path) -> None:
    """Two acts of one line, with their four digits; others are counted apart with the reason."""
    lines = [{"PRS_NAT_REF": 3211, "PRS_ORD_NUM": 1}, {"PRS_NAT_REF": 3211, "PRS_ORD_NUM": 2, "BEN_NIR_PSA": "P9"}]
    acts = [
        {"PRS_ORD_NUM": 1},
        {"PRS_ORD_NUM": 1, "BIO_PRS_IDE": 592},
        {"PRS_ORD_NUM": 2},
        {"PRS_ORD_NUM": 3},
        {"FLX_DIS_DTD": dt.date(2023, 1, 1)},
        {"PRS_ORD_NUM": 1, "BIO_PRS_IDE": None},
    ]
    found, report = read(tmp_path, {"ER_PRS_F": lines, "ER_BIO_F": acts})
    assert found == [("2024-03-04", "2024-04-01", "0592"), ("2024-03-04", "2024-04-01", "1577")]
    assert report == {
        "rows_in": 6, "outside_flux_window": 1, "other_care_year": 1, "detail_of_dropped_line": 1, "no_code": 1,
        "kept": 2,
    }  # fmt: skip


def test_a_test_billed_cancelled_and_billed_again_is_one(tmp_path: Path) -> None:
    """+1, -1, +1 with a row of biology each: one test is left."""
    lines = [
        {"PRS_NAT_REF": 3211, "PRS_ORD_NUM": 1},
        {"PRS_NAT_REF": 3211, "PRS_ORD_NUM": 2, **BACK},
        {"PRS_NAT_REF": 3211, "PRS_ORD_NUM": 3},
    ]
    found, report = read(tmp_path, {"ER_PRS_F": lines, "ER_BIO_F": [{"PRS_ORD_NUM": n} for n in (1, 2, 3)]})
    assert len(found) == 1
    assert report == {"rows_in": 3, "detail_of_dropped_line": 2, "kept": 1}


def test_without_the_table_there_is_none(tmp_path: Path) -> None:
    """ER_BIO_F is optional: no rows, no account."""
    sources, persons = start(tmp_path, {"ER_PRS_F": [{}]})
    (tmp_path / "snds" / "ER_BIO_F.parquet").unlink(missing_ok=True)
    lines = classified_lines(sources, claim_lines(sources), pseudonyms=persons.pseudonyms)
    assert read_analyses(sources, lines) == (None, [])
