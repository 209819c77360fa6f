"""Damaged and explosive bodies, of benchmarks/bodies.py: below 500, and no memory beyond reason."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from starlette.applications import Starlette

from benchmarks.bodies import damaged, made_apart, rows, thrown, valid_bodies
from benchmarks.contract_service import FEATURES, write_versions
from benchmarks.memory import MEBIBYTE, Memory
from serving.app import build_app
from serving.batch import ARROW, MOST_BATCHES, PARQUET, read_table
from serving.parquet_pages import check_pages
from serving.refusals import RefusalError
from serving.settings import ServiceSettings

CASES = 3_000
BOMB_BYTES = 256 * MEBIBYTE


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Starlette]:
    versions = write_versions(tmp_path_factory.mktemp("bodies"))
    one = build_app(ServiceSettings(versions=versions, access="open"))
    yield one
    one.state.ledger.close()


def test_the_bodies_are_answered_before_they_are_damaged(app: Starlette):
    """What is damaged below is right at first."""
    whole = valid_bodies()
    done = asyncio.run(thrown(app, whole))
    assert done.statuses == {200: len(whole)}


def test_damaged_bodies_are_refused(app: Starlette):
    """Flips, cuts, splices, lengths, footers, types: 200 where it is harmless, else a 4xx that says why."""
    memory = Memory()
    done = asyncio.run(thrown(app, damaged(CASES, seed=20240301)))
    assert done.wrong == []
    assert done.statuses.total() > 0.9 * CASES
    assert memory.extra_bytes() < 256 * MEBIBYTE


def test_bombs_are_refused_before_they_are_written_out(app: Starlette):
    """Kilobytes that would be 256 MiB and more: refused, within 64 MiB."""
    explosive = made_apart(BOMB_BYTES)
    assert max(len(one.content) for one in explosive) < 4 * MEBIBYTE
    memory = Memory()
    done = asyncio.run(thrown(app, explosive))
    assert done.wrong == []
    assert 200 not in done.statuses
    assert memory.extra_bytes() < 64 * MEBIBYTE


def test_the_measure_of_memory_sees_what_is_held():
    """The two tests above rest on it."""
    memory = Memory()
    held = bytearray(b"x") * (100 * MEBIBYTE)
    assert 0.9 * len(held) < memory.extra_bytes() < 2 * len(held)


@pytest.mark.parametrize(
    "options",
    [
        {"compression": codec, "data_page_version": version, "use_dictionary": texts}
        for codec in ("none", "snappy", "gzip", "zstd", "brotli")
        for version in ("1.0", "2.0")
        for texts in (True, False)
    ],
    ids=lambda options: "-".join(map(str, options.values())),
)
def test_pages_of_every_writer_are_followed(options: dict[str, object]):
    """Files as they are written, with several pages and groups, a group without rows too, are not refused."""
    table = pa.Table.from_pylist(rows(4_000))
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(sink, table.schema, data_page_size=512, **options) as writer:
        for part in (table, table.slice(0, 0), table.slice(5, 100)):
            writer.write_table(part, row_group_size=1_000)
    body = sink.getvalue().to_pybytes()
    assert check_pages(body, 5_000) == 4_100
    read = read_table(body, PARQUET, features=FEATURES, max_rows=5_000)
    assert read.num_rows == 4_100
    assert read["age"].to_pylist() == [*table["age"].to_pylist(), *table["age"].to_pylist()[5:105]]


def test_a_stream_in_too_many_batches_is_refused(app: Starlette):
    """One row a batch: 10,000 are taken, more are a 413 that says what to do."""
    table = pa.Table.from_pylist(rows(3))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        for _ in range(MOST_BATCHES + 1):
            writer.write_table(table.slice(0, 1))
    with pytest.raises(RefusalError, match="10,000 batches; write larger ones") as raised:
        read_table(sink.getvalue().to_pybytes(), ARROW, features=FEATURES, max_rows=10**6)
    assert raised.value.status == 413


def test_every_way_of_damage_is_used():
    """No way falls out of the list unseen."""
    made = Counter(one.made.rpartition(", ")[2] for one in damaged(600, seed=1))
    assert set(made) == {"flipped", "cut", "spliced", "declared", "ending", "types and metadata"}
    assert min(made.values()) > 50
