"""A draw that is killed and ordered again gives what an undisturbed one gives: no row twice, none lost."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from features.errors import InputError, RuleError
from features.synth import chunk as chunks
from features.synth import synthesise
from features.synth.journal import MARK
from features.work import alone
from tests.synth.conftest import LARGE_PATIENTS, LARGE_YEARS, SEED
from tests.synth.test_reproducible import hashes

ROOT = Path(__file__).parents[2]
YEARS = range(2022, 2024)
PATIENTS, CHUNK, GROUPS = 2_400, 200, 6
DRAW = """
import sys
from pathlib import Path
from features.synth import chunk, synthesise
if __name__ == "__main__":
    data, patients, first, last, seed, workers, size, by_flux = sys.argv[1:]
    chunk.CHUNK, chunk.GROUPS = int(size), 6
    years = range(int(first), int(last) + 1)
    synthesise(Path(data), patients=int(patients), years=years, seed=int(seed), workers=int(workers),
               by_flux=by_flux == "True", progress=lambda step: print(step, flush=True))
"""


def start(data: Path, *order: object) -> subprocess.Popen[str]:
    """A draw in a process of its own."""
    script = data.parent / "draw.py"
    script.write_text(DRAW, encoding="utf-8")
    command = [sys.executable, str(script), str(data), *[str(word) for word in order]]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)})


def killed_after(process: subprocess.Popen[str], steps: int, *, seconds: float) -> list[str]:
    """What the draw said before it was killed, some seconds after so many steps."""
    assert process.stdout is not None
    said = [process.stdout.readline().strip() for _ in range(steps)]
    time.sleep(seconds)
    process.kill()
    process.wait()
    process.stdout.close()
    return said


@pytest.mark.parametrize("by_flux", [True, False])
def test_killed_and_resumed_is_undisturbed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by_flux: bool) -> None:
    """Killed three times at moments drawn at random, also while the parts are joined; each run goes on where the one
    before stood; no table shows before all are there; the end is the same, byte by byte."""
    monkeypatch.setattr(chunks, "CHUNK", CHUNK)
    monkeypatch.setattr(chunks, "GROUPS", GROUPS)
    quiet, data = tmp_path / "quiet", tmp_path / "data"
    for folder in (quiet, data):
        folder.mkdir()
    synthesise(quiet, patients=PATIENTS, years=YEARS, seed=SEED, workers=1, by_flux=by_flux)
    draw = random.Random(SEED)
    order = (PATIENTS, YEARS[0], YEARS[-1], SEED, 1, CHUNK, by_flux)
    for least in (0, 2):
        first = killed_after(start(data, *order), 4, seconds=draw.random() / 10)[0]
        assert int(first.removeprefix("chunk ").partition("/")[0]) >= least
        assert not (data / "snds").exists()
    process = start(data, *order)
    assert process.stdout is not None
    said = [line.strip() for line in iter(process.stdout.readline, "joining\n")]
    assert int(said[0].removeprefix("chunk ").partition("/")[0]) >= 4
    killed_after(process, 0, seconds=draw.random() / 3)
    last: list[str] = []
    synthesise(data, patients=PATIENTS, years=YEARS, seed=SEED, workers=1, by_flux=by_flux, progress=last.append)
    assert "chunk 11/12, 2,200 patients" not in last
    assert hashes(data) == hashes(quiet)


def test_killed_with_its_workers(tmp_path: Path, large: tuple[Path, pd.DataFrame]) -> None:
    """The process that ordered is killed while its two workers draw; they end with it, and the rest is drawn again."""
    data = tmp_path / "data"
    data.mkdir()
    order = (LARGE_PATIENTS, LARGE_YEARS[0], LARGE_YEARS[-1], SEED, 2, 20_000, False)
    process = start(data, *order)
    killed_after(process, 2, seconds=0.2)
    time.sleep(1)
    made = {path: path.stat().st_mtime_ns for path in data.rglob("*.parquet")}
    time.sleep(0.5)
    assert made == {path: path.stat().st_mtime_ns for path in data.rglob("*.parquet")}
    synthesise(data, patients=LARGE_PATIENTS, years=LARGE_YEARS, seed=SEED, workers=2)
    assert hashes(data) == hashes(large[0])


def test_another_order_starts_anew(tmp_path: Path) -> None:
    """What a killed draw left is not mixed with another order, and nothing of it stays."""
    data, plain = tmp_path / "data", tmp_path / "plain"
    for folder in (data, plain):
        folder.mkdir()
    killed_after(start(data, 600, 2023, 2023, 1, 1, 200, True), 2, seconds=0)
    assert (data / ".synth" / "done").exists()
    for folder in (data, plain):
        synthesise(folder, patients=500, years=range(2023, 2024), seed=2, workers=1)
    assert hashes(data) == hashes(plain)
    assert not (data / ".synth").exists()


def test_a_draw_killed_while_it_clears_the_one_before_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mark of a fictional country may go before its tables: they are out of the way first."""
    data = tmp_path / "data"
    data.mkdir()
    synthesise(data, patients=500, years=range(2023, 2024), seed=1, workers=1)

    def clear_the_mark(path: Path, **options: object) -> None:
        if (path / MARK).exists():
            (path / MARK).unlink()
            raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("features.work.shutil.rmtree", clear_the_mark)
        synthesise(data, patients=500, years=range(2023, 2024), seed=2, workers=1)
    synthesise(data, patients=500, years=range(2023, 2024), seed=2, workers=1)
    assert not list(data.glob(".*removed"))


def test_two_draws_at_once_are_refused(tmp_path: Path) -> None:
    """They would write the same files; one waits for the other to end."""
    with alone(tmp_path / ".synth.lock", "this test"), pytest.raises(RuleError, match="another forfait synth"):
        synthesise(tmp_path, patients=500, years=range(2023, 2024), seed=1, workers=1)


def test_tables_received_meanwhile_are_left_alone(tmp_path: Path) -> None:
    """Real tables put there between a kill and the next run are refused, not replaced."""
    killed_after(start(tmp_path / "data", 600, 2023, 2023, 1, 1, 200, False), 2, seconds=0)
    real = tmp_path / "data" / "snds" / "ER_PRS_F.parquet"
    real.parent.mkdir()
    real.write_bytes(b"received")
    with pytest.raises(InputError, match="forfait synth did not write"):
        synthesise(tmp_path / "data", patients=600, years=range(2023, 2024), seed=1, workers=1)
    assert real.read_bytes() == b"received"


def test_a_failing_worker_ends_the_draw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error in a group is raised, the groups finished before are kept, and the next run makes the others only."""
    from features.synth import making

    make_chunk, seen = making.make_chunk, []

    def broken(order: chunks.Order, chunk: int, shelf: object) -> chunks.Planted:
        seen.append(chunk)
        if seen == [0, 1]:
            raise OSError("disk full")
        return make_chunk(order, chunk, shelf)  # type: ignore[arg-type]

    monkeypatch.setattr(chunks, "CHUNK", 200)
    monkeypatch.setattr(making, "make_chunk", broken)
    for _ in range(2):
        try:
            synthesise(tmp_path, patients=600, years=range(2023, 2024), seed=1, workers=1)
        except OSError as error:
            assert str(error) == "disk full"
    assert seen == [0, 1, 1, 2]
