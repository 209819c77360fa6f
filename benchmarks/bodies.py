"""Damaged bodies thrown at the service: below 500 each time, and no more memory than their size is worth.

Bit flips, truncations, splices of valid bodies, lengths made huge, random metadata and types, in JSON, Parquet and
Arrow; then bombs, a few kilobytes that would be gigabytes once written out.

    python -m benchmarks.bodies [--cases 20000] [--seed 1]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.contract_service import write_versions
from benchmarks.memory import MEBIBYTE, Memory
from serving.app import build_app
from serving.batch import ARROW, PARQUET
from serving.reading import JSON
from serving.schemes_examples import EXAMPLES
from serving.settings import ServiceSettings

HUGE = (2**31 - 1, 2**32 - 1, 2**31, 2**63 - 1, 2**64 - 1, 2**24, 0)
MOST_EXTRA_BYTES = 128 * MEBIBYTE
BOMB_BYTES = 512 * MEBIBYTE
QUERY = "/predict?model=peps_mg&version=2"
Random = random.Random


@dataclass(frozen=True)
class Body:
    """A body: where it is sent, its type, its bytes, how it was made."""

    path: str
    media_type: str
    content: bytes
    made: str


@dataclass
class Thrown:
    """What was answered: how many of each status, and what was not as it should be."""

    statuses: Counter[int] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


def rows(count: int, seed: int = 0) -> list[dict[str, Any]]:
    """Rows that the versions of the contract take."""
    rng = Random(seed)
    return [
        {"age": rng.randrange(110), "is_woman": rng.randrange(2), "ald_08": rng.choice([0, 1, None]),
         "fdep_quintile": rng.choice("12345")}
        for _ in range(count)
    ]  # fmt: skip


def parquet_of(table: pa.Table, **options: Any) -> bytes:
    """A table as Parquet."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, **options)
    return bytes(sink.getvalue().to_pybytes())


