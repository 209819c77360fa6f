"""Hospital stays of one chunk and year: drawn from the rates of `expectation`, with their costs and what follows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.synth.expectation import CHEMO_SHARE, WITHOUT_FACTOR, onset_causes
from features.synth.geography import CLINICS
from features.synth.lines import CLINIC_SPECIALTY, FollowUps, Lines, Stage, make_lines
from features.synth.model import FOLLOW_UPS, HAD_STAY_EUR, LEVEL_COST, LEVELS, SSR_DAY_EUR, Array

GHS, SURGERY = 2111, 1321
MEDICAL_LEVEL = 1
YEARLY_VARIANCE = 1.6


@dataclass(frozen=True)
class Stays:
    """Acute stays and sessions: row of the state, row of synth_stays, days, level, sector and cents.

    level: 0 without, 1 to 4; cents: base of reimbursement of a public stay, or GHS price of a private one;
    fee_cents: doctors' fees of a private stay; dies: the stay ends by death; detail: place among the stays of
    surgery of the year, -1 for others.
    """

    row: Array
    kind: Array
    first: Array
    last: Array
    nights: Array
    level: Array
    is_private: Array
    cents: Array
    fee_cents: Array
    sessions: Array
    dies: Array
    detail: Array

    @property
    def size(self) -> int:
        """Number of stays."""
        return int(self.row.size)


@dataclass(frozen=True)
class LongStays:
    """Rehabilitation (SSR) or home hospitalisation (HAD): row of the state, acute stay it follows, days, cents.

    After surgery: programme, and main diagnosis (place in the codes), with no stay; else -1.
    """

    row: Array
    stay: Array
    first: Array
    last: Array
    cents: Array
    programme: Array
    dp: Array


def draw_stays(stage: Stage) -> Stays:
    """Stays of the year: usual ones, sessions, those that open a condition, last stays, births, readmissions."""
    row, cause, day = _events(stage)
    kind = _kinds(stage, cause)
    first, last, nights = _dates(stage, row, day=day, kind=kind)
    again = np.flatnonzero(stage.rng.random(row.size) < stage.model.stay_number["readmission_share"][kind])
    second_cause = np.full(again.size, stage.model.cause("readmission"))
    second_kind = _kinds(stage, second_cause)
    back = stage.days(row[again], last[again])
    second = _dates(stage, row[again], day=back, kind=second_kind)
    row, kind = np.concatenate([row, row[again]]), np.concatenate([kind, second_kind])
    first, last, nights = (np.concatenate(pair) for pair in zip((first, last, nights), second, strict=True))
    return _priced(stage, row, kind=kind, days=(first, last, nights))


def _events(stage: Stage) -> tuple[Array, Array, Array]:
    """Row, cause and day of each stay, readmissions apart.

    Bad years are drawn anew each year: diagnoses coded at last year's stays then tell the state, not the frailty.
    """
    model, rng, year, state = stage.model, stage.rng, stage.year, stage.state
    parts = []
    frailty = rng.gamma(1 / YEARLY_VARIANCE, YEARLY_VARIANCE, state.person.size)
    usual = rng.poisson(stage.rates.annual * (frailty * year.share)[:, None])
    is_treated = _is_treated(stage)
    sessions = rng.poisson(stage.rates.sessions * (is_treated * year.share[:, None]))
    rows, causes = np.nonzero(usual + sessions)
    count = (usual + sessions)[rows, causes]
    rows, causes = np.repeat(rows, count), np.repeat(causes, count)
    parts.append((rows, causes, stage.days(rows)))
    begun, condition = np.nonzero(year.onset_time < 2)
    count = rng.poisson(model.number["onset_stays"][condition])
    begun, condition = np.repeat(begun, count), np.repeat(condition, count)
    day = stage.persons.onset[state.person[begun], condition]
    parts.append((begun, onset_causes(model)[condition], day))
    dying = np.flatnonzero(year.dies)
    count = rng.poisson(stage.rates.terminal[dying] * 1.5 * np.sqrt(year.death_time[dying]))
    dying = np.repeat(dying, count)
    before = (rng.random(dying.size) ** 2 * np.minimum(120, year.last[dying] - year.first[dying])).astype(np.int64)
    parts.append((dying, np.full(dying.size, model.cause("terminal")), year.last[dying] - before))
    born = np.flatnonzero(state.is_newborn)
    parts.append((born, np.full(born.size, model.cause("newborn")), year.first[born]))
    joined = [np.concatenate(column) for column in zip(*parts, strict=True)]
    return joined[0], joined[1], joined[2].astype(np.int64)


def _is_treated(stage: Stage) -> Array:
    """Weight of sessions by cause, mean 1: chemotherapy goes to a part of the persons concerned."""
    model = stage.model
    weight = np.ones((stage.state.person.size, len(model.causes)))
    active = np.flatnonzero(model.number["chemo"] > 0)
    has = stage.state.present[:, active] > 0
    draw = np.where(has, stage.persons.drug_draw[stage.state.person][:, active], 1.0).min(axis=1)
    expected = 1 - (1 - CHEMO_SHARE) ** np.maximum(has.sum(axis=1), 1)
    weight[:, model.cause("chemo")] = (draw < CHEMO_SHARE) / expected
    return weight


def _kinds(stage: Stage, cause: Array) -> Array:
    """Row of synth_stays drawn for each cause."""
    kind = np.zeros(cause.size, dtype=np.int64)
    weight = stage.model.stay_number["weight"]
    for place in np.unique(cause):
        who = np.flatnonzero(cause == place)
        rows = stage.model.cause_rows[place]
        share = np.cumsum(weight[rows])
        kind[who] = rows[np.searchsorted(share / share[-1], stage.rng.random(who.size)).clip(0, rows.size - 1)]
    return kind


def _dates(stage: Stage, row: Array, *, day: Array, kind: Array) -> tuple[Array, Array, Array]:
    """Entry, exit and nights, within the days alive of the year."""
    mean = stage.model.stay_number["nights"][kind]
    nights = np.where(mean > 0, stage.rng.poisson(stage.rng.gamma(2.0, np.maximum(mean, 1e-9) / 2.0)), 0)
    nights = np.where((mean > 0) & (nights == 0) & (stage.rng.random(row.size) < 0.5), 1, nights)
    last = np.minimum(day + nights, stage.year.last[row])
    first = np.maximum(last - nights, stage.year.first[row])
    return first, last, last - first


def _priced(stage: Stage, row: Array, *, kind: Array, days: tuple[Array, Array, Array]) -> Stays:
    model, rng = stage.model, stage.rng
    number = model.stay_number
    owner = np.array([model.causes.index(entry["cause"]) for entry in model.stays])
    is_fixed = np.isin(model.causes, WITHOUT_FACTOR)[owner[kind]]
    factor = np.where(is_fixed, 1.0, stage.rates.factor[row])
    has_level = number["has_levels"][kind] == MEDICAL_LEVEL
    level = np.searchsorted(np.cumsum(LEVELS), rng.random(row.size)).clip(0, 3) + 1
    relative = np.array(LEVEL_COST) / np.dot(LEVELS, LEVEL_COST)
    factor = factor * np.where(has_level, relative[level - 1], 1.0)
    sigma = number["sigma"][kind]
    factor = factor * np.exp(sigma * rng.standard_normal(row.size) - sigma**2 / 2)
    is_private = rng.random(row.size) < number["private_share"][kind]
    price = np.where(is_private, number["private_ghs_eur"][kind], number["tariff_eur"][kind])
    is_dialysis = owner[kind] == model.cause("dialysis")
    is_session = is_dialysis | (owner[kind] == model.cause("chemo"))
    return Stays(
        row=row,
        kind=kind,
        first=days[0],
        last=days[1],
        nights=days[2],
        level=np.where(has_level, level, 0),
        is_private=is_private,
        cents=np.rint(price * factor * 100).astype(np.int64),
        fee_cents=np.where(is_private, np.rint(number["private_fee_eur"][kind] * factor * 100), 0).astype(np.int64),
        sessions=np.where(is_dialysis, 13, np.where(is_session, 1, 0)),
        dies=stage.year.dies[row] & (days[1] >= stage.year.last[row]),
        detail=np.full(row.size, -1),
    )


def follow_ups(stage: Stage, stays: Stays) -> FollowUps:
    """Town acts that follow the stays."""
    parts = []
    for name, stream in FOLLOW_UPS.items():
        count = stage.rng.poisson(stage.model.stay_number[name][stays.kind])
        place = np.repeat(np.arange(stays.size), count)
        parts.append((stays.row[place], stays.last[place], np.full(place.size, stage.model.stream(stream))))
    return FollowUps(*[np.concatenate(column) for column in zip(*parts, strict=True)])


def rehabilitation(stage: Stage, stays: Stays) -> LongStays:
    """Rehabilitation stays after acute ones: days drawn around the mean of the cause, priced by the day."""
    number = stage.model.stay_number
    stay = np.flatnonzero(stage.rng.random(stays.size) < number["ssr_share"][stays.kind])
    planned = number["ssr_days"][stays.kind[stay]]
    days = planned * stage.rng.gamma(1.5, 1 / 1.5, stay.size)
    cents = np.rint(days * SSR_DAY_EUR * 100).astype(np.int64)
    first = stays.last[stay]
    last = np.minimum(first + np.maximum(np.rint(days), 1).astype(np.int64), stage.year.last[stays.row[stay]])
    return LongStays(stays.row[stay], stay, first, last, cents, *_of_no_surgery(stay.size))


def home_hospital(stage: Stage, stays: Stays) -> LongStays:
    """Home hospitalisation after acute stays."""
    number = stage.model.stay_number
    stay = np.flatnonzero(stage.rng.random(stays.size) < number["had_share"][stays.kind])
    weight = stage.rng.gamma(2.0, 0.5, stay.size)
    first = stays.last[stay]
    last = np.minimum(first + np.maximum(np.rint(20 * weight), 1).astype(np.int64), stage.year.last[stays.row[stay]])
    cents = np.rint(weight * HAD_STAY_EUR * 100).astype(np.int64)
    return LongStays(stays.row[stay], stay, first, last, cents, *_of_no_surgery(stay.size))


def _of_no_surgery(size: int) -> tuple[Array, Array]:
    return np.full(size, -1), np.full(size, -1)


def private_lines(stage: Stage, stays: Stays) -> list[Lines]:
    """Claim lines of private stays: the price of the group, and the doctors' fees."""
    chosen = np.flatnonzero(stays.is_private)
    person = stage.state.person[stays.row[chosen]]
    clinic = clinic_of(stays, chosen)
    surgeon = stage.doctors.other(person, np.full(person.size, CLINIC_SPECIALTY), rng=stage.rng)
    codes = np.array([stage.model.ccam.index(row["ccam"]) if row["ccam"] else -1 for row in stage.model.stays])
    common = {"last_day": stays.last[chosen], "clinic": clinic}
    bill = make_lines(person, stays.first[chosen], act=GHS, unit=stays.cents[chosen], rate=100, **common)
    fees = make_lines(
        person,
        stays.first[chosen],
        act=SURGERY,
        specialty=CLINIC_SPECIALTY,
        unit=stays.fee_cents[chosen],
        rate=100,
        performer=surgeon,
        ccam=codes[stays.kind[chosen]],
        **common,
    )
    return [bill, fees]


def clinic_of(stays: Stays, places: Array) -> Array:
    """Place of the clinic (or hospital) of each stay: by person and kind of stay, so that a person keeps to it."""
    return (stays.row[places] * 31 + stays.kind[places] * 7) % CLINICS
