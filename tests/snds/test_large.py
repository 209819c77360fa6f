"""A large country read by month of flux and by bucket of patients: same rows and cents as read whole, resumable."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from features.buckets import bucket_of_text, dataset_files
from features.build import build_features
from features.engine import connect
from features.errors import InputError
from features.snds.by_flux import BY_FLUX
from features.snds.read import read_snds
from features.snds.schema import RawTable
from features.spending import measure_spending
from features.store import read_dataset
from features.synth import synthesise
from features.tables import FEATURE_TABLE, READ_REPORT, SPENDING, TABLES
from tests.snds.test_read import WRITTEN, same

BUCKETS = 3
YEARS = (2022, 2023)
MONTHS = [f"flux={month}" for month in ("2022-03", "2022-11", "2023-03", "2023-06", "2024-02", "2024-09")]
READ = """
import sys
from pathlib import Path
from features.engine import connect
from features.snds.read import read_snds
read_snds(connect(threads=1), Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), buckets=int(sys.argv[4]))
"""


@pytest.fixture(scope="module")
def country(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """300 persons over two years, six months of their claims by month of flux; `whole`, read as a small country."""
    folder = tmp_path_factory.mktemp("country")
    synthesise(folder, patients=300, years=range(YEARS[0], YEARS[1] + 1), seed=3, workers=1)
    for table in BY_FLUX:
        lay_out_by_flux(folder / "snds", table.name)
        for month in (folder / "snds" / table.name).iterdir():
            if month.name not in MONTHS:
                shutil.rmtree(month)
    for year in YEARS:
        read_snds(connect(threads=1), folder / "snds", folder / "whole", year, buckets=1)
    return folder


@pytest.fixture(scope="module")
def large(country: Path) -> Path:
    """The same country, read in buckets."""
    for year in YEARS:
        read_snds(connect(threads=1), country / "snds", country / "large", year, buckets=BUCKETS)
    return country / "large"


def lay_out_by_flux(snds: Path, name: str) -> None:
    found = snds / f"{name}.parquet" if (snds / f"{name}.parquet").exists() else snds / name
    flat = found.rename(snds / f"flat-{name}")
    source = flat / "*.parquet" if flat.is_dir() else flat
    duckdb.sql(
        f"COPY (SELECT *, strftime(FLX_DIS_DTD, '%Y-%m') AS flux FROM read_parquet('{source}')) "
        f"TO '{snds / name}' (FORMAT parquet, PARTITION_BY (flux))"
    )
    shutil.rmtree(flat) if flat.is_dir() else flat.unlink()


def check_same(one: Path, other: Path, year: int) -> None:
    for name in (*WRITTEN, READ_REPORT.name):
        same(*(read_dataset(None, TABLES[name], data, year) for data in (one, other)))


@pytest.mark.parametrize("year", YEARS)
def test_buckets_hold_the_rows_and_the_report_of_the_whole(country: Path, large: Path, year: int) -> None:
    """Every dataset to the row and the cent, and every count of the report."""
    check_same(country / "whole", large, year)


def test_each_patient_lies_in_the_bucket_of_the_patient(large: Path) -> None:
    for name in WRITTEN:
        files = dataset_files(TABLES[name], large, YEARS[1])
        assert len(files) == BUCKETS
        for number, path in enumerate(files):
            patients = pd.read_parquet(path, columns=["patient_id"]).patient_id.unique()
            assert {bucket_of_text(patient, BUCKETS) for patient in patients} <= {number}


def test_features_and_spending_by_bucket_are_those_of_the_whole(country: Path, large: Path) -> None:
    for data in (country / "whole", large):
        build_features(connect(threads=1), data, YEARS[1])
        measure_spending(connect(threads=1), data, YEARS[1])
    for table in (FEATURE_TABLE, SPENDING):
        assert len(dataset_files(table, large, YEARS[1])) == BUCKETS
        same(*(read_dataset(None, table, data, YEARS[1]) for data in (country / "whole", large)))


def test_features_of_two_layouts_are_those_of_the_whole(country: Path, large: Path, tmp_path: Path) -> None:
    """The year before lies in one file, the year itself in buckets: each patient is met once."""
    data = tmp_path / "mixed"
    for name in WRITTEN:
        (data / name).mkdir(parents=True)
        shutil.copy(country / "whole" / name / f"{YEARS[0]}.parquet", data / name)
        shutil.copytree(large / name / str(YEARS[1]), data / name / str(YEARS[1]))
    build_features(connect(threads=1), data, YEARS[1])
    same(*(read_dataset(None, FEATURE_TABLE, at, YEARS[1]) for at in (country / "whole", data)))


def test_a_month_that_comes_later_is_the_only_one_read(country: Path, tmp_path: Path) -> None:
    """Same rows as all at once, and one month read again; a month that goes takes its lines with it."""
    snds, month = shutil.copytree(country / "snds", tmp_path / "snds"), "flux=2023-03"
    for table in BY_FLUX:
        (tmp_path / table.name).mkdir()
        shutil.move(snds / table.name / month, tmp_path / table.name)
    con, told = connect(threads=1), []
    before = read_snds(con, snds, tmp_path / "data", YEARS[0], buckets=BUCKETS)
    for table in BY_FLUX:
        shutil.move(tmp_path / table.name / month, snds / table.name)
    read_snds(con, snds, tmp_path / "data", YEARS[0], buckets=BUCKETS, progress=told.append)
    assert [text.split(" [")[0] for text in told if text.startswith("month of flux")] == ["month of flux 2023-03"]
    check_same(country / "whole", tmp_path / "data", YEARS[0])
    for table in BY_FLUX:
        shutil.rmtree(snds / table.name / month)
    again = read_snds(con, snds, tmp_path / "data", YEARS[0], buckets=BUCKETS)
    pd.testing.assert_frame_equal(before, again)


def test_a_read_killed_at_any_point_goes_on_to_the_same_datasets(country: Path, tmp_path: Path) -> None:
    """SIGKILL after a random while, three times, then the same command; what was done is not done again."""
    command = [sys.executable, "-W", "ignore", "-c", READ, country / "snds", tmp_path, str(YEARS[1]), str(BUCKETS)]
    drawn = random.Random(5)
    for _ in range(3):
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        time.sleep(drawn.uniform(2, 5))
        process.send_signal(signal.SIGKILL)
        process.wait()
    subprocess.run(command, check=True)
    check_same(country / "whole", tmp_path, YEARS[1])
    assert [*tmp_path.glob(".work/*/.*"), *tmp_path.glob("*/.*.buckets")] == []


def test_persons_that_change_are_followed(country: Path, tmp_path: Path) -> None:
    """A pseudonym that leads to somebody else moves to that person's bucket with all its lines."""
    snds = shutil.copytree(country / "snds", tmp_path / "snds")
    read_snds(connect(threads=1), snds, tmp_path / "data", YEARS[0], buckets=BUCKETS)
    path = snds / "IR_BEN_R.parquet" if (snds / "IR_BEN_R.parquet").exists() else next((snds / "IR_BEN_R").iterdir())
    people = pd.read_parquet(path)
    people["BEN_IDT_ANO"] = people["BEN_IDT_ANO"].str[::-1]
    people.to_parquet(path)
    read_snds(connect(threads=1), snds, tmp_path / "data", YEARS[0], buckets=BUCKETS)
    read_snds(connect(threads=1), snds, tmp_path / "again", YEARS[0], buckets=1)
    check_same(tmp_path / "again", tmp_path / "data", YEARS[0])


