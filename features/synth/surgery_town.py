"""Town care around an operation: lines drawn and expected from the same rows of synth_surgery_town.csv."""

from __future__ import annotations

from functools import cache

import numpy as np

from features.synth.lines import GP_SPECIALTIES, Lines, Stage, make_lines, pack_lines
from features.synth.model import Array, care_model, numbers, read_rows
from features.synth.surgery_model import POST_DAYS, PROGRAMMES
from features.synth.surgery_plan import Operations
from features.synth.surgery_risk import Chances

NURSE = 24
OTHER_RATE, DOCTOR_RATE = 60, 70
DRUGS = ("surgery_iron", "surgery_after")


@cache
def town_rows() -> tuple[dict[str, str], ...]:
    """Rows of synth_surgery_town.csv."""
    return tuple(read_rows("synth_surgery_town"))


def _mean(row: dict[str, str]) -> Array:
    return np.array([float(row[name]) for name in PROGRAMMES])


def _rate(row: dict[str, str], operations: Operations, *, known: dict[str, Array], chance: Chances) -> Array:
    """Mean number of lines of a row for each operation, deaths apart."""
    rate = _mean(row)[operations.programme]
    if row["way"] == "count":
        rate = rate * chance.counts
    return rate * (known[row["with"]] if row["with"] else 1.0)


def expected_town(operations: Operations, *, known: dict[str, Array], chance: Chances) -> dict[str, Array]:
    """Expected euros by component."""
    found: dict[str, Array] = {}
    for row in town_rows():
        rate = _rate(row, operations, known=known, chance=chance)
        if row["part"] == "post":
            rate = rate * chance.kept
        found[row["component"]] = found.get(row["component"], np.zeros(operations.size)) + rate * _eur(row)
    return found


def _eur(row: dict[str, str]) -> float:
    if row["act_code"] not in DRUGS:
        return int(row["unit_cents"]) / 100
    rows = [care_model().drugs[place] for place in _places(row["act_code"])]
    column = numbers(rows, "share_from", "share_to", "price_cents")
    share = np.minimum(column["share_to"], 1.0) - column["share_from"]
    return float((share * column["price_cents"]).sum() / 100)


def _places(drugs: str) -> list[int]:
    return [place for place, row in enumerate(care_model().drugs) if row["condition"] == drugs]


def town_lines(stage: Stage, operations: Operations, *, known: dict[str, Array], chance: Chances,
               rng: np.random.Generator) -> list[Lines]:  # fmt: skip
    """Lines of town care of each operation, whenever they fall: what death forestalls is left out later."""
    parts = []
    for row in town_rows():
        rate = _rate(row, operations, known=known, chance=chance)
        count = rng.poisson(rate) if row["way"] == "count" else (rng.random(rate.size) < rate).astype(np.int64)
        place = np.repeat(np.arange(rate.size), count)
        day = _days(row, operations, place=place, rng=rng)
        person = operations.person[place]
        if row["act_code"] in DRUGS:
            parts.append(_drug_lines(stage, row["act_code"], person=person, day=day, rng=rng))
        else:
            parts.append(_act_lines(stage, row, person=person, day=day, rng=rng))
    return parts


def _days(row: dict[str, str], operations: Operations, *, place: Array, rng: np.random.Generator) -> Array:
    """Days before the act, or after the exit; never outside the window, nor in the stay."""
    first, last = int(row["first_day"]), int(row["last_day"])
    day = first + np.floor(rng.random(place.size) * (last - first + 1)).astype(np.int64)
    if row["part"] == "pre":
        return np.minimum(operations.day[place] + day, operations.entry[place] - 1)
    start, end = operations.exit[place] + 1, (operations.day + POST_DAYS[operations.programme])[place]
    late = operations.exit[place] + day
    return np.where(late <= end, late, start + np.floor(rng.random(place.size) * np.maximum(end - start, 1))).astype(
        np.int64
    )


def _act_lines(stage: Stage, row: dict[str, str], *, person: Array, day: Array, rng: np.random.Generator) -> Lines:
    specialty = int(row["specialty"])
    if specialty in GP_SPECIALTIES:
        performer = stage.doctors.general_practitioner(person, rng)
    elif specialty == NURSE:
        performer = stage.doctors.nurse(person, rng)
    else:
        performer = stage.doctors.other(person, np.full(person.size, specialty), rng=rng)
    return make_lines(
        person,
        day,
        act=int(row["act_code"]),
        specialty=specialty,
        unit=int(row["unit_cents"]),
        rate=DOCTOR_RATE if specialty not in (NURSE, 26, 30, 50, 55) else OTHER_RATE,
        performer=performer,
        ccam=stage.model.ccam.index(row["ccam"]) if row["ccam"] else -1,
        test=int(row["test"] or 0),
    )


def _drug_lines(stage: Stage, drugs: str, *, person: Array, day: Array, rng: np.random.Generator) -> Lines:
    places = _places(drugs)
    ends = np.array([float(stage.model.drugs[place]["share_to"]) for place in places])
    which = np.searchsorted(ends, rng.random(person.size), side="right").clip(0, len(places) - 1)
    return pack_lines(stage, person, days=day, place=np.array(places)[which])
