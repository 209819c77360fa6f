"""What gathers the benchmarks: rows judged by hand, processes measured, runs kept, steps that go on, the page."""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest
import typer

from benchmarks.large import Done, Step, did, done_in, rows_of, steps
from benchmarks.page import DOCS, page, write_page
from benchmarks.process import forfait, measured
from benchmarks.record import Machine, Run, holds, judged, read_runs, record
from benchmarks.rows import Row, add_json, read_rows, write_rows
from benchmarks.run import SMALL
from benchmarks.written import figure, ratio_text, seconds_text
from forfait.cli import app

OURS = Row("read", "forfait", "ours", seconds=12.0, peak_gib=2.0)
BY_HAND = Row("read", "by hand", "peer", seconds=10.0, peak_gib=4.0, target="<= 1.3")
PANDAS = Row("read", "pandas", "peer", seconds=20.0, peak_gib=4.0, target="<= 0.5", peak_target="<= 0.5")


def run_of(name: str, *rows: Row, date: str = "2026-11-23 20:00") -> Run:
    where = Machine("a processor", 2, 24.0, "Linux", 0.1)
    return Run(
        name=name, command=f"python -m benchmarks.{name}", date=date, machine=where, versions={"python": "3.11.2"},
        seconds=30.0, peak_gib=4.0, status="ended", rows=rows,
    )  # fmt: skip


def test_ratios_and_targets_by_hand():
    """12 s ÷ 10 s = 1.2 is within 1.3; 12 ÷ 20 = 0.6 is not within a half, though half the memory is."""
    ours, by_hand, pandas = judged([OURS, BY_HAND, PANDAS])
    assert (ours.ratio, ours.is_held) == (None, None)
    assert (by_hand.ratio, by_hand.peak_ratio, by_hand.is_held) == (1.2, 0.5, True)
    assert (pandas.ratio, pandas.peak_ratio, pandas.is_held) == (0.6, 0.5, False)
    assert ratio_text(pandas) == "0.60; memory 0.50"


def test_what_is_done_a_second_is_better_when_more():
    """30,000 rows a second over 2,000 is 15, at least 10; our own row is bound by its figure."""
    ours = Row("explain", "forfait", "ours", per_second=30_000, target=">= 16667")
    other = Row("explain", "pred_contrib", "peer", per_second=2_000, target=">= 10")
    assert [(one.ratio, one.is_held) for one in judged([ours, other])] == [(None, True), (15.0, True)]


def test_a_target_without_its_figure_is_not_held():
    """Nobody measured the memory: the target of memory is not held."""
    bound = Row("a", "forfait", "ours", seconds=1.0, peak_target="<= 16")
    assert judged([bound])[0].is_held is False


def test_rows_of_a_task_stand_together():
    """Whoever was measured last of a task is drawn beside it."""
    rows = [Row("a", "us", "ours", seconds=1), Row("b", "us", "ours", seconds=1), Row("a", "they", seconds=2)]
    assert [(one.row.task, one.row.what) for one in judged(rows)] == [("a", "us"), ("a", "they"), ("b", "us")]


@pytest.mark.parametrize(
    ("rows", "words"),
    [([OURS, OURS], "two rows of ours"), ([BY_HAND], "no row of ours")],
)
def test_a_task_has_one_row_of_ours(rows: list[Row], words: str):
    with pytest.raises(ValueError, match=words):
        judged(rows)


def test_targets_are_written_one_way():
    assert holds("<= 1.3", 1.3) and not holds(">= 10", 9.99)
    with pytest.raises(ValueError, match="write it"):
        holds("< 2", 1.0)


def test_figures_as_text():
    """Milliseconds below a second, three figures; the 99th percentile beside them."""
    assert [seconds_text(seconds) for seconds in (0.0004567, 0.9999, 1.25, 250)] == [
        "0.457 ms",
        "1 s",
        "1.2 s",
        "250 s",
    ]
    assert figure(Row("t", "w", seconds=0.02, p99_ms=31.0)) == "20 ms, p99 31 ms"
    assert figure(Row("t", "w", per_second=18_000.4, unit="patient-years")) == "18,000 patient-years/s"


def test_rows_go_through_a_file(tmp_path: Path):
    """--json writes the rows; without it nothing is written."""
    parser = argparse.ArgumentParser()
    add_json(parser)
    asked = parser.parse_args(["--json", str(tmp_path / "rows.json")])
    write_rows(asked.json, [OURS, BY_HAND])
    assert read_rows(asked.json) == [OURS, BY_HAND]
    write_rows(asked.json, [Row("read", "forfait", "ours", seconds=np.float64(0.5))])
    assert read_rows(asked.json)[0].seconds == 0.5
    write_rows(parser.parse_args([]).json, [OURS])
    assert list(tmp_path.iterdir()) == [asked.json]


def test_a_run_takes_the_place_of_the_earlier_one(tmp_path: Path):
    """The runs of other benchmarks stay as they were."""
    path = tmp_path / "small.json"
    for run in (run_of("a", OURS), run_of("b", OURS), run_of("a", OURS, BY_HAND, date="2026-11-24 08:00")):
        record(path, run)
    kept = [(run.name, run.date, len(run.rows)) for run in read_runs(path)]
    assert kept == [
        ("a", "2026-11-24 08:00", 2),
        ("b", "2026-11-23 20:00", 1),
    ]


