"""What operations planned and the years have not yet brought; what the past of the operated was; the oracle's rows."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from features.synth.days import first_day
from features.synth.expectation import IDE
from features.synth.lines import GP_SPECIALTIES, Lines, Stage, join_lines, make_lines
from features.synth.model import Array
from features.synth.reimbursed import surgery_reimbursed
from features.synth.stays import LongStays, Stays
from features.synth.surgery import Plan, decided, decision_rates, plan
from features.synth.surgery_background import daily
from features.synth.surgery_model import POST_DAYS, PROGRAMMES, surgery_model
from features.synth.surgery_plan import Planned, PlannedLong, joined, no_long_stays, no_stays, split
from features.synth.surgery_risk import Past

LONG_STAY_NIGHTS = 4
LOOKBACK_DAYS = 365
REPEAT_DAYS = 400
FREE = -1


@dataclass(frozen=True)
class Followed:
    """Operations whose window is not over, with the euros of ordinary care expected in it so far."""

    plan: Plan
    background: Array


@dataclass(frozen=True)
class Yearly:
    """Euros that surgery is expected to bring to a year, by row of the state (see expectation.Expected)."""

    mg: Array
    mg_ide: Array
    total: Array
    amo: Array


@dataclass(frozen=True)
class Due:
    """What surgery brings to a year: lines, acute stays, longer stays, and what was expected of it."""

    lines: Lines
    stays: Planned
    long: PlannedLong
    expected: Yearly


@dataclass
class Agenda:
    """The operations of the persons of a chunk, from year to year.

    busy_until: last day of the window of the last operation; last_entry: n × programmes; spent and long_stays: what
    the year before brought (person, day, cents; person, day of exit).
    """

    surgery: float
    busy_until: Array
    last_entry: Array
    lines: list[Lines] = field(default_factory=list)
    stays: list[Planned] = field(default_factory=list)
    long: list[PlannedLong] = field(default_factory=list)
    followed: list[Followed] = field(default_factory=list)
    closed: list[Followed] = field(default_factory=list)
    spent: tuple[Array, Array, Array] | None = None
    long_stays: tuple[Array, Array] | None = None


def new_agenda(persons: int, *, surgery: float) -> Agenda:
    """An agenda with nothing in it."""
    return Agenda(surgery, np.full(persons, FREE), np.full((persons, len(PROGRAMMES)), FREE))


def open_year(agenda: Agenda, stage: Stage, lines: Lines, *, stays: Stays, long: list[LongStays],
              rng: np.random.Generator) -> Due:  # fmt: skip
    """Decides the operations of the year, and takes from the agenda what falls in it.

    `lines`, `stays` and `long` are ordinary care of the year: with those of the year before, the past of the operated.
    """
    carried = _due(agenda, stage)
    spent = _spent(stage, [lines, carried[0]], stays=stays)
    ends = _long_ends(stage, stays, long=long)
    free_rates = _free(agenda, stage)
    row, programme, start = decided(stage, agenda.surgery, rng=rng)
    kept = _accepted(agenda, stage, row, programme=programme, start=start, rng=rng)
    row, programme, start = row[kept], programme[kept], start[kept]
    past = _past(agenda, stage, row, start=start, spent=spent, ends=ends)
    made = plan(stage, chosen=(row, programme, start), past=past, rng=rng)
    own = made.operations
    agenda.busy_until[own.person] = own.day + POST_DAYS[own.programme]
    agenda.last_entry[own.person, own.programme] = own.entry
    agenda.lines.append(made.lines)
    agenda.stays.append(made.stays)
    agenda.long.append(made.long)
    agenda.followed.append(Followed(made, np.zeros(own.size)))
    fresh = _due(agenda, stage)
    expected = _yearly(stage, free_rates, carried=carried)
    _follow(agenda, stage)
    person, day, cents = (np.concatenate(pair) for pair in zip(spent, _of_lines([fresh[0]]), strict=True))
    agenda.spent = (person, day, cents)
    agenda.long_stays = (np.concatenate([ends[0], own.person]), np.concatenate([ends[1], own.exit]))
    return Due(
        lines=join_lines([carried[0], fresh[0]]),
        stays=joined([carried[1], fresh[1]]),
        long=joined([carried[2], fresh[2]]),
        expected=expected,
    )


def _due(agenda: Agenda, stage: Stage) -> tuple[Lines, Planned, PlannedLong]:
    """What falls in the year, taken out of the agenda; what death forestalls is lost."""
    end, death = first_day(stage.state.year + 1), stage.persons.death
    lines = join_lines([*agenda.lines, _no_lines()])
    is_now = lines.day < end
    agenda.lines = [lines.take(np.flatnonzero(~is_now))]
    lines = lines.take(np.flatnonzero(is_now & (lines.day <= death[lines.person])))
    stays, later_stays = split(joined([*agenda.stays, no_stays()]), end=end, death=death)
    long, later_long = split(joined([*agenda.long, no_long_stays()]), end=end, death=death)
    agenda.stays, agenda.long = [later_stays], [later_long]
    return lines, stays, long


def _no_lines() -> Lines:
    nobody = np.empty(0, dtype=np.int64)
    return make_lines(nobody, nobody, act=0, unit=0)


def _of_lines(parts: list[Lines]) -> tuple[Array, Array, Array]:
    return (
        np.concatenate([part.person for part in parts]).astype(np.int64),
        np.concatenate([part.day for part in parts]).astype(np.int64),
        np.concatenate([part.base_cents for part in parts]),
    )


def _spent(stage: Stage, parts: list[Lines], *, stays: Stays) -> tuple[Array, Array, Array]:
    """Person, day and cents of claims and public stays."""
    person, day, cents = _of_lines(parts)
    public = np.flatnonzero(~stays.is_private)
    return (
        np.concatenate([person, stage.state.person[stays.row[public]]]),
        np.concatenate([day, stays.first[public]]),
        np.concatenate([cents, stays.cents[public]]),
    )


def _long_ends(stage: Stage, stays: Stays, *, long: list[LongStays]) -> tuple[Array, Array]:
    """Person and day of exit of stays of four nights or more, of SSR and of HAD."""
    chosen = np.flatnonzero(stays.nights >= LONG_STAY_NIGHTS)
    rows = np.concatenate([stays.row[chosen], *[part.row for part in long]])
    last = np.concatenate([stays.last[chosen], *[part.last for part in long]])
    return stage.state.person[rows], last


def _past(agenda: Agenda, stage: Stage, row: Array, *, start: Array, spent: tuple[Array, Array, Array],
          ends: tuple[Array, Array]) -> Past:  # fmt: skip
    """Euros and long stays of the days before the window of each operation (one a person)."""
    place = np.full(stage.persons.size, -1)
    place[stage.state.person[row]] = np.arange(row.size)
    known = [spent] if agenda.spent is None else [agenda.spent, spent]
    person, day, cents = (np.concatenate(column) for column in zip(*known, strict=True))
    own = place[person]
    entry = start + 45
    is_past = (own >= 0) & (day < start[own]) & (day >= (entry - LOOKBACK_DAYS)[own]) if row.size else own >= 0
    eur = np.bincount(own[is_past], weights=cents[is_past], minlength=row.size) / 100
    listed = [ends] if agenda.long_stays is None else [agenda.long_stays, ends]
    person, day = (np.concatenate(column) for column in zip(*listed, strict=True))
    own = place[person]
    is_past = (own >= 0) & (day < entry[own]) & (day >= (entry - LOOKBACK_DAYS)[own]) if row.size else own >= 0
    return Past(spend_eur=eur, has_long_stay=np.bincount(own[is_past], minlength=row.size) > 0)


def _free(agenda: Agenda, stage: Stage) -> Array:
    """Decision rates of the year, less those whom an operation keeps from another."""
    person, year = stage.state.person, stage.state.year
    start, end = first_day(year), first_day(year + 1)
    rates = decision_rates(stage, agenda.surgery)
    busy = np.clip(agenda.busy_until[person] - start + 1, 0, end - start) / (end - start)
    middle = np.full(person.size, (start + end) // 2)
    again = _repeats(agenda, person, middle)
    share = surgery_model().number["repeat_share"]
    return np.asarray(rates * (1 - busy)[:, None] * np.where(again, share, 1.0))


def _repeats(agenda: Agenda, person: Array, start: Array) -> Array:
    """Whether an operation of each programme was done shortly before, n × programmes."""
    last = agenda.last_entry[person]
    return np.asarray((last > FREE) & (start[:, None] + 45 - last <= REPEAT_DAYS))


def _accepted(agenda: Agenda, stage: Stage, row: Array, *, programme: Array, start: Array,
              rng: np.random.Generator) -> Array:  # fmt: skip
    """Whether each operation goes ahead: not in the window of another, seldom soon after one of its kind."""
    person = stage.state.person[row]
    again = _repeats(agenda, person, start)[np.arange(row.size), programme]
    share = np.where(again, surgery_model().of("repeat_share", programme), 1.0)
    return np.asarray((start > agenda.busy_until[person]) & (rng.random(row.size) < share))


def _yearly(stage: Stage, rates: Array, *, carried: tuple[Lines, Planned, PlannedLong]) -> Yearly:
    """Euros expected of a full year alive: new operations on average, and what those of before have planned."""
    number = surgery_model().number
    new = {
        key: (rates * number[f"yearly_{key}"] * number["landing"]).sum(axis=1) for key in ("eur", "gp_eur", "nurse_eur")
    }
    lines, stays, long = carried
    size, person = stage.state.person.size, stage.state.person

    def by_row(who: Array, cents: Array) -> Array:
        return np.bincount(np.searchsorted(person, who), weights=cents, minlength=size) / 100

    nurse = np.isin(lines.act, np.concatenate([stage.model.acts[name].act for name in IDE]))
    base = lines.base_cents
    mg = new["gp_eur"] + by_row(lines.person, np.where(np.isin(lines.specialty, GP_SPECIALTIES), base, 0))
    mg_ide = mg + new["nurse_eur"] + by_row(lines.person, np.where(nurse, base, 0))
    total = new["eur"] + by_row(lines.person, base)
    total += by_row(stays.person, np.where(stays.is_private, 0, stays.cents)) + by_row(long.person, long.cents)
    new_eur = rates * number["yearly_eur"] * number["landing"]
    return Yearly(mg=mg, mg_ide=mg_ide, total=total, amo=surgery_reimbursed(stage, new_eur, carried))


def _follow(agenda: Agenda, stage: Stage) -> None:
    """Adds the ordinary care that the year is expected to bring to each open window; closes those that are over."""
    start, end = first_day(stage.state.year), first_day(stage.state.year + 1)
    open_still: list[Followed] = []
    stays = stage.rates.stays
    for one in agenda.followed:
        own = one.plan.operations
        place = np.searchsorted(stage.state.person, own.person).clip(0, stage.state.person.size - 1)
        is_there = stage.state.person[place] == own.person
        before, after = daily(stage, place, own.programme, stays=stays[place])
        window_end = own.day + POST_DAYS[own.programme]
        pre = np.clip(np.minimum(own.entry, end) - np.maximum(own.start, start), 0, None)
        post = np.clip(np.minimum(window_end + 1, end) - np.maximum(own.entry, start), 0, None)
        lived = _lived(one.plan, own.exit)
        added = np.where(is_there, before * pre + after * post * lived, 0.0)
        grown = Followed(one.plan, one.background + added)
        is_over = (window_end < end).all() if own.size else True
        (agenda.closed if is_over else open_still).append(grown)
    agenda.followed = open_still


def _lived(plan: Plan, exit_day: Array) -> Array:
    """Mean part of the days after admission that are lived."""
    hazard = -np.log1p(-np.minimum(plan.death_risk, 0.9)) / 365
    days = (plan.operations.day + POST_DAYS[plan.operations.programme] - exit_day).clip(1)
    return np.asarray((1 - np.exp(-hazard * days)) / np.maximum(hazard * days, 1e-9))