@pytest.mark.parametrize("table", BY_FLUX, ids=lambda table: table.name)
def test_lines_in_the_folder_of_another_month_are_refused(country: Path, tmp_path: Path, table: RawTable) -> None:
    """A line, its establishment and its details share their month: elsewhere they would not be found."""
    snds = shutil.copytree(country / "snds", tmp_path / "snds")
    shutil.move(snds / table.name / "flux=2022-11", snds / table.name / "flux=2031-05")
    told = rf"{table.name}: \d+ lines of flux=2031-05 hold a FLX_DIS_DTD of another month"
    with pytest.raises(InputError, match=told):
        read_snds(connect(threads=1), snds, tmp_path / "data", YEARS[0], buckets=BUCKETS)


@pytest.mark.parametrize("buckets", [1, BUCKETS])
def test_a_month_that_one_table_lacks_is_said(country: Path, tmp_path: Path, buckets: int) -> None:
    """Drugs of November not received, and all of June: each in the read report, whatever the layout."""
    snds = shutil.copytree(country / "snds", tmp_path / "snds")
    shutil.rmtree(snds / "ER_PHA_F" / "flux=2022-11")
    for table in BY_FLUX:
        shutil.rmtree(snds / table.name / "flux=2023-06", ignore_errors=True)
    report = read_snds(connect(threads=1), snds, tmp_path / "data", 2023, buckets=buckets)
    before = read_snds(connect(threads=1), snds, tmp_path / "data", 2022, buckets=buckets)
    absent = {year: frame[frame["control"] == "absent"].set_index("source_table")["detail"]
              for year, frame in ((2022, before), (2023, report))}  # fmt: skip
    assert "flux=2022-11: no line of these months" in absent[2022]["ER_PHA_F"]
    assert "flux=2022-11" not in absent[2022].get("ER_PRS_F", "")
    assert "flux=2023-06" in absent[2023]["ER_PRS_F"] and "flux=2022-11" not in absent[2023].get("ER_PHA_F", "")
