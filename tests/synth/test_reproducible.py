"""The same order gives the same bytes; a wrong order is refused with words."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from features.errors import InputError
from features.synth import Rates, synthesise
from tests.synth.conftest import LARGE_PATIENTS, LARGE_YEARS, SEED


def hashes(data: Path) -> dict[str, str]:
    """Hash of every file below a folder, but for the lock."""
    files = (path for path in sorted(data.rglob("*")) if path.is_file() and path.name != ".synth.lock")
    return {str(path.relative_to(data)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_workers_do_not_change_a_byte(large: tuple[Path, pd.DataFrame], tmp_path: Path) -> None:
    """One process or two: the same files."""
    synthesise(tmp_path, patients=LARGE_PATIENTS, years=LARGE_YEARS, seed=SEED, workers=2)
    assert hashes(tmp_path) == hashes(large[0])


def test_a_second_draw_replaces_the_first(tmp_path: Path) -> None:
    """Another seed gives other rows; nothing of the first draw stays."""
    synthesise(tmp_path, patients=300, years=range(2022, 2025), seed=1, workers=1)
    first = hashes(tmp_path)
    synthesise(tmp_path, patients=300, years=range(2023, 2025), seed=2, workers=1)
    second = hashes(tmp_path)
    assert not any(name.startswith("snds/T_MCO22") for name in second)
    same = {name for name in second if first.get(name) == second[name]}
    shared = {"snds/FICTIONAL.txt", "snds/IR_PHA_R.parquet", "snds/DEFA_UU2015.parquet", "snds/BE_IDE_R.parquet"}
    shared |= {name for name in same if "DMIP" in name and not pq.read_metadata(tmp_path / name).num_rows}
    assert same <= shared | {"participations.csv", "territories.csv"}


def test_real_tables_are_not_overwritten(tmp_path: Path) -> None:
    """A data/snds that does not bear the mark of a fictional draw is left alone."""
    (tmp_path / "snds").mkdir()
    (tmp_path / "snds" / "ER_PRS_F.parquet").write_bytes(b"received")
    with pytest.raises(InputError, match="forfait synth did not write"):
        synthesise(tmp_path, patients=300, years=range(2023, 2025), seed=1, workers=1)
    assert (tmp_path / "snds" / "ER_PRS_F.parquet").read_bytes() == b"received"


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"patients": 10}, "at least 100"),
        ({"years": range(2024, 2024)}, "2022..2024"),
        ({"years": range(1990, 1992)}, "between 2006"),
        ({"years": range(2010, 2022)}, "at most 10"),
        ({"seed": -1}, "0 or more"),
        ({"workers": 0}, "at least 1"),
    ],
)
def test_a_wrong_order_is_refused(tmp_path: Path, wrong: dict[str, object], says: str) -> None:
    """The message names the argument and what would be right."""
    order = {"patients": 300, "years": range(2023, 2025), "seed": 1, "workers": 1} | wrong
    with pytest.raises(InputError, match=says):
        synthesise(tmp_path, **order)
    assert not any(tmp_path.iterdir())


def test_a_rate_is_a_share() -> None:
    """Rates lie between 0 and 1."""
    with pytest.raises(InputError, match=r"stay_return_code is 1\.2"):
        Rates(stay_return_code=1.2)
