"""The state of each person on 1 January, and what the year may bring: death, new conditions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.synth.days import first_day
from features.synth.geography import communes
from features.synth.model import Array, CareModel
from features.synth.population import Persons, ages

ACTIVE_YEARS = 2
MORTALITY_SCALE = 0.88
HIGHEST_DEATH = 0.6
VASCULAR_SCALE = 0.8


@dataclass(frozen=True)
class State:
    """What a perfect payment model could know on 1 January (or at birth, in the year of birth).

    person: places of the persons of the year; present: n × K, 1 where the condition is there; c2s: 0, 1, 2;
    death_risk: probability of dying in the year; onset_risk: n × K probabilities of a new condition.
    """

    year: int
    person: Array
    is_newborn: Array
    age: Array
    sex: Array
    present: Array
    c2s: Array
    is_ame: Array
    has_minimum: Array
    quintile: Array
    death_risk: Array
    onset_risk: Array


@dataclass(frozen=True)
class Year:
    """What the year brings, as arrays of the state's persons: exposure [first, last] days, death, onsets.

    share: part of the year alive; death_time and onset_time: part of the year elapsed (2 where nothing happens).
    """

    first: Array
    last: Array
    share: Array
    dies: Array
    death_time: Array
    onset_time: Array


def state_on(model: CareModel, persons: Persons, *, year: int) -> State:
    """State of the persons alive on 1 January, and of those born in the year."""
    start, end = first_day(year), first_day(year + 1)
    person = np.flatnonzero((persons.death >= start) & (persons.birth < end))
    age, sex = ages(persons.birth[person], start), persons.sex[person]
    is_newborn = persons.birth[person] >= start
    onset = persons.onset[person]
    present = (onset < start).astype(np.float32)
    is_active = np.flatnonzero(model.parent >= 0)
    parent = onset[:, model.parent[is_active]]
    present[:, is_active] = (parent < start) & (parent >= first_day(year - ACTIVE_YEARS))
    minimum = persons.minimum_draw[person] < model.curves["minimum"][sex - 1, age]
    c2s = np.where((persons.c2s_from[person] <= start) & (persons.c2s_to[person] >= start), persons.c2s[person], 0)
    return State(
        year=year,
        person=person,
        is_newborn=is_newborn,
        age=age,
        sex=sex,
        present=present,
        c2s=np.where(is_newborn, 0, c2s),
        is_ame=persons.is_ame[person],
        has_minimum=minimum & ~is_newborn,
        quintile=communes().quintile[persons.commune_on(start)[person]],
        death_risk=_death_risk(model, age, sex=sex, present=present, is_newborn=is_newborn),
        onset_risk=_onset_risk(model, age, sex=sex, present=present, is_newborn=is_newborn),
    )


def _death_risk(model: CareModel, age: Array, *, sex: Array, present: Array, is_newborn: Array) -> Array:
    """Probability of dying in the year: by age and sex, multiplied by each condition, bounded."""
    ratio = np.exp(present @ np.log(model.number["mortality"]).astype(np.float32))
    risk = model.curves["mortality"][sex - 1, age] * MORTALITY_SCALE * ratio
    return np.where(is_newborn, 0.0, np.minimum(risk, HIGHEST_DEATH))


def _onset_risk(model: CareModel, age: Array, *, sex: Array, present: Array, is_newborn: Array) -> Array:
    """Probability of each condition beginning in the year, n × K (0 where it is already there)."""
    hazard = _hazards(model)[:, sex - 1, age].T
    is_vascular = model.number["vascular"] >= 0.3
    others = np.minimum(present[:, is_vascular].sum(axis=1, keepdims=True), 3)
    risk = hazard * np.where(is_vascular, VASCULAR_SCALE * (1 + 0.5 * others), 1.0)
    risk = np.where((present > 0) | is_newborn[:, None], 0.0, np.minimum(risk, 0.3))
    return risk.astype(np.float32)


def _hazards(model: CareModel) -> Array:
    """Yearly risk by condition, sex and age: cancers by turnover, the others by the slope of their prevalence."""
    prevalence = model.prevalence
    slope = np.maximum(np.diff(prevalence, axis=2, append=prevalence[:, :, -1:]), 0.0)
    turnover = model.number["turnover"][:, None, None] * prevalence
    is_cancer = np.array([kind == "cancer" for kind in model.kind])[:, None, None]
    return np.where(is_cancer, turnover, slope + 0.3 * turnover) / (1 - prevalence)


def draw_year(persons: Persons, state: State, *, rng: np.random.Generator) -> Year:
    """What the year brings; `persons` keep their day of death and the onsets that death does not forestall."""
    start, end = first_day(state.year), first_day(state.year + 1)
    length = end - start
    size = state.person.size
    dies = rng.random(size) < state.death_risk
    death_time = np.where(dies, rng.random(size), 2.0)
    begins = rng.random(state.onset_risk.shape, dtype=np.float32) < state.onset_risk
    onset_time = np.where(begins, rng.random(begins.shape), 2.0)
    onset_time[onset_time > np.minimum(death_time, 1.0)[:, None]] = 2.0
    first = np.where(state.is_newborn, persons.birth[state.person], start)
    last = np.where(dies, start + np.floor(death_time * length), end - 1).astype(np.int64)
    birth_time = (first - start) / length
    share = np.where(dies, death_time, 1.0) - birth_time
    persons.death[state.person[dies]] = last[dies]
    rows, columns = np.nonzero(onset_time < 2)
    persons.onset[state.person[rows], columns] = start + np.floor(onset_time[rows, columns] * length).astype(np.int64)
    return Year(first=first, last=last, share=share, dies=dies, death_time=death_time, onset_time=onset_time)
