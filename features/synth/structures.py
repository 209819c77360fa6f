"""Structures of the fictional France: PEPS teams, IPEP groups, IPSO practices, and the schemes they take part in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from features.synth.days import first_day
from features.synth.geography import clinic_finess, hospital_finess
from features.synth.model import Array, read_rows

PATIENTS_PER_MEMBER = 850
FEWEST_MEMBERS = 4
PLANNED_FOR = 50_000
SMALLEST_LIST = 330
KINDS = ("peps", "ipep", "ipso")
PREFIX = {"peps": "STR", "ipep": "GRP", "ipso": "IPS"}
NAMES = {"peps": "Maison de santé fictive", "ipep": "Groupe IPEP fictif", "ipso": "Cabinet IPSO fictif"}
ARTICLE_51_HOSPITALS, CAQES_HOSPITALS = 6, 12
ALWAYS_OPEN = first_day(1990)
PARTICIPATION = (
    "structure_id", "structure_name", "scheme", "patientele", "perimeter", "from_date", "to_date", "phase_from",
    "quality_share", "carte", "experience_points", "opened_on", "legal_form", "phase", "programmes",
)  # fmt: skip


@dataclass(frozen=True)
class Structures:
    """Structures in the order of their places; `profile` holds the row of synth_teams.csv that each follows.

    patients: planned lists; members, nurses: general practitioners and nurses; opens_on: day of opening;
    keeps, colleagues: share of general-practice acts that a present declared doctor gives, and share of the rest
    that go to the team; nurse_share: share of nurse acts that the team's nurses give.
    """

    structure_id: tuple[str, ...]
    name: tuple[str, ...]
    profile: tuple[dict[str, str], ...]
    patients: Array
    members: Array
    nurses: Array
    opens_on: Array
    keeps: Array
    colleagues: Array
    nurse_share: Array

    @property
    def count(self) -> int:
        """Number of structures."""
        return len(self.structure_id)

    def places(self, column: str, value: str) -> Array:
        """Places of the structures whose profile has a value in a column."""
        return np.array([place for place, row in enumerate(self.profile) if row[column] == value], dtype=np.int64)


def draw_structures(patients: int, rng: np.random.Generator) -> Structures:
    """Structures for a number of patients: their number and size grow with it, their shares of patients do not."""
    rows: list[dict[str, str]] = []
    ids: list[str] = []
    names: list[str] = []
    planned: list[float] = []
    for kind, count in zip(KINDS, _counts(patients), strict=True):
        profiles = [row for row in read_rows("synth_teams") if row["kind"] == kind]
        chosen = [profiles[place % len(profiles)] for place in range(count)]
        sizes = np.array([float(row["patients"]) for row in chosen]) * rng.uniform(0.97, 1.03, count)
        whole = sum(float(row["patients"]) for row in profiles) if kind == "peps" else float(profiles[0]["patients"])
        total = max(patients * whole / PLANNED_FOR, min(SMALLEST_LIST, patients * 0.14) if kind == "peps" else 0.0)
        planned.extend(sizes * (total / sizes.sum()))
        rows.extend(chosen)
        ids.extend(f"{PREFIX[kind]}{place + 1:03d}" for place in range(count))
        names.extend(f"{NAMES[kind]} {place + 1}" for place in range(count))
    size = np.array(planned)
    return Structures(
        structure_id=tuple(ids),
        name=tuple(names),
        profile=tuple(rows),
        patients=size,
        members=np.maximum(np.round(size / PATIENTS_PER_MEMBER).astype(int), FEWEST_MEMBERS),
        nurses=_nurses(rows, size=size),
        opens_on=np.array([_day(row["opened_on"]) for row in rows]),
        keeps=rng.uniform(0.73, 0.81, size.size),
        colleagues=rng.uniform(0.10, 0.50, size.size),
        nurse_share=rng.uniform(0.45, 0.80, size.size),
    )


def _counts(patients: int) -> tuple[int, int, int]:
    """PEPS teams, IPEP groups and IPSO practices: 10, 1 and 1 at 50,000 patients, 60, 6 and 3 at a million."""
    teams = round(min(patients / 5_000, 10) + max(patients - PLANNED_FOR, 0) / 19_000)
    return max(teams, 1), max(patients // 160_000, 1), max(patients // 330_000, 1)


def _nurses(rows: list[dict[str, str]], *, size: Array) -> Array:
    """Nurses of each structure: those of its profile, more where its list is longer; a team without stays so."""
    planned = np.array([int(row["nurses"]) for row in rows])
    growth = np.maximum(size / np.array([float(row["patients"]) for row in rows]), 1.0)
    return np.round(planned * growth).astype(int)


def _day(text: str) -> int:
    return int(np.datetime64(text).astype("M8[D]").astype(int)) if text else ALWAYS_OPEN


def write_participations(structures: Structures, path: Path) -> None:
    """participations.csv: a row per structure and scheme, teams first, then the hospitals of the biosimilars."""
    names = [name for name in PARTICIPATION if name not in ("structure_id", "structure_name", "to_date")]
    rows = [
        {"structure_id": code, "structure_name": name, "to_date": "", **{key: row.get(key, "") for key in names}}
        for code, name, row in zip(structures.structure_id, structures.name, structures.profile, strict=True)
    ]
    schemes = (
        ("biosimilars", ARTICLE_51_HOSPITALS, "2018-10-01", "2022-12-31"),
        ("biosimilars_caqes", CAQES_HOSPITALS, "2018-01-01", ""),
    )
    for scheme, count, first, last in schemes:
        for place, finess in enumerate(hospital_finess()[:count], start=1):
            hospital = {"structure_id": finess[:8], "structure_name": f"Centre hospitalier fictif {place}"}
            rows.append({**hospital, "scheme": scheme, "from_date": first, "to_date": last, "phase_from": first})
    rows.extend(_bundles())
    pd.DataFrame(rows, columns=list(PARTICIPATION)).fillna("").to_csv(path, index=False, lineterminator="\n")


def _bundles() -> list[dict[str, str]]:
    """Hospitals and clinics that take part in the bundles (EDS)."""
    listed = {"public": hospital_finess(), "private": clinic_finess()}
    kept = ("programmes", "from_date", "phase_from", "phase")
    return [
        {
            "structure_id": listed[row["sector"]][int(row["place"])][:8],
            "structure_name": row["name"],
            "scheme": "eds",
            **{name: row[name] for name in kept},
        }
        for row in read_rows("synth_surgery_sites")
    ]
