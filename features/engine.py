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


def connect(engine: str | None = None, *, memory_gib: float | None = None, threads: int | None = None) -> BaseBackend:
    """Ibis backend for `engine` ("duckdb" or "spark"; default FORFAIT_ENGINE, then DuckDB).

    `memory_gib` bounds DuckDB's memory (it spills to a temporary folder beyond); `threads` its threads.
    Errors: InputError for an unknown engine, or Spark without Java or pyspark.
    """
    chosen = engine or os.environ.get("FORFAIT_ENGINE", "duckdb")
    if chosen == "duckdb":
        return _duckdb(memory_gib, threads)
    if chosen == "spark":
        return _spark(memory_gib, threads)
    raise InputError(f"engine {chosen!r} is unknown; choose one of {', '.join(ENGINES)}")


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
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise InputError("engine spark needs pyspark: uv sync --extra spark") from error
    session = (
        SparkSession.builder.master(f"local[{threads or 2}]")
        .appName("forfait")
        .config("spark.driver.memory", f"{int(memory_gib or 4)}g")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.shuffle.partitions", str(threads or 2))
        .config("spark.sql.warehouse.dir", tempfile.mkdtemp(prefix="forfait-spark-"))
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("ERROR")
    return ibis.pyspark.connect(session)


def dataset_path(data: Path, name: str, year: int | None = None) -> Path:
    """Where a dataset lies: data/<name>/<year>.parquet, or data/<name>.parquet for an undated one."""
    return data / f"{name}.parquet" if year is None else data / name / f"{year}.parquet"
