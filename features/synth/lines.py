"""Claim lines of one chunk and year, drawn from the rates of `expectation` and held as arrays of one length."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cached_property

import numpy as np

from features.synth.conditions import State, Year
from features.synth.days import first_day
from features.synth.doctors import Doctors
from features.synth.expectation import CHILD_AGE, IDE, MG, Rates
from features.synth.identities import Identities
from features.synth.model import CHILD_SUPPLEMENT_CENTS, HOME_SUPPLEMENT_CENTS, Array, CareModel, numbers
from features.synth.population import Persons

ORDINARY, SUPPLEMENT, CONTRIBUTION = 0, 1, 2
CHILD_SUPPLEMENT, HOME_SUPPLEMENT = 1903, 1224
CONTRIBUTION_CENTS = -100
PHARMACY_SPECIALTY, CLINIC_SPECIALTY = 50, 4
ALD_FULL_SHARE = 0.8
GP_SPECIALTIES = (1, 22, 23)
FOLLOW_UP_DAYS = 75
DOCTOR_ACTS = (1110, 1109, 1111, 1112, 1103)


@dataclass(frozen=True)
class Lines:
    """Claim lines: person (place in the chunk), day, act, unit cents × quantity, rate, performer, detail codes.

    pack: place in IR_PHA_R, -1 without; ccam: place in the CCAM list, -1 without; clinic: place of the private
    clinic, -1 in town; kind: ordinary, supplement or flat contribution; test: code of a biology test, 0 for any.
    """

    person: Array
    day: Array
    last_day: Array
    act: Array
    specialty: Array
    unit: Array
    quantity: Array
    rate: Array
    performer: Array
    pack: Array
    ccam: Array
    clinic: Array
    kind: Array
    test: Array

    @property
    def size(self) -> int:
        """Number of lines."""
        return int(self.person.size)

    @property
    def base_cents(self) -> Array:
        """Base of reimbursement of each line: none on a flat contribution."""
        return np.where(self.kind == CONTRIBUTION, 0, self.unit * self.quantity)

    @property
    def reimbursed_cents(self) -> Array:
        """Reimbursed cents: the rate of the base; the flat contribution is taken back (negative)."""
        return np.where(self.kind == CONTRIBUTION, self.unit, self.unit * self.quantity * self.rate // 100)

    def take(self, places: Array) -> Lines:
        """The lines at some places."""
        return Lines(**{field.name: getattr(self, field.name)[places] for field in fields(Lines)})


_TYPES = {"unit": np.int64}


def make_lines(person: Array, day: Array, **columns: Array | int) -> Lines:
    """Lines of given columns; the others take what an ordinary town line without detail has."""
    usual: dict[str, Array | int] = {"last_day": day, "quantity": 1, "rate": 70, "performer": 0}
    usual |= {"pack": -1, "ccam": -1, "clinic": -1, "kind": ORDINARY, "specialty": 0, "test": 0}
    given = {"person": person, "day": day, **usual, **columns}
    size = person.size
    return Lines(
        **{
            field.name: np.broadcast_to(np.asarray(given[field.name]), size).astype(_TYPES.get(field.name, np.int32))
            for field in fields(Lines)
        }
    )


def join_lines(parts: list[Lines]) -> Lines:
    """All lines in one."""
    return Lines(
        **{field.name: np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Lines)}
    )


@dataclass(frozen=True)
class Stage:
    """What every draw of a chunk and year needs."""

    model: CareModel
    persons: Persons
    state: State
    year: Year
    rates: Rates
    doctors: Doctors
    identities: Identities
    rng: np.random.Generator

    @cached_property
    def row_of(self) -> Array:
        """Row of the state of each person of the chunk; of one who is not there, the row of the next."""
        return np.searchsorted(self.state.person, np.arange(self.persons.size))

    @property
    def year_start(self) -> int:
        """1 January of the care year."""
        return first_day(self.state.year)

    def days(self, row: Array, after: Array | None = None) -> Array:
        """A day of care for each row of the state: in its days alive, soon after `after` where it is given."""
        last = self.year.last[row]
        if after is None:
            first = self.year.first[row]
            return first + (self.rng.random(row.size) * (last - first + 1)).astype(np.int64)
        wait = 1 + self.rng.random(row.size) * FOLLOW_UP_DAYS
        return np.minimum(after + np.ceil(wait * np.minimum(1.0, (last - after) / FOLLOW_UP_DAYS)), last).astype(
            np.int64
        )


@dataclass(frozen=True)
class FollowUps:
    """Town acts that follow a stay: row of the state, day of discharge, stream."""

    row: Array
    day: Array
    stream: Array


def stream_lines(stage: Stage, follow: FollowUps) -> tuple[list[Lines], Array, Array]:
    """Lines of every stream, usual care and follow-up of stays; and rows and days of public outpatient care."""
    model, rng = stage.model, stage.rng
    frailty = _frailty(stage) * stage.year.share
    gp_seen = np.zeros(stage.state.person.size)
    parts: list[Lines] = []
    outpatient = (np.empty(0, np.int64), np.empty(0, np.int64))
    acute = model.stream("pharmacy_acute")
    for place, name in enumerate(model.streams):
        rate = stage.rates.streams[:, place]
        if place == acute:
            usual = stage.rates.streams[:, [model.stream(gp) for gp in MG]].sum(axis=1)
            count = rng.poisson(gp_seen * rate / np.maximum(usual, 1e-9))
        else:
            own = 1.0 if name in MG else stage.persons.other_frailty[stage.state.person]
            count = rng.poisson(rate * frailty * own / model.stream_number["cluster"][place])
        if name in MG:
            gp_seen += count
        row, day = _clustered(stage, place, row=np.repeat(np.arange(count.size), count))
        after = follow.stream == place
        rows = np.concatenate([row, follow.row[after]])
        days = np.concatenate([day, stage.days(follow.row[after], follow.day[after])])
        if name == "ace":
            outpatient = (rows, days)
        elif place == acute:
            parts.append(_acute_packs(stage, rows, days=days))
        else:
            parts.extend(_act_lines(stage, name, rows=rows, day=days))
    return parts, outpatient[0], outpatient[1]


def _frailty(stage: Stage) -> Array:
    """Individual factor of usual care, mean 1 whatever the state: 0 for those who seek none."""
    person, avoiding = stage.state.person, stage.rates.avoiding
    seeks = stage.persons.avoidance[person] >= avoiding
    return np.where(seeks, stage.persons.frailty[person] / (1 - avoiding), 0.0)


def _clustered(stage: Stage, stream: int, *, row: Array) -> tuple[Array, Array]:
    """Rows and days of lines that come in series: so many per series, so many days apart."""
    size = int(stage.model.stream_number["cluster"][stream])
    gap = int(stage.model.stream_number["cluster_days"][stream])
    place = np.tile(np.arange(size), row.size)
    rows = np.repeat(row, size)
    day = np.repeat(stage.days(row), size) + place * gap
    return rows, np.minimum(day, stage.year.last[rows])


def _act_lines(stage: Stage, name: str, *, rows: Array, day: Array) -> list[Lines]:
    """Lines of one stream: the act is drawn from its list, the performer from those of its specialty."""
    acts = stage.model.acts[name]
    which = np.searchsorted(acts.cumulated, stage.rng.random(rows.size)).clip(0, acts.act.size - 1)
    person = stage.state.person[rows]
    specialty = acts.specialty[which]
    ccam = np.array([stage.model.ccam.index(code) if code else -1 for code in acts.ccam])
    if name in MG:
        performer = stage.doctors.general_practitioner(person, stage.rng)
    elif name in IDE:
        performer = stage.doctors.nurse(person, stage.rng)
    else:
        performer = stage.doctors.other(person, specialty, rng=stage.rng)
    lines = make_lines(
        person,
        day,
        act=acts.act[which],
        specialty=specialty,
        unit=acts.unit[which],
        quantity=acts.quantity[which],
        rate=acts.rate[which],
        performer=performer,
        ccam=ccam[which],
    )
    if name == "gp_home":
        return [lines, _supplement(lines, HOME_SUPPLEMENT, cents=HOME_SUPPLEMENT_CENTS)]
    if name == "gp_office":
        children = lines.take(np.flatnonzero(stage.state.age[rows] < CHILD_AGE))
        return [lines, _supplement(children, CHILD_SUPPLEMENT, cents=CHILD_SUPPLEMENT_CENTS)]
    return [lines]


def _supplement(lines: Lines, act: int, *, cents: int) -> Lines:
    size = lines.size
    return replace(
        lines,
        act=np.full(size, act, np.int32),
        unit=np.full(size, cents, np.int64),
        kind=np.full(size, SUPPLEMENT, np.int32),
    )


def _acute_packs(stage: Stage, rows: Array, *, days: Array) -> Lines:
    """Drugs of the day's illness."""
    places = [place for place, row in enumerate(stage.model.drugs) if row["condition"] == "acute"]
    ends = np.array([float(stage.model.drugs[place]["share_to"]) for place in places])
    which = np.searchsorted(ends, stage.rng.random(rows.size), side="right").clip(0, len(places) - 1)
    return _packs(stage, rows, days=days, place=np.array(places)[which])


