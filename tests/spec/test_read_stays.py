"""Hospital stays (PMSI): which are read, linked, priced (pitfalls 5, 13, 16 to 22)."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from features.errors import InputError
from features.snds.acute import read_acute, read_outpatient
from features.snds.hospital import Hospital
from features.snds.long_stays import read_home_hospitalisation, read_rehabilitation
from tests.snds.raw import Rows
from tests.snds.stages import hits_of, rows_of, start

PARTS = ("T_MCOaaC", "T_MCOaaSTC", "T_MCOaaVALO")


def acute(folder: Path, rows: Rows, *, year: int = 2024, **tables: Rows) -> Hospital:
    """Stays numbered from 1; each row holds what differs from an ordinary public stay, in any of its tables."""
    drawn: dict[str, Rows] = {name: [] for name in ("T_MCOaaB", *PARTS)}
    for number, row in enumerate(rows, start=1):
        shared = {"RSA_NUM": str(number), **({"ETA_NUM": row["ETA_NUM"]} if "ETA_NUM" in row else {})}
        for name in drawn:
            if name not in row.get("without", ()):
                drawn[name].append(shared | {k: v for k, v in row.items() if k != "without"})
    sources, persons = start(folder, drawn | tables, year=year)
    return read_acute(sources, persons.pmsi)


def frame(hospital: Hospital) -> pd.DataFrame:
    assert hospital.stays is not None
    return hospital.stays.execute().sort_values("stay_id", ignore_index=True)


def care(hospital: Hospital) -> pd.DataFrame:
    assert hospital.care is not None
    return hospital.care.execute().sort_values("establishment_id", ignore_index=True)


def test_a_public_stay_is_a_stay_and_a_care_line(tmp_path: Path) -> None:
    """Priced by T_MCOaaVALO, known on the first day of the second month after exit; diagnoses of every unit."""
    units = [{"RSA_NUM": "1", "DGN_PAL": "M161", "DGN_REL": "Z966"}, {"RSA_NUM": "1", "DGN_PAL": "I48+0"}]
    hospital = acute(tmp_path, [{}], T_MCOaaUM=units, T_MCOaaD=[{}, {"ASS_DGN": "E11.9"}, {}], T_MCOaaA=[{}])
    stay = frame(hospital).iloc[0]
    assert (stay.stay_id, stay.patient_id, stay.sector, stay.ghm) == ("MCO-2024-750000001-1", "ID1", "public", "08C481")
    assert [str(day)[:10] for day in (stay.start_date, stay.end_date, stay.known_date)] == [
        "2024-03-01", "2024-03-05", "2024-05-01",
    ]  # fmt: skip
    assert (stay.nights, stay.sessions, stay.base_cents, stay.reimbursed_cents) == (4, 0, 500000, 400000)
    assert list(stay.main_diagnoses) == ["I480", "M161", "Z966"]
    assert list(stay.associated_diagnoses) == ["E119", "I10"]
    assert list(stay.acts) == ["NEKA020"]
    line = care(hospital).iloc[0]
    assert (line.poste, line.source, line.quantity, line.base_cents, line.reimbursed_cents) == (
        "hopital_mco", "PMSI", 1, 500000, 400000,
    )  # fmt: skip
    assert pd.isna(line.act_code)


def test_december_exits_are_known_the_next_year(tmp_path: Path) -> None:
    """Exit in December 2024: known on 1 February 2025. Entry in December 2023: euros belong to the year of exit."""
    rows = [
        {"EXE_SOI_DTD": dt.date(2024, 12, 20), "EXE_SOI_DTF": dt.date(2024, 12, 31)},
        {"EXE_SOI_DTD": dt.date(2023, 12, 20), "EXE_SOI_DTF": dt.date(2024, 1, 2), "ETA_NUM": "760000001"},
    ]
    hospital = acute(tmp_path, rows)
    lines = care(hospital)
    assert [str(day)[:10] for day in lines.known_date] == ["2025-02-01", "2024-03-01"]
    assert [str(day)[:10] for day in lines.care_date] == ["2024-12-20", "2024-01-01"]
    assert str(frame(hospital).start_date[1])[:10] == "2023-12-20"


def test_each_control_of_a_stay_drops_its_stay(tmp_path: Path) -> None:
    """Pitfalls 17 to 19 and 12: one stay each; the ordinary stay is kept."""
    rows: list[dict[str, Any]] = [
        {},
        {"GRG_GHM": "90Z00Z"},
        {"GRG_GHM": "08C90Z"},
        {"ENT_MOD": "0"},
        {"SOR_MOD": "0"},
        {"SEJ_TYP": "B"},
        {"TYP_GEN_RSA": "1"},
        {"NIR_ANO_17": "x" * 17},
        {"NIR_ANO_17": "X" * 16 + "D"},
        {"NIR_RET": "1"},
        {"COH_SEX_RET": "1"},
        {"COH_SEX_RET": None, "SEJ_TYP": None, "TYP_GEN_RSA": None},
        {"NIR_ANO_17": "P9"},
    ]
    hits = rows_of(acute(tmp_path, rows).report)
    assert hits == {
        "rows_in": 13, "ghm_error": 1, "inter_establishment": 4, "anonymous_identifier": 2, "return_code": 2,
        "unknown_person": 1, "kept": 3,
    }  # fmt: skip


def test_duplicated_finess_are_dropped_until_2017(tmp_path: Path) -> None:
    """Pitfall 16: 750100018 (AP-HP) transmitted twice; not any more in 2018."""
    twice = {"ETA_NUM": "750100018"}
    assert rows_of(acute(tmp_path / "17", [twice, {}], year=2017).report) == {
        "rows_in": 2, "finess_duplicate": 1, "kept": 1,
    }  # fmt: skip
    assert rows_of(acute(tmp_path / "18", [twice, {}], year=2018).report) == {"rows_in": 2, "kept": 2}


def test_private_stays_have_no_amount_here(tmp_path: Path) -> None:
    """Pitfall 5: no row in T_MCOaaSTC; their euros are in claims."""
    hospital = acute(tmp_path, [{"without": ("T_MCOaaSTC", "T_MCOaaVALO")}, {"without": ("T_MCOaaSTC",)}])
    stays = frame(hospital)
    assert set(stays.sector) == {"private"}
    assert stays.base_cents.isna().all()
    assert care(hospital).empty
    assert rows_of(hospital.report) == {"rows_in": 2, "kept": 2, "private_in_dcir": 2}


def test_only_valued_stays_have_an_amount(tmp_path: Path) -> None:
    """Pitfall 22: VALO 1 to 5; a stay above a million is kept and flagged."""
    rows = [{"VALO": "0"}, {"without": ("T_MCOaaVALO",)}, {"VALO": "3"}, {"MNT_TOT_AM": 1_200_000, "VALO": "1"}]
    hospital = acute(tmp_path, rows)
    assert frame(hospital).reimbursed_cents.isna().tolist() == [True, True, False, False]
    assert hits_of(hospital.report) == {
        "rows_in": (4, 1_000_000, 120_400_000),
        "kept": (4, 1_000_000, 120_400_000),
        "stay_not_valued": (2, 0, 0),
        "stay_cost_outlier": (1, 500_000, 120_000_000),
    }


def test_stays_of_twins_are_kept_for_totals_and_linked_to_nobody(tmp_path: Path) -> None:
    """Pitfall 13: the stay stays, its euros are flagged and enter nobody's spending."""
    twins = [{}, {"BEN_RNG_GEM": 2, "BEN_IDT_ANO": "ID2"}]
    hospital = acute(tmp_path, [{}], IR_BEN_R=twins)
    stay = frame(hospital).iloc[0]
    assert (stay.patient_id, bool(stay.is_linked), stay.base_cents) == ("ambiguous", False, 500000)
    assert care(hospital).empty
    assert hits_of(hospital.report)["ambiguous_twin"] == (1, 500000, 400000)


