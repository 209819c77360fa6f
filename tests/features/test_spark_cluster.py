"""A real cluster on this machine: Spark's own master and worker, executors in processes of their own."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pandas as pd
import pytest

from features.engine import connect
from features.errors import InputError
from features.spending import measure_spending
from features.store import read_dataset
from features.tables import SPENDING
from tests.features.test_engines import drawn

NEEDS_SPARK = pytest.mark.skipif(
    shutil.which("java") is None or importlib.util.find_spec("pyspark") is None, reason="needs Java and pyspark"
)
LOOPBACK = "127.0.0.1"
PATIENCE_SECONDS = 60.0
DEFAULTS = """spark.driver.host 127.0.0.1
spark.driver.bindAddress 127.0.0.1
spark.driver.memory 512m
spark.executor.memory 512m
spark.cores.max 1
spark.ui.enabled false
spark.driver.extraJavaOptions -XX:TieredStopAtLevel=1
spark.executor.extraJavaOptions -XX:TieredStopAtLevel=1
spark.sql.codegen.wholeStage false
spark.sql.session.timeZone Europe/Paris
spark.sql.shuffle.partitions 3
spark.eventLog.enabled true
spark.eventLog.compress false
spark.eventLog.dir {log}
"""


def environment(folder: Path, **more: str) -> dict[str, str]:
    """Spark's own settings in a folder of its own, whatever this machine sets."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SPARK_", "PYSPARK_"))}
    quick = {"SPARK_DAEMON_JAVA_OPTS": "-XX:TieredStopAtLevel=1", "SPARK_LOCAL_IP": LOOPBACK}
    return kept | quick | {"SPARK_CONF_DIR": str(folder / "conf")} | more


@contextmanager
def daemon(folder: Path, name: str, words: Sequence[str]) -> Iterator[Path]:
    """A master or a worker until the test ends; the path of what it writes."""
    import pyspark

    home = Path(pyspark.__file__).parent
    said = folder / f"{name}.log"
    command = [str(home / "bin" / "spark-class"), f"org.apache.spark.deploy.{name}", *words]
    with said.open("wb") as output:
        process = subprocess.Popen(
            command, env=environment(folder, SPARK_HOME=str(home)), stdout=output, stderr=subprocess.STDOUT
        )
    try:
        yield said
    finally:
        process.terminate()
        process.wait(timeout=PATIENCE_SECONDS)


def wait_for(said: Path, text: str) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while text not in said.read_text(encoding="utf-8", errors="replace"):
        assert time.monotonic() < end, said.read_text(encoding="utf-8", errors="replace")[-2000:]
        time.sleep(0.1)


def free_port() -> int:
    with socket.socket() as one:
        one.bind((LOOPBACK, 0))
        return int(one.getsockname()[1])


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """URL of a master with one worker of one core, and the folder of its settings, logs and work."""
    folder, port = tmp_path / "spark", free_port()
    (folder / "conf").mkdir(parents=True)
    (folder / "events").mkdir()
    settings = DEFAULTS.format(log=(folder / "events").as_uri())
    (folder / "conf" / "spark-defaults.conf").write_text(settings, encoding="utf-8")
    url, web = f"spark://{LOOPBACK}:{port}", ["--host", LOOPBACK, "--webui-port", "0"]
    with ExitStack() as running:
        master = running.enter_context(daemon(folder, "master.Master", [*web, "--port", str(port)]))
        wait_for(master, "New state: ALIVE")
        work = ["-c", "1", "-m", "1g", "-d", str(folder / "work")]
        wait_for(running.enter_context(daemon(folder, "worker.Worker", [*web, *work, url])), "Successfully registered")
        yield url, folder


def spent(data: Path, variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """`forfait spending` on Spark, in a process of its own."""
    words = ["spending", "--year", "2023", "--data", str(data), "--engine", "spark"]
    return subprocess.run(
        [sys.executable, "-c", "from forfait.cli import main; main()", *words],
        env=variables | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=4 * PATIENCE_SECONDS,
    )


@pytest.mark.slow
@NEEDS_SPARK
def test_a_cluster_writes_what_one_machine_writes(cluster: tuple[str, Path], tmp_path: Path):
    """Executors write the parts, this machine joins them; Spark's settings file is read, days stay in UTC."""
    url, folder = cluster
    drawn(tmp_path / "here")
    drawn(tmp_path / "there")
    measure_spending(connect("duckdb"), tmp_path / "here", 2023)
    done = spent(tmp_path / "there", environment(folder, FORFAIT_SPARK_MASTER=url))
    assert done.returncode == 0, done.stderr[-2000:]
    here, there = (
        read_dataset(None, SPENDING, tmp_path / name, 2023).sort_values("patient_id", ignore_index=True)
        for name in ("here", "there")
    )
    pd.testing.assert_frame_equal(here, there[list(here.columns)])
    events = "".join(path.read_text(encoding="utf-8") for path in (folder / "events").rglob("*") if path.is_file())
    for setting in (f'"spark.master":"{url}"', '"spark.sql.shuffle.partitions":"3"', '"spark.sql.ansi.enabled":"true"'):
        assert setting in events
    assert len(list((folder / "work").glob("app-*/0/stderr"))) == 1


def test_memory_of_a_cluster_is_said_to_spark(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FORFAIT_SPARK_MASTER", "spark://nowhere:7077")
    with pytest.raises(InputError, match=r"set spark\.executor\.memory"):
        connect("spark", memory_gib=4)


@pytest.mark.slow
@NEEDS_SPARK
def test_a_master_that_is_none_is_named(tmp_path: Path):
    """A message and an exit code, under what Spark says; nothing is written."""
    drawn(tmp_path)
    done = spent(tmp_path, environment(tmp_path, FORFAIT_SPARK_MASTER="nowhere"))
    assert done.returncode == InputError.exit_code
    assert "Spark did not start with master nowhere" in done.stderr
    assert not (tmp_path / "spending").exists()