HOLDS = "import time; b = bytearray([1]) * (300 << 20); time.sleep({})"
STARTS = "import subprocess, sys; subprocess.run([sys.executable, '-c', {!r}])"


def child(seconds: float) -> list[str]:
    return [sys.executable, "-c", STARTS.format(HOLDS.format(seconds))]


def test_memory_of_children_counts(tmp_path: Path):
    """A process whose child holds 300 MiB, its pages touched, has held 300 MiB."""
    took = measured(child(1.5), log=tmp_path / "log")
    assert took.status == 0
    assert 0.29 < took.peak_gib < 0.45
    assert 1.5 < took.seconds < 30


def test_what_takes_too_long_is_stopped_with_its_children(tmp_path: Path):
    took = measured(child(60), log=tmp_path / "log", within=1.0)
    assert took.status is None
    assert took.seconds < 30


def test_steps_go_on_where_they_stopped(tmp_path: Path):
    """A step that ended well is not done again; one that failed is."""
    count = (
        "import pathlib; path = pathlib.Path({!r}); path.write_text(path.read_text() + 'x' if path.exists() else 'x')"
    )
    marks = [tmp_path / name for name in ("first", "second")]
    lines = [((sys.executable, "-c", count.format(str(mark))),) for mark in marks]
    first, second = (Step(name, line, 10) for name, line in zip(("first", "second"), lines, strict=True))
    failing = Step("second", (*lines[1], (sys.executable, "-c", "raise SystemExit(3)")), 10)
    home = tmp_path / "home"
    assert [did(step, home) for step in (first, failing)] == [True, False]
    assert [did(step, home) for step in (first, second, second)] == [True, True, True]
    assert [mark.read_text() for mark in marks] == ["x", "xx"]
    assert [(one.name, one.units) for one in done_in(home)] == [("first", 10), ("second", 10)]


def test_growth_is_read_beside_the_smaller_run(tmp_path: Path):
    """10 s for a thousand make 100 s for ten thousand: 120 s are over 1.15 times that."""
    for size, seconds in ((1_000, 10.0), (10_000, 120.0)):
        first = Step("read 2022", ((sys.executable, "-c", ""),), size)
        assert did(first, tmp_path / str(size))
        one = Done("read 2022", seconds, 3.0, size, "patients")
        (tmp_path / str(size) / "steps.json").write_bytes(_encoded(one))
    found = judged(rows_of(tmp_path, [1_000, 10_000]))
    assert [(one.row.what, one.ratio, one.is_held) for one in found] == [
        ("forfait", None, True),
        ("1,000 × 10", 1.2, False),
    ]


def _encoded(one: Done) -> bytes:
    return msgspec.json.encode([one])


@pytest.mark.parametrize(("years", "how"), [(range(2022, 2025), "train"), (range(2022, 2024), "model")])
def test_large_steps_follow_the_line_of_data(tmp_path: Path, years: range, how: str):
    """Each is a command of forfait with options that it has, in the order of the line; the last is a benchmark."""
    line_of = steps(1_000, tmp_path, 4.0, years)
    names = [step.name.split()[0] for step in line_of]
    known = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    for words in [command[len(forfait()) :] for step in line_of[:-1] for command in step.commands]:
        options = {name for parameter in known[words[0]].params for name in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= options, words
    assert list(dict.fromkeys(names)) == [
        "synth",
        "read",
        "features",
        "spending",
        "episodes",
        how,
        "predict",
        "explain",
        "training",
    ]


def test_small_benchmarks_are_bounded():
    """Together within ten minutes on a quiet machine: half of what they are stopped at."""
    assert sum(bench.within for bench in SMALL) <= 2 * 600 + 60
    assert len({bench.name for bench in SMALL}) == len(SMALL)


def test_page_and_drawings_are_those_of_the_results(tmp_path: Path):
    """The same results give the same page and the same drawing, byte for byte."""
    results = tmp_path / "results"
    record(results / "small.json", run_of("reading", OURS, BY_HAND, PANDAS))
    for docs in (tmp_path / "one", tmp_path / "two"):
        write_page(results, docs)
    one, two = (
        (docs / "benchmarks" / "small-reading.svg").read_bytes() for docs in (tmp_path / "one", tmp_path / "two")
    )
    assert one == two and one.startswith(b"<?xml")
    text = (tmp_path / "one" / "benchmarks.md").read_text()
    assert "| read | pandas | 20.0 s | 4.00 | 0.60; memory 0.50 | <= 0.5; memory <= 0.5 | **no** |" in text
    assert "![reading](benchmarks/small-reading.svg)" in text


def test_benchmarks_page_is_in_step():
    """docs/benchmarks.md is what the recorded results say; `python -m benchmarks.page` writes it."""
    assert (DOCS / "benchmarks.md").read_text(encoding="utf-8") == page()


@pytest.mark.parametrize("module", sorted({bench.module for bench in SMALL} | {"benchmarks.large"}))
def test_what_make_bench_runs_can_be_imported(module):
    """A name that moved would be met only by who runs the benchmarks."""
    assert callable(importlib.import_module(module).main)
