"""Fictional France plants each trap at a known rate: the reader finds every planted row, to the cent."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from features.engine import connect
from features.snds.read import read_snds
from features.store import read_dataset
from features.synth import synthesise
from features.tables import CARE_LINES, STAYS

YEARS = range(2017, 2020)
PLANTED = ["rows", "base_cents", "reimbursed_cents"]
FOUND = ["rows_hit", "base_cents", "reimbursed_cents"]


@pytest.fixture(scope="module")
def france(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """1,500 persons over the last year of doubled FINESS and the two after."""
    data = tmp_path_factory.mktemp("france")
    synthesise(data, patients=1500, years=YEARS, seed=3, workers=1)
    return data


@pytest.mark.parametrize("year", YEARS)
def test_the_report_counts_what_was_planted(france: Path, year: int) -> None:
    report = read_snds(connect(threads=1), france / "snds", france, year)
    planted = pd.DataFrame(json.loads((france / "oracle" / "planted.json").read_text()))
    planted = planted[planted.year.isna() | (planted.year == year)].set_index(["source_table", "control"])[PLANTED]
    found = report.set_index(["source_table", "control"])[FOUND].reindex(planted.index).fillna(0)
    assert len(planted) > 20
    differs = planted[(planted.to_numpy() != found.to_numpy()).any(axis=1)]
    assert differs.empty, differs.join(found, rsuffix="_found").to_string()


def test_every_euro_read_is_in_care_lines_or_in_a_control(france: Path) -> None:
    """Euros of claims and public stays kept = euros of care_lines + euros of ambiguous twins."""
    year = YEARS[-1]
    report = read_snds(connect(threads=1), france / "snds", france, year)
    tables = report.source_table.str.match("ER_PRS_F|T_")
    kept = report[tables & (report.control == "kept")].base_cents.sum()
    twins = report[tables & (report.control == "ambiguous_twin")].base_cents.sum()
    assert read_dataset(None, CARE_LINES, france, year).base_cents.sum() == kept - twins
    stays = read_dataset(None, STAYS, france, year)
    assert (stays.patient_id == "ambiguous").eq(~stays.is_linked).all()
