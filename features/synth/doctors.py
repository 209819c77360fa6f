"""Professionals, teams and médecin traitant contracts of the fictional France."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from features.synth.days import NEVER, first_day, iso_days
from features.synth.geography import DEPARTMENTS
from features.synth.model import Array, care_model, read_rows
from features.synth.population import Persons, ages
from features.synth.structures import Structures, draw_structures

PATIENTS_PER_GP = 1200
DECLARE_SHARE = 0.845
PATIENTS_PER_OTHER = {24: 700, 26: 900, 50: 3000, 30: 6000, 19: 1700}
USUAL_PATIENTS_PER_OTHER = 4000
DECLARED_ADULTS, DECLARED_CHILDREN = 0.885, 0.62
SWITCH_SHARE = 0.04
KEEPS_DOCTOR = 0.78
FOLLOWS_ALONE, FOLLOWS_IN_TEAM = 0.6, 0.8
COLLEAGUE_SHARE = 0.8
COVERED_SHARE = 0.6
DIABETICS_TO_PROGRAMME = 0.14
OPENING_DAYS = 540
GP_SPECIALTIES = (1, 22, 23)
NURSE = 24
SURGICAL_TEAM = (2, 4, 41)  # anaesthetists, general and orthopaedic surgeons
DIABETES = ("diabetes", "diabetes_complicated")


@dataclass(frozen=True)
class Directory:
    """All professionals. number: 8 characters; general practitioners come first, those of structures before others.

    team: place of the structure of each general practitioner, -1 without; team_from, team_to: days in it;
    nurse_team: structure of the first nurses; leaves_on: last day of practice; weight: share of the contracts with
    each structure; place_of: specialty → (first place, count).
    """

    structures: Structures
    number: tuple[str, ...]
    gp_count: int
    team: Array
    team_from: Array
    team_to: Array
    nurse_team: Array
    nurse_from: Array
    leaves_on: Array
    weight: Array
    place_of: dict[int, tuple[int, int]]

    @property
    def number_array(self) -> pa.Array:
        """Numbers of all professionals, in the order of their places."""
        return _number_array(self.number)


@dataclass(frozen=True)
class Contracts:
    """Up to two médecin traitant contracts per person: doctors (-1 none) and first days (NEVER without)."""

    doctor: Array
    begins: Array
    second_doctor: Array
    second_begins: Array

    def doctor_on(self, day: int) -> Array:
        """Doctor declared on a day, -1 without."""
        first = np.where(self.begins <= day, self.doctor, -1)
        return np.where(self.second_begins <= day, self.second_doctor, first)


@dataclass(frozen=True)
class Doctors:
    """Who performs the acts of one chunk and year."""

    directory: Directory
    declared: Array
    day: int

    def general_practitioner(self, person: Array, rng: np.random.Generator) -> Array:
        """Performer of general-practice acts: mostly the declared doctor, else a colleague of the team, or anyone."""
        declared, structures = self.declared[person], self.directory.structures
        is_there = (declared >= 0) & (self.directory.leaves_on[declared] > self.day)
        team = np.where(declared >= 0, self.directory.team[declared], -1)
        keeps = np.where(team >= 0, structures.keeps[team], KEEPS_DOCTOR)
        covers = np.where(is_there, structures.colleagues[team], COVERED_SHARE)
        others = rng.integers(0, self.directory.gp_count, person.size)
        draw, cover = rng.random(person.size), rng.random(person.size)
        colleague = _colleague(rng, self.directory, team=np.maximum(team, 0))
        elsewhere = np.where((team >= 0) & (cover < covers), colleague, others)
        return np.where(is_there & (draw < keeps), declared, elsewhere)

    def nurse(self, person: Array, rng: np.random.Generator) -> Array:
        """Performer of nurse acts: for patients of a structure, often one of its nurses, the same for a person."""
        directory, declared = self.directory, self.declared[person]
        team = np.where(declared >= 0, directory.team[declared], -1)
        count = np.bincount(directory.nurse_team, minlength=directory.structures.count)[team]
        first = np.searchsorted(directory.nurse_team, team)
        is_own = (team >= 0) & (count > 0) & (rng.random(person.size) < directory.structures.nurse_share[team])
        own = directory.place_of[NURSE][0] + first + person.astype(np.int64) * 7919 % np.maximum(count, 1)
        return np.where(is_own, own, self.other(person, np.full(person.size, NURSE), rng=rng))

    def other(self, person: Array, specialty: Array, *, rng: np.random.Generator) -> Array:
        """Performer of another specialty: each person keeps to one of two."""
        first = np.zeros(64, dtype=np.int64)
        count = np.ones(64, dtype=np.int64)
        for code, (place, size) in self.directory.place_of.items():
            first[code], count[code] = place, size
        choice = person.astype(np.int64) * 7919 + specialty * 104729 + (rng.random(person.size) < 0.15)
        return first[specialty] + choice % count[specialty]


@cache
def _number_array(numbers: tuple[str, ...]) -> pa.Array:
    return pa.array(numbers, pa.string())


def draw_directory(patients: int, years: range, *, seed: int) -> Directory:
    """Professionals and structures for a number of patients."""
    rng = np.random.default_rng(np.random.SeedSequence((seed, 10**6)))
    structures = draw_structures(patients, rng)
    team = np.repeat(np.arange(structures.count), structures.members)
    alone = max(int(patients - structures.patients.sum()) // PATIENTS_PER_GP, 20)
    gp_count = team.size + alone
    team = np.concatenate([team, np.full(alone, -1)])
    start, end = first_day(years[0]), first_day(years[-1] + 1)
    is_stable = np.isin(team, np.concatenate([structures.places("kind", kind) for kind in ("ipep", "ipso")]))
    retires = rng.random(gp_count) < np.where(is_stable, 0.012, 0.025) * len(years)
    leaves_on = np.where(retires, rng.integers(start + 60, end, gp_count), NEVER)
    joins = rng.random(gp_count) < np.where(is_stable, 0.0, 0.08)
    quits = rng.random(gp_count) < np.where(is_stable, 0.02, 0.07)
    team_to = np.where(quits, rng.integers(start + 120, end, gp_count), NEVER)
    begins = np.where(joins, rng.integers(start + 30, end - 30, gp_count), start - 365)
    nurse_team = np.repeat(np.arange(structures.count), structures.nurses)
    place_of, number = _numbers(patients, gp_count, nurses=nurse_team.size)
    return Directory(
        structures=structures,
        number=number,
        gp_count=gp_count,
        team=team,
        team_from=np.where(team >= 0, np.maximum(begins, structures.opens_on[team]), begins),
        team_to=np.minimum(team_to, leaves_on),
        nurse_team=nurse_team,
        nurse_from=np.maximum(start - 365, structures.opens_on[nurse_team]),
        leaves_on=leaves_on,
        weight=structures.patients / (patients * DECLARE_SHARE),
        place_of=place_of,
    )


def _numbers(patients: int, gp_count: int, *, nurses: int) -> tuple[dict[int, tuple[int, int]], tuple[str, ...]]:
    """Places of each specialty, and the 8-character numbers of all professionals; `nurses` belong to structures."""
    specialties = sorted({int(row["specialty"]) for row in read_rows("synth_acts")} - set(GP_SPECIALTIES))
    place_of = dict.fromkeys(GP_SPECIALTIES, (0, gp_count))
    total = gp_count
    for specialty in sorted({*specialties, *SURGICAL_TEAM, 50}):
        count = max(patients // PATIENTS_PER_OTHER.get(specialty, USUAL_PATIENTS_PER_OTHER), 3)
        count += nurses if specialty == NURSE else 0
        place_of[specialty] = (total, count)
        total += count
    numbers = tuple(
        f"{DEPARTMENTS[place % len(DEPARTMENTS)]}{1 + place // 100_000}{place % 100_000:05d}" for place in range(total)
    )
    return place_of, numbers


def draw_contracts(rng: np.random.Generator, directory: Directory, *, persons: Persons, years: range) -> Contracts:
    """Contracts of each person: declared before the years, changed in them, or left with a doctor who retired."""
    size = persons.size
    start, end = first_day(years[0]), first_day(years[-1] + 1)
    age = ages(persons.birth, start)
    share = np.where(age >= 16, DECLARED_ADULTS, DECLARED_CHILDREN)
    has = (rng.random(size) < share) & ~persons.is_ame
    is_diabetic = _is_diabetic(persons, start)
    doctor = np.where(has, _choose(rng, directory, is_diabetic=is_diabetic), -1)
    begins = np.maximum(start - rng.integers(60, 4500, size), persons.birth + rng.integers(20, 200, size))
    in_team = (doctor >= 0) & (directory.team[doctor] >= 0)
    opens = np.where(in_team, directory.structures.opens_on[directory.team[doctor]], 0)
    begins = np.maximum(begins, opens + rng.integers(0, OPENING_DAYS, size))
    leaves = np.where(doctor >= 0, directory.leaves_on[doctor], NEVER)
    leaves = np.where(in_team, np.minimum(leaves, directory.team_to[doctor]), leaves)
    follows = (leaves < end) & (rng.random(size) < np.where(in_team, FOLLOWS_IN_TEAM, FOLLOWS_ALONE))
    moves_on = np.where(follows, leaves + rng.integers(1, 160, size), NEVER)
    changes = rng.random(size) < SWITCH_SHARE * len(years)
    moves_on = np.minimum(moves_on, np.where(changes & has, start + rng.integers(0, end - start, size), NEVER))
    late = ~has & ~persons.is_ame & (rng.random(size) < 0.10)
    moves_on = np.where(late, start + rng.integers(0, end - start, size), moves_on)
    moves_on = np.where((moves_on <= begins + 30) & has | (moves_on >= end), NEVER, moves_on)
    moves_on = np.where(moves_on < persons.birth + 20, NEVER, moves_on)
    successor = _successor(rng, directory, doctor=doctor, is_diabetic=is_diabetic)
    return Contracts(
        doctor=doctor,
        begins=np.where(has, begins, NEVER),
        second_doctor=np.where(moves_on < NEVER, successor, -1),
        second_begins=moves_on,
    )


def _is_diabetic(persons: Persons, day: int) -> Array:
    places = [care_model().conditions.index(name) for name in DIABETES]
    return np.asarray((persons.onset[:, places] < day).any(axis=1))


def _choose(rng: np.random.Generator, directory: Directory, *, is_diabetic: Array) -> Array:
    """A doctor for each person: in a structure or alone; some diabetics go where there is a programme for them."""
    size = is_diabetic.size
    place = np.searchsorted(np.cumsum(directory.weight), rng.random(size))
    programmes = directory.structures.places("patientele", "DIAB")
    if programmes.size:
        joins = is_diabetic & (rng.random(size) < DIABETICS_TO_PROGRAMME)
        place = np.where(joins, programmes[rng.integers(0, programmes.size, size)], place)
    in_team = place < directory.weight.size
    colleague = _colleague(rng, directory, team=np.where(in_team, place, 0))
    first_other = int((directory.team >= 0).sum())
    return np.where(in_team, colleague, rng.integers(first_other, directory.gp_count, size))


def _colleague(rng: np.random.Generator, directory: Directory, *, team: Array) -> Array:
    """A member of each team."""
    count = directory.structures.members
    first = np.cumsum(count) - count
    return first[team] + (rng.random(team.size) * count[team]).astype(np.int64)


def _successor(rng: np.random.Generator, directory: Directory, *, doctor: Array, is_diabetic: Array) -> Array:
    team = np.where(doctor >= 0, directory.team[doctor], -1)
    stays = (team >= 0) & (rng.random(doctor.size) < COLLEAGUE_SHARE)
    colleague = _colleague(rng, directory, team=np.maximum(team, 0))
    return np.where(stays, colleague, _choose(rng, directory, is_diabetic=is_diabetic))


def write_roster(directory: Directory, path: Path) -> None:
    """Roster of the structures: professional number, profession, first and last day (empty while open)."""
    members = np.flatnonzero(directory.team >= 0)
    nurses = directory.place_of[NURSE][0] + np.arange(directory.nurse_team.size)
    never = np.full(nurses.size, NEVER)
    structure = np.concatenate([directory.team[members], directory.nurse_team])
    frame = pd.DataFrame(
        {
            "structure_id": [directory.structures.structure_id[place] for place in structure],
            "structure_name": [directory.structures.name[place] for place in structure],
            "professional_id": [directory.number[place] for place in (*members, *nurses)],
            "profession": ["mg"] * members.size + ["ide"] * nurses.size,
            "from_date": iso_days(np.concatenate([directory.team_from[members], directory.nurse_from])),
            "to_date": iso_days(np.concatenate([directory.team_to[members], never])),
        }
    )
    rows = frame[(frame.to_date == "") | (frame.to_date > frame.from_date)]
    rows.sort_values("structure_id", kind="stable").to_csv(path, index=False, lineterminator="\n")
