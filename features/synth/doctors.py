"""Professionals, teams and médecin traitant contracts of the fictional France."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from features.synth.days import NEVER, first_day
from features.synth.geography import DEPARTMENTS
from features.synth.model import Array, read_rows
from features.synth.population import Persons, ages

PATIENTS_PER_GP = 900
TEAM_SHARE = 0.10
PATIENTS_PER_OTHER = {24: 700, 26: 900, 50: 3000, 30: 6000, 19: 1700}
USUAL_PATIENTS_PER_OTHER = 4000
DECLARED_ADULTS, DECLARED_CHILDREN = 0.885, 0.62
SWITCH_SHARE = 0.04
KEEPS_DOCTOR = 0.78
COLLEAGUE_SHARE = 0.6
GP_SPECIALTIES = (1, 22, 23)


@dataclass(frozen=True)
class Directory:
    """All professionals. number: 8 characters; general practitioners come first.

    team: place of the team of each general practitioner, -1 without; team_from, team_to: days in the team;
    leaves_on: last day of practice; place_of: specialty → (first place, count).
    """

    number: tuple[str, ...]
    gp_count: int
    team: Array
    team_from: Array
    team_to: Array
    team_weight: Array
    leaves_on: Array
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
        """Performer of general-practice acts: mostly the declared doctor, while in practice."""
        declared = self.declared[person]
        is_there = (declared >= 0) & (self.directory.leaves_on[declared] > self.day)
        others = rng.integers(0, self.directory.gp_count, person.size)
        return np.where(is_there & (rng.random(person.size) < KEEPS_DOCTOR), declared, others)

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
    """Professionals for a number of patients."""
    rng = np.random.default_rng(np.random.SeedSequence((seed, 10**6)))
    team_count = int(np.clip(round(patients * TEAM_SHARE / 330), 3, 16))
    weight = rng.gamma(8.0, 1 / 8.0, team_count)
    weight /= weight.sum()
    members = np.maximum(np.round(patients * TEAM_SHARE * weight / 850).astype(int), 4)
    team = np.repeat(np.arange(team_count), members)
    gp_count = max(patients // PATIENTS_PER_GP, 20) + team.size
    team = np.concatenate([team, np.full(gp_count - team.size, -1)])
    start, end = first_day(years[0]), first_day(years[-1] + 1)
    retires = rng.random(gp_count) < 0.025 * len(years)
    leaves_on = np.where(retires, rng.integers(start + 60, end, gp_count), NEVER)
    joins = rng.random(gp_count) < 0.15
    quits = rng.random(gp_count) < 0.08
    team_to = np.where(quits, rng.integers(start + 120, end, gp_count), NEVER)
    place_of, number = _numbers(patients, gp_count)
    return Directory(
        number=number,
        gp_count=gp_count,
        team=team,
        team_from=np.where(joins, rng.integers(start + 30, end - 30, gp_count), start - 365),
        team_to=np.minimum(team_to, leaves_on),
        team_weight=weight,
        leaves_on=leaves_on,
        place_of=place_of,
    )


def _numbers(patients: int, gp_count: int) -> tuple[dict[int, tuple[int, int]], tuple[str, ...]]:
    """Places of each specialty, and the 8-character numbers of all professionals."""
    specialties = sorted({int(row["specialty"]) for row in read_rows("synth_acts")} - set(GP_SPECIALTIES))
    place_of = dict.fromkeys(GP_SPECIALTIES, (0, gp_count))
    total = gp_count
    for specialty in sorted({*specialties, 4, 50}):
        count = max(patients // PATIENTS_PER_OTHER.get(specialty, USUAL_PATIENTS_PER_OTHER), 3)
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
    doctor = np.where(has, _choose(rng, directory, size=size), -1)
    begins = np.maximum(start - rng.integers(60, 4500, size), persons.birth + rng.integers(20, 200, size))
    leaves = np.where(doctor >= 0, np.minimum(directory.leaves_on[doctor], directory.team_to[doctor]), NEVER)
    in_team = (doctor >= 0) & (directory.team[doctor] >= 0)
    leaves = np.where(in_team, leaves, np.where(doctor >= 0, directory.leaves_on[doctor], NEVER))
    follows = (leaves < end) & (rng.random(size) < 0.6)
    moves_on = np.where(follows, leaves + rng.integers(1, 160, size), NEVER)
    changes = rng.random(size) < SWITCH_SHARE * len(years)
    moves_on = np.minimum(moves_on, np.where(changes & has, start + rng.integers(0, end - start, size), NEVER))
    late = ~has & ~persons.is_ame & (rng.random(size) < 0.10)
    moves_on = np.where(late, start + rng.integers(0, end - start, size), moves_on)
    moves_on = np.where((moves_on <= begins + 30) & has | (moves_on >= end), NEVER, moves_on)
    moves_on = np.where(moves_on < persons.birth + 20, NEVER, moves_on)
    return Contracts(
        doctor=doctor,
        begins=np.where(has, begins, NEVER),
        second_doctor=np.where(moves_on < NEVER, _successor(rng, directory, doctor=doctor, in_team=in_team), -1),
        second_begins=moves_on,
    )


def _choose(rng: np.random.Generator, directory: Directory, *, size: int) -> Array:
    """A doctor for each person: about 10 % of them in a team, teams of unequal sizes."""
    in_team = rng.random(size) < TEAM_SHARE
    team = np.searchsorted(np.cumsum(directory.team_weight), rng.random(size)).clip(0, directory.team_weight.size - 1)
    colleagues = _colleague(rng, directory, team=team)
    first_other = int((directory.team >= 0).sum())
    return np.where(in_team, colleagues, rng.integers(first_other, directory.gp_count, size))


def _colleague(rng: np.random.Generator, directory: Directory, *, team: Array) -> Array:
    """A member of each team."""
    members = directory.team[directory.team >= 0]
    first = np.searchsorted(members, np.arange(directory.team_weight.size))
    count = np.bincount(members, minlength=first.size)
    return first[team] + (rng.random(team.size) * count[team]).astype(np.int64)


def _successor(rng: np.random.Generator, directory: Directory, *, doctor: Array, in_team: Array) -> Array:
    stays = in_team & (rng.random(doctor.size) < COLLEAGUE_SHARE)
    colleague = _colleague(rng, directory, team=np.where(in_team, directory.team[doctor], 0))
    return np.where(stays, colleague, _choose(rng, directory, size=doctor.size))


def write_roster(directory: Directory, path: Path) -> None:
    """Roster of the teams: structure, professional number, first and last day (empty while open)."""
    members = np.flatnonzero(directory.team >= 0)
    days = {name: getattr(directory, name)[members] for name in ("team_from", "team_to")}
    text = {
        name: np.where(values >= NEVER, "", np.datetime_as_string(values.astype("M8[D]"), unit="D"))
        for name, values in days.items()
    }
    frame = pd.DataFrame(
        {
            "structure_id": [f"STR{place + 1:03d}" for place in directory.team[members]],
            "structure_name": [f"Maison de santé fictive {place + 1}" for place in directory.team[members]],
            "professional_id": [directory.number[place] for place in members],
            "from_date": text["team_from"],
            "to_date": text["team_to"],
        }
    )
    frame[(frame.to_date == "") | (frame.to_date > frame.from_date)].to_csv(path, index=False)
