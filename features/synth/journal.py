"""What of a country is finished: it is made beside the data folder's tables, and shown whole at the end.

data/.synth/ holds the order (order.json), a record per finished group of chunks (done/), what is made so far (made/,
parts/) and, once nothing is left to make, the word that it is whole. A killed run goes on from there.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa

from features.errors import InputError
from features.synth.chunk import Count, Order, Planted
from features.work import hash_of, remove

MARK = "FICTIONAL.txt"
MARK_TEXT = "Fictional persons, drawn by forfait synth: this folder is overwritten by the next draw.\n"


def begin(order: Order) -> None:
    """Makes room for the country; what a killed run of the same order, by the same code, has finished is kept.

    Errors: InputError for a data/snds that does not come from here.
    """
    _refuse_foreign(order.data)
    written, said = order.stage / "order.json", _said(order)
    if written.exists() and written.read_text(encoding="utf-8") == said:
        return
    for folder in (order.stage, order.data / "snds", order.data / "oracle"):
        remove(folder)
    for folder in (order.tables, order.parts, order.tables.with_name("oracle"), order.stage / "done"):
        folder.mkdir(parents=True)
    (order.tables / MARK).write_text(MARK_TEXT, encoding="utf-8")
    _write(written, said)


def unfinished(order: Order) -> list[int]:
    """Numbers of the groups of chunks that are still to be made, in order."""
    return [number for number in range(len(order.groups)) if not _record(order, number).exists()]


def finish(order: Order, number: int, planted: Planted) -> None:
    """Notes that every file of a group is written, and what was planted in it."""
    _write(_record(order, number), json.dumps([[*key, *counts] for key, counts in planted.items()]))


def planted_in_all(order: Order) -> Planted:
    """Rows and cents planted in all groups."""
    total: Planted = {}
    for number in range(len(order.groups)):
        for table, control, year, *counts in json.loads(_record(order, number).read_text(encoding="utf-8")):
            total = added(total, {(table, control, year): (counts[0], counts[1], counts[2])})
    return total


def added(total: Planted, more: Planted) -> Planted:
    """Counts of both, by table, control and care year."""
    return total | {key: add(total.get(key, (0, 0, 0)), counts) for key, counts in more.items()}


def add(one: Count, other: Count) -> Count:
    """Rows, base and reimbursed cents added up."""
    return one[0] + other[0], one[1] + other[1], one[2] + other[2]


def is_whole(order: Order) -> bool:
    """Whether nothing is left to make: what is made may be shown."""
    return (order.stage / "whole").exists()


def call_whole(order: Order) -> None:
    """Notes that everything is made."""
    _write(order.stage / "whole", "")


def show(order: Order) -> None:
    """Moves what was made to its place, folder by folder; done again after a kill, it moves what is left."""
    _refuse_foreign(order.data)
    for made in sorted((order.stage / "made").iterdir()):
        place = order.data / made.name
        if made.is_dir():
            remove(place)
        made.replace(place)


def forget(order: Order) -> None:
    """Removes the journal of a country that is shown and reported; its order first, so that a rest is never resumed."""
    (order.stage / "order.json").unlink(missing_ok=True)
    shutil.rmtree(order.stage, ignore_errors=True)


def _refuse_foreign(data: Path) -> None:
    snds = data / "snds"
    if snds.exists() and any(snds.iterdir()) and not (snds / MARK).exists():
        raise InputError(f"{snds} holds tables that forfait synth did not write; choose another data folder")


def _record(order: Order, number: int) -> Path:
    return order.stage / "done" / f"{number:05d}.json"


def _write(path: Path, text: str) -> None:
    """The whole file or none."""
    partial = path.with_suffix(".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


def _said(order: Order) -> str:
    """The order in words, with the code and the libraries that carry it out."""
    told = {
        "patients": order.patients,
        "years": [order.years[0], order.years[-1]],
        "seed": order.seed,
        "surgery": order.surgery,
        "by_flux": order.by_flux,
        "rates": asdict(order.rates),
        "code": _code(),
        "libraries": {"numpy": np.__version__, "pyarrow": pa.__version__},
    }
    return json.dumps(told, indent=1) + "\n"


@cache
def _code() -> str:
    """Hash of the modules and reference tables from which a country is drawn."""
    here = Path(__file__).parent
    return hash_of((*here.glob("*.py"), *(here.parent / "reference").glob("*.csv")), here.parent)
