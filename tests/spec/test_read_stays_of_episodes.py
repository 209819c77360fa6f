"""What episodes need of acute stays: the day and hand of each act, where the patient came from, the first unit."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from features.engine import connect
from features.snds.read import read_snds
from features.store import read_dataset
from features.tables import STAYS
from tests.snds.raw import YEAR, write_raw

OWN = ("principal_diagnosis", "linked_diagnosis", "entry_origin", "emergency_passage", "first_unit", "residence_code",
       "age", "implant_cents")  # fmt: skip


def stay(folder: Path, **tables: list[dict[str, object]]) -> pd.Series:
    """The one acute stay of a drawn reading."""
    given = {name: [{}] for name in ("T_MCOaaB", "T_MCOaaC", "T_MCOaaA", "T_MCOaaSTC", "T_MCOaaVALO")}
    snds = write_raw(folder / "snds", {**given, **tables})
    read_snds(connect("duckdb", threads=1), snds, folder / "data", YEAR)
    rows = read_dataset(None, STAYS, folder / "data", YEAR)
    assert len(rows) == 1
    return rows.iloc[0]


def test_what_the_pmsi_gives(tmp_path: Path):
    """Origin, residence, age, first of two units, acts with activity and days, an act done twice, two implants."""
    found = stay(
        tmp_path,
        T_MCOaaB=[{"DGN_PAL": "M16.1", "DGN_REL": "Z96.6", "ENT_PRV": "7", "PASSAGE_URG": "U", "BDI_COD": "75114",
                   "AGE_ANN": 71}],
        T_MCOaaUM=[{"UM_ORD_NUM": 2, "AUT_TYP1_UM": "53"}, {"UM_ORD_NUM": 1, "AUT_TYP1_UM": "07B"}],
        T_MCOaaA=[
            {"ACV_ACT": "4", "ENT_DAT_DEL": "001"},
            {"ACV_ACT": "1", "ENT_DAT_DEL": "001"},
            {"CDC_ACT": "NFKA007", "ACV_ACT": "1", "ENT_DAT_DEL": "", "NBR_EXE_ACT": 2},
        ],
        T_MCOaaDMIP=[{"NBR_POS_PRI": "1500.50"}, {"NBR_POS_PRI": 100}],
    )  # fmt: skip
    assert [found[name] for name in OWN] == ["M161", "Z966", "7", "U", "07B", "75114", 71, 160050]
    assert found["timed_acts"].tolist() == ["NEKA020 1 1", "NEKA020 4 1", "NFKA007 1 ", "NFKA007 1 "]


def test_what_was_not_received_stays_empty(tmp_path: Path):
    """The columns are optional: acts without activity or day, everything else null."""
    found = stay(tmp_path)
    assert found["timed_acts"].tolist() == ["NEKA020  "]
    assert found["principal_diagnosis"] == "M161"
    empty = [name for name in OWN if name != "principal_diagnosis"]
    assert pd.isna(found[empty]).all()