def test_sessions_have_no_nights(tmp_path: Path) -> None:
    """Pitfall 20: category 28 counts NBR_SEA; SEJ_NBJ is empty there."""
    stays = frame(acute(tmp_path, [{"GRG_GHM": "28Z04Z", "SEJ_NBJ": None, "NBR_SEA": 12}, {"NBR_SEA": 3}]))
    assert stays.sessions.tolist() == [12, 0]
    assert stays.nights.isna().tolist() == [True, False]


def test_public_outpatient_care_is_a_care_line(tmp_path: Path) -> None:
    """T_MCOaaCSTC with T_MCOaaVALOACE; return codes apply; VALO 1 to 3."""
    persons = [{"SEQ_NUM": str(n)} for n in range(1, 5)]
    persons[1] |= {"IAS_RET": "1"}
    persons[2] |= {"NIR_ANO_17": "P9"}
    values = [{"SEQ_NUM": str(n), "VALO": "0" if n == 4 else "1"} for n in range(1, 5)]
    sources, known = start(tmp_path, {"T_MCOaaCSTC": persons, "T_MCOaaVALOACE": values})
    hospital = read_outpatient(sources, known.pmsi)
    assert hospital.stays is None
    lines = care(hospital)
    assert (lines.poste.tolist(), lines.base_cents.tolist()) == (["hopital_ace"], [3000])
    assert hits_of(hospital.report) == {
        "rows_in": (4, 9000, 6300), "return_code": (1, 3000, 2100), "unknown_person": (1, 3000, 2100),
        "kept": (2, 3000, 2100), "stay_not_valued": (1, 0, 0),
    }  # fmt: skip


