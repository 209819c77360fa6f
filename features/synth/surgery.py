"""Scheduled hips, knees and colectomies of one chunk: who is operated, when, where, and what is planned around it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.synth.days import NEVER
from features.synth.lines import Lines, Stage, join_lines, make_lines
from features.synth.model import Array
from features.synth.surgery_model import COLON, LEVELS, PRE_DAYS, PROGRAMMES, SurgeryModel, surgery_model
from features.synth.surgery_plan import Operations, Planned, PlannedLong, joined
from features.synth.surgery_risk import Chances, Past, chances, factors, risk_of
from features.synth.surgery_stays import (
    Theatre,
    chemotherapy,
    goes_to_ssr,
    index_stays,
    long_stays,
    returns,
    workups,
)
from features.synth.surgery_town import town_lines

MOST_RATE, MOST_OPERATED = 0.6, 0.95
AGE_SLOPE, MIDDLE_AGE = 0.025, 70
GHS, SURGERY, ANAESTHESIA, ASSISTANCE, IMPLANT = 2111, 1321, 1323, 1321, 3551
SURGEON, DIGESTIVE, ANAESTHETIST = 41, 4, 2
REPEAT_DAYS = 400
LONG_STAY_NIGHTS = 95
LEAST_NIGHTS = np.array([0, 3, 4, 5])
DELAYS = (0.55, 0.42, 0.03)


@dataclass(frozen=True)
class Plan:
    """Operations decided in the year and all that they plan, whenever it falls."""

    operations: Operations
    known: dict[str, Array]
    chance: Chances
    death_risk: Array
    lines: Lines
    stays: Planned
    long: PlannedLong


def decision_rates(stage: Stage, surgery: float) -> Array:
    """Chance of each programme being decided in a full year, n × 3, `surgery` times that of France."""
    model, state = stage.model, stage.state
    joints = [model.curves[name][state.sex - 1, state.age] for name in ("hip", "knee")]
    onset = state.onset_risk[:, model.conditions.index("colon_cancer")]
    share = _operated_share(stage)
    times = max(surgery - 1.0, 0.0) * share + min(surgery, 1.0) * np.minimum(share, MOST_OPERATED)
    rates = np.stack([joints[0] * surgery, joints[1] * surgery, onset * times], axis=1)
    total = rates.sum(axis=1, keepdims=True)
    return np.asarray(rates * np.minimum(1.0, MOST_RATE / np.maximum(total, MOST_RATE)))


def _operated_share(stage: Stage) -> Array:
    """Part of the new cancers of the colon that are operated: more of those of the old, as the published mean age."""
    grown = np.exp(AGE_SLOPE * (stage.state.age - MIDDLE_AGE))
    return np.asarray(np.clip(surgery_model().number["onset_share"][COLON] * grown, 0.05, 3.0))


def decided(stage: Stage, surgery: float, *, rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """Row, programme and first day of the window of those who are to be operated: at most one each in the year.

    Colectomies follow new cancers of the colon first; more than those are drawn when `surgery` is above 1.
    """
    model, year = stage.model, stage.year
    rates = decision_rates(stage, surgery)
    cancer = model.conditions.index("colon_cancer")
    has_onset = year.onset_time[:, cancer] < 2
    share = _operated_share(stage)
    rates = rates * year.share[:, None]
    extra = max(surgery - 1.0, 0.0) / max(surgery, 1e-9)  # of the colectomies: those of no new cancer of the model
    rates[:, COLON] *= np.where(stage.state.present[:, cancer] > 0, 0.0, extra)
    rates[:, COLON] = np.where(has_onset, min(surgery, 1.0) * np.minimum(share, MOST_OPERATED), rates[:, COLON])
    ends = np.cumsum(rates, axis=1)
    programme = (rng.random((rates.shape[0], 1)) >= ends).sum(axis=1)
    row = np.flatnonzero(programme < len(PROGRAMMES))
    programme = programme[row]
    day = year.first[row] + np.floor(rng.random(row.size) * (year.last[row] - year.first[row] + 1)).astype(np.int64)
    onset = stage.persons.onset[stage.state.person[row], cancer]
    is_new = (programme == COLON) & has_onset[row]
    return row, programme, np.where(is_new, np.minimum(onset, year.last[row]), day)


def plan(stage: Stage, *, chosen: tuple[Array, Array, Array], past: Past, rng: np.random.Generator) -> Plan:
    """All that the operations decided plan."""
    model = surgery_model()
    row, programme, _ = chosen
    known = factors(stage.model, stage.persons, stage.state, row=row, programme=programme, past=past)
    risk = risk_of(model, known, programme)
    death_risk = stage.state.death_risk[row]
    score = _logit(model.of("private_share", programme)) + model.of("private_slope", programme) * risk
    is_private = rng.random(row.size) < 1 / (1 + np.exp(-score))
    chance = chances(model, known, programme, risk=risk, is_private=is_private, death_risk=death_risk)
    operations = _operations(stage, chosen, chance=chance, risk=risk, is_private=is_private, rng=rng)
    theatre = Theatre(stage.model, model, operations, {**known, "stoma": operations.stoma * 1.0}, chance, rng)
    to_ssr = goes_to_ssr(theatre)
    index = index_stays(theatre, to_ssr=to_ssr)
    back = returns(theatre)
    lines = town_lines(stage, operations, known=theatre.known, chance=chance, rng=rng)
    lines += [*_bills(stage, index, back=back), *_fees(stage, theatre, index)]
    return Plan(
        operations=operations,
        known=known,
        chance=chance,
        death_risk=death_risk,
        lines=join_lines(lines),
        stays=joined([index, workups(theatre), back, chemotherapy(theatre)]),
        long=long_stays(theatre, to_ssr=to_ssr),
    )


def _logit(share: Array) -> Array:
    return np.asarray(np.log(share / (1 - share)))


def _operations(stage: Stage, chosen: tuple[Array, Array, Array], *, chance: Chances, risk: Array, is_private: Array,
                rng: np.random.Generator) -> Operations:  # fmt: skip
    """Days, level, establishment, act and planted exclusion of each operation."""
    model, (row, programme, start) = surgery_model(), chosen
    size = row.size
    reason = (rng.random((size, 1)) >= model.reason_share[programme]).sum(axis=1) + 1
    reason = np.where(reason > model.reason_share.shape[1], 0, reason)
    level = 1 + (rng.random((size, 1)) >= np.cumsum(chance.levels, axis=1)[:, :-1]).sum(axis=1)
    nights = _nights(model, programme, level=level, is_private=is_private, rng=rng)
    nights = np.where(reason == model.reasons.index("long_stay"), LONG_STAY_NIGHTS, nights)
    delay = np.searchsorted(np.cumsum(DELAYS), rng.random(size)).clip(0, len(DELAYS) - 1)
    delay = np.minimum(delay, nights)
    day = start + PRE_DAYS
    day = np.where(_dies_there(stage, row, day=day, delay=delay, nights=nights, programme=programme, rng=rng),
                   stage.persons.death[stage.state.person[row]] - nights + delay, day)  # fmt: skip
    draw = rng.random(size)
    place = np.where(
        is_private, np.searchsorted(model.private.cumulated, draw), np.searchsorted(model.public.cumulated, draw)
    )
    limit = np.where(is_private, model.private.cumulated.size, model.public.cumulated.size)
    return Operations(
        person=stage.state.person[row],
        row=row,
        programme=programme,
        start=day - PRE_DAYS,
        day=day,
        entry=day - delay,
        exit=day - delay + nights,
        level=level,
        is_private=is_private,
        place=np.minimum(place, limit - 1),
        reason=reason,
        act=_acts(model, programme, rng=rng),
        risk=risk,
        stoma=rng.random(size) < model.of("stoma_share", programme),
    )


def _nights(model: SurgeryModel, programme: Array, *, level: Array, is_private: Array,
            rng: np.random.Generator) -> Array:  # fmt: skip
    sectors = [[model.of(f"nights_{sector}_{one}", programme) for one in LEVELS] for sector in ("public", "private")]
    mean = np.stack([np.stack(one) for one in sectors])[is_private.astype(np.int64), level - 1, np.arange(level.size)]
    return np.asarray(np.clip(rng.poisson(mean), LEAST_NIGHTS[level - 1], 60))


def _dies_there(stage: Stage, row: Array, *, day: Array, delay: Array, nights: Array, programme: Array,
                rng: np.random.Generator) -> Array:  # fmt: skip
    """Some of those who die later in the year die in the stay instead: their operation is brought to that day."""
    death = stage.persons.death[stage.state.person[row]]
    share = surgery_model().of("dies_share", programme)
    drawn = rng.random(row.size) < share
    earliest = death - nights + delay - PRE_DAYS
    return np.asarray(drawn & (death < NEVER) & (death > day) & (earliest >= stage.year.first[row]))


def _acts(model: SurgeryModel, programme: Array, *, rng: np.random.Generator) -> Array:
    chosen = np.zeros(programme.size, dtype=np.int64)
    for place in range(len(PROGRAMMES)):
        rows = np.flatnonzero(model.acts["programme"] == place)
        share = np.cumsum(model.acts["share"][rows])
        who = np.flatnonzero(programme == place)
        chosen[who] = rows[np.searchsorted(share / share[-1], rng.random(who.size)).clip(0, rows.size - 1)]
    return chosen


def _bills(stage: Stage, index: Planned, *, back: Planned) -> list[Lines]:
    """GHS lines of private stays, and fees of private readmissions."""
    parts = []
    for stays in (index, back):
        who = np.flatnonzero(stays.is_private)
        common: dict[str, Array | int] = {"last_day": stays.last[who], "clinic": stays.place[who], "rate": 100}
        parts.append(make_lines(stays.person[who], stays.first[who], act=GHS, unit=stays.cents[who], **common))
    who = np.flatnonzero(back.is_private)
    surgeon = stage.doctors.other(back.person[who], np.full(who.size, DIGESTIVE), rng=stage.rng)
    parts.append(
        make_lines(back.person[who], back.first[who], act=SURGERY, specialty=DIGESTIVE, unit=back.fee_cents[who],
                   rate=100, performer=surgeon, clinic=back.place[who])
    )  # fmt: skip
    return parts


def _fees(stage: Stage, theatre: Theatre, index: Planned) -> list[Lines]:
    """Fees and implants of private index stays, on the day of the act."""
    operations, acts = theatre.operations, theatre.model.acts
    who = np.flatnonzero(operations.is_private)
    person, day, act = operations.person[who], operations.day[who], operations.act[who]
    surgeon = np.where(operations.programme[who] == COLON, DIGESTIVE, SURGEON)
    other = theatre.of("other_fees_eur")[who]
    bills = (
        (SURGERY, surgeon, acts["surgeon_eur"][act], index.act[who]),
        (ANAESTHESIA, np.full(who.size, ANAESTHETIST), acts["anaesthetist_eur"][act], index.act[who]),
        (ASSISTANCE, surgeon, other, np.full(who.size, -1)),
        (IMPLANT, np.zeros(who.size, dtype=np.int64), index.implant_cents[who] / 100, np.full(who.size, -1)),
    )
    common: dict[str, Array | int] = {"clinic": operations.place[who], "rate": 100}
    parts = []
    for nature, specialty, eur, ccam in bills:
        performer = stage.doctors.other(person, specialty, rng=stage.rng) if nature != IMPLANT else 0
        parts.append(make_lines(person, day, act=nature, specialty=specialty, unit=np.rint(eur * 100), ccam=ccam,
                                performer=performer, **common))  # fmt: skip
    return [part.take(np.flatnonzero(part.unit > 0)) for part in parts]
