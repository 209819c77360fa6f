"""Fictional communes: real-looking codes, a deprivation quintile each, overseas without one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from features.synth.model import Array

COMMUNES = 320
SPLIT_DEPARTMENTS = 4
HOSPITALS, CLINICS = 40, 30
DEPARTMENTS = tuple(
    f"{place:02d}"
    for place in (
        1,
        6,
        13,
        17,
        21,
        22,
        29,
        31,
        33,
        34,
        35,
        38,
        44,
        45,
        51,
        54,
        57,
        59,
        62,
        63,
        64,
        67,
        69,
        72,
        75,
        76,
        78,
        80,
        83,
        84,
        92,
        93,
        94,
    )
)
OVERSEAS = ("971", "972", "974")
OVERSEAS_SHARE = 0.03


@dataclass(frozen=True)
class Communes:
    """Department (3 characters, as in the SNDS), commune (3), INSEE code, quintile (0 overseas), cumulated weights."""

    department: tuple[str, ...]
    rank: tuple[str, ...]
    insee: tuple[str, ...]
    quintile: Array
    cumulated: Array


@cache
def communes() -> Communes:
    """The communes: the same list for every seed, so that two runs can be compared."""
    rng = np.random.default_rng(20240101)
    weight = 1.0 / (np.arange(COMMUNES) + 12.0)
    rng.shuffle(weight)
    is_overseas = np.arange(COMMUNES) >= COMMUNES - 12
    weight[is_overseas] *= (
        OVERSEAS_SHARE / (1 - OVERSEAS_SHARE) * weight[~is_overseas].sum() / weight[is_overseas].sum()
    )
    department, rank = [], []
    for place in range(COMMUNES):
        overseas = OVERSEAS[place % len(OVERSEAS)]
        department.append(overseas if is_overseas[place] else "0" + DEPARTMENTS[place % len(DEPARTMENTS)])
        rank.append(f"{101 + place % 24}" if is_overseas[place] else f"{(place * 37) % 480 + 1:03d}")
    deprivation = rng.normal(size=COMMUNES)
    order = np.argsort(np.where(is_overseas, np.inf, deprivation))
    share = np.cumsum(np.where(is_overseas, 0, weight)[order])
    quintile = np.zeros(COMMUNES, dtype=np.int64)
    quintile[order] = np.minimum(share / share[-1] * 5, 4.999).astype(np.int64) + 1
    quintile[is_overseas] = 0
    return Communes(
        department=tuple(department),
        rank=tuple(rank),
        insee=tuple(_insee(d, r) for d, r in zip(department, rank, strict=True)),
        quintile=quintile,
        cumulated=np.cumsum(weight / weight.sum()),
    )


def _insee(department: str, rank: str) -> str:
    """INSEE code of 5 characters: department and rank; overseas, 3 and the last 2."""
    return department + rank[1:] if department.startswith("97") else department[1:] + rank


@cache
def hospital_finess() -> tuple[str, ...]:
    """FINESS of 9 characters of the public hospitals; none is on the list of duplicates."""
    return tuple(f"{DEPARTMENTS[place % len(DEPARTMENTS)]}09{10000 + place}" for place in range(HOSPITALS))


def clinic_finess() -> tuple[str, ...]:
    """FINESS of 8 characters of the private clinics."""
    return tuple(f"{DEPARTMENTS[place]}0{81000 + place}" for place in range(CLINICS))


def write_territories(path: Path) -> None:
    """territories.csv: the territoire de vie-santé of each commune, a department or half of a large one."""
    places = communes()
    rows = pd.DataFrame({"commune": places.insee, "department": places.department})
    rows["weight"] = np.diff(places.cumulated, prepend=0.0)
    large = rows.groupby("department").weight.sum().nlargest(SPLIT_DEPARTMENTS).index
    rows = rows.drop_duplicates("commune").sort_values("commune", ignore_index=True)
    half = rows.groupby("department").cumcount() % 2 + 1
    suffix = np.where(rows.department.isin(large), half.astype(str), "1")
    rows["territory_id"] = "TVS" + rows.department + suffix
    rows[["commune", "territory_id"]].to_csv(path, index=False, lineterminator="\n")
