"""The curl examples of the how-to pages, run as they stand against a service: status, headers and fields shown."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.bodies import rows
from benchmarks.contract_service import Served, served
from serving.openapi_examples import REQUEST

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to"
PAGES = ("serve.md", "access.md", "decisions.md")
ADDRESS = "http://127.0.0.1:3000"
BLOCK = re.compile(r"^```(\w+) ?(\d*)\n(.*?)^```\n", re.MULTILINE | re.DOTALL)
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


class Example(NamedTuple):
    """A command of a page, the status that it says, and what it shows of the answer."""

    page: str
    command: str
    status: int
    kind: str
    shown: str


def examples() -> list[Example]:
    """Every block of a shell that calls curl, with the json or http block that follows it."""
    found = []
    for page in PAGES:
        text = (HOW_TO / page).read_text(encoding="utf-8")
        blocks = list(BLOCK.finditer(text))
        for block, after in zip(blocks, [*blocks[1:], None], strict=True):
            if block[1] == "sh" and "curl " in block[3]:
                is_next = after is not None and not text[block.end() : after.start()].strip()
                is_answer = is_next and after is not None and after[1] in ("json", "http")
                kind, status, shown = (after[1], after[2], after[3]) if is_answer and after else ("", "", "")
                found.append(Example(page, block[3], int(status or 200), kind, shown))
    return found


EXAMPLES = examples()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    with served(tmp_path_factory.mktemp("curl")) as one:
        yield one


def test_the_pages_have_their_examples():
    """None falls out of the search; each says what is answered, or writes it to a file."""
    assert [one.page for one in EXAMPLES] == ["serve.md"] * 5 + ["access.md"] * 2 + ["decisions.md"]
    assert all(one.kind or " -o " in one.command for one in EXAMPLES)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda one: f"{one.page}-{one.status}")
def test_an_example_is_answered_as_the_page_says(service: Served, tmp_path: Path, example: Example):
    """Run by bash; only the address is another. The status is read from the headers, which curl writes beside."""
    (tmp_path / "request.json").write_text(json.dumps(REQUEST))
    pq.write_table(pa.Table.from_pylist(rows(30)), tmp_path / "patients.parquet")
    command = example.command.replace(ADDRESS, service.url).replace("curl ", "curl --noproxy '*' -D headers ", 1)
    assert service.url in command
    environment = os.environ | {"FORFAIT_TOKEN": service.tokens["payer"]}
    done = subprocess.run(["bash", "-ec", command], cwd=tmp_path, env=environment, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    status, *headers = (tmp_path / "headers").read_text().splitlines()
    assert int(status.split()[1]) == example.status, done.stdout
    if example.kind == "json":
        assert differing(json.loads(example.shown), json.loads(done.stdout)) == []
    elif example.kind == "http":
        wanted = {masked(line) for line in example.shown.splitlines()}
        assert wanted <= {masked(line) for line in [status, *headers]}
    else:
        table = pq.read_table(tmp_path / "expected.parquet")
        assert (table.column_names, table.num_rows) == (["row", "expected_eur"], 30)
        assert (table.schema.metadata or {})[b"version"] == b"2"


def masked(line: str) -> str:
    """A header with any decision in place of one."""
    return UUID.sub("(id)", line.strip())


def differing(shown: Any, answer: Any, place: str = "") -> list[str]:
    """Places shown that the answer does not have; "…" stands for any value, and a list may show its first elements."""
    if shown == "…":
        return [] if answer is not None else [place]
    if isinstance(shown, dict) and isinstance(answer, dict):
        return [w for name, one in shown.items() for w in differing(one, answer.get(name), f"{place}.{name}")]
    if isinstance(shown, list) and isinstance(answer, list) and len(shown) <= len(answer):
        return [w for n, one in enumerate(shown) for w in differing(one, answer[n], f"{place}[{n}]")]
    return [] if type(shown) is type(answer) and shown == answer else [place]


def test_what_is_not_answered_is_seen():
    """The comparison can fail."""
    answer = {"a": 1, "b": [{"c": 2.5}]}
    assert differing({"a": 1, "b": [{"c": "…"}]}, answer) == []
    assert differing({"a": 2, "b": [{"c": "…", "d": "…"}], "e": None}, answer) == [".a", ".b[0].d"]
