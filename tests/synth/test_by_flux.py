"""Claims by month of flux: the same rows, each in the folder of its month, the same bytes whatever the workers."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from features.synth import chunk as chunks
from features.synth import shelf as shelves
from features.synth import synthesise
from features.synth.chunk import Order
from features.synth.rates import Rates
from features.synth.shelf import Shelf
from tests.synth.conftest import LARGE_PATIENTS, SEED
from tests.synth.raw import KEY
from tests.synth.test_reproducible import hashes

WITH_FLUX = {"ER_PRS_F", "ER_PHA_F", "ER_CAM_F", "ER_BIO_F", "ER_ETE_F"}
YEARS = range(2022, 2024)
PATIENTS, CHUNK = 2_000, 400


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """One country of five chunks in both layouts: a file per chunk and year; three groups by month of flux."""
    usual, by_flux = tmp_path_factory.mktemp("usual"), tmp_path_factory.mktemp("by_flux")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunks, "CHUNK", CHUNK)
        patch.setattr(chunks, "GROUPS", 2)
        patch.setattr(shelves, "ROWS", 3_000)
        for data, parted in ((usual, False), (by_flux, True)):
            synthesise(data, patients=PATIENTS, years=YEARS, seed=SEED, workers=1, by_flux=parted)
    return usual, by_flux


def ordered(data: Path, name: str) -> pa.Table:
    """All rows of a raw table in the order of all its columns."""
    folder = data / "snds" / name
    files = sorted(folder.rglob("*.parquet")) if folder.is_dir() else [folder]
    rows = pa.concat_tables([pq.ParquetFile(file).read() for file in files]).combine_chunks()
    return rows.sort_by([(column, "ascending") for column in rows.column_names])


def test_a_shelf_sorts_by_month(tmp_path: Path) -> None:
    """Rows of March and April, two chunks: a file a month, in the order of the chunks; a text of March only is
    not in the file of April; what has no month goes to one file; rows wait until a row group is full."""
    shelf = Shelf("00007")
    for first in (1, 5):
        columns = {
            "FLX_DIS_DTD": pa.array([date(2022, 4, 1), date(2022, 3, 1), date(2022, 4, 1), date(2022, 4, 1)]),
            "DCT_ORD_NUM": pa.array(range(first, first + 4), pa.int32()),
            "PFS": pa.DictionaryArray.from_arrays(
                pa.array([0, 299, None, 0], pa.int32()), [f"P{place}" for place in range(300)]
            ),
            "FLX_EMT_NUM": pa.array([first] * 4, pa.int32()),
        }
        shelf.add(tmp_path / "ER_PRS_F", columns, plain=["DCT_ORD_NUM"])
        shelf.add(tmp_path / "IR_BEN_R", {"rank": pa.array([first])})
    assert not list(tmp_path.rglob("*.parquet"))
    shelf.close()
    april = pq.ParquetFile(tmp_path / "ER_PRS_F" / "flux=2022-04" / "00007.parquet").read()
    march = pq.ParquetFile(tmp_path / "ER_PRS_F" / "flux=2022-03" / "00007.parquet").read()
    assert april.drop_columns(["FLX_DIS_DTD"]).to_pydict() == {
        "DCT_ORD_NUM": [1, 3, 4, 5, 7, 8],
        "PFS": ["P0", None, "P0", "P0", None, "P0"],
        "FLX_EMT_NUM": [1, 1, 1, 5, 5, 5],
    }
    assert march["PFS"].to_pylist() == ["P299", "P299"]
    assert march["FLX_DIS_DTD"].to_pylist() == [date(2022, 3, 1)] * 2
    assert pq.read_table(tmp_path / "IR_BEN_R" / "00007.parquet")["rank"].to_pylist() == [1, 5]
    assert len(list(tmp_path.rglob("*.parquet"))) == 3


@pytest.mark.parametrize(
    ("patients", "by_flux", "sizes"),
    [
        (30_000, False, [1, 1]),
        (30_000, True, [1, 1]),
        (1_000_000, True, [5] * 10),
        (1_050_000, True, [5] * 10 + [3]),
        (10_000_000, True, [25] * 20),
    ],
)
def test_groups_of_chunks(patients: int, by_flux: bool, sizes: list[int]) -> None:
    """A tenth of the chunks, 25 at most, each chunk once; without months of flux, a chunk is a group."""
    order = Order(Path(), patients, YEARS, 1, Rates(), by_flux=by_flux)
    assert [len(group) for group in order.groups] == sizes
    assert [chunk for group in order.groups for chunk in group] == list(range(-(-patients // 20_000)))


def test_the_same_rows(both: tuple[Path, Path]) -> None:
    """Every raw table has the same rows in both layouts; everything beside the tables holds the same."""
    usual, by_flux = both
    names = {path.name for path in (usual / "snds").iterdir()}
    assert names == {path.name for path in (by_flux / "snds").iterdir()}
    for name in sorted(names - {"FICTIONAL.txt"}):
        assert ordered(by_flux, name).equals(ordered(usual, name)), name
    for name in ("expected", "drawn", "episodes"):
        one, other = (pq.read_table(data / "oracle" / f"{name}.parquet") for data in both)
        assert one.equals(other)
    rest = [{name: text for name, text in hashes(data).items() if not name.endswith(".parquet")} for data in both]
    assert rest[0] == rest[1]


def test_each_folder_holds_its_month_alone(both: tuple[Path, Path]) -> None:
    """Tables that carry FLX_DIS_DTD lie by its month, three files a month, with their details in the same file
    number; no other table does."""
    snds = both[1] / "snds"
    parted = {path.parent.parent.name for path in snds.rglob("flux=*/*.parquet")}
    assert parted == WITH_FLUX
    lines: dict[tuple[str, str], set[tuple[object, ...]]] = {}
    for name in ("ER_PRS_F", *sorted(WITH_FLUX - {"ER_PRS_F"})):
        for path in (snds / name).rglob("*.parquet"):
            month = path.parent.name.removeprefix("flux=")
            rows = pq.ParquetFile(path).read()
            assert pc.unique(pc.strftime(rows["FLX_DIS_DTD"], "%Y-%m")).to_pylist() == [month]
            keys = set(rows.select(KEY).to_pandas().itertuples(index=False, name=None))
            where = month, path.name
            assert name == "ER_PRS_F" or keys <= lines[where]
            lines.setdefault(where, keys)
    assert {part for _, part in lines} == {"00000.parquet", "00001.parquet", "00002.parquet"}
    assert {month[:4] for month, _ in lines} == {"2022", "2023", "2024", "2025"}


def test_row_groups_are_full(both: tuple[Path, Path]) -> None:
    """But for the last of a file, a row group has at least the rows that it waits for, and not twice as many."""
    for path in (both[1] / "snds" / "ER_PRS_F").rglob("*.parquet"):
        metadata = pq.read_metadata(path)
        sizes = [metadata.row_group(place).num_rows for place in range(metadata.num_row_groups)]
        assert all(3_000 <= size < 6_000 for size in sizes[:-1])
        assert sizes[-1] < 6_000


def test_workers_do_not_change_a_byte_by_flux(tmp_path: Path) -> None:
    """Two groups, one process or two: the same files."""
    made = []
    for workers in (1, 2):
        data = tmp_path / str(workers)
        data.mkdir()
        synthesise(data, patients=LARGE_PATIENTS, years=range(2023, 2024), seed=3, workers=workers, by_flux=True)
        made.append(hashes(data))
    assert made[0] == made[1]
    assert any("flux=2023-02/00001.parquet" in name for name in made[0])


def test_by_itself_from_a_million(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Below the limit a country lies as it always did; from it on, by month of flux, unless told otherwise."""
    monkeypatch.setattr(sys.modules["features.synth.synthesise"], "BY_FLUX_FROM", 300)
    for patients, asked, found in ((299, None, 0), (300, None, 5), (300, False, 0)):
        synthesise(tmp_path, patients=patients, years=range(2023, 2024), seed=1, workers=1, by_flux=asked)
        assert len({path.parent for path in (tmp_path / "snds").glob("*/flux=2023-06")}) == found


def test_a_report_reads_every_year(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the rows that a report reads, the row groups of both years of some chunks are read."""
    from features.synth.report import sampled

    with pq.ParquetWriter(tmp_path / "drawn.parquet", pa.schema([("year", pa.int64())])) as writer:
        for year in (2022, 2023) * 6:
            writer.write_table(pa.table({"year": [year] * 10}))
    monkeypatch.setattr("features.synth.report.MOST_ROWS", 60)
    years = pd.Series(sampled(tmp_path / "drawn.parquet", together=2)["year"].to_pylist())
    assert years.value_counts().to_dict() == {2022: 30, 2023: 30}
