"""Pseudonyms of one chunk: several per person for some, one shared by twins, some that stand for nobody."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.synth.days import NEVER, pseudonyms
from features.synth.model import Array
from features.synth.population import Persons

UNKNOWN, FICTITIOUS = 40, 40


@dataclass(frozen=True)
class Identities:
    """Pseudonyms (BEN_NIR_PSA): of the persons, second ones, of nobody in IR_BEN_R, and fictitious ones.

    first, second: place of each person's pseudonyms in `text`; rank: BEN_RNG_GEM; second_from: day of the change.
    """

    text: tuple[str, ...]
    first: Array
    second: Array
    second_from: Array
    rank: Array
    unknown: Array
    fictitious: Array

    def on(self, person: Array, day: Array) -> Array:
        """Place of the pseudonym in use by each person on each day."""
        return np.where(day >= self.second_from[person], self.second[person], self.first[person])


def draw_identities(persons: Persons) -> Identities:
    """Pseudonyms of the persons, in chunk order: the same person has the same ones for ever."""
    size = persons.size
    has_second = np.flatnonzero(persons.second_from < NEVER)
    count = size + has_second.size
    total = count + UNKNOWN + FICTITIOUS
    place = np.arange(total, dtype=np.int64)
    owner = np.concatenate([np.arange(size), has_second, np.arange(UNKNOWN + FICTITIOUS)]) + persons.first_place
    salt = np.where(place < size, 0, np.where(place < count, 1, np.where(place < count + UNKNOWN, 2, 3)))
    text: list[str] = []
    for kind, letter in enumerate("PQUF"):
        text.extend(pseudonyms(owner[salt == kind], salt=kind + 2, prefix=letter))
    second = np.arange(size)
    second[has_second] = size + np.arange(has_second.size)
    return Identities(
        text=tuple(text),
        first=np.where(persons.twin_of >= 0, persons.twin_of, np.arange(size)),
        second=np.where(persons.twin_of >= 0, persons.twin_of, second),
        second_from=persons.second_from,
        rank=persons.rank(),
        unknown=count + np.arange(UNKNOWN),
        fictitious=count + UNKNOWN + np.arange(FICTITIOUS),
    )
