"""What is paid does not depend on the engine that reads: the same run, from the same inputs, to the byte."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from features.engine import ENGINES, connect
from features.tables import EPISODE_LINES
from forfait.paying.biosimilars import biosimilars_inputs
from forfait.paying.ipep import ipep_inputs
from forfait.paying.ipso import ipso_inputs
from forfait.paying.sources import Priced, Sources, outside, predicted, spent
from forfait.paying.watch import watch_on, watch_table
from schemes.rulebook import rules
from tests.features.world import put
from tests.forfait import small_france as small
from tests.forfait import small_surgery as surgery
from tests.forfait import test_inputs as inputs
from tests.forfait import test_pages_of_eds as eds
from tests.forfait.test_pay_peps import FINAL

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("default"),
    pytest.mark.skipif(
        shutil.which("java") is None or importlib.util.find_spec("pyspark") is None, reason="needs Java and pyspark"
    ),
]
PRICED = Priced("peps_mg", 1, "ab" * 32)
group = inputs.france


def alike(sources: Sources, read: Callable[[Sources], dict[str, pd.DataFrame]]) -> dict[str, pd.DataFrame]:
    """What both engines read: every frame the same, whatever the order of its rows."""
    first, second = (read(replace(sources, con=connect(engine, threads=1))) for engine in ENGINES)
    assert list(first) == list(second)
    for name, frame in first.items():
        one, other = (rows.sort_values(list(rows.columns), ignore_index=True) for rows in (frame, second[name]))
        pd.testing.assert_frame_equal(one, other, check_exact=True)
    return first


def test_peps_is_paid_under_one_run(small_france: small.France, monkeypatch: pytest.MonkeyPatch):
    """A run is named after the hashes of its inputs: the same rows on both engines are the same run, kept once."""
    for engine in ENGINES:
        assert small.forfait(monkeypatch, small_france, *FINAL, "--engine", engine) == 0
    assert len(list(small_france.data.glob("payments/**/run.json"))) == 1
    index = (small_france.data / "payments" / "runs.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(set(index)) == 1


def test_ipep_reads_the_same(group: Sources):
    book = rules("ipep", on=date(2024, 1, 1))
    found = alike(group, lambda sources: ipep_inputs(sources, 2024, priced_by=inputs.IPEP, rules=book))
    assert set(found["members"]["patient_id"]) == {"P1", "P2", "P3", "P4", "P6", "P7"}


def test_ipso_reads_the_same(small_france: small.France):
    drawn = inputs.ipso_france(small_france)
    found = alike(drawn, lambda sources: ipso_inputs(sources, 2024, priced_by=PRICED, provisional=False))
    assert sorted(found["patients"]["patient_id"]) == ["A1", "A2", "A3", "A4"]


def test_biosimilars_read_the_same(tmp_path: Path):
    boxes = {"establishment_id": "35000001", "molecule": "adalimumab", "year": 2022, "boxes": 80.5, "patients": 7}
    put(tmp_path, "biosimilar_boxes", 2022, [{**boxes, "biosimilar_boxes": 40.25}])
    drawn = inputs.sources(tmp_path, inputs.HOSPITALS)
    assert alike(drawn, lambda sources: biosimilars_inputs(sources, 2022))


def test_grids_read_the_same(small_france: small.France):
    """People outside every structure, their spending and their expectation: what grids and references are made of."""

    def read(sources: Sources) -> dict[str, pd.DataFrame]:
        people = outside(sources, predicted(sources, 2024, PRICED))
        return {"people": people.inner_join(spent(sources, 2024, "spent_mg_eur"), "patient_id").to_pandas()}

    assert sorted(alike(small_france.sources, read)["people"]["observed_eur"]) == [90.0, 100.0, 110.0]


def test_eds_is_paid_and_watched_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The run of a year, and the open episodes of a day with what they cost so far."""
    france = surgery.draw(tmp_path)
    for year in (2022, 2023):
        small.table(france.data, EPISODE_LINES, year, eds.lines(year))
    small.use_rules(monkeypatch, france.rules)
    for engine in ENGINES:
        assert small.forfait(monkeypatch, france, *eds.PAY, "--engine", engine) == 0
    assert len(list(france.data.glob("payments/**/run.json"))) == 1

    def read(sources: Sources) -> dict[str, pd.DataFrame]:
        found = watch_on(sources, eds.ON)
        return {"rows": found.rows, "told": watch_table(found)}

    assert len(alike(france.sources, read)["rows"]) > 1
