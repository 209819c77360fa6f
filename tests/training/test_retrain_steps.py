"""Steps written whole: kept while their record tells the truth, run again else, one run at a time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from features.errors import InputError, RuleError
from features.versions import sha256
from features.work import alone
from training.retrain.steps import Step, clear_parts, read_state, run_steps, why_again, write_whole


class StoppedError(Exception):
    """Raised by a hook where a test stops a run."""


def stopping(event: str):
    def hook(told: str) -> None:
        if told == event:
            raise StoppedError(event)

    return hook


def chain(folder: Path, source: Path, *, seed: int = 0) -> list[Step]:
    """`double` reads the source and writes its text twice; `count` reads that and writes its length."""

    def double() -> Mapping[str, bytes]:
        return {"double.txt": source.read_bytes() * 2}

    def count() -> Mapping[str, bytes]:
        return {"count.txt": str(len((folder / "double.txt").read_bytes())).encode()}

    def hash_of(path: Path) -> dict[str, str]:
        return {path.name: sha256(path.read_bytes()) if path.exists() else "absent"}

    return [
        Step("double", lambda: hash_of(source), {"seed": seed}, ("double.txt",), double),
        Step("count", lambda: hash_of(folder / "double.txt"), {}, ("count.txt",), count),
    ]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source.txt"
    path.write_text("abc")
    return path


def run(tmp_path: Path, source: Path, event: str = "", **options: int) -> list[str]:
    folder, said = tmp_path / "out", []
    ran = run_steps(folder, chain(folder, source, **options), say=said.append, hook=stopping(event))
    (tmp_path / "said").write_text("\n".join(said))
    return ran


def test_a_finished_run_does_nothing_again(tmp_path, source):
    """The second run keeps both steps, and every byte."""
    assert run(tmp_path, source) == ["double", "count"]
    assert (tmp_path / "out" / "count.txt").read_text() == "6"
    assert run(tmp_path, source) == []
    assert (tmp_path / "said").read_text() == "1/2 double: done before, kept\n2/2 count: done before, kept"


@pytest.mark.parametrize(
    ("event", "left"),
    [
        ("double:begun", ["double", "count"]),
        ("double:written", ["double", "count"]),
        ("double:done", ["count"]),
        ("count:begun", ["count"]),
        ("count:written", ["count"]),
        ("count:done", []),
    ],
)
def test_an_interrupted_run_goes_on_after_the_last_finished_step(event, left, tmp_path, source):
    """Files without their record are not trusted; the end is the same bytes as without the interruption."""
    with pytest.raises(StoppedError):
        run(tmp_path, source, event)
    assert run(tmp_path, source) == left
    assert (tmp_path / "out" / "count.txt").read_text() == "6"


def test_changed_inputs_run_again_what_depends_on_them(tmp_path, source):
    """Another source: both. The same length written otherwise: the second step reads other bytes, and runs as well."""
    run(tmp_path, source)
    source.write_text("abcd")
    assert run(tmp_path, source) == ["double", "count"]
    assert "1/2 double (changed since: source.txt)" in (tmp_path / "said").read_text()
    assert (tmp_path / "out" / "count.txt").read_text() == "8"


def test_a_step_whose_result_is_the_same_ends_there(tmp_path, source):
    """Another seed that changes nothing: the first step runs, the second reads the same bytes and is kept."""
    run(tmp_path, source)
    assert run(tmp_path, source, seed=1) == ["double"]
    assert "(other seed)" in (tmp_path / "said").read_text()


@pytest.mark.parametrize("content", [None, b"abca"])
def test_a_result_lost_or_altered_is_made_again(content, tmp_path, source):
    """Half a file, or none: the record does not hold."""
    run(tmp_path, source)
    path = tmp_path / "out" / "double.txt"
    path.unlink() if content is None else path.write_bytes(content)
    assert run(tmp_path, source) == ["double"]
    assert path.read_bytes() == b"abcabc"


def test_a_record_that_cannot_be_read_is_no_record(tmp_path, source):
    """A state file cut short: the step runs again."""
    run(tmp_path, source)
    (tmp_path / "out" / "state" / "count.json").write_text('{"step": "cou')
    assert read_state(tmp_path / "out", "count") is None
    assert run(tmp_path, source) == ["count"]


def test_inputs_that_change_while_a_step_runs_are_refused(tmp_path, source):
    """Nothing of the step is kept: it read two things."""
    folder = tmp_path / "out"
    step = chain(folder, source)[0]

    def moved() -> Mapping[str, bytes]:
        source.write_text("moved")
        return {"double.txt": b"mixed"}

    wrong = Step(step.name, step.inputs, {}, step.outputs, moved)
    with pytest.raises(InputError, match=r"source\.txt changed while double ran"):
        run_steps(folder, [wrong], say=lambda text: None)
    assert not (folder / "double.txt").exists() and why_again(folder, wrong) == ""


def test_what_is_elsewhere_counts_too(tmp_path):
    """A frozen version that is gone: the step that made it runs again."""
    there = {"version": "1"}
    step = Step("freeze", dict, {}, ("a",), lambda: {"a": b"a"}, lambda: dict(there))
    assert run_steps(tmp_path, [step], say=lambda text: None) == ["freeze"]
    there["version"] = "absent"
    assert why_again(tmp_path, step) == "version is missing or was altered"


def test_the_record_says_what_was_read_and_written(tmp_path, source):
    """Hashes of inputs and outputs, and parameters, in plain JSON."""
    run(tmp_path, source)
    record = json.loads((tmp_path / "out" / "state" / "double.json").read_text())
    assert record == {
        "step": "double",
        "inputs": {"source.txt": sha256(b"abc")},
        "parameters": {"seed": 0},
        "outputs": {"double.txt": sha256(b"abcabc")},
        "elsewhere": {},
    }


def test_two_at_once_are_refused(tmp_path):
    """The second is told who runs; once the first ends, it may begin."""
    lock = tmp_path / "retrain" / ".peps_mg.lock"
    with alone(lock, "forfait retrain of peps_mg"):
        second = alone(lock, "forfait retrain of peps_mg")
        with pytest.raises(RuleError, match="forfait retrain of peps_mg is already running"), second:
            pass
    with alone(lock, "again"):
        pass


def test_half_written_files_are_swept(tmp_path):
    """What a killed run left under another name goes; what is whole stays."""
    write_whole(tmp_path / "state" / "a.json", b"whole")
    (tmp_path / "state" / ".b.json.123.part").write_bytes(b"ha")
    clear_parts(tmp_path)
    assert [path.name for path in (tmp_path / "state").iterdir()] == ["a.json"]