def chronic_packs(stage: Stage) -> list[Lines]:
    """Drugs of conditions, from 1 January where they are there, from the onset where they begin in the year."""
    parts = []
    year, state = stage.year, stage.state
    start, length = first_day(state.year), first_day(state.year + 1) - first_day(state.year)
    draw = stage.persons.drug_draw[state.person]
    for place, row in enumerate(stage.model.drugs):
        if row["condition"] not in stage.model.conditions:
            continue
        condition = stage.model.conditions.index(row["condition"])
        onset = year.onset_time[:, condition]
        takes = (draw[:, condition] >= float(row["share_from"])) & (draw[:, condition] < float(row["share_to"]))
        who = np.flatnonzero(takes & ((state.present[:, condition] > 0) | (onset < 2)))
        begins = np.where(onset[who] < 2, start + np.floor(onset[who] * length), year.first[who]).astype(np.int64)
        share = np.where(onset[who] < 2, np.minimum(year.death_time[who], 1.0) - onset[who], year.share[who])
        count = stage.rng.poisson(float(row["dispensings"]) * share)
        repeated = np.repeat(np.arange(who.size), count)
        last = year.last[who[repeated]]
        first = begins[repeated]
        days = first + (stage.rng.random(repeated.size) * (last - first + 1)).astype(np.int64)
        parts.append(_packs(stage, who[repeated], days=days, place=np.full(repeated.size, place)))
    return parts


