"""Who prescribed the drugs dispensed in town: hospitals for a part, more for biologics, each with its own habits."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from features.synth.days import uniform
from features.synth.geography import HOSPITALS
from features.synth.model import Array, CareModel, read_rows

USUAL_HOSPITAL_SHARE = 0.05
HOSPITAL_SHARE = {"etanercept": 0.7, "adalimumab": 0.7, "glargine": 0.25}
GENERAL_PRACTITIONER = 1
HABITS = (0.35, 0.65, 0.5, 0.8, 0.2, 0.55, 0.7, 0.4)


@dataclass(frozen=True)
class Prescribers:
    """Of each line: place of the prescribing hospital and specialty of the prescriber in town, -1 without."""

    hospital: Array
    specialty: Array


def prescribers(model: CareModel, person: Array, *, pack: Array) -> Prescribers:
    """Prescribers of the packs of persons (places in the population; pack -1: no drug, no prescriber).

    A person keeps to one prescriber per drug, so that a reversal repeats its line. Hospitals differ in size, and in
    the share of biosimilars among what they prescribe; the euros of a person do not depend on the hospital.
    """
    share, kind = _packs(model)
    hospital, specialty = np.full(person.size, -1), np.full(person.size, -1)
    drugs = np.flatnonzero(pack >= 0)
    who, what = person[drugs], pack[drugs]
    is_hospital = uniform(who, what, salt=11) < share[what]
    draw = uniform(who, salt=13)
    chosen = np.stack([np.searchsorted(weights, draw) for weights in _weights()])
    place = chosen[kind[what], np.arange(drugs.size)].clip(0, HOSPITALS - 1)
    hospital[drugs] = np.where(is_hospital, place, -1)
    specialty[drugs] = np.where(is_hospital, -1, GENERAL_PRACTITIONER)
    return Prescribers(hospital, specialty)


def _packs(model: CareModel) -> tuple[Array, Array]:
    """Of each pack: share prescribed by hospitals, and row of `_weights`."""
    listed = {row["cip13"]: row for row in read_rows("biosimilars")}
    found = [listed.get(row["cip13"], {}) for row in model.drugs]
    share = [HOSPITAL_SHARE.get(row.get("molecule", ""), USUAL_HOSPITAL_SHARE) for row in found]
    kinds = {"reference": 1, "biosimilar": 2}
    return np.array(share), np.array([kinds.get(row.get("kind", ""), 0) for row in found])


@cache
def _weights() -> tuple[Array, Array, Array]:
    """Cumulated shares of the hospitals in ordinary drugs, references and biosimilars."""
    size = 1.0 / (np.arange(HOSPITALS) + 3.0)
    habit = np.resize(np.array(HABITS), HOSPITALS)
    parts = (size, size * (1 - habit), size * habit)
    return parts[0].cumsum() / size.sum(), parts[1].cumsum() / parts[1].sum(), parts[2].cumsum() / parts[2].sum()