def test_rehabilitation_weeks_are_one_stay(tmp_path: Path) -> None:
    """Three weekly rows and two valued rows: one stay, amounts summed; GRG_GME 90 is an error."""
    weeks = [{"RHS_NUM": str(n), "ETL_AFF": "S720" if n == 2 else None} for n in range(1, 4)]
    weeks.append({"RHA_NUM": "2", "GRG_GME": "9001A1"})
    tables = {
        "T_SSRaaB": weeks,
        "T_SSRaaC": [{}, {"RHA_NUM": "2"}],
        "T_SSRaaVALO": [{}, {"MNT_AM_RSF": 10, "DMA_AM": 0, "DMA_BR": 0}, {"VALO": "0"}],
    }
    sources, known = start(tmp_path, tables)
    hospital = read_rehabilitation(sources, known.pmsi)
    stay = frame(hospital).iloc[0]
    assert (stay.field, stay.ghm, stay.nights, list(stay.main_diagnoses)) == ("SSR", "0803A1", 4, ["M161", "S720"])
    assert (stay.base_cents, stay.reimbursed_cents) == (17000, 16000)
    assert rows_of(hospital.report) == {"rows_in": 2, "ghm_error": 1, "kept": 1}


def test_home_hospitalisation_is_billed(tmp_path: Path) -> None:
    """Pitfall 22: no valuation on the portal, the amount billed stands; group 99 is an error."""
    tables = {
        "T_HADaaB": [{}, {"RHAD_NUM": "2"}],
        "T_HADaaC": [{}, {"RHAD_NUM": "2"}],
        "T_HADaaGRP": [{}, {"RHAD_NUM": "2", "PAP_GRP_GHPC": "9999"}],
        "T_HADaaSTC": [{}, {"RHAD_NUM": "2"}],
    }
    sources, known = start(tmp_path, tables)
    hospital = read_home_hospitalisation(sources, known.pmsi)
    assert frame(hospital).reimbursed_cents.tolist() == [70000]
    assert care(hospital).poste.tolist() == ["hopital_had"]
    assert rows_of(hospital.report) == {"rows_in": 2, "ghm_error": 1, "kept": 1}


def test_without_rehabilitation_tables_there_is_no_rehabilitation(tmp_path: Path) -> None:
    sources, known = start(tmp_path, {})
    assert read_rehabilitation(sources, known.pmsi) == Hospital(None, None, [])


def test_a_stay_valued_as_state_medical_aid_shows_the_right(tmp_path: Path) -> None:
    """Pitfall 25: VALO 3 is AME, over the stay, known as the stay is."""
    hospital = acute(tmp_path, [{"VALO": "3"}, {}])
    assert hospital.rights is not None
    rights = hospital.rights.execute().iloc[0]
    days = [str(day)[:10] for day in (rights.start_date, rights.end_date, rights.known_date)]
    assert (rights.patient_id, rights.right, days) == ("ID1", "ame", ["2024-03-01", "2024-03-05", "2024-05-01"])


def test_a_repeated_key_of_the_chaining_table_is_refused(tmp_path: Path) -> None:
    """Two chaining rows for one stay would count its euros twice."""
    twice = [{"RSA_NUM": "1"}, {"RSA_NUM": "1"}]
    with pytest.raises(InputError, match="1 keys \\(ETA_NUM, RSA_NUM\\) stand more than once"):
        acute(tmp_path, [{"without": ("T_MCOaaC",)}], T_MCOaaC=twice)
