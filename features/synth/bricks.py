"""Bricks that the doctors of IPSO practices declare: mostly what is true of the person, some missed, some in excess."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from features.synth.arrow import Part, texts
from features.synth.days import NEVER, iso_days
from features.synth.doctors import Contracts, Directory
from features.synth.model import Array, CareModel, read_rows
from features.synth.person_tables import Desk
from features.synth.population import Persons

YEAR = 365.25
AGES = {"nourrisson": (0, 2), "enfant": (2, 6), "personne_agee": (75, 200), "sante_femme": (15, 50)}
WOMAN = 2
EVERY_ALD = "*"
TABLE = "declared_bricks"


def write_declared_bricks(desk: Desk, contracts: Contracts, *, directory: Directory, part: Part) -> None:
    """Part of `declared_bricks`: structure_id, patient_id, brick, from_date, to_date (empty while open)."""
    person, place, first = _signed(contracts, directory)
    rows = read_rows("synth_bricks")
    drawn = desk.rng.random((person.size, len(rows)))
    found: list[tuple[Array, Array, Array, Array]] = []
    for column, row in enumerate(rows):
        start, end = (days[person] for days in _true_days(desk.model, desk.persons, row))
        begins, last = np.maximum(start, first), np.minimum(desk.end - 1, desk.persons.death[person])
        is_true = begins <= np.minimum(end, last)
        excess = ~is_true & (first <= last) & (drawn[:, column] < float(row["overdeclared"]))
        declared = np.flatnonzero((is_true & (drawn[:, column] >= float(row["undeclared"]))) | excess)
        where = np.where(excess, first, begins)[declared], np.where(excess, NEVER, end)[declared]
        found.append((declared, np.full(declared.size, column), *where))
    chosen, brick, begins, end = (np.concatenate(column) for column in zip(*found, strict=True))
    order = np.lexsort((brick, chosen))
    chosen, brick, begins, end = chosen[order], brick[order], begins[order], end[order]
    names = np.array(desk.persons.patient_id)
    columns = {
        "structure_id": np.array(directory.structures.structure_id)[place[chosen]],
        "patient_id": names[person[chosen]],
        "brick": np.array([row["brick"] for row in rows])[brick],
        "from_date": iso_days(begins),
        "to_date": iso_days(end),
    }
    part.write(TABLE, {name: texts(values.tolist()) for name, values in columns.items()})


def join_declared_bricks(folder: Path, path: Path) -> None:
    """declared_bricks.csv from the parts of a folder, in the order of the chunks."""
    with path.open("w", encoding="utf-8", newline="") as file:
        for place, part in enumerate(sorted(folder.glob("*.parquet"))):
            rows = pq.read_table(part).to_pandas()
            rows.to_csv(file, index=False, header=place == 0, lineterminator="\n")


def _signed(contracts: Contracts, directory: Directory) -> tuple[Array, Array, Array]:
    """Persons who declare a doctor of an IPSO practice, the practice, and the first day of their contract with it."""
    structures = directory.structures
    starts = {place: int(np.datetime64(structures.profile[place]["from_date"], "D").astype(int)) for place in
              structures.places("kind", "ipso")}  # fmt: skip
    parts = []
    for doctor, begins in ((contracts.doctor, contracts.begins), (contracts.second_doctor, contracts.second_begins)):
        place = np.where((doctor >= 0) & (begins < NEVER), directory.team[doctor], -1)
        person = np.flatnonzero(np.isin(place, list(starts)))
        first = np.maximum(begins[person], [starts[int(team)] for team in place[person]])
        parts.append((person, place[person], first))
    person, place, first = (np.concatenate(column) for column in zip(*parts, strict=True))
    kept = np.unique(person, return_index=True)[1]
    return person[kept], place[kept].astype(np.int64), first[kept].astype(np.int64)


def _true_days(model: CareModel, persons: Persons, row: dict[str, str]) -> tuple[Array, Array]:
    """First and last day on which the brick is true of each person (NEVER: not, or still)."""
    brick, never = row["brick"], np.full(persons.size, NEVER)
    if brick in AGES:
        low, high = (persons.birth + np.floor(age * YEAR).astype(np.int64) for age in AGES[brick])
        concerned = (persons.sex == WOMAN) | (brick != "sante_femme")
        return np.where(concerned, low, NEVER), np.where(high - persons.birth > 150 * YEAR, NEVER, high - 1)
    if brick == "vulnerabilite_sociale":
        start = np.where(persons.c2s > 0, persons.c2s_from, np.where(persons.is_ame, persons.birth, NEVER))
        return start, np.where(persons.c2s > 0, persons.c2s_to, NEVER)
    if row["conditions"] == EVERY_ALD:
        counts = persons.is_ald & (model.number["ald"] > 0)
        onset = np.sort(np.where(counts, persons.onset, NEVER), axis=1)
        return onset[:, 1 if brick == "poly_ald" else 0], never
    places = [model.conditions.index(name) for name in row["conditions"].split("|")]
    return persons.onset[:, places].min(axis=1), never
