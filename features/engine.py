"""The one place where an Ibis backend is chosen (DuckDB by default, Spark for those who outgrow one machine)."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

import duckdb
import ibis
from ibis.backends import BaseBackend

from features.errors import InputError

ENGINES = ("duckdb", "spark")
SPARK_MASTER = "FORFAIT_SPARK_MASTER"
# whatever the cluster's own settings: days do not move, a sum too large is an error and not a null
RESULTS_DEPEND_ON = {"spark.sql.session.timeZone": "UTC", "spark.sql.ansi.enabled": "true"}


def connect(engine: str | None = None, *, memory_gib: float | None = None, threads: int | None = None) -> BaseBackend:
    """Ibis backend for `engine` ("duckdb" or "spark"; default FORFAIT_ENGINE, then DuckDB).

    `memory_gib` bounds DuckDB's memory (it spills to a temporary folder beyond); `threads` its threads. Spark runs
    in this process, or on the cluster of FORFAIT_SPARK_MASTER (spark://host:7077, yarn, k8s://…).
    Errors: InputError for an unknown engine, Spark without Java or pyspark, a cluster that does not answer, or
    `memory_gib` with a cluster.
    """
    chosen = engine or os.environ.get("FORFAIT_ENGINE", "duckdb")
    if chosen == "duckdb":
        return _duckdb(memory_gib, threads)
    if chosen == "spark":
        return _spark(memory_gib, threads)
    raise InputError(f"engine {chosen!r} is unknown; choose one of {', '.join(ENGINES)}")


def connect_source(url: str) -> BaseBackend:
    """Ibis backend of a database to extract from: oracle://user:password@host:1521/service, or another of Ibis.

    Errors: InputError where its driver is absent or it does not answer; the URL, which holds a password, is not told.
    """
    kind = url.partition("://")[0] if "://" in url else "?"
    try:
        return ibis.connect(url)
    except Exception as error:  # each driver has errors of its own, and their messages may quote the URL
        reason = f"{type(error).__name__}; give it as oracle://user:password@host:1521/service"
        raise InputError(f"no connection to a source {kind}://… ({reason})") from None


def _duckdb(memory_gib: float | None, threads: int | None) -> BaseBackend:
    options: dict[str, object] = {"preserve_insertion_order": False, "temp_directory": tempfile.gettempdir()}
    if memory_gib is not None:
        options["memory_limit"] = f"{memory_gib}GiB"
    if threads is not None:
        options["threads"] = threads
    con = ibis.duckdb.connect(**options)
    with suppress(duckdb.InvalidInputException):  # in a notebook without widgets there is none to switch off
        con.raw_sql("SET enable_progress_bar = false")  # the command line shows its own
    return con


def _spark(memory_gib: float | None, threads: int | None) -> BaseBackend:
    if shutil.which("java") is None:
        raise InputError("engine spark needs Java 17 on the PATH; install it or use --engine duckdb")
    try:
        from py4j.protocol import Py4JError
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise InputError("engine spark needs pyspark: uv sync --extra spark") from error
    url = os.environ.get(SPARK_MASTER, "")
    settings: dict[str, bool | float | int | str | None] = {}
    settings |= RESULTS_DEPEND_ON | (_of_a_cluster(memory_gib) if url else _of_one_machine(memory_gib, threads))
    master = url or f"local[{threads or 2}]"
    try:
        session = SparkSession.builder.master(master).appName("forfait").config(map=settings).getOrCreate()
    except (PySparkException, Py4JError) as error:
        raise InputError(f"Spark did not start with master {master}; its own message stands above") from error
    session.sparkContext.setLogLevel("ERROR")
    return ibis.pyspark.connect(session)


def _of_one_machine(memory_gib: float | None, threads: int | None) -> dict[str, str]:
    return {
        "spark.driver.memory": f"{int(memory_gib or 4)}g",
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": str(threads or 2),
        "spark.sql.warehouse.dir": tempfile.mkdtemp(prefix="forfait-spark-"),
    }


def _of_a_cluster(memory_gib: float | None) -> dict[str, str]:
    """Nothing: memory, cores and partitions of a cluster are said in Spark's own spark-defaults.conf."""
    if memory_gib is not None:
        raise InputError(f"--memory is for one machine; with {SPARK_MASTER}, set spark.executor.memory of Spark")
    return {}


def dataset_path(data: Path, name: str, year: int | None = None) -> Path:
    """Where a dataset lies: data/<name>/<year>.parquet (data/<name>.parquet for an undated one).

    A large country's lies in a folder of buckets, data/<name>/<year>/: that folder, where it is there.
    """
    if year is None:
        return data / f"{name}.parquet"
    folder = data / name / str(year)
    return folder if folder.is_dir() else data / name / f"{year}.parquet"
