"""Persons of one chunk: who they are on the first day, and what is drawn once for their whole life."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from features.synth.days import NEVER, first_day, pseudonyms
from features.synth.geography import communes
from features.synth.model import Array, CareModel, read_rows
from features.synth.rates import Rates

BIRTH_SHARE = 0.0105
OPEN_ENDED = 365.25
AME_SHARE = 0.006
FRAILTY_VARIANCE = 0.34
OTHER_VARIANCE = 0.45
MOVE_SHARE = 0.012
C2S_BY_QUINTILE = np.array([1.5, 0.45, 0.72, 0.95, 1.2, 1.7])


@dataclass
class Persons:
    """n persons: arrays of n, or n × K conditions. Days count from 1970; `death` and `onset` move with the years."""

    first_place: int
    birth: Array
    sex: Array
    commune: Array
    moved_on: Array
    new_commune: Array
    frailty: Array
    other_frailty: Array
    avoidance: Array
    onset: Array
    is_ald: Array
    drug_draw: Array
    death: Array
    c2s: Array
    c2s_from: Array
    c2s_to: Array
    has_cover_row: Array
    is_ame: Array
    minimum_draw: Array
    twin_of: Array
    second_from: Array

    @property
    def size(self) -> int:
        """Number of persons."""
        return int(self.birth.size)

    @cached_property
    def patient_id(self) -> list[str]:
        """BEN_IDT_ANO of each person."""
        return pseudonyms(np.arange(self.size) + self.first_place, salt=1, prefix="B0")

    def commune_on(self, day: int) -> Array:
        """Commune of residence on a day."""
        return np.where(self.moved_on <= day, self.new_commune, self.commune)

    def rank(self) -> Array:
        """BEN_RNG_GEM: 2 for the second of twins, else 1."""
        return np.where(self.twin_of >= 0, 2, 1).astype(np.int32)


@dataclass(frozen=True)
class _Arrivals:
    """What is drawn first: birth, sex, age and deprivation quintile on the first day, and the span of the years."""

    birth: Array
    sex: Array
    age: Array
    quintile: Array
    start: int
    span: int


def draw_persons(model: CareModel, rng: np.random.Generator, *, places: range, years: range, rates: Rates) -> Persons:
    """The persons of some places of the population, alive on the first day of `years` or born in them."""
    size = len(places)
    start = first_day(years[0])
    span = first_day(years[-1] + 1) - start
    birth, sex = _births(rng, size, years=years)
    twin_of = _twins(rng, size, share=rates.person_twin)
    is_twin = twin_of >= 0
    towns = communes()
    commune = np.searchsorted(towns.cumulated, rng.random(size)).clip(0, len(towns.insee) - 1)
    for shared in (birth, sex, commune):
        shared[is_twin] = shared[twin_of[is_twin]]
    arrivals = _Arrivals(birth, sex, ages(birth, start), towns.quintile[commune], start, span)
    return Persons(
        first_place=places[0],
        birth=birth,
        sex=sex,
        commune=commune,
        new_commune=np.searchsorted(towns.cumulated, rng.random(size)).clip(0, len(towns.insee) - 1),
        frailty=rng.gamma(1 / FRAILTY_VARIANCE, FRAILTY_VARIANCE, size),
        other_frailty=rng.gamma(1 / OTHER_VARIANCE, OTHER_VARIANCE, size),
        avoidance=rng.random(size),
        onset=_first_onsets(model, rng, arrivals=arrivals),
        is_ald=rng.random((size, len(model.conditions))) < model.number["ald_share"],
        drug_draw=rng.random((size, len(model.conditions)), dtype=np.float32),
        death=np.full(size, NEVER),
        minimum_draw=rng.random(size),
        twin_of=twin_of,
        **_rights(model, rng, arrivals=arrivals),
        **_changes(rng, arrivals, twin_of=twin_of, rates=rates),
    )


def _changes(rng: np.random.Generator, arrivals: _Arrivals, *, twin_of: Array, rates: Rates) -> dict[str, Array]:
    """Days of the move and of the second pseudonym (NEVER for most); twins have neither."""
    size = twin_of.size
    is_single = (twin_of < 0) & ~np.isin(np.arange(size), twin_of)
    moves = (rng.random(size) < MOVE_SHARE * arrivals.span / 365) & is_single
    has_second = (rng.random(size) < rates.person_second_pseudonym) & is_single
    earliest = np.maximum(arrivals.birth - arrivals.start, 0)
    when = earliest + 1 + (rng.random((2, size)) * (arrivals.span - earliest - 1)).astype(np.int64)
    return {
        "moved_on": np.where(moves, arrivals.start + when[0], NEVER),
        "second_from": np.where(has_second, arrivals.start + when[1], NEVER),
    }


def ages(birth: Array, day: int) -> Array:
    """Completed years on a day, 0 before birth, at most 110."""
    return np.floor((day - birth) / OPEN_ENDED + 1e-9).astype(np.int64).clip(0, 110)


def _births(rng: np.random.Generator, size: int, *, years: range) -> tuple[Array, Array]:
    """Days of birth and sexes: age pyramid by sex on the first day, then births spread over the years."""
    sexes, bounds, share = _pyramid(years[0])
    group = np.searchsorted(np.cumsum(share), rng.random(size)).clip(0, len(share) - 1)
    age = bounds[group] + rng.random(size) * 5
    start = first_day(years[0])
    birth = start - 1 - np.floor(age * OPEN_ENDED).astype(np.int64)
    is_born_later = rng.random(size) < BIRTH_SHARE * len(years)
    later = rng.integers(start, first_day(years[-1] + 1), size)
    newborn_sex = np.where(rng.random(size) < 0.512, 1, 2)
    return np.where(is_born_later, later, birth), np.where(is_born_later, newborn_sex, sexes[group])


def _pyramid(year: int) -> tuple[Array, Array, Array]:
    """Sex, first age and share of each five-year group, between the pyramids of 2020 and 2025."""
    part = min(max((year - 2020) / 5, 0.0), 1.0)
    total: dict[tuple[int, int], float] = {}
    for row in read_rows("calibration"):
        if row["quantity"] == "population":
            sex, group = row["group"].split(" ")
            cell = (1 if sex == "male" else 2, int(group.split("-")[0].rstrip("+")))
            weight = part if row["year"] == "2025" else 1 - part
            total[cell] = total.get(cell, 0.0) + weight * float(row["value"])
    sexes, bounds = np.array(sorted(total)).T
    share = np.array([total[cell] for cell in sorted(total)])
    return sexes, bounds, share / share.sum()


def _twins(rng: np.random.Generator, size: int, *, share: float) -> Array:
    """Place of the elder twin, -1 for others: pairs are neighbours, of the same sex."""
    is_second = (np.arange(size) % 2 == 1) & (rng.random(size) < share)
    return np.where(is_second, np.arange(size) - 1, -1)


def _rights(model: CareModel, rng: np.random.Generator, *, arrivals: _Arrivals) -> dict[str, Array]:
    """C2S spells (0 none, 1 free, 2 with contribution), whether IR_ORC_R holds them, and State medical aid."""
    age, span, start = arrivals.age, arrivals.span, arrivals.start
    size = age.size
    share = model.curves["c2s"][arrivals.sex - 1, age] * C2S_BY_QUINTILE[arrivals.quintile]
    kind = np.where(rng.random(size) < share, np.where(rng.random(size) < 0.78, 1, 2), 0)
    begins_later = rng.random(size) < 0.12
    before = start - rng.integers(60, 1500, size)
    begin = np.where(begins_later, start + rng.integers(0, span, size), np.maximum(before, arrivals.birth))
    end = np.maximum(begin, start) + rng.integers(200, 200 + span, size)
    is_ame = rng.random(size) < np.where((age >= 18) & (age < 60), AME_SHARE, 0.001)
    return {
        "c2s": np.where(is_ame, 0, kind),
        "c2s_from": begin,
        "c2s_to": np.where(rng.random(size) < 0.15, end, start + span + 400),
        "has_cover_row": rng.random(size) < 0.85,
        "is_ame": is_ame,
    }


def _first_onsets(model: CareModel, rng: np.random.Generator, *, arrivals: _Arrivals) -> Array:
    """Day each condition began (NEVER if absent): one common factor makes vascular conditions come together."""
    shape = (arrivals.age.size, len(model.conditions))
    loading = model.number["vascular"].astype(np.float32) * np.float32(0.6)
    common = rng.standard_normal((shape[0], 1), dtype=np.float32)
    draw = loading * common + np.sqrt(1 - loading**2) * rng.standard_normal(shape, dtype=np.float32)
    present = draw < model.threshold[:, arrivals.sex - 1, arrivals.age].T
    present[arrivals.birth >= arrivals.start] = False
    years_ago = rng.exponential(1 / np.maximum(model.number["turnover"], 0.02), shape)
    onset = arrivals.start - 1 - (years_ago * OPEN_ENDED).astype(np.int64)
    onset = np.maximum(onset, arrivals.birth[:, None])
    return np.where(present & (np.array(model.kind) != "active"), onset, NEVER)
