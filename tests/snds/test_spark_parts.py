"""Raw tables that Spark wrote: folders of parts, with its marks and check sums beside them."""

from __future__ import annotations

import datetime as dt
import importlib.util
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from features.engine import connect
from features.errors import InputError
from features.snds.read import read_snds
from features.snds.sources import find_parts
from tests.snds.raw import YEAR, write_raw
from tests.snds.test_read import a_bit_of_everything, datasets, same

NEEDS_SPARK = pytest.mark.skipif(
    shutil.which("java") is None or importlib.util.find_spec("pyspark") is None, reason="needs Java and pyspark"
)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
@NEEDS_SPARK
def test_parts_of_spark_read_like_one_file(tmp_path: Path):
    """Three parts of claims, some empty; Spark's old timestamps (INT96) at midnight UTC; persons under NAME.parquet."""
    write_raw(tmp_path / "one", a_bit_of_everything())
    shutil.copytree(tmp_path / "one", tmp_path / "parts")
    session = connect("spark", threads=1)._session
    for name, target in (("ER_PRS_F", "ER_PRS_F"), ("IR_BEN_R", "IR_BEN_R.parquet")):
        (tmp_path / "parts" / f"{name}.parquet").unlink()
        rows = session.read.parquet(str(tmp_path / "one" / f"{name}.parquet"))
        if name == "ER_PRS_F":
            rows = rows.withColumn("EXE_SOI_DTD", rows["EXE_SOI_DTD"].cast("timestamp"))
        rows.repartition(3).write.parquet(str(tmp_path / "parts" / target))
    written = find_parts(tmp_path / "parts", "ER_PRS_F")
    assert len(written) > 1
    assert (tmp_path / "parts" / "ER_PRS_F" / "_SUCCESS").exists()
    column = pq.ParquetFile(written[0]).schema.names.index("EXE_SOI_DTD")
    assert pq.ParquetFile(written[0]).schema.column(column).physical_type == "INT96"
    for name in ("one", "parts"):
        read_snds(connect(), tmp_path / name, tmp_path / f"data-{name}", YEAR)
    expected = datasets(tmp_path / "data-one")
    for name, frame in datasets(tmp_path / "data-parts").items():
        same(frame, expected[name])
    assert expected["care_lines"]["care_date"].max() >= dt.datetime(YEAR, 1, 1)


def test_a_folder_under_both_names_is_refused(tmp_path: Path):
    """NAME/ and NAME.parquet/: which one is the table is not guessed."""
    for name in ("ER_PRS_F", "ER_PRS_F.parquet"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "part-00000.parquet").touch()
    with pytest.raises(InputError, match="ER_PRS_F lies there more than once"):
        find_parts(tmp_path, "ER_PRS_F")
    shutil.rmtree(tmp_path / "ER_PRS_F")
    assert find_parts(tmp_path, "ER_PRS_F") == [tmp_path / "ER_PRS_F.parquet" / "part-00000.parquet"]