def _packs(stage: Stage, rows: Array, *, days: Array, place: Array) -> Lines:
    return pack_lines(stage, stage.state.person[rows], days=days, place=place)


def pack_lines(stage: Stage, person: Array, *, days: Array, place: Array) -> Lines:
    """Pharmacy lines of persons: packs at their place in the list of drugs."""
    column = numbers(list(stage.model.drugs), "price_cents", "act_code", "rate_pct")
    specialty = np.full(person.size, PHARMACY_SPECIALTY)
    return make_lines(
        person,
        days,
        act=column["act_code"][place].astype(np.int32),
        specialty=specialty,
        unit=column["price_cents"][place].astype(np.int64),
        rate=column["rate_pct"][place].astype(np.int32),
        performer=stage.doctors.other(person, specialty, rng=stage.rng),
        pack=place,
    )


def contributions(stage: Stage, lines: Lines, *, share: float) -> Lines:
    """Flat contributions (1 EUR) taken back on doctors' acts of adults without C2S."""
    is_doctor = np.isin(lines.act, DOCTOR_ACTS) & (lines.kind == ORDINARY)
    row = stage.row_of[lines.person]
    pays = (stage.state.age[row] >= 18) & (stage.state.c2s[row] == 0) & ~stage.state.is_ame[row]
    chosen = np.flatnonzero(is_doctor & pays & (stage.rng.random(lines.size) < share))
    taken = lines.take(chosen)
    return replace(
        taken,
        unit=np.full(taken.size, CONTRIBUTION_CENTS, np.int64),
        kind=np.full(taken.size, CONTRIBUTION, np.int32),
        ccam=np.full(taken.size, -1, np.int32),
    )


def with_full_rate(stage: Stage, lines: Lines, *, is_exempt: Array) -> Lines:
    """Lines reimbursed in full for most care of persons in ALD (`is_exempt`, by row of the state)."""
    row = stage.row_of[lines.person]
    full = is_exempt[row] & (stage.rng.random(lines.size) < ALD_FULL_SHARE) & (lines.kind != CONTRIBUTION)
    return replace(lines, rate=np.where(full, 100, lines.rate).astype(np.int32))