def arrow_of(table: pa.Table, **options: Any) -> bytes:
    """A table as an Arrow stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table, max_chunksize=50)
    return bytes(sink.getvalue().to_pybytes())


def valid_bodies() -> list[Body]:
    """Bodies that are answered 200, of every format and of several writers."""
    table = pa.Table.from_pylist(rows(120))
    texts = table.set_column(3, "fdep_quintile", table["fdep_quintile"].dictionary_encode())
    json_rows = json.dumps({"model": "peps_mg", "version": 2, "rows": rows(3)}).encode()
    found = [Body(path, JSON, json_rows, "json") for path in ("/predict", "/explain")]
    found += [Body(path, JSON, json.dumps(asked).encode(), "json") for path, asked in EXAMPLES.items()]
    for codec in ("none", "snappy", "zstd", "gzip"):
        found.append(Body(QUERY, PARQUET, parquet_of(table, compression=codec), f"parquet {codec}"))
    second = parquet_of(texts, data_page_version="2.0", use_dictionary=False, row_group_size=40)
    found.append(Body(QUERY.replace("predict", "explain"), PARQUET, second, "parquet pages 2"))
    found += [Body(QUERY, ARROW, arrow_of(one), "arrow") for one in (table, texts)]
    return found


def flipped(content: bytes, rng: Random, others: list[bytes]) -> bytes:
    """One to eight bits the other way."""
    changed = bytearray(content)
    for _ in range(rng.randint(1, 8)):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def cut(content: bytes, rng: Random, others: list[bytes]) -> bytes:
    """A beginning, an end, or a hole."""
    start, end = sorted(rng.randrange(len(content) + 1) for _ in range(2))
    return rng.choice([content[:end], content[start:], content[:start] + content[end:]])


def spliced(content: bytes, rng: Random, others: list[bytes]) -> bytes:
    """The beginning of one and the end of another; or a part twice."""
    other = rng.choice(others)
    start, end = rng.randrange(len(content)), rng.randrange(len(other))
    return content[:start] + other[end:]


def declared(content: bytes, rng: Random, others: list[bytes]) -> bytes:
    """A few bytes that may be a length made huge, zero or negative."""
    changed = bytearray(content)
    size = rng.choice([1, 2, 4, 8])
    place = rng.randrange(max(len(changed) - size, 1))
    changed[place : place + size] = (rng.choice(HUGE) % 2 ** (8 * size)).to_bytes(size, "little")
    return bytes(changed)


def ending(content: bytes, rng: Random, others: list[bytes]) -> bytes:
    """A few bytes of the last two hundred (the footer of Parquet), whatever they were."""
    changed = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        changed[rng.randrange(max(len(changed) - 200, 0), len(changed))] = rng.randrange(256)
    return bytes(changed)


DAMAGE: tuple[Callable[[bytes, Random, list[bytes]], bytes], ...] = (flipped, cut, spliced, declared, ending)


def odd_table(rng: Random) -> pa.Table:
    """A table whose columns have types and metadata at random."""
    count = rng.randint(0, 5)
    plain: dict[str, pa.Array] = {
        "whole": pa.array([1] * count, rng.choice([pa.int8(), pa.uint64(), pa.int32()])),
        "real": pa.array([1.0] * count, rng.choice([pa.float32(), pa.float64()])),
        "half": pa.array(np.ones(count, dtype=np.float16)),
        "flag": pa.array([True] * count, pa.bool_()),
        "text": pa.array(["4"] * count, rng.choice([pa.string(), pa.large_string(), pa.string_view()])),
        "bytes": pa.array([b"4"] * count, rng.choice([pa.binary(), pa.binary(1), pa.binary_view()])),
        "null": pa.nulls(count),
        "list": pa.array([[1]] * count, rng.choice([pa.list_(pa.int8()), pa.large_list(pa.int8())])),
        "struct": pa.array([{"a": 1}] * count, pa.struct([("a", pa.int8())])),
        "map": pa.array([[("a", 1)]] * count, pa.map_(pa.string(), pa.int8())),
        "day": pa.array([0] * count, rng.choice([pa.date32(), pa.timestamp("us"), pa.time64("us"), pa.duration("s")])),
        "code": pa.DictionaryArray.from_arrays(pa.array([0] * count, pa.int8()), pa.array(rng.choice([["4"], [4.0]]))),
        "decimal": pa.array([1] * count).cast(rng.choice([pa.decimal128(20, 0), pa.decimal256(40, 0)])),
    }
    names = ("age", "is_woman", "ald_08", "fdep_quintile")
    names = tuple(rng.choice(names) if rng.random() < 0.1 else name for name in names)
    arrays = [plain[rng.choice(list(plain))] for _ in names]
    fields = [pa.field(name, one.type, metadata=noise(rng)) for name, one in zip(names, arrays, strict=True)]
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields, metadata=noise(rng)))


def noise(rng: Random) -> dict[bytes, bytes]:
    """Metadata at random, of names that libraries read as well."""
    names = [b"pandas", b"ARROW:schema", b"ARROW:extension:name", b"ARROW:extension:metadata", b"x"]
    known = [b"arrow.json", b"arrow.uuid", b"arrow.bool8"]
    return {
        rng.choice(names): rng.choice([*known, rng.randbytes(rng.randint(0, 60))]) for _ in range(rng.randint(0, 3))
    }


def damaged(count: int, seed: int) -> Iterator[Body]:
    """Bodies damaged in every way, in turn."""
    rng, whole = Random(seed), valid_bodies()
    for number in range(count):
        kind = number % (len(DAMAGE) + 1)
        if kind == len(DAMAGE):
            media_type, written = rng.choice([(PARQUET, parquet_of), (ARROW, arrow_of)])
            try:
                content = written(odd_table(rng))
            except pa.ArrowException:  # a type that Parquet cannot hold
                continue
            yield Body(QUERY, media_type, content, "types and metadata")
            continue
        media_type = rng.choice([JSON, PARQUET, ARROW])
        alike = [one.content for one in whole if one.media_type == media_type]
        one = rng.choice([one for one in whole if one.media_type == media_type])
        content = one.content
        for _ in range(rng.choice([1, 1, 2])):
            content = DAMAGE[kind](content, rng, alike) or b" "
        yield Body(one.path, one.media_type, content, f"{one.made}, {DAMAGE[kind].__name__}")


def bombs(size: int) -> list[Body]:
    """Small bodies whose columns would take `size` bytes or more."""
    one, zeros = "x" * (size // 512), pa.array(np.zeros(size // 8, np.int64))
    lists = pa.ListArray.from_arrays(pa.array([0, len(zeros)], pa.int32()), zeros)
    repeated = pa.DictionaryArray.from_arrays(pa.array([0] * 512, pa.int32()), pa.array([one]))
    plain = {"compression": "zstd", "use_dictionary": False, "write_statistics": False, "store_schema": False}
    differences = plain | {"column_encoding": {"fdep_quintile": "DELTA_BYTE_ARRAY"}}
    long, several = _with("fdep_quintile", pa.array(["x" * size])), _with("fdep_quintile", pa.array([one] * 512))
    parquet = {
        **{f"one long text, {codec}": parquet_of(long, **plain | {"compression": codec})
           for codec in ("zstd", "gzip", "brotli")},
        "a list in place of a number": parquet_of(_with("age", lists), compression="zstd"),
        "a text repeated for a number": parquet_of(_with("age", repeated), store_schema=False),
        "DELTA_BYTE_ARRAY": parquet_of(several, **differences),
        "a footer larger than the body": b"PAR1" + bytes(64) + (2**31 - 1).to_bytes(4, "little") + b"PAR1",
    }  # fmt: skip
    asked = b'{"model":"peps_mg","version":2,"rows":['
    texts = {
        "nested": asked + b"[" * 10**6,
        "digits": asked + b'{"age":1' + b"0" * 10**6 + b"}]}",
        "rows": asked + b"{}," * 10**6 + b"{}]}",
    }
    return [
        *(Body(QUERY, PARQUET, content, made) for made, content in parquet.items()),
        Body(QUERY, ARROW, arrow_of(_with("age", lists), compression="zstd"), "compressed Arrow"),
        *(Body("/predict", JSON, content, made) for made, content in texts.items()),
    ]


def _with(name: str, column: pa.Array) -> pa.Table:
    """A table of valid rows with one column replaced."""
    table = pa.Table.from_pylist(rows(len(column)))
    return table.set_column(table.schema.get_field_index(name), name, column)


async def thrown(app: Any, bodies: Iterable[Body], done: Thrown | None = None) -> Thrown:
    """Each body sent to the app in this process."""
    done = done or Thrown()
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", timeout=60) as http:
        for body in bodies:
            answer = await http.post(body.path, content=body.content, headers={"content-type": body.media_type})
            done.statuses[answer.status_code] += 1
            if why := why_wrong(answer):
                done.wrong.append(f"{body.made} on {body.path}: {why}")
    return done


def why_wrong(answer: httpx.Response) -> str:
    """Why an answer is not as it should be: 200, or a 4xx that says what is wrong; else nothing."""
    if answer.status_code == 200:
        return ""
    if not 400 <= answer.status_code < 500:
        return f"{answer.status_code} {answer.text[:200]}"
    is_told = answer.headers.get("content-type") == JSON and answer.json()["error"]["message"]
    return "" if is_told else f"{answer.status_code} without a message"


def made_apart(size: int) -> list[Body]:
    """The bombs, made in another process, which takes the memory that they stand for."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(bombs, size).result()


def main() -> None:
    """Throw, and print what was answered; the exit code is 1 where something was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    explosive = made_apart(BOMB_BYTES)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = ServiceSettings(
            versions=write_versions(folder), access="open", ledger_url=f"sqlite:///{folder / 'ledger.db'}"
        )
        app = build_app(settings)
        for what, bodies in (("damaged", damaged(given.cases, given.seed)), ("bombs", iter(explosive))):
            memory, begun = Memory(), time.perf_counter()
            done = asyncio.run(thrown(app, bodies))
            extra, seconds = memory.extra_bytes() / MEBIBYTE, time.perf_counter() - begun
            print(f"{what}: {done.statuses.total()} in {seconds:.0f} s, {dict(sorted(done.statuses.items()))}")
            print(f"  at most {extra:.0f} MiB more; wrong: {len(done.wrong)}", *done.wrong[:20], sep="\n  ")
            if done.wrong or extra * MEBIBYTE > MOST_EXTRA_BYTES:
                sys.exit(1)


if __name__ == "__main__":
    main()
